// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of lines that the kernel lends, whoever talks to it.

use std::io;

use nix::errno::Errno;
use vgpio_protocol::{Bias, Drive, EdgeDetection};

use super::of_use;
use crate::chip::{Cause, ChipEdge, ChipError, ChipInfo, LineConfig, Offset, all_lines};

/// A line that the kernel is to leave as it is.
const LEFT: LineConfig = LineConfig {
    direction: None,
    active: false,
    active_low: false,
    bias: Bias::AsIs,
    drive: Drive::PushPull,
    edges: EdgeDetection::None,
    debounce: None,
};

/// Gives the kernel settings of all lines.
pub type Apply<'a> = &'a mut dyn FnMut(&[LineConfig]) -> io::Result<()>;

/// Lines that are held.
#[derive(Debug)]
pub struct Held {
    offsets: Vec<Offset>,
    /// In force, but for the levels.
    configs: Vec<LineConfig>,
    /// Last levels that outputs were set to.
    levels: u64,
    /// Sequence number of each line's last edge; `None` if another process has read that.
    seqnos: Vec<Option<u32>>,
    leaves_lines: bool,
}

impl Held {
    /// Lines just taken. `leaves_lines`: the kernel leaves lines as they are that a
    /// reconfiguration gives no direction.
    pub fn new(lines: &[(Offset, LineConfig)], leaves_lines: bool) -> Self {
        let (offsets, configs): (Vec<_>, Vec<_>) = lines.iter().copied().unzip();
        let seqnos = vec![Some(0); offsets.len()];
        let mut held = Self { offsets, configs: configs.clone(), levels: 0, seqnos, leaves_lines };
        held.adopt(&configs);
        held
    }

    /// Lines that another process has taken, with their present settings and levels.
    pub fn adopted(lines: &[(Offset, LineConfig)], leaves_lines: bool) -> Self {
        Self { seqnos: vec![None; lines.len()], ..Self::new(lines, leaves_lines) }
    }

    /// The mask of all lines.
    pub fn all(&self) -> u64 {
        all_lines(self.offsets.len())
    }

    /// The lines in `mask`, with their indices.
    #[cfg(feature = "libgpiod")]
    pub fn each(&self, mask: u64) -> impl Iterator<Item = (usize, Offset)> {
        let lines = self.offsets.iter().copied().enumerate();
        lines.filter(move |(i, _)| mask >> i & 1 == 1)
    }

    /// An error of these lines.
    pub fn error(&self, chip: &ChipInfo, what: &'static str, cause: Cause) -> ChipError {
        ChipError::new(chip, self.offsets.clone(), what, cause)
    }

    /// Takes note that outputs were set.
    pub fn set(&mut self, mask: u64, bits: u64) {
        self.levels = (self.levels & !mask) | (bits & mask);
    }

    /// The edge, and how many of its line were lost before it.
    pub fn edge(
        &mut self,
        offset: Offset,
        line_seqno: u32,
        active: bool,
        timestamp_ns: u64,
    ) -> Option<(ChipEdge, u32)> {
        let line = self.offsets.iter().position(|line| *line == offset)?;
        let last = self.seqnos.get_mut(line)?;
        let lost = last.map_or(0, |last| line_seqno.wrapping_sub(last).wrapping_sub(1));
        *last = Some(line_seqno);
        let line = u8::try_from(line).ok()?;
        Some((ChipEdge { line, active, line_seqno, timestamp_ns }, lost))
    }

    /// Gives lines new settings, where they are new: the kernel makes an input of an input again,
    /// and drivers then forget its edges (`gpio-rcar.c` leaves interrupt mode).
    ///
    /// Returns those that are not, but whose edges an older kernel gets anew all the same: what
    /// happened in between is missed.
    ///
    /// # Errors
    /// The lines are then what they were before.
    pub fn change(&mut self, lines: &[LineConfig], apply: Apply) -> Result<u64, Cause> {
        if lines.len() != self.configs.len() {
            return Err(Cause::Host(Errno::EINVAL.into()));
        }
        let before = self.current();
        let same =
            |(line, before): (&LineConfig, &LineConfig)| line.effective() == before.effective();
        let changes = lines.iter().zip(&before);
        let applied = if changes.clone().all(same) {
            Ok(0)
        } else if self.leaves_lines {
            let changed: Vec<_> =
                changes.map(|pair| if same(pair) { LEFT } else { *pair.0 }).collect();
            apply(&changed).map(|()| 0)
        } else {
            let kept = changes.enumerate().filter(|(_, pair)| same(*pair) && pair.0.needs_edges());
            let missed = kept.fold(0, |mask, (i, _)| mask | 1 << i);
            renew(lines, apply).map(|()| missed)
        };
        match applied {
            Ok(missed) => {
                self.adopt(lines);
                Ok(missed)
            }
            Err(error) => Err(back(lines, &before, error, apply)),
        }
    }

    /// The settings in force.
    fn current(&self) -> Vec<LineConfig> {
        let lines = self.configs.iter().enumerate();
        lines.map(|(i, line)| LineConfig { active: self.levels >> i & 1 == 1, ..*line }).collect()
    }

    fn adopt(&mut self, lines: &[LineConfig]) {
        for (i, (config, line)) in self.configs.iter_mut().zip(lines).enumerate() {
            if line.direction.is_some() {
                *config = *line;
                self.levels = (self.levels & !(1 << i)) | u64::from(line.active) << i;
            }
        }
    }
}

