// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which lines a client gets, and which it is refused.

use vgpio_protocol::{ErrorCode, LineFlags};
use vgpio_tests::harness::{Guest, LABEL, LINES, Outside, export, map};

use super::{Bench, lines};

#[test]
fn an_export_is_attached_by_name() {
    let bench = Bench::lending("leds", "gpios=LED1:LED2:LED3");
    let guest = bench.attach(export("leds"));
    let told: Vec<_> = guest
        .client
        .lines()
        .iter()
        .map(|line| (line.vgpio, line.offset, line.name.as_str(), line.chip.as_str(), line.flags))
        .collect();
    let input = LineFlags(0);
    assert_eq!(
        told,
        [
            (0, 11, "LED1", LABEL, input),
            (1, 12, "LED2", LABEL, input),
            (2, 13, "LED3", LABEL, input)
        ]
    );
}

#[test]
fn the_line_map_of_qemus_option_is_attached_as_it_stands() {
    const MAP: &str = "e6055400.gpio,vgpios=0:1:2,gpios=11:12:13";
    let mut bench = Bench::new(&["--gpiodev", MAP]);
    let mut guest = bench.attach(map(MAP));
    assert_eq!(guest.client.vgpios(), [0, 1, 2]);
    guest.drive(0b111, 0b101);
    assert_eq!(bench.world.levels(&[11, 12, 13]), 0b101);
}

#[test]
fn a_part_of_the_lines_of_gpiodev_may_be_attached_in_another_order() {
    let bench = Bench::new(&["--gpiodev", "e6055400.gpio,vgpios=0:1:2,gpios=11:12:13"]);
    let guest = bench.attach(lines("vgpios=5:3,gpios=13:11"));
    assert_eq!(guest.client.vgpios(), [5, 3]);
    let offsets: Vec<_> = guest.client.lines().iter().map(|line| line.offset).collect();
    assert_eq!(offsets, [13, 11]);
}

#[test]
fn the_chip_is_found_by_all_that_it_is_called() {
    let bench = Bench::open();
    for name in bench.world.called() {
        let guest = bench.attach(map(&format!("{name},gpios=7")));
        assert_eq!(guest.client.lines()[0].chip, LABEL, "{name}");
        drop(guest);
        bench.wait_until_gone();
    }
}

#[test]
fn lines_are_found_by_name_and_offset_in_one_map() {
    let bench = Bench::open();
    let guest = bench.attach(lines("gpios=BUTTON:3:LED2"));
    let told: Vec<_> =
        guest.client.lines().iter().map(|line| (line.offset, line.name.clone())).collect();
    assert_eq!(told, [(21, "BUTTON".into()), (3, String::new()), (12, "LED2".into())]);
}

#[test]
fn all_lines_of_the_chip_can_be_attached_at_once() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=0-31"));
    let pattern = 0xa5c3_0f96;
    guest.drive(u64::from(u32::MAX), pattern);
    let all: Vec<u32> = (0..LINES).collect();
    assert_eq!(bench.world.levels(&all), pattern);
}

#[test]
fn lines_are_attached_as_inputs_with_their_levels() {
    let mut bench = Bench::open();
    bench.world.pull(4, true);
    let mut guest = bench.attach(lines("gpios=3:4"));
    assert_eq!(guest.client.outputs(), 0);
    assert_eq!(guest.read(0b11), 0b10);
    assert_eq!(guest.client.levels(), 0b10);
}

#[test]
fn the_consumer_of_the_lines_names_the_frontend() {
    let mut bench = Bench::open();
    let _guest = bench.attach(lines("gpios=7"));
    assert_eq!(bench.world.info(7).consumer.as_deref(), Some("vgpio:guest"));
}

#[test]
fn an_export_that_is_not_there_is_refused_naming_those_there_are() {
    let bench = Bench::lending("leds", "gpios=11");
    let report = Guest::refusal(&bench.daemon, export("led"));
    assert_eq!(report.code, ErrorCode::NoExport);
    assert_eq!(report.text, "no export is named 'led'; there are: leds");
}

#[test]
fn a_chip_that_is_not_there_is_refused_naming_those_there_are() {
    let bench = Bench::open();
    let report = Guest::refusal(&bench.daemon, map("/dev/no-such-gpiochip,gpios=1"));
    assert_eq!(report.code, ErrorCode::NoChip, "{report}");
    assert!(report.text.contains(LABEL), "{report}");
}

#[test]
fn a_line_that_is_not_there_is_refused_saying_how_many_there_are() {
    let bench = Bench::open();
    let report = Guest::refusal(&bench.daemon, lines("gpios=3:32"));
    assert_eq!((report.code, report.mask), (ErrorCode::NoLine, 0b10));
    assert!(report.text.contains("the chip has 32 lines, 0 to 31"), "{report}");
}

#[test]
fn a_name_that_no_line_has_is_refused() {
    let bench = Bench::open();
    let report = Guest::refusal(&bench.daemon, lines("gpios=LED9"));
    assert_eq!((report.code, report.mask), (ErrorCode::NoLine, 0b1));
    assert!(report.text.contains("no line is named 'LED9'"), "{report}");
}

#[test]
fn a_line_that_is_not_lent_is_not_allowed() {
    let bench = Bench::new(&["--gpiodev", "e6055400.gpio,gpios=11:12"]);
    let report = Guest::refusal(&bench.daemon, lines("gpios=11:13"));
    assert_eq!((report.code, report.mask), (ErrorCode::NotAllowed, 0b10));
    assert!(report.text.contains("line 13 of e6055400.gpio may not be attached"), "{report}");
}

#[test]
fn a_chip_that_is_not_lent_is_refused_naming_those_that_are() {
    let bench = Bench::new(&["--gpiodev", "e6055400.gpio,gpios=11:12"]);
    let report = Guest::refusal(&bench.daemon, map("e6055400,gpios=11"));
    assert_eq!((report.code, report.mask), (ErrorCode::NotAllowed, 0));
    let expected = "\"e6055400\" may not be attached by line map, those of e6055400.gpio may";
    assert!(report.text.contains(expected), "{report}");
}

#[test]
fn a_refusal_leaves_no_line_taken() {
    let mut bench = Bench::open();
    Guest::refusal(&bench.daemon, lines("gpios=3:4:32"));
    bench.wait_until_free(3);
    bench.attach(lines("gpios=3:4"));
}
