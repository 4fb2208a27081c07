// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client tells that it lives, when it is asked (`docs/protocol.md`, "PING").

mod mock;

use mock::{HELLO, Mock, deadline, entries, events_until};
use vgpio::client::{Client, Event};
use vgpio_protocol::{Event as Message, HelloReply, LineSet, Request, features};

#[test]
fn a_ping_is_answered_in_its_turn() {
    let Message::Hello(hello) = HELLO else { unreachable!("HELLO is one") };
    let mock = Mock::new();
    let mut client = Client::new(mock.options()).expect("good options");
    client.connect().expect("the mock listens");
    let mut peer = mock.accept();
    peer.greet_with(&Message::Hello(HelloReply { features: features::PING, ..hello }), None);
    peer.attach(&entries(2));
    events_until(&mut client, |event| matches!(event, Event::Levels { .. }));
    client.configure_directions(0b1, 0b1, 0);
    peer.so_far();
    peer.send(0, &Message::Ping);
    client.set(0b1, 0b1);
    let token = client.sync();
    peer.send(token, &Message::Synced);
    let synced = |client: &Client| client.is_synced(token);
    client.wait_until(deadline(), &mut |_| (), synced).expect("it is answered");
    let set = Request::Set(LineSet { mask: 0b1, bits: 0b1 });
    assert_eq!(peer.so_far(), [set, Request::Sync, Request::Pong]);
}
