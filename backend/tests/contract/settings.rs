// SPDX-License-Identifier: MIT OR Apache-2.0
//! Direction, polarity, bias, drive.

use super::*;

pub fn as_is_keeps_an_output<B: Bench>() {
    let bench = B::new();
    bench.preset_output(3, true);
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[3], AS_IS);
    assert_eq!(chip.line(3).unwrap().direction, Direction::Output);
    assert!(bench.level(3));
    assert_eq!(held.get(1).unwrap(), 1);
    held.set(1, 0).unwrap();
    assert!(!bench.level(3));
}

pub fn as_is_keeps_an_input<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[3], LineConfig { active: true, ..AS_IS });
    assert_eq!(chip.line(3).unwrap().direction, Direction::Input);
    assert!(!bench.level(3));
    assert!(held.set(1, 1).is_err());
}

pub fn active_low_inverts_both_ways<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let lines = [(0, HIGH), (1, OUTPUT), (2, INPUT), (3, OUTPUT)];
    let lines = lines.map(|(line, config)| (line, LineConfig { active_low: line < 3, ..config }));
    let mut held = chip.request(&lines, "contract").unwrap();
    assert!(chip.line(0).unwrap().active_low && !chip.line(3).unwrap().active_low);
    assert_eq!([0, 1, 3].map(|line| bench.level(line)), [false, true, false]);
    assert_eq!(held.get(0b1111).unwrap(), 0b0101);
    bench.pull(2, true);
    held.set(0b1011, 0b1010).unwrap();
    assert_eq!([0, 1, 3].map(|line| bench.level(line)), [true, false, true]);
    assert_eq!(held.get(0b1111).unwrap(), 0b1010);
}

pub fn bias_pulls_and_is_shown<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    for (bias, high) in [(Bias::PullUp, true), (Bias::PullDown, false)] {
        let mut held = take(chip.as_mut(), &[3], LineConfig { bias, ..INPUT });
        assert_eq!(chip.line(3).unwrap().bias, bias);
        assert_eq!(held.get(1).unwrap() == 1, high);
    }
}

pub fn bias_disabled_is_shown<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let _held = take(chip.as_mut(), &[3], LineConfig { bias: Bias::Disabled, ..INPUT });
    assert_eq!(chip.line(3).unwrap().bias, Bias::Disabled);
}

pub fn an_open_drain_output_drives_only_low<B: Bench>() {
    drives_only::<B>(Drive::OpenDrain, false);
}

pub fn an_open_source_output_drives_only_high<B: Bench>() {
    drives_only::<B>(Drive::OpenSource, true);
}

fn drives_only<B: Bench>(drive: Drive, driven: bool) {
    let bench = B::new();
    bench.pull(3, !driven);
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[3], LineConfig { drive, active: !driven, ..OUTPUT });
    let line = chip.line(3).unwrap();
    assert_eq!((line.drive, line.direction), (drive, Direction::Output));
    assert_eq!(bench.level(3), !driven);
    held.set(1, driven.into()).unwrap();
    assert_eq!(bench.level(3), driven);
    held.set(1, (!driven).into()).unwrap();
    assert_eq!(chip.line(3).unwrap().direction, Direction::Output);
    if B::FLOATS {
        assert_eq!(bench.level(3), !driven);
        bench.pull(3, driven);
        assert_eq!((bench.level(3), held.get(1).unwrap() == 1), (driven, driven));
    }
}

pub fn input_becomes_output_and_back<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[3, 4], WATCHED);
    held.reconfigure(&[HIGH, WATCHED]).unwrap();
    assert_eq!(chip.line(3).unwrap().direction, Direction::Output);
    assert!(bench.level(3));
    held.set(1, 0).unwrap();
    assert!(!bench.level(3));
    assert!(held.set(2, 2).is_err());
    held.reconfigure(&[WATCHED, WATCHED]).unwrap();
    assert_eq!(chip.line(3).unwrap().direction, Direction::Input);
    bench.pull(3, true);
    assert_eq!(held.get(0b11).unwrap(), 0b01);
    assert_eq!(levels(&edges(held.as_mut(), 1)), [(0, true)]);
}

pub fn lines_without_direction_are_left_alone_by_a_change<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = chip.request(&[(0, HIGH), (1, WATCHED), (2, INPUT)], "contract").unwrap();
    held.reconfigure(&[AS_IS, AS_IS, OUTPUT]).unwrap();
    assert!(bench.level(0));
    bench.pull(1, true);
    assert_eq!(levels(&edges(held.as_mut(), 1)), [(1, true)]);
    held.set(0b101, 0b100).unwrap();
    assert_eq!(held.get(0b111).unwrap(), 0b110);
}

pub fn settings_of_too_few_lines_are_refused<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[0, 1], INPUT);
    assert!(held.reconfigure(&[HIGH]).is_err());
    assert_eq!(chip.line(0).unwrap().direction, Direction::Input);
}

pub fn lines_with_all_kinds_of_settings_share_requests<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let kinds: Vec<LineConfig> = [Bias::AsIs, Bias::PullUp, Bias::PullDown]
        .into_iter()
        .flat_map(|bias| [false, true].map(|active_low| LineConfig { active_low, bias, ..INPUT }))
        .flat_map(|line| {
            [None, Some(Duration::from_millis(5))].map(|debounce| LineConfig { debounce, ..line })
        })
        .collect();
    let groups = vgpio_backend::chip::group(&kinds);
    assert!(groups.len() < kinds.len(), "{groups:?}");
    let mut held = Vec::new();
    for group in &groups {
        let lines: Vec<_> = group.iter().map(|&i| (u32::try_from(i).unwrap(), kinds[i])).collect();
        let mut request = chip.request(&lines, "contract").unwrap();
        let turned: Vec<_> =
            (0..).zip(&lines).map(|(i, (_, line))| turn(*line, i % 2 == 0)).collect();
        request.reconfigure(&turned).unwrap();
        held.push(request);
    }
    for (i, kind) in (0..).zip(&kinds) {
        let line = chip.line(i).unwrap();
        assert_eq!((line.bias, line.active_low), (kind.bias, kind.active_low));
    }
}

fn turn(line: LineConfig, output: bool) -> LineConfig {
    if output { LineConfig { direction: OUTPUT.direction, ..line } } else { line }
}
