// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register accesses of Linux's driver (`drivers/gpio/gpio-pl061.c`), in its order, and what
//! they do to lines and interrupt.

mod common;

use common::{DATA, DIR, IBE, IC, IE, IEV, IS, MIS, direction, irq, levels, load, quiet, store};
use vgpio::{Effects, Pl061};

/// `writeb(!!value << offset, base + BIT(offset + 2))`
fn set_value(model: &mut Pl061, line: u8, high: bool) -> Effects {
    store(model, DATA + (4 << line), u8::from(high) << line)
}

fn get_value(model: &mut Pl061, line: u8) -> bool {
    load(model, DATA + (4 << line)) != 0
}

/// The value, the direction, the value again.
fn direction_output(model: &mut Pl061, line: u8, high: bool) -> [Effects; 3] {
    let first = set_value(model, line, high);
    let dir = load(model, DIR);
    let turn = store(model, DIR, dir | 1 << line);
    [first, turn, set_value(model, line, high)]
}

fn direction_input(model: &mut Pl061, line: u8) -> Effects {
    let dir = load(model, DIR);
    store(model, DIR, dir & !(1 << line))
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Type {
    None,
    Rising,
    Falling,
    Both,
    High,
    Low,
}

/// Loads of `GPIOIEV`, `GPIOIS` and `GPIOIBE`, then stores of `GPIOIS`, `GPIOIBE` and `GPIOIEV`.
fn irq_set_type(model: &mut Pl061, line: u8, kind: Type) {
    let bit = 1 << line;
    let mut event = load(model, IEV);
    let mut sense = load(model, IS);
    let mut both = load(model, IBE);
    sense = if matches!(kind, Type::High | Type::Low) { sense | bit } else { sense & !bit };
    both = if kind == Type::Both { both | bit } else { both & !bit };
    match kind {
        Type::High | Type::Rising => event |= bit,
        Type::Low | Type::Falling | Type::None => event &= !bit,
        Type::Both => {}
    }
    for (offset, value) in [(IS, sense), (IBE, both), (IEV, event)] {
        let _ = store(model, offset, value);
    }
}

fn irq_mask(model: &mut Pl061, line: u8) -> Effects {
    let enabled = load(model, IE);
    store(model, IE, enabled & !(1 << line))
}

fn irq_unmask(model: &mut Pl061, line: u8) -> Effects {
    let enabled = load(model, IE);
    store(model, IE, enabled | 1 << line)
}

/// `pl061_probe`: interrupts off.
fn probed() -> Pl061 {
    let mut model = Pl061::new();
    assert_eq!(store(&mut model, IE, 0), quiet());
    model
}

#[test]
fn direction_output_drives_the_value_at_once_and_without_a_glitch() {
    let mut model = probed();
    for line in 0..8 {
        let bit = 1 << line;
        assert_eq!(
            direction_output(&mut model, line, true),
            [quiet(), direction(bit, bit, bit), quiet()]
        );
        assert!(get_value(&mut model, line));
        // Once more, low: the line is an output already.
        assert_eq!(direction_output(&mut model, line, false), [levels(bit, 0), quiet(), quiet()]);
        assert!(!get_value(&mut model, line));
    }
    assert_eq!(model.outputs().mask, 0xff);
}

#[test]
fn set_moves_one_line_and_get_loads_it_back() {
    let mut model = probed();
    for line in 0..8 {
        let _ = direction_output(&mut model, line, false);
    }
    assert_eq!(set_value(&mut model, 5, true), levels(0x20, 0x20));
    assert_eq!(set_value(&mut model, 5, true), quiet());
    assert_eq!(set_value(&mut model, 0, true), levels(0x01, 0x01));
    assert_eq!(set_value(&mut model, 5, false), levels(0x20, 0x00));
    assert!(get_value(&mut model, 0));
    assert!(!get_value(&mut model, 5));
}

#[test]
fn direction_input_releases_the_line_and_get_loads_its_level() {
    let mut model = probed();
    let _ = direction_output(&mut model, 2, true);
    let _ = model.set_inputs(0x04, 0x00);
    assert!(get_value(&mut model, 2));
    assert_eq!(direction_input(&mut model, 2), direction(0x04, 0, 0));
    assert!(!get_value(&mut model, 2));
    let _ = model.set_inputs(0x04, 0x04);
    assert!(get_value(&mut model, 2));
}

#[test]
fn each_type_of_edge_interrupts_on_its_edges() {
    for (kind, on_rise, on_fall) in
        [(Type::Rising, true, false), (Type::Falling, false, true), (Type::Both, true, true)]
    {
        // Whatever the line was set to before.
        for earlier in [Type::None, Type::Rising, Type::Falling, Type::Both] {
            let mut model = probed();
            let _ = direction_input(&mut model, 3);
            irq_set_type(&mut model, 3, earlier);
            irq_set_type(&mut model, 3, kind);
            assert_eq!(irq_unmask(&mut model, 3), quiet());
            for (level, wanted) in [(0x08, on_rise), (0x00, on_fall), (0x08, on_rise)] {
                let raised = model.set_inputs(0x08, level);
                assert_eq!(
                    raised,
                    if wanted { irq(true) } else { quiet() },
                    "{earlier:?} {kind:?}"
                );
                // pl061_irq_handler, handle_edge_irq with pl061_irq_ack
                assert_eq!(load(&mut model, MIS), if wanted { 0x08 } else { 0x00 });
                if wanted {
                    assert_eq!(store(&mut model, IC, 0x08), irq(false));
                }
            }
        }
    }
}

#[test]
fn an_edge_during_the_handler_raises_the_interrupt_again() {
    let mut model = probed();
    irq_set_type(&mut model, 1, Type::Both);
    let _ = irq_unmask(&mut model, 1);
    assert_eq!(model.set_inputs(0x02, 0x02), irq(true));
    assert_eq!(load(&mut model, MIS), 0x02);
    assert_eq!(store(&mut model, IC, 0x02), irq(false));
    assert_eq!(model.set_inputs(0x02, 0x00), irq(true));
    assert_eq!(load(&mut model, MIS), 0x02);
    assert_eq!(store(&mut model, IC, 0x02), irq(false));
    assert_eq!(load(&mut model, MIS), 0x00);
}

#[test]
fn each_type_of_level_interrupts_for_as_long_as_the_level_lasts() {
    for (kind, active, idle) in [(Type::High, 0x10, 0x00), (Type::Low, 0x00, 0x10)] {
        let mut model = probed();
        let _ = model.set_inputs(0x10, idle);
        irq_set_type(&mut model, 4, kind);
        assert_eq!(irq_unmask(&mut model, 4), quiet());
        assert_eq!(model.set_inputs(0x10, active), irq(true));
        // handle_level_irq: mask and acknowledge, handle, unmask; the level lasts.
        assert_eq!(load(&mut model, MIS), 0x10);
        assert_eq!(irq_mask(&mut model, 4), irq(false));
        assert_eq!(store(&mut model, IC, 0x10), quiet());
        assert_eq!(irq_unmask(&mut model, 4), irq(true));
        // Now the handler quiets its device.
        assert_eq!(irq_mask(&mut model, 4), irq(false));
        assert_eq!(model.set_inputs(0x10, idle), quiet());
        assert_eq!(irq_unmask(&mut model, 4), quiet());
        // A level that goes before anyone looks leaves no trace.
        assert_eq!(model.set_inputs(0x10, active), irq(true));
        assert_eq!(model.set_inputs(0x10, idle), irq(false));
        assert_eq!(load(&mut model, MIS), 0x00);
    }
}

#[test]
fn a_line_without_a_type_detects_falling_edges_and_stays_masked() {
    let mut model = probed();
    irq_set_type(&mut model, 6, Type::High);
    irq_set_type(&mut model, 6, Type::None);
    let _ = model.set_inputs(0x40, 0x40);
    assert_eq!(model.set_inputs(0x40, 0x00), quiet());
    assert_eq!(load(&mut model, MIS), 0x00);
}

#[test]
fn suspend_and_resume_bring_every_line_back() {
    // pl061_suspend, pl061_resume: direction_output or direction_input for each line, then the
    // interrupt registers.
    let mut model = probed();
    let _ = direction_output(&mut model, 0, true);
    let _ = direction_output(&mut model, 7, false);
    irq_set_type(&mut model, 3, Type::Rising);
    let _ = irq_unmask(&mut model, 3);
    let before = model;

    let dir = load(&mut model, DIR);
    let values: Vec<bool> = (0..8).map(|line| get_value(&mut model, line)).collect();
    let triggers = [IS, IBE, IEV, IE].map(|offset| (offset, load(&mut model, offset)));
    let _ = model.reset();
    for (line, value) in (0..8).zip(values) {
        if dir & 1 << line == 0 {
            let _ = direction_input(&mut model, line);
        } else {
            let _ = direction_output(&mut model, line, value);
        }
    }
    for (offset, value) in triggers {
        let _ = store(&mut model, offset, value);
    }
    assert_eq!(model, before);
}
