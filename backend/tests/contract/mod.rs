// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every kind of chip has to do, as tests that run on each of them.
//!
//! A kind of chip gives a [`Bench`], and `contract_tests!(ItsBench)` makes its tests.

#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vgpio_backend::chip::{Cause, Chip, ChipEdge, ChipError, LineConfig, Offset, Request};
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};

pub mod edges;
pub mod removal;
pub mod request;
pub mod settings;

/// Longer than anything takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Lines of a bench's chip.
pub const LINES: u32 = 32;
/// The only line of its name.
pub const BUTTON: Offset = 5;
/// Two lines of one name.
pub const TWINS: [Offset; 2] = [8, 9];

/// A chip with its outside world, for one test: [`LINES`] lines, all inputs and low, of which
/// [`BUTTON`] is named `BUTTON` and [`TWINS`] are named `TWIN`.
pub trait Bench {
    /// Whether an open-drain output that is not driven shows what pulls it.
    const FLOATS: bool;

    /// Makes a chip.
    fn new() -> Self;

    /// Opens the chip.
    fn chip(&self) -> Box<dyn Chip>;

    /// Pulls a line from outside.
    fn pull(&self, line: Offset, high: bool);

    /// The level that the outside sees.
    fn level(&self, line: Offset) -> bool;

    /// Makes a line an output before anybody holds it.
    fn preset_output(&self, line: Offset, high: bool);

    /// Removes the chip.
    fn remove(&mut self);
}

pub const INPUT: LineConfig = LineConfig {
    direction: Some(Direction::Input),
    active: false,
    active_low: false,
    bias: Bias::AsIs,
    drive: Drive::PushPull,
    edges: EdgeDetection::None,
    debounce: None,
};
pub const OUTPUT: LineConfig = LineConfig { direction: Some(Direction::Output), ..INPUT };
pub const HIGH: LineConfig = LineConfig { active: true, ..OUTPUT };
pub const AS_IS: LineConfig = LineConfig { direction: None, ..INPUT };
pub const WATCHED: LineConfig = LineConfig { edges: EdgeDetection::Both, ..INPUT };

/// Takes lines, all with the same settings.
pub fn take(chip: &mut dyn Chip, lines: &[Offset], config: LineConfig) -> Box<dyn Request> {
    let lines: Vec<_> = lines.iter().map(|line| (*line, config)).collect();
    chip.request(&lines, "contract").expect("the lines are free")
}

/// The reason of a failure.
pub fn cause<T>(result: Result<T, ChipError>) -> Cause {
    result.err().expect("it is refused").cause
}

/// Waits until there is something to read.
pub fn wait(request: &dyn Request, end: Instant) {
    let left = end.checked_duration_since(Instant::now()).expect("edges come in time");
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    let mut fds = [PollFd::new(request.event_fd(), PollFlags::POLLIN)];
    poll(&mut fds, timeout).unwrap();
}

/// The next `count` edges at least, and how many were lost.
pub fn edges_and_lost(request: &mut dyn Request, count: usize) -> (Vec<ChipEdge>, u32) {
    let end = Instant::now() + DEADLINE;
    let (mut all, mut lost) = (Vec::new(), 0);
    let mut some = Vec::with_capacity(16);
    while all.len() + usize::try_from(lost).unwrap() < count {
        wait(request, end);
        loop {
            some.clear();
            lost += request.read_edges(&mut some).unwrap();
            if some.is_empty() {
                break;
            }
            all.extend_from_slice(&some);
        }
    }
    (all, lost)
}

/// The next `count` edges, which are all that there are.
pub fn edges(request: &mut dyn Request, count: usize) -> Vec<ChipEdge> {
    let (edges, lost) = edges_and_lost(request, count);
    assert_eq!((edges.len(), lost), (count, 0), "{edges:?}");
    edges
}

/// Lines and levels of edges.
pub fn levels(edges: &[ChipEdge]) -> Vec<(u8, bool)> {
    edges.iter().map(|edge| (edge.line, edge.active)).collect()
}

/// Makes a test of each sentence of the contract.
#[macro_export]
macro_rules! contract_tests {
    ($bench:ty) => {
        $crate::contract_tests!($bench, request:
            a_chip_tells_what_its_lines_are,
            a_line_is_found_by_its_name,
            a_line_beyond_the_last_is_refused,
            a_holder_is_shown,
            a_busy_line_names_its_holder,
            a_refused_request_takes_no_line,
            given_back_lines_are_free,
            a_line_twice_in_a_request_is_refused,
            no_more_than_64_lines_are_in_a_request,
            outputs_start_at_their_levels,
            a_set_of_many_lines_reads_back,
            a_set_moves_only_what_it_names,
            a_set_of_nothing_is_no_error,
            a_set_of_an_input_is_refused_whole,
            inputs_read_what_pulls_them,
        );
        $crate::contract_tests!($bench, settings:
            as_is_keeps_an_output,
            as_is_keeps_an_input,
            active_low_inverts_both_ways,
            bias_pulls_and_is_shown,
            bias_disabled_is_shown,
            an_open_drain_output_drives_only_low,
            an_open_source_output_drives_only_high,
            input_becomes_output_and_back,
            lines_without_direction_are_left_alone_by_a_change,
            settings_of_too_few_lines_are_refused,
            lines_with_all_kinds_of_settings_share_requests,
        );
        $crate::contract_tests!($bench, edges:
            edges_come_in_order_with_levels_times_and_numbers,
            edges_name_their_line,
            only_the_edges_asked_for_come,
            edges_of_an_active_low_line_are_inverted,
            an_overflow_is_counted_and_the_last_level_is_right,
            no_more_edges_are_read_than_there_is_room_for,
            bounces_are_swallowed,
            a_debounced_line_reports_only_the_edges_asked_for,
            edges_can_be_switched_off_and_on,
            other_lines_keep_their_edges_when_one_changes,
            a_change_of_other_lines_does_not_end_a_debounce_period,
            an_output_has_no_edges,
        );
        $crate::contract_tests!($bench, removal:
            a_waiting_holder_learns_that_the_chip_is_gone,
            a_gone_chip_does_nothing_more,
        );
    };
    ($bench:ty, $module:ident: $($name:ident,)*) => {
        mod $module {
            use super::*;
            $(#[test] fn $name() { $crate::contract::$module::$name::<$bench>(); })*
        }
    };
}
