// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever a guest and the lines do, the standard's rules hold (virtio 1.3, section 5.17).

mod common;

use common::World;
use common::guest::{Guest, LINES, Step, directions_are_true, messages};
use proptest::prelude::*;
use vgpio_virtio::{Kind, LATCHED_MAX, Request};

fn step(resets: u32) -> impl Strategy<Value = Step> {
    let line = 0..usize::from(LINES);
    let any_kind = prop_oneof![6 => 1..7_u16, 1 => any::<u16>()];
    let any_line = prop_oneof![9 => 0..LINES, 1 => any::<u16>()];
    let any_value = prop_oneof![9 => 0..9_u32, 1 => any::<u32>()];
    let request = (any_kind, any_line.clone(), any_value)
        .prop_map(|(kind, gpio, value)| Step::Request(Request { kind, gpio, value }));
    prop_oneof![
        12 => request,
        8 => any_line.prop_map(Step::Unmask),
        8 => (line.clone(), any::<bool>()).prop_map(|(i, level)| Step::Edge(i, level)),
        1 => (line.clone(), any::<bool>()).prop_map(|(i, level)| Step::Unseen(i, level)),
        3 => (line, any::<bool>()).prop_map(|(i, level)| Step::LostEdge(i, level)),
        1 => (0..8_u64, 0..3_u32).prop_map(|(mask, lost)| Step::Resync(mask, lost)),
        1 => (0..8_u64).prop_map(Step::Lose),
        1 => (0..8_u64).prop_map(Step::Restore),
        2 => (0..8_u64).prop_map(Step::Refuse),
        2 => (0..4_usize).prop_map(Step::Pace),
        2 => Just(Step::Pace(usize::MAX)),
        resets => Just(Step::Reset),
    ]
}

/// Guests that are long at work, and such as reset the device again and again.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![3 => Just(1), 1 => Just(30)]
        .prop_flat_map(|resets| prop::collection::vec(step(resets), 0..200))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_standards_rules_hold(outputs in 0..8_u64, steps in steps()) {
        let mut world = World::new(LINES, outputs);
        let mut guest = Guest::default();
        for step in steps.into_iter().chain([Step::Refuse(0), Step::Pace(usize::MAX), Step::Reset]) {
            let before = guest.lines;
            guest.step(&mut world, step);
            guest.check(&mut world, &before);
            if messages(&world) == 0 {
                directions_are_true(&mut world, outputs);
            }
        }
        for host in &world.hosts {
            prop_assert!(!host.output || host.level, "as it was attached");
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
