// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is found wrong with configurations, beyond the examples of `docs/errors.md`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::Path;

use clap::Parser;
use common::config::{env, no_chip, run_check};
use vgpio_backend::chip::sim::{SimBlock, SimOptions};
use vgpio_backend::chip::{Chip, ChipError};
use vgpio_backend::cli::vgpiod;
use vgpio_backend::config::{self, Env};
use vgpio_rcar::Generation;

#[test]
fn check_counts_the_problems() {
    let wrong = "FILE:1:16: 'max-sessions' is 0; give 1 to 65536\n1 problem\n";
    assert_eq!(run_check("", "max-sessions = 0"), (1, wrong.to_owned()));
}

#[test]
fn check_looks_at_the_host_when_told_to() {
    let text = "[[export]]\nname = 'a'\nmap = 'gpiochip9,gpios=1'\n";
    assert_eq!(run_check("", text).0, 0);
    let wrong =
        "FILE:3:7: gpiochip gpiochip9: there is no such chip; there are: pinctrl\n1 problem\n";
    assert_eq!(run_check("--host", text), (1, wrong.to_owned()));
}

/// A host with `gpiochip0` and `gpiochip1`, both labelled `twin`.
fn two_chips(chip: &str) -> Result<Box<dyn Chip>, ChipError> {
    let name = match chip {
        "gpiochip0" | "0" | "/dev/gpiochip0" | "/dev/by-name/left" | "left" => "gpiochip0",
        "gpiochip1" => "gpiochip1",
        _ => return no_chip(chip),
    };
    let block = SimBlock::new(SimOptions {
        generation: Generation::Gen3,
        name: name.into(),
        label: "twin".into(),
        names: vec![(5, "LED1".into())],
    });
    Ok(Box::new(block.chip()))
}

#[test]
fn check_of_the_host_knows_a_line_however_its_chip_is_called() {
    let export = |maps: &str| format!("[[export]]\nname = 'a'\nmap = [{maps}]\n");
    let check = |maps| {
        let text = export(maps);
        config::check_text(&text, Path::new("FILE"), Some(&two_chips), &env())
    };
    let twice = check("'left,gpios=5', '/dev/by-name/left,vgpios=1,gpios=LED1'").unwrap_err();
    let wrong = "FILE:3:24: line 5 of twin is in export 'a' already (3:8); map each line once";
    assert_eq!(twice.to_string(), wrong);
    assert!(check("'gpiochip0,gpios=5', 'gpiochip1,vgpios=1,gpios=5'").is_ok());
    assert!(check("'gpiochip0,gpios=5', 'gpiochip1,vgpios=1,gpios=LED9'").is_err());
}

#[test]
fn check_of_the_host_knows_simulated_chips_by_label_and_name() {
    let sims = "[[sim]]\nmodel = 'rcar-gen3'\nlabel = 'a'\n\
                [[sim]]\nmodel = 'rcar-gen3'\nlabel = 'b'\nnames = { 3 = 'LED1' }\n";
    let text = |map: &str| format!("{sims}[[export]]\nname = 'leds'\nmap = '{map}'\n");
    for map in ["a,gpios=1", "sim0,gpios=1", "sim1,gpios=LED1"] {
        assert_eq!(run_check("--host", &text(map)).0, 0, "{map}");
    }
    let wrong = "FILE:10:7: gpiochip sim2: there is no such chip; there are: a, b, pinctrl\n\
                 1 problem\n";
    assert_eq!(run_check("--host", &text("sim2,gpios=1")), (1, wrong.into()));
    assert_eq!(run_check("--host", &text("sim0,gpios=LED1")).0, 1);
}

#[test]
fn a_line_named_in_two_ways_is_refused_at_the_start_as_far_as_the_chips_are_there() {
    let load = |args: &[&str]| {
        let program = vgpiod::Program::try_parse_from([&["vgpiod"], args].concat()).unwrap();
        config::load(&program.options, &two_chips, &env())
    };
    let twice = load(&["--export", "a=left,gpios=LED1", "--export", "b=0,gpios=5"]).unwrap_err();
    let wrong = "--export b: line 5 of twin is in export 'a' too (--export a), and not both share \
                 it; take it out of one, or set shared in both if it is an input";
    assert_eq!(twice.to_string(), wrong);
    assert!(load(&["--export", "a=later,gpios=LED1", "--export", "b=0,gpios=99"]).is_ok());
}

#[test]
fn one_file_is_not_both_sockets() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(dir.path(), &link).unwrap();
    let paths = [dir.path().join("s"), link.join("s")].map(|path| path.display().to_string());
    let sockets = Env {
        socket: Some(paths[0].clone().into()),
        control: Some(paths[1].clone().into()),
        ..env()
    };
    let program = vgpiod::Program::try_parse_from(["vgpiod", "--allow-line-maps"]).unwrap();
    let load = |env: &Env| config::load(&program.options, &no_chip, env);
    assert!(load(&sockets).unwrap_err().to_string().contains("are both"));
    assert!(load(&Env { control: Some("s".into()), ..sockets }).is_ok());
}

#[test]
fn control_characters_of_the_command_line_are_refused() {
    for (args, place) in [
        (["--sim", "rcar-gen3,label=a\u{7}"], "--sim rcar-gen3,label=a\\u{7}: 'label'"),
        (["--sim", "rcar-gen3,label=a,names=\t"], "--sim rcar-gen3,label=a: 'names'"),
        (["--gpiodev", "chip\n,gpios=1"], "--gpiodev chip\\n: 'name'"),
        (["--export", "a=chip,gpios=\u{1b}"], "--export a: 'gpios'"),
        (["--export", "\r=chip,gpios=1"], "--export \\r: 'name'"),
        (["--allow-line-maps=\n", "-v"], "--allow-line-maps: 'chip'"),
    ] {
        let program = vgpiod::Program::try_parse_from([&["vgpiod"], &args[..]].concat()).unwrap();
        let wrong = config::load(&program.options, &no_chip, &env()).unwrap_err().to_string();
        let expected = format!("{place} has a control character: ");
        assert!(wrong.starts_with(&expected) && wrong.lines().count() == 1, "{wrong}");
    }
}
