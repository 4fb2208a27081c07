// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a line keeps its level, and its holder, while something happens.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use gpiocdev::Chip;
use gpiocdev::line::InfoChangeKind;

/// Looks at a line all the time, from outside and by the kernel's own record of who takes it and gives it back.
pub struct Witness {
    is_over: Arc<AtomicBool>,
    looks: JoinHandle<Looks>,
    chip: Chip,
}

/// What was seen of a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Looks {
    count: u64,
    changes: u64,
}

/// What was seen of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How often its level was read.
    pub looks: u64,
    /// How often that was another one than before.
    pub changes: u64,
    /// How often somebody gave it back.
    pub released: u64,
    /// How often somebody took it.
    pub requested: u64,
    /// How often it got other settings.
    pub reconfigured: u64,
}

impl Seen {
    /// Of a line that was looked at so often, and that nobody did anything to.
    #[must_use]
    pub fn unchanged(looks: u64) -> Self {
        Self { looks, changes: 0, released: 0, requested: 0, reconfigured: 0 }
    }
}

impl Witness {
    /// Begins to look at a line of the chip with this device, whose level `probe` reads.
    pub fn new(device: PathBuf, offset: u32, probe: impl Fn() -> bool + Send + 'static) -> Self {
        let chip = Chip::from_path(device).expect("the chip is there");
        chip.watch_line_info(offset).expect("the line is there");
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let looks = thread::spawn(move || {
            let mut looks = Looks::default();
            let mut last = probe();
            while !over.load(Ordering::Relaxed) {
                let level = probe();
                looks.count += 1;
                looks.changes += u64::from(level != last);
                last = level;
                // Others are to have the processor too, where there is one only.
                thread::yield_now();
            }
            looks
        });
        Self { is_over, looks, chip }
    }

    /// Ends the look.
    pub fn finish(self) -> Seen {
        self.is_over.store(true, Ordering::Relaxed);
        let looks = self.looks.join().expect("the line can be read");
        let mut seen = Seen {
            looks: looks.count,
            changes: looks.changes,
            released: 0,
            requested: 0,
            reconfigured: 0,
        };
        while self.chip.has_line_info_change_event().expect("the chip is there") {
            let event = self.chip.read_line_info_change_event().expect("there is one");
            match event.kind {
                InfoChangeKind::Released => seen.released += 1,
                InfoChangeKind::Requested => seen.requested += 1,
                InfoChangeKind::Reconfigured => seen.reconfigured += 1,
            }
        }
        seen
    }
}
