// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frontends that send through a ring (`docs/protocol.md`, "Ring"), by the rules and against them.

use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use vgpio::client::{Client, Options};
use vgpio_protocol::{Attach, Configure, ErrorCode, Event, LineSet, Request};
use vgpio_ring::Writer;
use vgpio_tests::harness::{
    Bench, Guest, LABEL, Outside, Simulated, Wire, deadline, eventually, folder, lines, map,
};

const DOORBELL: [u8; 1] = [0];
const SET: Request<'static> = Request::Set(LineSet { mask: 1, bits: 1 });

/// A frontend that has line 11 and sends through a ring.
struct Ringing {
    wire: Wire,
    writer: Writer,
    memory: File,
}

impl Ringing {
    fn attach(bench: &Bench<Simulated>) -> Self {
        let mut wire = Wire::connect(&bench.daemon);
        let memory = wire.hello_for_ring("ringing");
        wire.attach_map(&format!("{LABEL},gpios=11"));
        wire.send(Request::Ring);
        let writer = Writer::open(memory.as_fd()).expect("a ring");
        let mut ringing = Self { wire, writer, memory };
        ringing.write(Request::Configure(Configure::directions(1, 1, 0)));
        assert!(ringing.sync());
        ringing
    }

    /// Writes a message, as fast as the daemon reads.
    fn write(&mut self, request: Request<'_>) {
        let message = self.wire.message(request);
        let mut rest = message.as_slice();
        while !rest.is_empty() {
            rest = rest.split_at(self.writer.write(rest)).1;
            if self.writer.rings() {
                self.wire.send_bytes(&DOORBELL);
            }
        }
    }

    /// Whether a barrier is answered.
    fn sync(&mut self) -> bool {
        self.write(Request::Sync);
        let answered = |_, event: &Event<'_>| matches!(event, Event::Synced).then_some(());
        self.wire.read(answered).is_some()
    }

    fn ends_by(mut self, code: ErrorCode, text: &str) {
        let told = self.wire.error().expect("an error");
        assert_eq!((told.code, told.text.as_str()), (code, text));
        assert_eq!(self.wire.error(), None, "the session is closed");
    }
}

/// Another client is served as if nothing were.
fn serves(bench: &mut Bench<Simulated>, other: &mut Guest) {
    for high in [true, false] {
        other.set(1, u64::from(high));
        assert_eq!(bench.world.level(12), high);
    }
}

#[test]
fn what_comes_through_the_ring_is_carried_out() {
    let mut bench = Bench::<Simulated>::open();
    let mut ringing = Ringing::attach(&bench);
    for high in [1, 0, 1] {
        ringing.write(Request::Set(LineSet { mask: 1, bits: high }));
        assert!(ringing.sync());
        assert_eq!(bench.world.level(11), high == 1);
    }
}

#[test]
fn a_ring_that_is_not_offered_cannot_be_used() {
    let bench = Bench::<Simulated>::open();
    let mut wire = Wire::connect(&bench.daemon);
    wire.hello("none");
    let seq = wire.send(Request::Ring);
    let told = wire.error().expect("an error");
    assert_eq!((told.seq, told.code), (seq, ErrorCode::BadState));
    assert_eq!(told.text, "there is no ring, or it is in use already");
}

#[test]
fn a_ring_is_used_once() {
    let bench = Bench::<Simulated>::open();
    let mut ringing = Ringing::attach(&bench);
    ringing.write(Request::Ring);
    ringing.ends_by(ErrorCode::BadState, "there is no ring, or it is in use already");
}

#[test]
fn messages_through_the_socket_of_a_ring_end_the_session() {
    let bench = Bench::<Simulated>::open();
    let mut ringing = Ringing::attach(&bench);
    ringing.wire.send(SET);
    ringing.ends_by(ErrorCode::BadValue, "bad doorbell, which is not 0");
    // In one with RING itself.
    let mut wire = Wire::connect(&bench.daemon);
    wire.hello_for_ring("hasty");
    let mut bytes = wire.message(Request::Ring);
    bytes.push(1);
    wire.send_bytes(&bytes);
    assert_eq!(wire.error().expect("an error").code, ErrorCode::BadValue);
}

#[test]
fn a_doorbell_may_follow_ring_at_once() {
    let bench = Bench::<Simulated>::open();
    let mut wire = Wire::connect(&bench.daemon);
    let memory = wire.hello_for_ring("hasty");
    // ATTACH takes the session's whole share of a turn, so that the others wait.
    let map = format!("{LABEL},gpios=11");
    let mut bytes = wire.message(Request::Attach(Attach::Map(&map)));
    bytes.extend(wire.message(Request::Ring));
    bytes.push(0);
    wire.send_bytes(&bytes);
    let writer = Writer::open(memory.as_fd()).expect("a ring");
    assert!(Ringing { wire, writer, memory }.sync());
}

