// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which lines fit into one request.

use vgpio_protocol::Direction;

use super::LineConfig;

/// Attributes of a request that differ between its lines (`linux/gpio.h`,
/// `GPIO_V2_LINE_NUM_ATTRS_MAX`).
const ATTRIBUTES: usize = 10;

/// Lines of one request (`linux/gpio.h`, `GPIO_V2_LINES_MAX`).
const LINES: usize = 64;

/// Splits lines into as few requests as the kernel allows, each as ascending indices into
/// `lines`. Each request has room for any of its lines to become an input or an output later.
#[must_use]
pub fn group(lines: &[LineConfig]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for i in alike_together(lines) {
        let fitting = groups.iter_mut().find(|group| fits(lines, group, i));
        match fitting {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    for group in &mut groups {
        group.sort_unstable();
    }
    groups
}

/// Indices of all lines, those with the same settings in a row.
fn alike_together(lines: &[LineConfig]) -> Vec<usize> {
    let first_alike = |line: &LineConfig| lines.iter().position(|other| alike(other, line));
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|&i| lines.get(i).and_then(first_alike));
    order
}

/// Whether the lines differ in direction and level at most.
fn alike(a: &LineConfig, b: &LineConfig) -> bool {
    *a == LineConfig { direction: a.direction, active: a.active, ..*b }
}

/// Whether line `extra` may join `group`: however directions are, the kernel has one attribute
/// for each combination of flags but one, for each debounce period, and one for the levels.
fn fits(lines: &[LineConfig], group: &[usize], extra: usize) -> bool {
    if group.len() >= LINES {
        return false;
    }
    let (mut flags, mut debounces) = (Vec::new(), Vec::new());
    for line in group.iter().chain([&extra]).filter_map(|&i| lines.get(i)) {
        for flag in possible_flags(line) {
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        }
        if line.debounce.is_some() && !debounces.contains(&line.debounce) {
            debounces.push(line.debounce);
        }
    }
    let at_once = flags.len().min(group.len() + 1);
    at_once + debounces.len() <= ATTRIBUTES
}

/// What the line's flags say: as an input, as an output, at first, and while it is left as it is.
fn possible_flags(line: &LineConfig) -> [LineConfig; 4] {
    let flags = |direction, active_low| {
        let line = LineConfig { direction, active_low, ..*line }.effective();
        LineConfig { debounce: None, active: false, ..line }
    };
    [
        flags(Some(Direction::Input), line.active_low),
        flags(Some(Direction::Output), line.active_low),
        flags(line.direction, line.active_low),
        flags(None, false),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vgpio_protocol::{Bias, Drive, EdgeDetection};

    use super::*;

    const INPUT: LineConfig = LineConfig {
        direction: Some(Direction::Input),
        active: false,
        active_low: false,
        bias: Bias::AsIs,
        drive: Drive::PushPull,
        edges: EdgeDetection::Both,
        debounce: None,
    };

    fn debounced(ms: u64) -> LineConfig {
        LineConfig { debounce: Some(Duration::from_millis(ms)), ..INPUT }
    }

    #[test]
    fn lines_alike_share_one_request_up_to_64() {
        assert_eq!(group(&[INPUT; 64]), [(0..64).collect::<Vec<_>>()]);
        assert_eq!(group(&[INPUT; 65]), [(0..64).collect::<Vec<_>>(), vec![64]]);
    }

    #[test]
    fn direction_and_level_do_not_part_lines() {
        let output = LineConfig { direction: Some(Direction::Output), active: true, ..INPUT };
        let as_is = LineConfig { direction: None, ..INPUT };
        assert_eq!(group(&[INPUT, output, as_is]), [vec![0, 1, 2]]);
    }

    #[test]
    fn each_debounce_period_takes_an_attribute() {
        // Three for the flags of inputs, of outputs and of lines left as they are.
        let lines: Vec<_> = (1..=8).map(debounced).collect();
        assert_eq!(group(&lines), [(0..7).collect::<Vec<_>>(), vec![7]]);
    }

    #[test]
    fn lines_alike_stay_together_when_requests_are_many() {
        let lines: Vec<_> = (1..=8).map(debounced).chain([debounced(8), debounced(1)]).collect();
        let first = vec![0, 1, 2, 3, 4, 5, 6, 9];
        assert_eq!(group(&lines), [first, vec![7, 8]]);
    }

    #[test]
    fn two_requests_hold_all_combinations_of_bias_and_polarity() {
        let biases = [Bias::AsIs, Bias::Disabled, Bias::PullUp, Bias::PullDown];
        let lines: Vec<_> = biases
            .into_iter()
            .flat_map(|bias| {
                [false, true].map(|active_low| LineConfig { active_low, bias, ..INPUT })
            })
            .collect();
        let groups = group(&[lines.clone(), lines].concat());
        assert_eq!(groups.len(), 2, "{groups:?}");
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), 16);
    }

    #[test]
    fn no_line_needs_no_request() {
        assert!(group(&[]).is_empty());
    }
}
