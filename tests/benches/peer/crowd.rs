// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a daemon takes for several guests with armed lines, and does while nothing happens.

use vgpio_tests::harness::VirtioGuest;
use vgpio_tests::harness::process::{file, idle_wakeups, threads, value};
use vgpio_virtio::{IrqType, Kind};

use crate::Arguments;
use crate::lender::{Chips, Lender, Who};
use crate::report::Crowd;

/// Lines of each guest that wait for edges.
const ARMED: u16 = 8;
/// The line of each guest that is set.
const OUTPUT: u16 = 8;
/// How often.
const SETS: u32 = 100;

/// A daemon of each kind, with each number of guests, all of which have armed lines and are silent.
pub fn measure(arguments: &Arguments) -> Vec<Crowd> {
    let sizes = arguments.guests.iter();
    sizes.flat_map(|&size| Who::ALL.map(|who| of(who, size, arguments))).collect()
}

fn of(who: Who, size: usize, arguments: &Arguments) -> Crowd {
    let chips = Chips::new(arguments.gpio_sim, "crowd", size);
    let lender = Lender::start(who, &chips);
    let guests: Vec<_> = (0..size).map(|i| armed(lender.guest(i))).collect();
    let pid = lender.pid();
    let idle_wakeups = idle_wakeups(pid, arguments.idle);
    let crowd = Crowd {
        who,
        guests: guests.len(),
        armed: ARMED,
        // Now that those of all armed lines have been started.
        threads: threads(pid).len(),
        idle_s: arguments.idle,
        idle_wakeups,
        peak_kib: value(&file(pid, "status"), "VmHWM"),
    };
    drop(guests);
    crowd
}

/// A guest that has set an output, and waits for edges of inputs.
fn armed(mut guest: VirtioGuest) -> VirtioGuest {
    guest.ask(Kind::SetValue, OUTPUT, 0);
    guest.ask(Kind::SetDirection, OUTPUT, 1);
    for i in 0..SETS {
        guest.ask(Kind::SetValue, OUTPUT, !i & 1);
    }
    for line in 0..ARMED {
        guest.arm(line, IrqType::EdgeBoth);
        guest.unmask(line);
    }
    // So that all buffers have been seen.
    guest.no_interrupt();
    guest
}
