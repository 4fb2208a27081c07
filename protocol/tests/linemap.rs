// SPDX-License-Identifier: MIT OR Apache-2.0
//! The line map: every key and value, every mistake with its column and words.

use std::time::Duration;

use vgpio_protocol::{
    Bias, Drive, EdgeDetection, Init, LineMap, LineRef, LineSettings, Period, Safe,
};

fn map(text: &str) -> LineMap {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn vgpios(map: &LineMap) -> Vec<u16> {
    map.lines.iter().map(|line| line.vgpio).collect()
}

/// The host lines, names in quotes.
fn gpios(map: &LineMap) -> Vec<String> {
    map.lines.iter().map(|line| line.line.to_string()).collect()
}

#[test]
fn the_lists_give_guest_lines_host_lines() {
    let cases: &[(&str, &[u16], &[&str])] = &[
        ("c,vgpios=0:1:2,gpios=11:12:13", &[0, 1, 2], &["11", "12", "13"]),
        ("c,gpios=11:5,vgpios=7:3", &[7, 3], &["11", "5"]),
        ("c,gpios=11:12", &[0, 1], &["11", "12"]),
        ("c,vgpios=4:2", &[4, 2], &["4", "2"]),
        ("c,vgpios=0-3,gpios=8:4-6", &[0, 1, 2, 3], &["8", "4", "5", "6"]),
        ("c,gpios=5-5", &[0], &["5"]),
        ("c,gpios=007", &[0], &["7"]),
        ("c,gpios=000-001", &[0, 1], &["0", "1"]),
        ("c,vgpios=65535,gpios=4294967295", &[65535], &["4294967295"]),
        (
            "c,gpios=LED:3V3_EN:GPIO-17:7:1-2-3:-4:5-",
            &[0, 1, 2, 3, 4, 5, 6],
            &["'LED'", "'3V3_EN'", "'GPIO-17'", "7", "'1-2-3'", "'-4'", "'5-'"],
        ),
        (
            "c,gpios=0x10:+1:1 :\u{ff11}:a=b",
            &[0, 1, 2, 3, 4],
            &["'0x10'", "'+1'", "'1 '", "'\u{ff11}'", "'a=b'"],
        ),
        ("c,gpios=a,,b:,,", &[0, 1], &["'a,b'", "','"]),
        ("c,gpios=led:LED", &[0, 1], &["'led'", "'LED'"]),
    ];
    for (text, guest, host) in cases {
        let map = map(text);
        assert_eq!(vgpios(&map), *guest, "{text}");
        assert_eq!(gpios(&map), *host, "{text}");
        assert_eq!(map.settings, LineSettings::default(), "{text}");
    }
    let by_name = map("c,gpios=LED");
    assert_eq!(by_name.lines[0].line, LineRef::Name("LED".into()));
}

#[test]
fn sixty_four_lines_fit() {
    for text in ["c,gpios=0-63", "c,vgpios=0-31:100-131,gpios=0-63"] {
        assert_eq!(map(text).lines.len(), 64, "{text}");
    }
}

#[test]
fn the_chip_stands_first_or_behind_its_key() {
    let cases = [
        ("e6055400.gpio,gpios=1", "e6055400.gpio"),
        ("0,gpios=1", "0"),
        ("/dev/gpiochip0,gpios=1", "/dev/gpiochip0"),
        ("chip=gpiochip0,gpios=1", "gpiochip0"),
        ("gpios=1,chip=a=b", "a=b"),
        ("a,,b,gpios=1", "a,b"),
        (",,,gpios=1", ","),
        (",,,,,,,gpios=1", ",,,"),
        ("gpio-é\u{1f4a1},gpios=1", "gpio-é\u{1f4a1}"),
    ];
    for (text, chip) in cases {
        assert_eq!(map(text).chip, chip, "{text}");
    }
}

#[test]
fn every_key_takes_every_value() {
    fn settings(change: impl FnOnce(&mut LineSettings)) -> LineSettings {
        let mut settings = LineSettings::default();
        change(&mut settings);
        settings
    }
    let us = |us| Some(Period(Duration::from_micros(us)));
    let cases = [
        ("init=input", settings(|s| s.init = Init::Input)),
        ("init=as-is", settings(|s| s.init = Init::AsIs)),
        ("init=low", settings(|s| s.init = Init::Low)),
        ("init=high", settings(|s| s.init = Init::High)),
        ("safe=release", settings(|s| s.safe = Safe::Release)),
        ("safe=hold", settings(|s| s.safe = Safe::Hold)),
        ("safe=low", settings(|s| s.safe = Safe::Low)),
        ("safe=high", settings(|s| s.safe = Safe::High)),
        ("safe=input", settings(|s| s.safe = Safe::Input)),
        ("bias=as-is", settings(|s| s.bias = Bias::AsIs)),
        ("bias=disabled", settings(|s| s.bias = Bias::Disabled)),
        ("bias=pull-up", settings(|s| s.bias = Bias::PullUp)),
        ("bias=pull-down", settings(|s| s.bias = Bias::PullDown)),
        ("drive=push-pull", settings(|s| s.drive = Drive::PushPull)),
        ("drive=open-drain", settings(|s| s.drive = Drive::OpenDrain)),
        ("drive=open-source", settings(|s| s.drive = Drive::OpenSource)),
        ("active-low=on", settings(|s| s.active_low = true)),
        ("active-low=off", settings(|s| s.active_low = false)),
        ("edges=none", settings(|s| s.edges = EdgeDetection::None)),
        ("edges=rising", settings(|s| s.edges = EdgeDetection::Rising)),
        ("edges=falling", settings(|s| s.edges = EdgeDetection::Falling)),
        ("edges=both", settings(|s| s.edges = EdgeDetection::Both)),
        ("debounce=500us", settings(|s| s.debounce = us(500))),
        ("debounce=0us", settings(|s| s.debounce = us(0))),
        ("debounce=10ms", settings(|s| s.debounce = us(10_000))),
        ("shared=on", settings(|s| s.shared = true)),
        ("shared=off", settings(|s| s.shared = false)),
        ("poll=1s", settings(|s| s.poll = us(1_000_000))),
        ("poll=4000s", settings(|s| s.poll = us(4_000_000_000))),
        ("max-toggle-rate=2.5", settings(|s| s.limits.max_toggle_rate = "2.5".parse().ok())),
        ("min-hold=20ms", settings(|s| s.limits.min_hold = us(20_000))),
    ];
    for (option, expected) in cases {
        for text in [format!("c,gpios=1,{option}"), format!("c,{option},gpios=1")] {
            assert_eq!(map(&text).settings, expected, "{text}");
        }
    }
}

#[test]
fn the_defaults_are_those_of_the_specification() {
    let named = "c,gpios=1,init=input,safe=release,bias=as-is,drive=push-pull,active-low=off,\
                 edges=both,shared=off";
    assert_eq!(map("c,gpios=1"), map(named));
    let settings = map(named).settings;
    assert_eq!((settings.debounce, settings.poll), (None, None));
}

const KEYS: &str = "chip, vgpios, gpios, init, safe, bias, drive, active-low, edges, debounce, shared, poll, \
     max-toggle-rate, min-hold";

#[test]
fn mistakes_in_the_form_have_column_and_reason() {
    let unknown = |key: &str| format!("unknown key '{key}'; there are {KEYS}");
    let no_chip = "no chip; start with its label, name, number or path";
    let no_lines = "no lines; say gpios=, vgpios= or both";
    let pair =
        |text: &str| format!("'{text}' is not KEY=VALUE (a comma inside a value is written twice)");
    let twice = |key: &str| format!("'{key}' is given twice");
    let no_value = |key: &str| format!("'{key}' has no value");
    let unequal = "1 vgpios for 2 gpios; the lists must be equally long";
    refused(&[
        ("", 1, no_chip.into()),
        (",gpios=1", 1, no_chip.into()),
        ("gpios=1", 1, no_chip.into()),
        ("chip=,gpios=1", 6, no_chip.into()),
        ("gpios=1,chip=", 14, no_chip.into()),
        ("c", 2, no_lines.into()),
        ("c,bias=pull-up", 15, no_lines.into()),
        ("é\u{1f4a1}", 3, no_lines.into()),
        ("c,", 3, pair("")),
        ("c,gpios=1,", 11, pair("")),
        ("c,gpios=1,LED", 11, pair("LED")),
        ("c,,d,gpios=1,x,,y", 14, pair("x,y")),
        ("c,gpio=1", 3, unknown("gpio")),
        ("c, gpios=1", 3, unknown(" gpios")),
        ("c,Gpios=1", 3, unknown("Gpios")),
        ("c,=1", 3, unknown("")),
        ("é,,\u{1f4a1},gpios=1,x=2", 14, unknown("x")),
        ("c,gpios=1,gpios=2", 11, twice("gpios")),
        ("c,gpios=1,bias=as-is,bias=as-is", 22, twice("bias")),
        ("c,gpios=1,chip=d", 11, twice("chip")),
        ("chip=c,gpios=1,chip=d", 16, twice("chip")),
        ("c,gpios=", 9, no_value("gpios")),
        ("c,vgpios=,gpios=1", 10, no_value("vgpios")),
        ("c,gpios=1,poll=", 16, no_value("poll")),
        ("c,vgpios=1,gpios=1-2", 21, unequal.into()),
    ]);
}

#[test]
fn mistakes_in_the_lists_have_column_and_reason() {
    let empty = "an element of the list is empty".to_owned();
    let vgpio = |text: &str| {
        format!(
            "'{text}' is not a line of the guest's controller; \
             say a number, 0 to 65535, or a range, 0-7"
        )
    };
    let offset = |text: &str| format!("'{text}' is no offset of a line; it is above 4294967295");
    let backwards = |text: &str| format!("the range {text} runs backwards");
    let twice = |line: &str| format!("line {line} is listed twice");
    let many = "more than 64 lines; attach the others in another session".to_owned();
    refused(&[
        ("c,gpios=:1", 9, empty.clone()),
        ("c,gpios=1::2", 11, empty.clone()),
        ("c,gpios=1:", 11, empty.clone()),
        ("c,gpios=:", 9, empty.clone()),
        ("c,gpios=a,,::b", 13, empty.clone()),
        ("c,gpios=é:\u{1f4a1}::b", 13, empty.clone()),
        ("c,vgpios=1:2:,gpios=1", 14, empty),
        ("c,vgpios=one", 10, vgpio("one")),
        ("c,vgpios=0:1:65536", 14, vgpio("65536")),
        ("c,vgpios=65530-65536", 10, vgpio("65530-65536")),
        ("c,vgpios=-1", 10, vgpio("-1")),
        ("c,vgpios=1-", 10, vgpio("1-")),
        ("c,vgpios=1-2-3", 10, vgpio("1-2-3")),
        ("c,vgpios=\u{ff11}", 10, vgpio("\u{ff11}")),
        ("c,gpios=4294967296", 9, offset("4294967296")),
        ("c,gpios=1:7-99999999999999999999", 11, offset("7-99999999999999999999")),
        ("c,gpios=7-0", 9, backwards("7-0")),
        ("c,gpios=2:99999999999999999999-10", 11, backwards("99999999999999999999-10")),
        ("c,vgpios=10-9", 10, backwards("10-9")),
        ("c,gpios=1:2:1", 13, twice("1")),
        ("c,gpios=1:02:2", 14, twice("2")),
        ("c,gpios=3:1-5", 11, twice("3")),
        ("c,gpios=LED:x:LED", 15, twice("'LED'")),
        ("c,gpios=a,,:,,:a,,", 16, twice("'a,'")),
        ("c,vgpios=0-7:7", 14, twice("7")),
        ("c,gpios=0-64", 9, many.clone()),
        ("c,gpios=0-63:64", 14, many.clone()),
        ("c,vgpios=0-63:LED", 15, vgpio("LED")),
        ("c,gpios=0-4294967295", 9, many.clone()),
        ("c,vgpios=0-65535", 10, many),
    ]);
}

#[test]
fn mistakes_in_values_have_column_and_reason() {
    let word = |word: &str, words: &str| format!("'{word}' is not one of {words}");
    let period = |text: &str| {
        format!(
            "'{text}' is no period; say a number with its unit, 500us, 10ms or 1s, of at most 4000s"
        )
    };
    refused(&[
        ("c,init=out", 8, word("out", "input, as-is, low, high")),
        ("c,safe=as-is", 8, word("as-is", "release, hold, low, high, input")),
        ("c,bias=up", 8, word("up", "as-is, disabled, pull-up, pull-down")),
        ("c,drive=od", 9, word("od", "push-pull, open-drain, open-source")),
        ("c,active-low=1", 14, word("1", "on, off")),
        ("c,edges=all", 9, word("all", "none, rising, falling, both")),
        ("c,shared=yes", 10, word("yes", "on, off")),
        ("c,shared=ON", 10, word("ON", "on, off")),
        ("c,gpios=1,bias=a,,b", 16, word("a,b", "as-is, disabled, pull-up, pull-down")),
        ("c,debounce=5", 12, period("5")),
        ("c,debounce=ms", 12, period("ms")),
        ("c,debounce=-1ms", 12, period("-1ms")),
        ("c,debounce=1.5ms", 12, period("1.5ms")),
        ("c,debounce=1 ms", 12, period("1 ms")),
        ("c,debounce=1m", 12, period("1m")),
        ("c,gpios=1,poll=0ms", 16, "'poll' is 0; give a period such as 10ms".into()),
        (
            "c,gpios=1,max-toggle-rate=0",
            27,
            "'0' is no rate; say how many toggles a second, 0.001 to 1000000, with at most three decimals"
                .into(),
        ),
        ("c,min-hold=5", 12, period("5")),
        ("c,poll=0s", 8, "'poll' is 0; give a period such as 10ms".into()),
        ("c,poll=4001s", 8, period("4001s")),
        ("c,poll=4294967296us", 8, period("4294967296us")),
        ("c,poll=4000000001us", 8, period("4000000001us")),
        ("c,poll=99999999999999999999s", 8, period("99999999999999999999s")),
        ("c,poll=\u{ff11}s", 8, period("\u{ff11}s")),
    ]);
}

fn refused(cases: &[(&str, usize, String)]) {
    for (text, column, reason) in cases {
        let error = text.parse::<LineMap>().expect_err(text);
        assert_eq!(error.to_string(), format!("column {column}: {reason}"), "{text}");
    }
}

#[test]
fn periods_are_written_as_they_are_read() {
    for text in ["0s", "1us", "999us", "1ms", "1500us", "1s", "1001ms", "4000s"] {
        assert_eq!(text.parse::<Period>().map(|p| p.to_string()), Ok(text.into()));
    }
}

#[test]
fn settings_are_written_as_they_are_read() {
    let all = [
        "init=as-is,safe=hold,bias=pull-up,drive=open-drain,edges=rising,active-low=on,shared=off,debounce=5ms,poll=20ms,max-toggle-rate=0.5,min-hold=1s",
        "init=input,safe=release,bias=as-is,drive=push-pull,edges=both,active-low=off,shared=on",
    ];
    for keys in all {
        assert_eq!(map(&format!("0,gpios=1,{keys}")).settings.to_string(), keys);
    }
}
