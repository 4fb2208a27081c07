// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest and a session with the virtio device between them: the standard's rules hold.

use arbitrary::{Arbitrary, Result, Unstructured};
use vgpio_virtio::Request;

#[path = "../../frontend-virtio/tests/common/mod.rs"]
mod common;

use common::World;
use common::guest::{Guest, LINES, Step, directions_are_true, messages};

use crate::each;

/// The virtio GPIO device, without a transport.
///
/// # Panics
/// The device breaks a rule of virtio 1.3, section 5.17, or does not keep what it was told to restore.
pub fn virtio(input: &[u8]) {
    let mut input = Unstructured::new(input);
    match input.arbitrary::<u8>() {
        Ok(first) if first & 8 != 0 => restored(&mut input),
        Ok(outputs) => used(u64::from(outputs & 7), &mut input),
        Err(_) => {}
    }
}

fn used(outputs: u64, input: &mut Unstructured<'_>) {
    let mut world = World::new(LINES, outputs);
    let mut guest = Guest::default();
    let mut go_on = |Any(step)| {
        let before = guest.lines;
        guest.step(&mut world, step);
        guest.check(&mut world, &before);
        if messages(&world) == 0 {
            directions_are_true(&mut world, outputs);
        }
    };
    each(input, &mut go_on);
    for step in [Step::Refuse(0), Step::Pace(usize::MAX), Step::Reset] {
        go_on(Any(step));
    }
    assert!(world.hosts.iter().all(|host| !host.output || host.level), "as it was attached");
}

/// Words of another device, or of nobody: what comes of them is kept as it is.
fn restored(input: &mut Unstructured<'_>) {
    let mut words = Vec::new();
    each(input, |word| words.push(word));
    let restore = |words: &[u64]| {
        let mut world = World::new(LINES, 0);
        world.device.restore(words);
        world.serve();
        assert!(!world.device.is_restoring());
        world.device.saved().collect::<Vec<_>>()
    };
    let once = restore(&words);
    assert_eq!(once.len(), usize::from(LINES));
    assert_eq!(restore(&once), once);
}

struct Any(Step);

impl<'a> Arbitrary<'a> for Any {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let line = |u: &mut Unstructured<'a>| u.int_in_range(0..=usize::from(LINES) - 1);
        Ok(Self(match u.int_in_range(0..=15)? {
            0..4 => Step::Request(Request {
                kind: u.int_in_range(0..=7)?,
                gpio: u.int_in_range(0..=LINES)?,
                value: u.int_in_range(0..=9)?,
            }),
            4 => Step::Request(Request {
                kind: u.arbitrary()?,
                gpio: u.arbitrary()?,
                value: u.arbitrary()?,
            }),
            5 => Step::Unmask(u.arbitrary()?),
            6 | 7 => Step::Unmask(u.int_in_range(0..=LINES)?),
            8 => Step::Edge(line(u)?, u.arbitrary()?),
            9 => Step::Unseen(line(u)?, u.arbitrary()?),
            10 => Step::LostEdge(line(u)?, u.arbitrary()?),
            11 => Step::Resync(u.int_in_range(0..=7)?, u.int_in_range(0..=2)?),
            12 => Step::Lose(u.int_in_range(0..=7)?),
            13 => Step::Restore(u.int_in_range(0..=7)?),
            14 => Step::Refuse(u.int_in_range(0..=7)?),
            _ => match u.int_in_range(0..=5)? {
                5 => Step::Reset,
                4 => Step::Pace(usize::MAX),
                messages => Step::Pace(messages),
            },
        }))
    }
}
