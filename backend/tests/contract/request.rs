// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking lines, setting and reading them.

use nix::errno::Errno;

use super::*;

pub fn a_chip_tells_what_its_lines_are<B: Bench>() {
    let bench = B::new();
    let chip = bench.chip();
    assert_eq!(chip.info().lines, LINES);
    let line = chip.line(BUTTON).unwrap();
    assert_eq!((line.offset, line.name.as_str(), line.consumer), (BUTTON, "BUTTON", None));
    assert_eq!(line.direction, Direction::Input);
    assert_eq!((line.active_low, line.edges, line.debounce), (false, EdgeDetection::None, None));
}

pub fn a_line_is_found_by_its_name<B: Bench>() {
    let bench = B::new();
    let chip = bench.chip();
    assert_eq!(chip.find_line("BUTTON").unwrap(), BUTTON);
    let twin = chip.find_line("TWIN").unwrap_err();
    assert_eq!(twin.offsets, TWINS);
    assert!(matches!(twin.cause, Cause::NoName { matches: 2, .. }), "{twin:?}");
    for name in ["NONE", ""] {
        let cause = cause(chip.find_line(name));
        assert!(matches!(&cause, Cause::NoName { name: n, .. } if n == name), "{cause:?}");
    }
}

pub fn a_line_beyond_the_last_is_refused<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let error = chip.line(LINES).unwrap_err();
    assert!(matches!(error.cause, Cause::NoLine { lines: LINES }), "{error:?}");
    let error = chip.request(&[(0, INPUT), (LINES, INPUT)], "contract").err().unwrap();
    assert!(matches!(error.cause, Cause::NoLine { lines: LINES }), "{error:?}");
    assert_eq!(error.offsets, [LINES]);
}

pub fn a_holder_is_shown<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let _held = take(chip.as_mut(), &[3], OUTPUT);
    let line = chip.line(3).unwrap();
    assert_eq!(line.consumer.as_deref(), Some("contract"));
    assert_eq!(line.direction, Direction::Output);
}

pub fn a_busy_line_names_its_holder<B: Bench>() {
    let bench = B::new();
    let (mut first, mut second) = (bench.chip(), bench.chip());
    let _held = take(first.as_mut(), &[3, 4], INPUT);
    let error = second.request(&[(2, INPUT), (4, INPUT)], "late").err().unwrap();
    assert_eq!(error.offsets, [4]);
    assert!(
        matches!(&error.cause, Cause::Busy { consumer } if consumer == "contract"),
        "{error:?}"
    );
}

pub fn a_refused_request_takes_no_line<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let _held = take(chip.as_mut(), &[4], INPUT);
    assert!(chip.request(&[(2, HIGH), (4, HIGH)], "late").is_err());
    assert_eq!(chip.line(2).unwrap().consumer, None);
    take(chip.as_mut(), &[2], INPUT);
}

pub fn given_back_lines_are_free<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let first = take(chip.as_mut(), &[1], OUTPUT);
    let mut second = take(chip.as_mut(), &[2], OUTPUT);
    drop(first);
    assert_eq!(chip.line(1).unwrap().consumer, None);
    let _first = take(chip.as_mut(), &[1], OUTPUT);
    second.set(1, 1).unwrap();
    assert!(bench.level(2));
}

pub fn a_line_twice_in_a_request_is_refused<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    assert!(chip.request(&[(2, INPUT), (2, INPUT)], "contract").is_err());
    assert_eq!(chip.line(2).unwrap().consumer, None);
}

pub fn no_more_than_64_lines_are_in_a_request<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    assert!(chip.request(&[], "contract").is_err());
    let lines: Vec<_> = (0..65).map(|line| (line % LINES, INPUT)).collect();
    assert!(chip.request(&lines, "contract").is_err());
    let all: Vec<_> = (0..LINES).collect();
    take(chip.as_mut(), &all, INPUT);
}

pub fn outputs_start_at_their_levels<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let lines = [(10, HIGH), (11, OUTPUT), (12, HIGH)];
    let mut held = chip.request(&lines, "contract").unwrap();
    assert_eq!(lines.map(|(line, _)| bench.level(line)), [true, false, true]);
    assert_eq!(held.get(0b111).unwrap(), 0b101);
}

pub fn a_set_of_many_lines_reads_back<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    // Not in order, so that bits and offsets differ.
    let lines = [7, 6, 5, 4, 20, 21, 31, 0];
    let mut held = take(chip.as_mut(), &lines, OUTPUT);
    for bits in [0xff, 0x00, 0xa5, 0x5a, 0x01, 0x80] {
        held.set(0xff, bits).unwrap();
        let seen = (0..).zip(lines).map(|(i, line)| u64::from(bench.level(line)) << i);
        assert_eq!(seen.sum::<u64>(), bits);
        assert_eq!(held.get(0xff).unwrap(), bits);
    }
}

pub fn a_set_moves_only_what_it_names<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[0, 1, 2, 3], OUTPUT);
    held.set(0b1111, 0b1010).unwrap();
    held.set(0b0110, 0b1101).unwrap();
    assert_eq!(held.get(0b1111).unwrap(), 0b1100);
    assert_eq!(held.get(0b0101).unwrap(), 0b0100);
}

pub fn a_set_of_nothing_is_no_error<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[0], OUTPUT);
    held.set(0, u64::MAX).unwrap();
    held.set(u64::MAX << 1, u64::MAX).unwrap();
    assert_eq!(held.get(0).unwrap(), 0);
    assert_eq!(held.get(u64::MAX).unwrap(), 0);
}

pub fn a_set_of_an_input_is_refused_whole<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = chip.request(&[(0, OUTPUT), (1, INPUT)], "contract").unwrap();
    let cause = cause(held.set(0b11, 0b11));
    assert_eq!(i32::from(cause.errno()), Errno::EPERM as i32, "{cause:?}");
    assert!(!bench.level(0));
}

pub fn inputs_read_what_pulls_them<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[12, 11], INPUT);
    bench.pull(11, true);
    assert_eq!(held.get(0b11).unwrap(), 0b10);
    bench.pull(12, true);
    bench.pull(11, false);
    assert_eq!(held.get(0b11).unwrap(), 0b01);
}
