// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever a guest and the lines do, the standard's rules hold (virtio 1.3, section 5.17).

mod common;

use std::collections::HashMap;

use common::World;
use proptest::prelude::*;
use vgpio_protocol::Reason;
use vgpio_virtio::{IrqStatus, Kind, LATCHED_MAX, Request};

const LINES: u16 = 3;

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    Request(Request),
    Unmask(u16),
    Edge(usize, bool),
    Unseen(usize, bool),
    Resync(u64, u32),
    Lose(u64),
    Restore(u64),
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let line = 0..usize::from(LINES);
    let any_kind = prop_oneof![6 => 1..7_u16, 1 => any::<u16>()];
    let any_line = prop_oneof![9 => 0..LINES, 1 => any::<u16>()];
    let any_value = prop_oneof![9 => 0..9_u32, 1 => any::<u32>()];
    let request = (any_kind, any_line.clone(), any_value)
        .prop_map(|(kind, gpio, value)| Step::Request(Request { kind, gpio, value }));
    prop_oneof![
        8 => request,
        8 => any_line.prop_map(Step::Unmask),
        8 => (line.clone(), any::<bool>()).prop_map(|(i, level)| Step::Edge(i, level)),
        1 => (line, any::<bool>()).prop_map(|(i, level)| Step::Unseen(i, level)),
        1 => (0..8_u64, 0..3_u32).prop_map(|(mask, lost)| Step::Resync(mask, lost)),
        1 => (0..8_u64).prop_map(Step::Lose),
        1 => (0..8_u64).prop_map(Step::Restore),
        1 => Just(Step::Reset),
    ]
}

/// What the guest knows of a line's interrupt.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The type it has been given; 0: none.
    kind: u32,
    buffer: Option<u32>,
}

/// The guest's side, by the letter.
#[derive(Default)]
struct Guest {
    lines: [Known; LINES as usize],
    /// Whose each buffer is that is out.
    out: HashMap<u32, u16>,
}

impl Guest {
    fn step(&mut self, world: &mut World, step: Step) {
        match step {
            Step::Request(request) => self.request(world, request),
            Step::Unmask(gpio) => self.unmask(world, gpio),
            Step::Edge(i, level) => {
                let host = world.hosts[i];
                if !host.output && !host.lost && host.level != level {
                    world.edge(i, level);
                    self.take(world);
                    self.edge_was_told(i, level);
                }
            }
            Step::Unseen(i, level) => {
                if !world.hosts[i].output {
                    world.change_unseen(i, level);
                }
            }
            Step::Resync(mask, lost) => world.snapshot(mask, Reason::Resync, lost),
            Step::Lose(mask) => world.lose(mask),
            Step::Restore(mask) => world.restore(mask),
            Step::Reset => {
                world.device.reset();
                world.serve();
                *self = Self::default();
                assert!(world.take_returned().is_empty(), "buffers of a queue that is no more");
            }
        }
        self.take(world);
    }

    fn request(&mut self, world: &mut World, request: Request) {
        let response = world.raw(request);
        let Some(known) = self.lines.get_mut(usize::from(request.gpio)) else {
            assert!(request.kind == Kind::GetLineNames as u16 || !response.ok);
            return;
        };
        let kind = Kind::of(request.kind);
        let disables = match kind {
            Some(Kind::SetIrqType | Kind::SetDirection) => request.value == 0,
            _ => false,
        };
        if response.ok && kind == Some(Kind::SetIrqType) {
            known.kind = request.value;
        }
        if disables && response.ok {
            known.kind = 0;
            let returned = known.buffer.take();
            let expected = returned.map(|buffer| (buffer, IrqStatus::Invalid));
            assert_eq!(world.returned.pop(), expected, "the unused buffer comes back");
            self.out.retain(|buffer, _| Some(*buffer) != returned);
        }
        assert!(response.ok || response.value == 0);
    }

    fn unmask(&mut self, world: &mut World, gpio: u16) {
        let buffer = world.unmask(gpio);
        let is_usable =
            self.lines.get(usize::from(gpio)).is_some_and(|k| k.kind != 0 && k.buffer.is_none());
        if is_usable {
            self.lines[usize::from(gpio)].buffer = Some(buffer);
            self.out.insert(buffer, gpio);
        } else {
            let invalid = (buffer, IrqStatus::Invalid);
            assert_eq!(world.take_returned(), [invalid], "masked, or unmasked already");
        }
    }

    /// What comes back is an interrupt of a line that is enabled and unmasked.
    fn take(&mut self, world: &mut World) {
        for (buffer, status) in world.take_returned() {
            assert_eq!(status, IrqStatus::Valid);
            let gpio = self.out.remove(&buffer).expect("a buffer that was out");
            let known = &mut self.lines[usize::from(gpio)];
            assert_ne!(known.kind, 0, "line {gpio} is not enabled");
            assert_eq!(known.buffer.take(), Some(buffer), "line {gpio} is not unmasked");
        }
    }

    /// After an edge that makes an interrupt there is no buffer left.
    fn edge_was_told(&self, i: usize, level: bool) {
        let Known { kind, buffer } = self.lines[i];
        let makes_one = match kind {
            1 | 4 => level,
            2 | 8 => !level,
            3 => true,
            _ => false,
        };
        assert!(!makes_one || buffer.is_none(), "line {i}, type {kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_standards_rules_hold(outputs in 0..8_u64, steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new(LINES, outputs);
        let mut guest = Guest::default();
        for step in steps {
            guest.step(&mut world, step);
        }
    }

    /// Each edge makes one interrupt, in whatever order edges and buffers come.
    #[test]
    fn no_edge_is_lost_between_an_interrupt_and_the_next_buffer(buffers in prop::collection::vec(any::<bool>(), 0..300)) {
        let mut world = World::new(1, 0);
        world.request(Kind::SetDirection, 0, 2);
        world.request(Kind::SetIrqType, 0, 3);
        let (mut edges, mut told, mut unmasked) = (0_u32, 0_u32, false);
        for buffer in buffers {
            if !buffer {
                edges += 1;
                world.edge(0, edges % 2 == 1);
            } else if !unmasked {
                world.unmask(0);
                unmasked = true;
            }
            let returned = u32::try_from(world.take_returned().len()).expect("few");
            unmasked &= returned == 0;
            told += returned;
        }
        prop_assert!(edges < LATCHED_MAX.into());
        while edges > told {
            if !unmasked {
                world.unmask(0);
            }
            unmasked = false;
            prop_assert_eq!(world.take_returned().len(), 1, "an edge was lost");
            told += 1;
        }
        prop_assert_eq!(edges, told);
    }
}
