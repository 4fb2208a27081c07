// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is done to a block and to the reference, and the comparison of both.

use vgpio_rcar::{Block, Effects, Generation, Line, Pull, Snapshot};

use super::Reference;

/// What is done to both.
#[derive(Clone, Debug)]
pub enum Operation {
    Write { offset: u64, size: u32, value: u32 },
    Drive { mask: u32, bits: u32 },
    Release { mask: u32 },
    Pull { mask: u32, pull: Option<bool> },
    Wire { a: u32, b: u32 },
    Unwire { a: u32, b: u32 },
    Reset,
    SaveAndRestore,
}
use Operation::{Drive, Release, Reset, SaveAndRestore, Unwire, Wire, Write};

fn apply(block: &mut Block, operation: &Operation) -> Option<Effects> {
    let line = |offset| Line::new(offset).unwrap();
    Some(match *operation {
        Write { offset, size, value } => return block.write(offset, size, value).ok(),
        Drive { mask, bits } => block.drive_outside(mask, bits),
        Release { mask } => block.release_outside(mask),
        Operation::Pull { mask, pull } => block.set_pull(
            mask,
            match pull {
                None => Pull::None,
                Some(true) => Pull::Up,
                Some(false) => Pull::Down,
            },
        ),
        Wire { a, b } => block.wire(line(a), line(b)),
        Unwire { a, b } => block.unwire(line(a), line(b)),
        Reset => block.reset(),
        SaveAndRestore => {
            let saved = Snapshot::from_bytes(&block.snapshot().to_bytes()).unwrap();
            let mut copy = Block::new(block.generation());
            let _ = copy.restore(&saved).unwrap();
            assert_eq!(copy, *block);
            block.restore(&saved).unwrap()
        }
    })
}

/// Does the same to the reference; true if it is a thing that is answered.
fn follow(reference: &mut Reference, operation: &Operation) -> bool {
    match *operation {
        Write { offset, size, value } => return reference.write(offset, size, value),
        Drive { mask, bits } => reference.set_outside(mask, |i| Some(bits >> i & 1 == 1)),
        Release { mask } => reference.set_outside(mask, |_| None),
        Operation::Pull { mask, pull } => reference.set_pull(mask, pull),
        Wire { a, b } => reference.wire(a as usize, b as usize),
        Unwire { a, b } => {
            reference.unwire(a as usize, b as usize);
            reference.follow();
        }
        Reset => reference.reset(),
        SaveAndRestore => {}
    }
    true
}

fn compare(block: &Block, reference: &Reference) {
    for offset in (0..0x60).step_by(4) {
        let read = block.read(offset, 4).ok();
        assert_eq!(read, reference.read(offset, 4), "register {offset:#04x}");
    }
    assert_eq!(block.pads().levels(), reference.levels(), "levels");
    assert_eq!(block.pads().contended(), reference.contended(), "contended");
    assert_eq!(block.irq(), reference.irq(), "interrupt output");
}

/// Does all to both, and compares after each.
pub fn run(generation: Generation, operations: &[Operation]) {
    let mut block = Block::new(generation);
    let mut reference = Reference::new(generation);
    let (mut levels, mut fights, mut irq) = (0, 0, false);
    for operation in operations {
        let answered = follow(&mut reference, operation);
        let effects = apply(&mut block, operation);
        compare(&block, &reference);
        assert_eq!(effects.is_some(), answered);
        let expected = Effects {
            changed: levels ^ reference.levels(),
            irq: (irq != reference.irq()).then(|| reference.irq()),
            contention_began: reference.contended() & !fights,
            contention_ended: fights & !reference.contended(),
        };
        assert_eq!(effects.unwrap_or_default(), expected, "{operation:?}");
        (levels, fights, irq) = (reference.levels(), reference.contended(), reference.irq());
    }
}
