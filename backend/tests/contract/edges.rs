// SPDX-License-Identifier: MIT OR Apache-2.0
//! Edges of inputs.

use nix::time::{ClockId, clock_gettime};

use super::*;

pub fn edges_come_in_order_with_levels_times_and_numbers<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[3], WATCHED);
    let start = now_ns();
    for i in 0..20 {
        bench.pull(3, i % 2 == 0);
    }
    let edges = edges(held.as_mut(), 20);
    let end = now_ns();
    assert_eq!(levels(&edges), (0..20).map(|i| (0, i % 2 == 0)).collect::<Vec<_>>());
    let numbers: Vec<_> = edges.iter().map(|edge| edge.line_seqno).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    assert!(edges.is_sorted_by_key(|edge| edge.timestamp_ns), "{edges:?}");
    assert!(edges.iter().all(|edge| (start..=end).contains(&edge.timestamp_ns)), "{edges:?}");
}

pub fn edges_name_their_line<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[9, 3, 30], WATCHED);
    for line in [30, 9, 3, 9] {
        bench.pull(line, !bench.level(line));
        let edge = edges(held.as_mut(), 1)[0];
        assert_eq!([9, 3, 30][usize::from(edge.line)], line);
        assert_eq!(edge.active, bench.level(line));
    }
}

pub fn only_the_edges_asked_for_come<B: Bench>() {
    for (kind, wanted) in [(EdgeDetection::Rising, true), (EdgeDetection::Falling, false)] {
        let bench = B::new();
        let mut chip = bench.chip();
        let mut held = take(chip.as_mut(), &[3], LineConfig { edges: kind, ..INPUT });
        assert_eq!(chip.line(3).unwrap().edges, kind);
        for i in 0..4 {
            bench.pull(3, i % 2 == 0);
        }
        let edges = edges(held.as_mut(), 2);
        assert_eq!(levels(&edges), [(0, wanted), (0, wanted)]);
        assert_eq!(edges[1].line_seqno, 2);
    }
}

pub fn edges_of_an_active_low_line_are_inverted<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let rising = LineConfig { active_low: true, edges: EdgeDetection::Rising, ..INPUT };
    let both = LineConfig { active_low: true, ..WATCHED };
    let mut held = chip.request(&[(3, rising), (4, both)], "contract").unwrap();
    for high in [true, false] {
        bench.pull(3, high);
        bench.pull(4, high);
    }
    assert_eq!(levels(&edges(held.as_mut(), 3)), [(1, false), (0, true), (1, true)]);
}

pub fn an_overflow_is_counted_and_the_last_level_is_right<B: Bench>() {
    const TOGGLES: u32 = 2_001;
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[3], WATCHED);
    for i in 0..TOGGLES {
        bench.pull(3, i % 2 == 0);
    }
    let (edges, lost) = edges_and_lost(held.as_mut(), usize::try_from(TOGGLES).unwrap());
    assert!(lost > 0);
    assert_eq!(u32::try_from(edges.len()).unwrap() + lost, TOGGLES);
    let first = edges.first().unwrap();
    assert_eq!(first.line_seqno, lost + 1);
    let last = edges.last().unwrap();
    assert_eq!((last.active, last.line_seqno), (true, TOGGLES));
}

pub fn no_more_edges_are_read_than_there_is_room_for<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[3], WATCHED);
    for i in 0..7 {
        bench.pull(3, i % 2 == 0);
    }
    let end = Instant::now() + DEADLINE;
    let mut numbers = Vec::new();
    while numbers.len() < 7 {
        wait(held.as_ref(), end);
        loop {
            let mut some = Vec::with_capacity(3);
            let room = some.capacity();
            held.read_edges(&mut some).unwrap();
            assert!(some.len() <= room && some.capacity() == room);
            if some.is_empty() {
                break;
            }
            numbers.extend(some.iter().map(|edge| edge.line_seqno));
        }
    }
    assert_eq!(numbers, (1..=7).collect::<Vec<_>>());
}

pub fn bounces_are_swallowed<B: Bench>() {
    // Long, so that a busy machine is still faster than the bounces.
    let period = Duration::from_millis(400);
    let bench = B::new();
    let mut chip = bench.chip();
    let config = LineConfig { debounce: Some(period), ..WATCHED };
    let mut held = take(chip.as_mut(), &[3], config);
    assert_eq!(chip.line(3).unwrap().debounce, Some(period));
    for high in [true, false, true, false, true] {
        bench.pull(3, high);
    }
    assert_eq!(held.get(1).unwrap(), 0);
    let rise = edges(held.as_mut(), 1)[0];
    assert_eq!((rise.active, rise.line_seqno, held.get(1).unwrap()), (true, 1, 1));
    bench.pull(3, false);
    let fall = edges(held.as_mut(), 1)[0];
    assert_eq!((fall.active, fall.line_seqno), (false, 2));
    assert!(fall.timestamp_ns - rise.timestamp_ns >= 400_000_000, "{rise:?} {fall:?}");
}

pub fn a_debounced_line_reports_only_the_edges_asked_for<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let rising = LineConfig {
        debounce: Some(Duration::from_millis(10)),
        edges: EdgeDetection::Rising,
        ..INPUT
    };
    let mut held = take(chip.as_mut(), &[3], rising);
    for number in 1..=2 {
        bench.pull(3, true);
        let edge = edges(held.as_mut(), 1)[0];
        assert_eq!((edge.active, edge.line_seqno), (true, number));
        bench.pull(3, false);
        let end = Instant::now() + DEADLINE;
        while held.get(1).unwrap() == 1 {
            assert!(Instant::now() < end, "the fall counts in time");
            std::thread::yield_now();
        }
    }
}

pub fn edges_can_be_switched_off_and_on<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[3], WATCHED);
    held.reconfigure(&[INPUT]).unwrap();
    bench.pull(3, true);
    held.reconfigure(&[WATCHED]).unwrap();
    bench.pull(3, false);
    assert_eq!(levels(&edges(held.as_mut(), 1)), [(0, false)]);
}

pub fn other_lines_keep_their_edges_when_one_changes<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let debounced = LineConfig { debounce: Some(Duration::from_millis(1)), ..WATCHED };
    let mut held = chip.request(&[(1, WATCHED), (2, debounced), (3, INPUT)], "contract").unwrap();
    held.reconfigure(&[WATCHED, debounced, HIGH]).unwrap();
    bench.pull(1, true);
    assert_eq!(levels(&edges(held.as_mut(), 1)), [(0, true)]);
    bench.pull(2, true);
    assert_eq!(levels(&edges(held.as_mut(), 1)), [(1, true)]);
}

pub fn a_change_of_other_lines_does_not_end_a_debounce_period<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let debounced = LineConfig { debounce: Some(Duration::from_millis(200)), ..WATCHED };
    let mut held = chip.request(&[(2, debounced), (3, INPUT)], "contract").unwrap();
    bench.pull(2, true);
    held.reconfigure(&[debounced, HIGH]).unwrap();
    assert_eq!(levels(&edges(held.as_mut(), 1)), [(0, true)]);
}

pub fn an_output_has_no_edges<B: Bench>() {
    let bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[3, 4], WATCHED);
    held.reconfigure(&[OUTPUT, WATCHED]).unwrap();
    held.set(1, 1).unwrap();
    bench.pull(4, true);
    assert_eq!(levels(&edges(held.as_mut(), 1)), [(1, true)]);
}

fn now_ns() -> u64 {
    let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
    u64::try_from(now.as_nanos()).unwrap()
}
