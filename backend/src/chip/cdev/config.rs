// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settings of lines as the kernel takes and tells them (`linux/gpio.h`, `GPIO_V2_LINE_FLAG_*`).

use std::time::Duration;

use gpiocdev_uapi::v2::{self as uapi, LineAttributeValue, LineFlags, LineValues};
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};

use crate::chip::{LineConfig, LineInfo};

const BIAS: [(Bias, LineFlags); 4] = [
    (Bias::AsIs, LineFlags::empty()),
    (Bias::Disabled, LineFlags::BIAS_DISABLED),
    (Bias::PullUp, LineFlags::BIAS_PULL_UP),
    (Bias::PullDown, LineFlags::BIAS_PULL_DOWN),
];

const DRIVE: [(Drive, LineFlags); 3] = [
    (Drive::PushPull, LineFlags::empty()),
    (Drive::OpenDrain, LineFlags::OPEN_DRAIN),
    (Drive::OpenSource, LineFlags::OPEN_SOURCE),
];

const EDGES: [(EdgeDetection, LineFlags); 4] = [
    (EdgeDetection::None, LineFlags::empty()),
    (EdgeDetection::Rising, LineFlags::EDGE_RISING),
    (EdgeDetection::Falling, LineFlags::EDGE_FALLING),
    (EdgeDetection::Both, LineFlags::EDGE_RISING.union(LineFlags::EDGE_FALLING)),
];

fn to_flags<T: Copy + PartialEq>(table: &[(T, LineFlags)], setting: T) -> LineFlags {
    let row = table.iter().find(|(known, _)| *known == setting);
    row.map_or(LineFlags::empty(), |(_, flags)| *flags)
}

fn from_flags<T: Copy + Default>(table: &[(T, LineFlags)], flags: LineFlags) -> T {
    let all = table.iter().fold(LineFlags::empty(), |all, (_, flags)| all | *flags);
    let row = table.iter().find(|(_, known)| *known == flags & all);
    row.map_or(T::default(), |(setting, _)| *setting)
}

/// Settings for the kernel, which refuses those that do not matter in a line's direction. `None`
/// if they differ in more ways than it has room for.
pub fn line_config(lines: impl Iterator<Item = LineConfig>) -> Option<uapi::LineConfig> {
    let mut flags: Vec<(LineFlags, u64)> = Vec::new();
    let mut periods: Vec<(u32, u64)> = Vec::new();
    let mut outputs = LineValues::default();
    for (i, line) in lines.map(LineConfig::effective).enumerate() {
        join(&mut flags, line_flags(&line), i);
        if let Some(period) = line.debounce {
            join(&mut periods, u32::try_from(period.as_micros()).unwrap_or(u32::MAX), i);
        }
        if line.direction == Some(Direction::Output) {
            outputs.set(i, line.active);
        }
    }
    let mut flags = flags.into_iter();
    let mut config = uapi::LineConfig { flags: flags.next()?.0, ..Default::default() };
    if flags.len() + periods.len() + usize::from(outputs.mask != 0) > uapi::NUM_ATTRS_MAX {
        return None;
    }
    for (flags, mask) in flags {
        config.add_flags(flags, mask);
    }
    for (period, mask) in periods {
        config.add_debounce(period, mask);
    }
    if outputs.mask != 0 {
        config.add_values(&outputs);
    }
    Some(config)
}

/// Adds line `i` to those with that setting.
fn join<T: PartialEq>(settings: &mut Vec<(T, u64)>, setting: T, i: usize) {
    match settings.iter_mut().find(|(known, _)| *known == setting) {
        Some((_, mask)) => *mask |= 1 << i,
        None => settings.push((setting, 1 << i)),
    }
}

fn line_flags(line: &LineConfig) -> LineFlags {
    let mut flags = match line.direction {
        None => LineFlags::empty(),
        Some(Direction::Input) => LineFlags::INPUT,
        Some(Direction::Output) => LineFlags::OUTPUT,
    };
    flags.set(LineFlags::ACTIVE_LOW, line.active_low);
    flags | to_flags(&BIAS, line.bias) | to_flags(&DRIVE, line.drive) | to_flags(&EDGES, line.edges)
}

/// What the kernel tells about a line.
pub fn line_info(line: &uapi::LineInfo) -> LineInfo {
    let flags = line.flags;
    let attributes = line.attrs.0.iter().take(usize::try_from(line.num_attrs).unwrap_or(0));
    let mut debounce = attributes.filter_map(|attribute| match attribute.to_value() {
        Some(LineAttributeValue::DebouncePeriod(us)) => Some(Duration::from_micros(us.into())),
        _ => None,
    });
    LineInfo {
        offset: line.offset,
        name: String::from(&line.name),
        consumer: consumer(line),
        direction: if flags.contains(LineFlags::OUTPUT) {
            Direction::Output
        } else {
            Direction::Input
        },
        active_low: flags.contains(LineFlags::ACTIVE_LOW),
        bias: from_flags(&BIAS, flags),
        drive: from_flags(&DRIVE, flags),
        edges: from_flags(&EDGES, flags),
        debounce: debounce.find(|period| !period.is_zero()),
    }
}