#[test]
fn nothing_follows_a_fatal_error() {
    let bench = Bench::<Simulated>::open();
    let mut ringing = Ringing::attach(&bench);
    assert!(!ringing.writer.waits(), "there is room, of which it is to be told all the same");
    ringing.wire.send_bytes(&[1]);
    let mut last = None;
    let end = ringing.wire.read(|_, event| {
        last = Some(matches!(event, Event::Error(_)));
        None::<()>
    });
    assert_eq!((end, last), (None, Some(true)));
}

/// What it writes while it is not listened to keeps the daemon neither awake nor from the others.
#[test]
fn who_does_not_read_is_left_alone() {
    let mut bench = Bench::<Simulated>::open();
    let mut other = bench.attach(lines("gpios=12"));
    other.drive(1, 0);
    let mut ringing = Ringing::attach(&bench);
    let is_stuck = |ringing: &mut Ringing| {
        let message = ringing.wire.message(Request::Info);
        let end = Instant::now() + Duration::from_millis(500);
        let mut rest = message.as_slice();
        while !rest.is_empty() && Instant::now() < end {
            rest = rest.split_at(ringing.writer.write(rest)).1;
            if ringing.writer.rings() {
                ringing.wire.send_bytes(&DOORBELL);
            }
        }
        !rest.is_empty()
    };
    while !is_stuck(&mut ringing) {}
    let sleeps = || (0..100).all(|_| bench.daemon.sleeps()).then_some(());
    eventually("the daemon sleeps", sleeps);
    serves(&mut bench, &mut other);
    bench.daemon.stop();
}

#[test]
fn a_count_beyond_the_ring_ends_the_session() {
    let bench = Bench::<Simulated>::open();
    let mut ringing = Ringing::attach(&bench);
    ringing.memory.write_all_at(&0x8000_0000_u32.to_ne_bytes(), 0).expect("it is memory");
    ringing.wire.send_bytes(&DOORBELL);
    ringing.ends_by(ErrorCode::BadValue, "bad count of bytes in the ring");
}

#[test]
fn who_waits_for_room_is_told() {
    let bench = Bench::<Simulated>::open();
    let mut ringing = Ringing::attach(&bench);
    bench.daemon.signal(Signal::SIGSTOP);
    let message = ringing.wire.message(SET);
    while ringing.writer.write(&message) > 0 {}
    assert!(ringing.writer.waits());
    bench.daemon.signal(Signal::SIGCONT);
    ringing.wire.send_bytes(&DOORBELL);
    let room = |seq, event: &Event<'_>| (*event == Event::Room).then_some(seq);
    assert_eq!(ringing.wire.read(room), Some(0));
}

/// The ring is memory, which others may have too: the session ends with its socket.
#[test]
fn a_session_ends_with_its_socket_whoever_writes_on() {
    let bench = Bench::<Simulated>::open();
    let Ringing { wire, mut writer, .. } = Ringing::attach(&bench);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut seq = 1000;
            while !done.load(Ordering::Relaxed) {
                let mut message = Vec::new();
                SET.encode(seq, &mut message);
                seq += u64::from(writer.write(&message) == message.len());
            }
        });
        drop(wire);
        bench.wait_until_gone();
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn doorbells_and_messages_without_end_keep_nobody_else_waiting() {
    let mut bench = Bench::<Simulated>::open();
    let mut other = bench.attach(lines("gpios=12"));
    other.drive(1, 0);
    let mut ringing = Ringing::attach(&bench);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                ringing.write(SET);
                ringing.wire.send_bytes(&[0; 1000]);
            }
        });
        for _ in 0..100 {
            serves(&mut bench, &mut other);
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// A relay passes bytes, and no descriptors.
fn relay(daemon: &UnixStream, client: &UnixStream) {
    let pairs = [(daemon, client), (client, daemon)];
    thread::scope(|scope| {
        for (mut from, mut to) in pairs {
            scope.spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = from.read(&mut bytes) {
                    to.write_all(bytes.get(..count).unwrap_or_default()).expect("it listens");
                }
                // May have been closed from the other side.
                let _ = to.shutdown(Shutdown::Both);
            });
        }
    });
}

#[test]
fn a_client_whose_connection_is_relayed_does_without_a_ring() {
    let mut bench = Bench::<Simulated>::open();
    let folder = folder();
    let socket = folder.path().join("relay.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let daemon = UnixStream::connect(bench.daemon.socket()).expect("the daemon listens");
    let relaying = thread::spawn(move || {
        let (client, _) = listener.accept().expect("the client connects");
        relay(&daemon, &client);
    });
    let options = Options { socket, ..Options::new(map(&format!("{LABEL},gpios=11"))) };
    let mut client = Client::new(options).expect("good options");
    client.connect_wait(deadline(), &mut |_| ()).expect("the daemon is there");
    for high in [true, false] {
        client.configure_directions(1, 1, u64::from(high));
        client.sync_wait(deadline(), &mut |_| ()).expect("the daemon does it");
        assert_eq!(bench.world.level(11), high);
    }
    drop(client);
    relaying.join().expect("no panic");
    bench.wait_until_gone();
}