/// Gives all lines settings, and those with edges a fresh start.
fn renew(lines: &[LineConfig], apply: Apply) -> io::Result<()> {
    if lines.iter().any(|line| line.needs_edges()) {
        apply(&without_edges(lines))?;
    }
    apply(lines)
}

/// Puts the lines back to what they were, after the kernel has changed some of them, and tells
/// why it did not change all.
fn back(wanted: &[LineConfig], before: &[LineConfig], error: io::Error, apply: Apply) -> Cause {
    let needs_edges = wanted.iter().any(|line| line.needs_edges());
    let cause = match of_use(error) {
        Cause::Host(_) if needs_edges && apply(&without_edges(wanted)).is_ok() => Cause::NoEdges,
        cause => cause,
    };
    if !matches!(cause, Cause::Gone)
        && let Err(error) = renew(before, apply)
    {
        log::error!("lines are not what they were before a change that failed: {error}");
    }
    cause
}

fn without_edges(lines: &[LineConfig]) -> Vec<LineConfig> {
    lines.iter().map(|line| line.without_edges()).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use vgpio_protocol::Direction;

    use super::*;

    const INPUT: LineConfig = LineConfig { direction: Some(Direction::Input), ..LEFT };
    const WATCHED: LineConfig = LineConfig { edges: EdgeDetection::Both, ..INPUT };
    const HIGH: LineConfig =
        LineConfig { direction: Some(Direction::Output), active: true, ..LEFT };
    const LOW: LineConfig = LineConfig { active: false, ..HIGH };

    /// A kernel that remembers, and refuses settings that it does not like.
    struct Kernel {
        applied: RefCell<Vec<Vec<LineConfig>>>,
        refuses: fn(&LineConfig) -> bool,
    }

    impl Kernel {
        fn new(refuses: fn(&LineConfig) -> bool) -> Self {
            Self { applied: RefCell::new(Vec::new()), refuses }
        }

        fn apply(&self, lines: &[LineConfig]) -> io::Result<()> {
            self.applied.borrow_mut().push(lines.to_vec());
            if lines.iter().any(self.refuses) { Err(Errno::ENXIO.into()) } else { Ok(()) }
        }
    }

    fn held(lines: &[LineConfig], leaves_lines: bool) -> Held {
        let lines: Vec<_> = (10..).zip(lines.iter().copied()).collect();
        Held::new(&lines, leaves_lines)
    }

    #[test]
    fn lines_that_stay_are_left_alone() {
        let kernel = Kernel::new(|_| false);
        let mut held = held(&[WATCHED, INPUT], true);
        for _ in 0..2 {
            let missed = held.change(&[WATCHED, HIGH], &mut |lines| kernel.apply(lines));
            assert!(matches!(missed, Ok(0)), "{missed:?}");
        }
        assert_eq!(*kernel.applied.borrow(), [[LEFT, HIGH]]);
    }

    #[test]
    fn an_older_kernel_gets_edges_anew() {
        let kernel = Kernel::new(|_| false);
        let mut held = held(&[WATCHED, INPUT], false);
        let missed = held.change(&[WATCHED, HIGH], &mut |lines| kernel.apply(lines));
        assert!(matches!(missed, Ok(0b01)), "{missed:?}");
        assert_eq!(*kernel.applied.borrow(), [[INPUT, HIGH], [WATCHED, HIGH]]);
    }

    #[test]
    fn a_failed_change_is_undone_with_the_levels_last_set() {
        let kernel = Kernel::new(|line| line.active_low);
        let mut held = held(&[LOW, INPUT], true);
        held.set(1, 1);
        let wanted = [LOW, LineConfig { active_low: true, ..INPUT }];
        let failed = held.change(&wanted, &mut |lines| kernel.apply(lines));
        assert!(matches!(failed, Err(Cause::Host(_))), "{failed:?}");
        assert_eq!(kernel.applied.borrow().last(), Some(&vec![HIGH, INPUT]));
    }

    #[test]
    fn lines_without_interrupts_have_no_edges() {
        let kernel = Kernel::new(|line| line.edges != EdgeDetection::None);
        let mut held = held(&[INPUT], true);
        let failed = held.change(&[WATCHED], &mut |lines| kernel.apply(lines));
        assert!(matches!(failed, Err(Cause::NoEdges)), "{failed:?}");
        assert_eq!(kernel.applied.borrow().last(), Some(&vec![INPUT]));
    }

    #[test]
    fn gaps_in_numbers_are_edges_lost() {
        let mut held = held(&[WATCHED, WATCHED], true);
        let mut lost =
            |offset, seqno| held.edge(offset, seqno, true, 0).map(|(edge, lost)| (edge.line, lost));
        assert_eq!(lost(10, 3), Some((0, 2)));
        assert_eq!(lost(11, 1), Some((1, 0)));
        assert_eq!(lost(10, 4), Some((0, 0)));
        assert_eq!(lost(12, 1), None);
    }

    #[test]
    fn edges_that_another_process_has_read_are_not_lost() {
        let mut held = Held::adopted(&[(10, WATCHED)], true);
        assert_eq!(held.edge(10, 7, true, 0).map(|(_, lost)| lost), Some(0));
        assert_eq!(held.edge(10, 9, true, 0).map(|(_, lost)| lost), Some(1));
    }

    #[test]
    fn numbers_wrap_without_loss() {
        let mut held = held(&[WATCHED], true);
        assert!(held.edge(10, u32::MAX, true, 0).is_some());
        assert_eq!(held.edge(10, 0, false, 0).map(|(_, lost)| lost), Some(0));
    }
}