/// Who holds the line. Holders need not have a name.
fn consumer(line: &uapi::LineInfo) -> Option<String> {
    let used = line.flags.contains(LineFlags::USED);
    used.then(
        || {
            if line.consumer.is_empty() { "?".to_owned() } else { String::from(&line.consumer) }
        },
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use super::*;

    const INPUT: LineConfig = LineConfig {
        direction: Some(Direction::Input),
        active: true,
        active_low: false,
        bias: Bias::PullUp,
        drive: Drive::OpenDrain,
        edges: EdgeDetection::Both,
        debounce: None,
    };
    const OUTPUT: LineConfig = LineConfig { direction: Some(Direction::Output), ..INPUT };

    #[test]
    fn lines_alike_need_no_attribute_but_the_levels() {
        let config = line_config([INPUT, INPUT].into_iter()).unwrap();
        let edges = LineFlags::EDGE_RISING | LineFlags::EDGE_FALLING;
        assert_eq!(config.flags, LineFlags::INPUT | LineFlags::BIAS_PULL_UP | edges);
        assert_eq!(config.num_attrs, 0);
        let config = line_config([OUTPUT, OUTPUT].into_iter()).unwrap();
        assert_eq!(
            config.flags,
            LineFlags::OUTPUT | LineFlags::BIAS_PULL_UP | LineFlags::OPEN_DRAIN
        );
        assert_eq!(config.num_attrs, 1);
        assert_eq!(config.attr(0).mask, 0b11);
        assert_eq!(config.attr(0).attr.to_value(), Some(LineAttributeValue::Values(0b11)));
    }

    #[test]
    fn what_differs_goes_into_attributes_of_the_lines_concerned() {
        let debounced = LineConfig { debounce: Some(Duration::from_millis(5)), ..INPUT };
        let config = line_config([INPUT, OUTPUT, debounced].into_iter()).unwrap();
        let attributes: Vec<_> =
            config.attrs.0[..3].iter().map(|a| (a.mask, a.attr.to_value())).collect();
        let output = LineFlags::OUTPUT | LineFlags::BIAS_PULL_UP | LineFlags::OPEN_DRAIN;
        assert_eq!(
            attributes,
            [
                (0b010, Some(LineAttributeValue::Flags(output))),
                (0b100, Some(LineAttributeValue::DebouncePeriod(5_000))),
                (0b010, Some(LineAttributeValue::Values(0b010))),
            ]
        );
    }

    #[test]
    fn as_is_has_neither_direction_nor_what_needs_one() {
        let as_is = LineConfig { direction: None, active_low: true, ..INPUT };
        assert_eq!(line_config([as_is].into_iter()).unwrap().flags, LineFlags::ACTIVE_LOW);
    }

    #[test]
    fn settings_beyond_the_kernels_room_are_refused() {
        let lines =
            |n| (1..=n).map(|ms| LineConfig { debounce: Some(Duration::from_millis(ms)), ..INPUT });
        assert!(line_config(lines(10)).is_some());
        assert!(line_config(lines(11)).is_none());
    }

    #[test]
    fn every_group_fits_whatever_its_directions_are() {
        let lines: Vec<_> = (0..64_u64)
            .map(|i| LineConfig {
                active_low: i % 2 == 0,
                bias: BIAS[usize::try_from(i % 4).unwrap()].0,
                drive: DRIVE[usize::try_from(i % 3).unwrap()].0,
                debounce: (i % 5 == 0).then(|| Duration::from_millis(i)),
                ..INPUT
            })
            .collect();
        for group in crate::chip::group(&lines) {
            for directions in 0..1_u32 << group.len().min(10) {
                let turned = group.iter().enumerate().map(|(bit, &i)| {
                    let output = directions >> (bit % 10) & 1 == 1;
                    LineConfig {
                        direction: output.then_some(Direction::Output).or(INPUT.direction),
                        ..lines[i]
                    }
                });
                assert!(line_config(turned).is_some(), "{group:?} {directions:#b}");
            }
        }
    }

    #[test]
    fn the_kernels_information_reads_back() {
        let mut line = uapi::LineInfo {
            name: "LED".into(),
            offset: 3,
            flags: LineFlags::USED | line_flags(&INPUT.effective()),
            num_attrs: 1,
            ..Default::default()
        };
        line.attr_mut(0).set_debounce_period_us(5_000);
        let info = line_info(&line);
        assert_eq!((info.name.as_str(), info.offset), ("LED", 3));
        assert_eq!(info.consumer.as_deref(), Some("?"));
        assert_eq!(
            (info.direction, info.bias, info.edges),
            (Direction::Input, Bias::PullUp, EdgeDetection::Both)
        );
        assert_eq!(info.debounce, Some(Duration::from_millis(5)));
    }
}
