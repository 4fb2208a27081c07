// SPDX-License-Identifier: MIT OR Apache-2.0
//! One test for each thing the manual says (ARM DDI 0190B; the section is in the comment), and for
//! each thing that the model adds where the manual leaves room.

mod common;

use common::{
    AFSEL, DATA, DIR, IBE, IC, IE, IEV, IS, MIS, RIS, direction, irq, levels, load, quiet, store,
};
use vgpio::{Directions, Effects, Pl061, Snapshot, SnapshotError};

const ALL: u64 = DATA + 0x3fc;

/// A model whose lines in `dir` are outputs.
fn with_outputs(dir: u8) -> Pl061 {
    let mut model = Pl061::new();
    let _ = store(&mut model, DIR, dir);
    model
}

#[test]
fn after_reset_all_lines_are_inputs_and_no_interrupt_is_raised() {
    // 3.3.1 to 3.3.10: all bits are cleared by a reset.
    let model = Pl061::new();
    assert_eq!(model.outputs(), vgpio::Levels::default());
    assert!(!model.irq());
    assert_eq!(model, Pl061::default());
}

#[test]
fn a_store_reaches_the_lines_chosen_by_address_bits_9_to_2() {
    // 3.3.1
    for mask in 0..=0xff_u8 {
        let mut model = with_outputs(0xff);
        let effects = store(&mut model, DATA + 4 * u64::from(mask), 0xff);
        let expected = if mask == 0 { quiet() } else { levels(mask, mask) };
        assert_eq!(effects, expected, "{mask:#x}");
        assert_eq!(load(&mut model, ALL), mask);
    }
}

#[test]
fn a_load_gives_0_for_lines_outside_of_the_address_mask() {
    // 3.3.1
    let mut model = with_outputs(0xf0);
    let _ = store(&mut model, ALL, 0xff);
    let _ = model.set_inputs(0xff, 0xff);
    for mask in 0..=0xff_u8 {
        assert_eq!(load(&mut model, DATA + 4 * u64::from(mask)), mask);
    }
}

#[test]
fn a_load_gives_the_stored_value_of_outputs_and_the_level_of_inputs() {
    // 3.3.1
    let mut model = with_outputs(0x0f);
    let _ = store(&mut model, ALL, 0b0101_0101);
    let _ = model.set_inputs(0xff, 0b1010_1010);
    assert_eq!(load(&mut model, ALL), 0b1010_0101);
}

#[test]
fn a_store_to_an_input_is_kept_and_driven_once_the_line_is_an_output() {
    // 3.3.1: the address mask alone decides what a store changes.
    let mut model = Pl061::new();
    assert_eq!(store(&mut model, ALL, 0x81), quiet());
    assert_eq!(load(&mut model, ALL), 0x00);
    assert_eq!(store(&mut model, DIR, 0x03), direction(0x03, 0x03, 0x01));
    assert_eq!(store(&mut model, DIR, 0x81), direction(0x82, 0x80, 0x80));
    assert_eq!(model.outputs(), vgpio::Levels { mask: 0x81, bits: 0x81 });
}

#[test]
fn a_store_tells_only_of_lines_whose_level_changed_and_of_all_of_them_at_once() {
    let mut model = with_outputs(0x7f);
    assert_eq!(store(&mut model, ALL, 0x55), levels(0x55, 0x55));
    assert_eq!(store(&mut model, ALL, 0x55), quiet());
    assert_eq!(store(&mut model, ALL, 0xaa), levels(0x7f, 0x2a));
}

#[test]
fn a_direction_store_makes_outputs_of_ones_and_inputs_of_zeros() {
    // 3.3.2
    let mut model = with_outputs(0b1100);
    assert_eq!(model.outputs().mask, 0b1100);
    let _ = store(&mut model, ALL, 0b0110);
    let expected = Directions { mask: 0b1010, outputs: 0b0010, bits: 0b0010 };
    assert_eq!(store(&mut model, DIR, 0b0110).direction, Some(expected));
    assert_eq!(load(&mut model, DIR), 0b0110);
}

#[test]
fn an_output_does_not_take_the_level_it_had_as_an_input() {
    let mut model = Pl061::new();
    let _ = model.set_inputs(0x01, 0x01);
    assert_eq!(store(&mut model, DIR, 0x01), direction(0x01, 0x01, 0x00));
}

#[test]
fn both_edges_interrupt_whatever_the_event_register_says() {
    // 3.3.4
    for event in [0x00, 0x01] {
        let mut model = Pl061::new();
        let _ = store(&mut model, IBE, 0x01);
        let _ = store(&mut model, IEV, event);
        for level in [1, 0, 1] {
            let _ = model.set_inputs(0x01, level);
            assert_eq!(load(&mut model, RIS), 0x01);
            let _ = store(&mut model, IC, 0x01);
        }
    }
}

