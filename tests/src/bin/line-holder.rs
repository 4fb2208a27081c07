// SPDX-License-Identifier: MIT OR Apache-2.0
//! A frontend that tests can kill: attaches the line map of its second argument at the socket of its
//! first, says `READY`, and holds the lines until its standard input ends.
#![forbid(unsafe_code)]

use std::env;
use std::io::{Read, stdin};
use std::time::{Duration, Instant};

use vgpio::client::{Client, Lines, Options, State};

fn main() {
    let [socket, map]: [String; 2] =
        env::args().skip(1).collect::<Vec<_>>().try_into().expect("usage: line-holder SOCKET MAP");
    let options = Options {
        socket: socket.into(),
        name: "line-holder".to_owned(),
        reconnect: None,
        ..Options::new(Lines::Map(map))
    };
    let mut client = Client::new(options).expect("the map is right");
    client.connect().expect("the daemon listens");
    let deadline = Instant::now() + Duration::from_secs(20);
    let attached = |client: &Client| client.state() == State::Attached;
    client.wait_until(deadline, &mut drop, attached).expect("the daemon gives the lines");
    println!("READY");
    stdin().read_to_end(&mut Vec::new()).expect("whoever started this reads and writes");
}
