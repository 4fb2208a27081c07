// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bias, drive, active-low, edges and debounce reach the chip, and are told again.

use std::time::Duration;

use vgpio::client::Line;
use vgpio_backend::chip::LineInfo;
use vgpio_protocol::{Bias, Configure, Direction, Drive, EdgeDetection, ErrorCode, LineFlags};
use vgpio_tests::harness::{Guest, Outside};

use super::{Bench, lines};

/// What the host says of a line, and what the daemon tells of it, must be the same.
fn agreed(bench: &mut Bench, guest: &mut Guest, offset: u32) -> LineInfo {
    let info = bench.world.info(offset);
    let told: Vec<Line> = guest.lines();
    let told = told.iter().find(|line| line.offset == offset).expect("the line is attached");
    let output = info.direction == Direction::Output;
    assert_eq!(told.flags.has(LineFlags::OUTPUT), output, "{info:?}");
    assert_eq!(told.flags.has(LineFlags::ACTIVE_LOW), info.active_low, "{info:?}");
    assert_eq!(told.bias, info.bias, "{info:?}");
    if output {
        assert_eq!(told.drive, info.drive, "{info:?}");
    } else {
        let debounce = info.debounce.unwrap_or_default();
        assert_eq!(Duration::from_micros(told.debounce_us.into()), debounce, "{info:?}");
        assert_eq!(told.edges, info.edges, "{info:?}");
    }
    info
}

fn change(change: Configure) -> Configure {
    Configure { mask: 1, ..change }
}

#[test]
fn every_bias_reaches_the_chip() {
    for bias in [Bias::AsIs, Bias::Disabled, Bias::PullUp, Bias::PullDown] {
        let mut bench = Bench::open();
        let mut guest = bench.attach(lines(&format!("gpios=9,bias={}", bias.word())));
        assert_eq!(agreed(&mut bench, &mut guest, 9).bias, bias);
        for bias in [Bias::PullUp, Bias::PullDown, Bias::Disabled] {
            guest.configure(&change(Configure { bias: Some(bias), ..Configure::default() }));
            assert_eq!(agreed(&mut bench, &mut guest, 9).bias, bias);
        }
    }
}

#[test]
fn every_drive_reaches_the_chip() {
    for drive in [Drive::PushPull, Drive::OpenDrain, Drive::OpenSource] {
        let mut bench = Bench::open();
        let mut guest = bench.attach(lines(&format!("gpios=9,init=low,drive={}", drive.word())));
        assert_eq!(agreed(&mut bench, &mut guest, 9).drive, drive);
        for drive in [Drive::OpenSource, Drive::OpenDrain, Drive::PushPull] {
            guest.configure(&change(Configure { drive: Some(drive), ..Configure::default() }));
            assert_eq!(agreed(&mut bench, &mut guest, 9).drive, drive);
        }
    }
}

#[test]
fn active_low_turns_levels_round() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=9:10,active-low=on"));
    assert!(agreed(&mut bench, &mut guest, 9).active_low);
    assert_eq!(guest.read(0b11), 0b11);
    bench.world.pull(10, true);
    assert!(!guest.edge().active);
    assert_eq!(guest.read(0b11), 0b01);
    guest.drive(0b01, 0b01);
    assert!(!bench.world.level(9));
    guest.set(0b01, 0);
    assert!(bench.world.level(9));
    // The level stays, so the voltage changes.
    guest.configure(&change(Configure { active_low: Some(false), ..Configure::default() }));
    assert!(!agreed(&mut bench, &mut guest, 9).active_low);
    assert!(!bench.world.level(9));
}

#[test]
fn a_line_starts_active_low_without_a_wrong_level() {
    let mut bench = Bench::open();
    let _guest = bench.attach(lines("gpios=9,active-low=on,init=high"));
    assert!(!bench.world.level(9));
    let _other = bench.attach(lines("gpios=10,active-low=on,init=low"));
    assert!(bench.world.level(10));
}

#[test]
fn debounce_reaches_the_chip() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=9,debounce=5ms"));
    let period = agreed(&mut bench, &mut guest, 9).debounce;
    assert_eq!(period, Some(Duration::from_millis(5)));
    for us in [700, 0, 20_000] {
        guest.configure(&change(Configure { debounce_us: Some(us), ..Configure::default() }));
        let period = agreed(&mut bench, &mut guest, 9).debounce;
        assert_eq!(period.unwrap_or_default(), Duration::from_micros(us.into()));
    }
}

#[test]
fn a_debounced_line_tells_the_level_at_which_it_settles() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=9,debounce=1ms"));
    // Bounces, and stays up.
    bench.world.wiggle(9, 21);
    while !guest.edge().active {}
    assert_eq!(guest.read(1), 1);
}

#[test]
fn every_edge_detection_reaches_the_chip() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=9"));
    assert_eq!(agreed(&mut bench, &mut guest, 9).edges, EdgeDetection::Both);
    let all = [EdgeDetection::Rising, EdgeDetection::Falling, EdgeDetection::None];
    for edges in all {
        guest.configure(&change(Configure { edges: Some(edges), ..Configure::default() }));
        assert_eq!(agreed(&mut bench, &mut guest, 9).edges, edges);
    }
}

#[test]
fn lines_of_one_client_may_have_different_settings() {
    let mut bench = Bench::new(&["--export", "all=e6055400.gpio,gpios=0-31"]);
    let mut guest = bench.attach(vgpio_tests::harness::export("all"));
    for line in 0..32_u32 {
        let output = line % 3 == 0;
        guest.configure(&Configure {
            mask: 1 << line,
            bias: Some([Bias::Disabled, Bias::PullUp, Bias::PullDown][line as usize % 3]),
            active_low: Some(line % 2 == 0),
            ..Configure::directions(1 << line, u64::from(output) << line, 0)
        });
    }
    for line in 0..32 {
        let info = agreed(&mut bench, &mut guest, line);
        assert_eq!(info.active_low, line % 2 == 0);
        assert_eq!(info.direction == Direction::Output, line % 3 == 0);
    }
}

#[test]
fn settings_of_a_shared_line_stay() {
    let bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=9,shared=on"));
    guest.client.configure_directions(1, 1, 1);
    guest.sync_whatever();
    assert_eq!(guest.error().code, ErrorCode::NotAllowed);
}
