// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a session's lines to those of a hold, and back.

/// Which of a session's lines are in a hold: bit *i* of the hold is the *i*-th lowest bit of `lines`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    lines: u64,
}

impl Route {
    /// The route of the lines in this mask of the session.
    #[must_use]
    pub fn new(lines: u64) -> Self {
        Self { lines }
    }

    /// The session's lines that are in the hold.
    #[must_use]
    pub fn lines(self) -> u64 {
        self.lines
    }

    /// Lines of the session as lines of the hold; those not in it are left out.
    #[must_use]
    pub fn to_hold(self, session: u64) -> u64 {
        if let Some(shift) = self.shift() {
            return (session & self.lines) >> shift;
        }
        self.pairs().filter(|(line, _)| session & line != 0).fold(0, |all, (_, bit)| all | bit)
    }

    /// Lines of the hold as lines of the session.
    #[must_use]
    pub fn to_session(self, hold: u64) -> u64 {
        if let Some(shift) = self.shift() {
            return (hold << shift) & self.lines;
        }
        self.pairs().filter(|(_, bit)| hold & bit != 0).fold(0, |all, (line, _)| all | line)
    }

    /// The session's index of a line of the hold.
    #[must_use]
    pub fn index(self, hold_line: u8) -> u16 {
        let bit = 1_u64.checked_shl(hold_line.into()).unwrap_or(0);
        u16::try_from(self.to_session(bit).trailing_zeros()).unwrap_or(0)
    }

    /// Where the lines stand together, as they do when an export is one request: by how much to shift.
    fn shift(self) -> Option<u32> {
        let shift = self.lines.checked_ilog2().map_or(0, |_| self.lines.trailing_zeros());
        let together = self.lines >> shift;
        (together & together.wrapping_add(1) == 0).then_some(shift)
    }

    /// Each line's bit in the session and in the hold.
    fn pairs(self) -> impl Iterator<Item = (u64, u64)> {
        let mut left = self.lines;
        let lines = std::iter::from_fn(move || {
            let line = left & left.wrapping_neg();
            left &= !line;
            (line != 0).then_some(line)
        });
        lines.zip((0..64).map(|i| 1 << i))
    }
}

#[cfg(test)]
mod tests {
    use super::Route;
    use proptest::prelude::*;

    #[test]
    fn lines_apart_are_packed_in_order() {
        let route = Route::new(0b1010_0100);
        assert_eq!(route.to_hold(0b1000_0100), 0b101);
        assert_eq!(route.to_session(0b110), 0b1010_0000);
        assert_eq!(route.index(2), 7);
    }

    proptest! {
        #[test]
        fn there_and_back(lines: u64, session: u64) {
            let route = Route::new(lines);
            prop_assert_eq!(route.to_session(route.to_hold(session)), session & lines);
            prop_assert_eq!(route.to_hold(lines).count_ones(), lines.count_ones());
        }

        #[test]
        fn lines_together_are_packed_as_any_others(shift in 0_u32..64, count in 1_u32..=64, session: u64) {
            let lines = (u64::MAX >> (64 - count)) << shift;
            let packed = (0..64).filter(|i| lines >> i & 1 == 1).enumerate()
                .filter(|(_, i)| session >> i & 1 == 1).fold(0_u64, |all, (bit, _)| all | 1 << bit);
            prop_assert_eq!(Route::new(lines).to_hold(session), packed);
        }
    }
}