#[test]
fn the_event_register_chooses_the_edge() {
    // 3.3.5: 1 rising, 0 falling.
    for (event, after_rise, after_fall) in [(0x01, 0x01, 0x00), (0x00, 0x00, 0x01)] {
        let mut model = Pl061::new();
        let _ = store(&mut model, IEV, event);
        let _ = model.set_inputs(0x01, 0x01);
        assert_eq!(load(&mut model, RIS), after_rise);
        let _ = store(&mut model, IC, 0x01);
        let _ = model.set_inputs(0x01, 0x00);
        assert_eq!(load(&mut model, RIS), after_fall);
    }
}

#[test]
fn a_detected_edge_stays_until_it_is_cleared() {
    // 3.3.9
    let mut model = Pl061::new();
    let _ = store(&mut model, IE, 0xff);
    let _ = model.set_inputs(0xff, 0xff);
    assert_eq!(model.set_inputs(0x07, 0x00), irq(true));
    assert_eq!(model.set_inputs(0x07, 0x07), quiet());
    assert_eq!(load(&mut model, RIS), 0x07);
    assert_eq!(store(&mut model, IC, 0x01), quiet());
    assert_eq!(load(&mut model, RIS), 0x06);
    assert_eq!(store(&mut model, IC, 0x00), quiet());
    assert_eq!(store(&mut model, IC, 0xfe), irq(false));
}

#[test]
fn a_level_status_follows_the_level() {
    // 3.3.3, 3.3.7
    for (event, active) in [(0x01, 0x01), (0x00, 0x00)] {
        let mut model = Pl061::new();
        let _ = model.set_inputs(0x01, !active);
        let _ = store(&mut model, IS, 0x01);
        let _ = store(&mut model, IEV, event);
        let _ = store(&mut model, IE, 0x01);
        assert!(!model.irq());
        assert_eq!(model.set_inputs(0x01, active), irq(true));
        assert_eq!(load(&mut model, RIS), 0x01);
        assert_eq!(model.set_inputs(0x01, !active), irq(false));
        assert_eq!(load(&mut model, RIS), 0x00);
    }
}

#[test]
fn clearing_does_not_touch_a_level_status() {
    // 3.3.9
    let mut model = Pl061::new();
    let _ = store(&mut model, IS, 0x01);
    let _ = store(&mut model, IEV, 0x01);
    let _ = store(&mut model, IE, 0x01);
    let _ = model.set_inputs(0x01, 0x01);
    assert_eq!(store(&mut model, IC, 0xff), quiet());
    assert_eq!((load(&mut model, RIS), model.irq()), (0x01, true));
}

#[test]
fn the_mask_lets_single_interrupts_through_and_not_the_raw_status() {
    // 3.3.6, 3.3.7, 3.3.8
    let mut model = Pl061::new();
    let _ = store(&mut model, IBE, 0xff);
    assert_eq!(model.set_inputs(0x03, 0x03), quiet());
    assert_eq!((load(&mut model, RIS), load(&mut model, MIS)), (0x03, 0x00));
    assert_eq!(store(&mut model, IE, 0x02), irq(true));
    assert_eq!((load(&mut model, RIS), load(&mut model, MIS)), (0x03, 0x02));
    assert_eq!(model.irq_lines(), 0x02);
    assert_eq!(store(&mut model, IE, 0x00), irq(false));
}

#[test]
fn the_combined_interrupt_is_raised_while_any_line_is() {
    // 3.3.6: GPIOINTR is the OR of the masked lines.
    let mut model = Pl061::new();
    let _ = store(&mut model, IBE, 0xff);
    let _ = store(&mut model, IE, 0xff);
    assert_eq!(model.set_inputs(0x01, 0x01), irq(true));
    assert_eq!(model.set_inputs(0x02, 0x02), quiet());
    assert_eq!(store(&mut model, IC, 0x01), quiet());
    assert_eq!(store(&mut model, IC, 0x02), irq(false));
}

#[test]
fn outputs_do_not_interrupt() {
    // 3.3.7 speaks of input pins.
    let mut model = with_outputs(0x03);
    let _ = store(&mut model, IS, 0x02);
    let _ = store(&mut model, IBE, 0x01);
    let _ = store(&mut model, IE, 0xff);
    assert_eq!(store(&mut model, ALL, 0x01), levels(0x01, 0x01));
    assert_eq!(model.set_inputs(0x03, 0x01), quiet());
    assert_eq!(load(&mut model, RIS), 0x00);
    // Line 1 is low, as its level trigger wants, and counts once it is an input.
    let turned = store(&mut model, DIR, 0x00);
    assert_eq!(turned, Effects { irq: Some(true), ..direction(0x03, 0, 0) });
    assert_eq!(load(&mut model, RIS), 0x02);
}

#[test]
fn turning_a_line_and_changing_its_trigger_are_no_edges() {
    let mut model = Pl061::new();
    let _ = model.set_inputs(0x0f, 0x05);
    for (offset, value) in [
        (DIR, 0xff),
        (ALL, 0xaa),
        (DIR, 0x00),
        (IEV, 0xff),
        (IBE, 0xff),
        (IBE, 0x00),
        (IEV, 0x00),
        (IS, 0xff),
        (IS, 0x00),
    ] {
        let _ = store(&mut model, offset, value);
    }
    assert_eq!(load(&mut model, RIS), 0x00);
}

