// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever bytes come from a backend, a client neither panics nor grows.

mod mock;

use mock::{HELLO, Mock, entries};
use proptest::collection::vec;
use proptest::prelude::*;
use vgpio::client::{Client, State};
use vgpio_protocol::Event as Message;

/// Bytes that look like messages: headers of types that exist, payloads that need not fit.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop::sample::select(vec![
        0x8001_u16, 0x8002, 0x8003, 0x8006, 0x8007, 0xc001, 0xc002, 0xc003, 0xffff, 0x1234,
    ]);
    let payload = prop_oneof![vec(any::<u8>(), 0..80), vec(Just(0_u8), 0..80)];
    let message = (kinds, 0_u16..2, 0_u64..8, payload).prop_map(|(kind, flags, seq, payload)| {
        let length = u32::try_from(payload.len()).expect("short");
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(flags.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(seq.to_le_bytes());
        bytes.extend(payload);
        bytes
    });
    vec(message, 0..8).prop_map(|messages| messages.concat())
}

/// Lets the client read all that was sent, with the other end closed.
fn read_all(client: &mut Client) {
    let mut events = 0;
    for _ in 0..100 {
        client.process(&mut |_| events += 1);
        if client.state() == State::Disconnected {
            break;
        }
    }
    assert_eq!(client.state(), State::Disconnected);
    assert!(events < 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_while_attached(bytes in prop_oneof![vec(any::<u8>(), 0..200), messages()]) {
        let mock = Mock::new();
        let options = vgpio::client::Options { reconnect: None, ..mock.options() };
        let (mut client, mut peer) = mock.attached_with(options, &entries(5));
        client.configure_directions(3, 1, 1);
        peer.send_bytes(&bytes);
        drop(peer);
        read_all(&mut client);
        prop_assert_eq!(client.levels() >> 5, 0);
    }

    #[test]
    fn any_bytes_after_connecting(bytes in messages(), greeted: bool) {
        let mock = Mock::new();
        let options = vgpio::client::Options { reconnect: None, ..mock.options() };
        let mut client = Client::new(options).expect("good options");
        client.connect().expect("the mock listens");
        let mut peer = mock.accept();
        if greeted {
            peer.send(1, &HELLO);
            peer.send(2, &Message::Attached(vgpio_protocol::Lines::new(&entries(64))));
        }
        peer.send_bytes(&bytes);
        drop(peer);
        read_all(&mut client);
    }
}
