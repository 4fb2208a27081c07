// SPDX-License-Identifier: MIT OR Apache-2.0
//! Receiving allocates nothing, whatever a header or a count announces.

mod common;

use std::hint::black_box;

use allocation_counter::measure;
use common::{From, Message, vectors};
use vgpio_protocol::{Event, Frame, MAGIC};

/// Splits, decodes and walks through what was decoded.
fn receive(from: From, bytes: &[u8]) {
    let Ok(Some(frame)) = Frame::split(bytes) else {
        return;
    };
    match from.decode(&frame) {
        Ok(Some(Message::Event(Event::Attached(lines) | Event::Lines(lines)))) => {
            lines.iter().for_each(|line| _ = black_box(line));
        }
        Ok(Some(Message::Event(Event::Edges(edges)))) => {
            edges.iter().for_each(|edge| _ = black_box(edge));
        }
        other => _ = black_box(other),
    }
}

fn allocations(from: From, bytes: &[u8]) -> u64 {
    measure(|| receive(from, bytes)).count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(
        measure(|| drop(black_box(MAGIC.to_vec()))).count_total,
        1,
        "else the other tests could not fail"
    );
}

#[test]
fn no_vector_makes_decoding_allocate() {
    for vector in vectors() {
        let count = allocations(vector.from, &vector.bytes);
        assert_eq!(count, 0, "{}", vector.name);
    }
}

#[test]
fn no_length_in_a_header_is_allocated_for() {
    for kind in [0x0002_u16, 0x0005, 0x7abc, 0x8002, 0xc001, 0xffff] {
        for length in [0, 1, 16_384, 16_385, 1 << 20, u32::MAX] {
            for flags in [0_u16, 1] {
                let mut bytes = Vec::new();
                bytes.extend_from_slice(&kind.to_le_bytes());
                bytes.extend_from_slice(&flags.to_le_bytes());
                bytes.extend_from_slice(&length.to_le_bytes());
                bytes.extend_from_slice(&1_u64.to_le_bytes());
                bytes.resize(16 + 16_384, 0xff);
                for from in [From::Frontend, From::Backend] {
                    assert_eq!(allocations(from, &bytes), 0, "{kind:#x}, {length} bytes");
                }
            }
        }
    }
}