#[test]
fn an_edge_is_hidden_and_not_lost_while_its_line_is_level_triggered() {
    // 3.3.9: clearing it takes GPIOIC.
    let mut model = Pl061::new();
    let _ = store(&mut model, IEV, 0x01);
    let _ = model.set_inputs(0x01, 0x01);
    let _ = model.set_inputs(0x01, 0x00);
    let _ = store(&mut model, IS, 0x01);
    assert_eq!(load(&mut model, RIS), 0x00);
    let _ = store(&mut model, IS, 0x00);
    assert_eq!(load(&mut model, RIS), 0x01);
    let _ = store(&mut model, IS, 0x01);
    let _ = store(&mut model, IC, 0x01);
    let _ = store(&mut model, IS, 0x00);
    assert_eq!(load(&mut model, RIS), 0x00);
}

#[test]
fn a_level_triggered_line_latches_no_edges() {
    let mut model = Pl061::new();
    let _ = store(&mut model, IS, 0x01);
    let _ = store(&mut model, IBE, 0x01);
    let _ = model.set_inputs(0x01, 0x01);
    let _ = store(&mut model, IS, 0x00);
    assert_eq!(load(&mut model, RIS), 0x00);
}

#[test]
fn a_line_under_hardware_control_is_not_driven() {
    // 3.3.10
    let mut model = with_outputs(0x03);
    let _ = store(&mut model, ALL, 0x03);
    assert_eq!(store(&mut model, AFSEL, 0x01), direction(0x01, 0, 0));
    assert_eq!(model.outputs(), vgpio::Levels { mask: 0x02, bits: 0x02 });
    assert_eq!(store(&mut model, ALL, 0x00), levels(0x02, 0x00));
    assert_eq!(store(&mut model, DATA + 4, 0x01), quiet());
    assert_eq!(store(&mut model, AFSEL, 0x00), direction(0x01, 0x01, 0x01));
}

#[test]
fn a_reset_releases_the_lines_and_the_interrupt_and_keeps_their_levels() {
    let mut model = with_outputs(0x0f);
    let _ = store(&mut model, ALL, 0xff);
    let _ = store(&mut model, IE, 0xff);
    let _ = model.set_inputs(0xf0, 0xf0);
    assert_eq!(model.set_inputs(0x10, 0x00), irq(true));
    let _ = model.read(1, 1);
    assert_eq!(model.reset(), Effects { irq: Some(false), ..direction(0x0f, 0, 0) });
    assert_eq!(load(&mut model, ALL), 0xe0);
    assert_eq!((model.inputs(), model.guest_errors()), (0xe0, 1));
    assert_eq!(load(&mut model, RIS), 0x00);
}

#[test]
fn a_saved_state_behaves_as_the_original() {
    let mut original = with_outputs(0x0f);
    let _ = store(&mut original, ALL, 0xa5);
    let _ = store(&mut original, IE, 0xff);
    let _ = original.set_inputs(0x30, 0x30);
    let _ = original.set_inputs(0x10, 0x00);

    let saved = Snapshot::from_bytes(&original.snapshot().to_bytes());
    let mut restored = Pl061::new();
    let effects = saved.and_then(|snapshot| restored.restore(&snapshot));
    let expected = Effects { irq: Some(true), ..direction(0x0f, 0x0f, 0x05) };
    assert_eq!(effects, Ok(expected));
    assert_eq!(restored, original);
}

#[test]
fn the_saved_layout_is_fixed() {
    let mut model = Pl061::new();
    for (offset, value) in [(ALL, 1), (DIR, 2), (IS, 4), (IBE, 8), (IEV, 16), (IE, 32)] {
        let _ = store(&mut model, offset, value);
    }
    let _ = store(&mut model, AFSEL, 64);
    let _ = model.set_inputs(0x18, 0x18);
    assert_eq!(
        model.snapshot().to_bytes(),
        *b"PL61\x01\x01\x02\x04\x08\x10\x20\x40\x18\x18\x00\x00"
    );
}

#[test]
fn a_wrong_saved_state_is_refused() {
    let good = Pl061::new().snapshot().to_bytes();
    let with = |place: usize, byte: u8| {
        let mut bytes = good;
        bytes[place] = byte;
        Snapshot::from_bytes(&bytes)
    };
    assert_eq!(Snapshot::from_bytes(&good), Ok(Pl061::new().snapshot()));
    assert_eq!(Snapshot::from_bytes(&good[..15]), Err(SnapshotError::Length { found: 15 }));
    assert_eq!(Snapshot::from_bytes(&[]), Err(SnapshotError::Length { found: 0 }));
    assert_eq!(with(3, b'2'), Err(SnapshotError::Magic));
    assert_eq!(with(4, 2), Err(SnapshotError::Version { found: 2 }));
    assert_eq!(with(14, 1), Err(SnapshotError::Reserved));
    assert_eq!(with(15, 1), Err(SnapshotError::Reserved));

    let mut model = with_outputs(0x01);
    let untouched = model;
    let newer = Snapshot { version: 2, ..Pl061::new().snapshot() };
    assert_eq!(model.restore(&newer), Err(SnapshotError::Version { found: 2 }));
    assert_eq!(model, untouched);
}
