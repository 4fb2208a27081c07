// SPDX-License-Identifier: MIT OR Apache-2.0
//! What right configurations become, and what `vgpiod check` prints of them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{CommandFactory, Parser};
use common::config::{env, no_chip, run_check};
use log::LevelFilter;
use vgpio_backend::chip::ChipInfo;
use vgpio_backend::cli::{self, vgpioctl, vgpiod};
use vgpio_backend::config::{
    self, Access, Blocking, ChipConfig, Config, Env, ExportConfig, ExportLine, Keep, Listen,
    NotAllowed, Rule, SimConfig, VhostUserConfig, VhostUserError,
};
use vgpio_protocol::{
    Bias, Drive, EdgeDetection, Init, Limits, LineRef, LineSettings, Period, Safe,
};
use vgpio_rcar::{Generation, Pull};

/// Every key of the file once.
const EVERYTHING: &str = r#"
socket = "/run/a.sock"
control = "/run/b.sock"
max-sessions = 12
keep = "keeper"
grace = "5s"
allow-line-maps = ["e6055400.gpio"]

[[sim]]
model = "rcar-gen3"
label = "e6055400.gpio"
names = { 11 = "LED1", 21 = "BUTTON" }
pulls = { BUTTON = "up", 3 = "down", 4 = "none" }
levels = { 5 = "high", 6 = "low" }
wires = [["LED1", "BUTTON"], [1, 2]]

[[chip]]
chip = "pcf8574"
blocking = "yes"

[[export]]
name = "leds"
map = ["e6055400.gpio,vgpios=0,gpios=11,init=low,safe=low", "gpiochip1,vgpios=1,gpios=7"]
users = [0, 1000]
groups = [998765]

[[export]]
name = "buttons"
watchdog = "500ms"

[[export.lines]]
chip = "e6055400.gpio"
line = "BUTTON"
vgpio = 7
name = "power"
init = "input"
safe = "hold"
bias = "pull-up"
drive = "open-drain"
active-low = true
edges = "falling"
debounce = "5ms"
shared = true
poll = "20ms"
max-toggle-rate = 2.5
min-hold = "1s"

[[export.lines]]
chip = "e6055400.gpio"
line = 4

[[vhost-user]]
socket = "/run/leds.sock"
export = "leds"
"#;

fn check(text: &str) -> Config {
    config::check_text(text, Path::new("FILE"), None, &env()).unwrap()
}

fn load(args: &str) -> Config {
    load_in(args, &env())
}

fn load_in(args: &str, env: &Env) -> Config {
    let program = vgpiod::Program::try_parse_from(args.split_whitespace()).unwrap();
    config::load(&program.options, &no_chip, env).unwrap()
}

fn line(vgpio: u16, chip: &str, line: LineRef) -> ExportLine {
    ExportLine { vgpio, chip: chip.into(), line, name: None, settings: LineSettings::default() }
}

fn led() -> ExportLine {
    let mut led = line(0, "e6055400.gpio", LineRef::Offset(11));
    led.settings.init = Init::Low;
    led.settings.safe = Safe::Low;
    led
}

fn button() -> ExportLine {
    let period = |ms| Some(Period(Duration::from_millis(ms)));
    ExportLine {
        name: Some("power".into()),
        settings: LineSettings {
            init: Init::Input,
            safe: Safe::Hold,
            bias: Bias::PullUp,
            drive: Drive::OpenDrain,
            active_low: true,
            edges: EdgeDetection::Falling,
            debounce: period(5),
            shared: true,
            poll: period(20),
            limits: Limits { max_toggle_rate: "2.5".parse().ok(), min_hold: period(1000) },
        },
        ..line(7, "e6055400.gpio", LineRef::Name("BUTTON".into()))
    }
}

#[test]
fn every_key_of_the_file_is_read() {
    let expected = Config {
        socket: Some(Listen::Path("/run/a.sock".into())),
        control: Some("/run/b.sock".into()),
        max_sessions: 12,
        keep: Keep::Keeper,
        grace: Duration::from_secs(5),
        policy: config::Policy { rules: vec![Rule::Chip("e6055400.gpio".into())] },
        sims: vec![SimConfig {
            model: Generation::Gen3,
            label: "e6055400.gpio".into(),
            names: vec![(11, "LED1".into()), (21, "BUTTON".into())],
            pulls: vec![(3, Pull::Down), (4, Pull::None), (21, Pull::Up)],
            levels: vec![(5, true), (6, false)],
            wires: vec![(11, 21), (1, 2)],
        }],
        chips: vec![ChipConfig { chip: "pcf8574".into(), blocking: Blocking::Yes }],
        exports: vec![
            ExportConfig {
                name: "leds".into(),
                lines: vec![led(), line(1, "gpiochip1", LineRef::Offset(7))],
                access: Access { uids: vec![0, 1000], gids: vec![998_765] },
                watchdog: None,
            },
            ExportConfig {
                name: "buttons".into(),
                lines: vec![button(), line(1, "e6055400.gpio", LineRef::Offset(4))],
                access: Access::default(),
                watchdog: Some(Duration::from_millis(500)),
            },
        ],
        vhost_users: vec![VhostUserConfig {
            socket: Listen::Path("/run/leds.sock".into()),
            export: "leds".into(),
        }],
    };
    assert_eq!(check(EVERYTHING), expected);
}

#[test]
fn an_empty_file_lends_nothing_and_has_the_defaults() {
    let config = check("");
    assert_eq!(config.socket, Some(Listen::Path("/run/user/1000/vgpio/vgpiod.sock".into())));
    assert_eq!(config.control, Some(PathBuf::from("/run/user/1000/vgpio/control.sock")));
    assert_eq!(config.max_sessions, 1024);
    assert_eq!((config.keep, config.grace), (Keep::Auto, Duration::from_secs(30)));
    let keeper = config.keeper().unwrap();
    assert!(keeper.to_str().unwrap().ends_with("vgpiod.sock.keeper"), "{}", keeper.display());
    assert!(config.exports.is_empty() && config.policy.rules.is_empty());
}

#[test]
fn line_maps_are_allowed_for_all_chips_or_none() {
    assert_eq!(check("allow-line-maps = true").policy.rules, [Rule::All]);
    assert_eq!(check("allow-line-maps = false").policy.rules, []);
}

#[test]
fn an_option_overrides_the_environment_which_overrides_the_file() {
    let mut env = env();
    env.is_root = true;
    let path = |config: Config| match config.socket {
        Some(Listen::Path(path)) => (path, config.control.unwrap()),
        other => panic!("{other:?}"),
    };
    let paths = |a: &str, b: &str| (PathBuf::from(a), PathBuf::from(b));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vgpio.toml");
    std::fs::write(&file, EVERYTHING).unwrap();
    let with_file = format!("vgpiod --config {}", file.display());
    assert_eq!(
        path(load_in("vgpiod --allow-line-maps", &env)),
        paths("/run/vgpio/vgpiod.sock", "/run/vgpio/control.sock")
    );
    assert_eq!(path(load_in(&with_file, &env)), paths("/run/a.sock", "/run/b.sock"));
    env.socket = Some("/env/a".into());
    env.control = Some("/env/b".into());
    assert_eq!(path(load_in(&with_file, &env)), paths("/env/a", "/env/b"));
    let args = format!("{with_file} --socket-path /o/a --control /o/b --max-sessions 3");
    let config = load_in(&args, &env);
    assert_eq!(config.max_sessions, 3);
    assert_eq!(path(config), paths("/o/a", "/o/b"));
}

#[test]
fn a_virtio_device_has_a_path_or_a_descriptor_and_an_export() {
    let device = |text: &str| text.parse::<VhostUserConfig>();
    let of = |socket| Ok(VhostUserConfig { socket, export: "leds".into() });
    assert_eq!(device("/run/a,b.sock,export=leds"), of(Listen::Path("/run/a,b.sock".into())));
    assert_eq!(device("fd=3,export=leds"), of(Listen::Fd(3)));
    for text in ["", "/run/a.sock", "/run/a.sock,export=", "export=leds"] {
        assert_eq!(device(text), Err(VhostUserError::NoExport), "{text}");
    }
    assert_eq!(device(",export=leds"), Err(VhostUserError::NoPath));
    assert_eq!(device("fd=2,export=leds"), Err(VhostUserError::Descriptor("fd=2".into())));
    let long = "x".repeat(108);
    assert_eq!(device(&format!("{long},export=leds")), Err(VhostUserError::LongPath(108)));
    let args = "vgpiod --export leds=gpiochip0,gpios=11 --vhost-user /run/g.sock,export=leds";
    assert_eq!(load(args).vhost_users, [device("/run/g.sock,export=leds").unwrap()]);
}

#[test]
fn the_quick_command_line_lends_the_lines_and_allows_maps_of_them() {
    let config = load(
        "vgpiod --sim rcar-gen3,label=e6055400.gpio,names=A::C \
         --gpiodev e6055400.gpio,vgpios=0:1:2,gpios=11:12:A --gpiodev e6055400.gpio,gpios=20 --fd 5",
    );
    assert_eq!(config.socket, Some(Listen::Fd(5)));
    assert_eq!(config.sims[0].names, [(0, "A".into()), (2, "C".into())]);
    let names: Vec<_> = config.exports.iter().map(|export| export.name.as_str()).collect();
    assert_eq!(names, ["e6055400.gpio", "e6055400.gpio-2"]);
    assert_eq!(config.exports[0].lines[2].line, LineRef::Name("A".into()));

    let chip = ChipInfo { name: "sim0".into(), label: "e6055400.gpio".into(), lines: 32 };
    let other = ChipInfo { name: "gpiochip0".into(), label: "pinctrl".into(), lines: 32 };
    let policy = &config.policy;
    assert_eq!(policy.allows(&chip, 11, ""), Ok(()));
    assert_eq!(policy.allows(&chip, 0, "A"), Ok(()));
    assert_eq!(policy.allows(&chip, 20, ""), Ok(()));
    let denied = |chip: &ChipInfo, offset| Err(NotAllowed { chip: chip.label.clone(), offset });
    assert_eq!(policy.allows(&chip, 13, "B"), denied(&chip, 13));
    assert_eq!(policy.allows(&other, 11, ""), denied(&other, 11));
}

#[test]
fn exports_of_the_command_line_allow_no_maps() {
    let config = load("vgpiod --export leds=gpiochip0,gpios=11");
    assert_eq!(config.exports[0].name, "leds");
    assert!(config.policy.rules.is_empty());
}

#[test]
fn maps_are_allowed_for_the_chips_named() {
    let config = load("vgpiod --allow-line-maps=3");
    let chip = |name: &str| ChipInfo { name: name.into(), label: "expander".into(), lines: 8 };
    assert!(config.policy.allows(&chip("gpiochip3"), 1, "").is_ok());
    assert!(config.policy.allows(&chip("gpiochip4"), 1, "").is_err());
    assert_eq!(load("vgpiod --allow-line-maps").policy.rules, [Rule::All]);
}

#[test]
fn the_log_level_follows_the_options() {
    for (option, level) in [
        ("", LevelFilter::Info),
        ("-v", LevelFilter::Debug),
        ("-vv", LevelFilter::Trace),
        ("--quiet", LevelFilter::Error),
        ("--log-level off", LevelFilter::Off),
    ] {
        let args = format!("vgpiod {option}");
        let program = vgpiod::Program::try_parse_from(args.split_whitespace()).unwrap();
        assert_eq!(program.options.log.level(), level, "{option}");
    }
}

#[test]
fn access_is_by_user_or_group_and_open_without_either() {
    let access = Access { uids: vec![5], gids: vec![7] };
    assert!(access.allows(5, 0) && access.allows(0, 7) && !access.allows(7, 5));
    assert!(Access::default().allows(5, 7));
}

#[test]
fn the_file_in_the_documentation_is_right() {
    let page = include_str!("../../docs/config.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    assert_eq!(check(text).exports.len(), 2);
}

#[test]
fn check_prints_the_map() {
    let map = "\
socket /run/a.sock, control /run/b.sock
sim e6055400.gpio [rcar-gen3]
export leds, for users 0, 1000, groups 998765
  vgpio     0 = e6055400.gpio line 11  init=low safe=low
  vgpio     1 = gpiochip1     line 7
export buttons, for anyone, watchdog=500ms
  vgpio     7 = e6055400.gpio line 'BUTTON'  name=\"power\" safe=hold bias=pull-up \
drive=open-drain active-low=on edges=falling debounce=5ms shared=on poll=20ms max-toggle-rate=2.5 min-hold=1s
  vgpio     1 = e6055400.gpio line 4
vhost-user /run/leds.sock, export leds
";
    assert_eq!(run_check("", EVERYTHING), (0, map.to_owned()));
    let (status, out) = run_check("", "");
    let sockets =
        "socket $XDG_RUNTIME_DIR/vgpio/vgpiod.sock, control $XDG_RUNTIME_DIR/vgpio/control.sock\n";
    assert_eq!((status, out.as_str()), (0, sockets));
}

#[test]
fn check_prints_json_for_programs() {
    let (status, out) = run_check("--json", EVERYTHING);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &json["ok"]), (0, &true.into()));
    assert_eq!(json["exports"][1]["lines"][0]["debounce"], "5ms");
    assert_eq!(json["exports"][1]["lines"][0]["max-toggle-rate"], "2.5");
    assert_eq!(json["exports"][1]["lines"][0]["min-hold"], "1s");
    assert_eq!(json["exports"][1]["watchdog"], "500ms");
    let (status, out) = run_check("--json", "max-sessions = 0");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let problem = serde_json::json!({
        "line": 1, "column": 16, "reason": "'max-sessions' is 0", "remedy": "give 1 to 65536",
    });
    assert_eq!((status, &json["problems"][0]), (1, &problem));
}

#[test]
fn help_has_examples_and_exit_statuses() {
    for mut program in [vgpiod::Program::command(), vgpioctl::Program::command()] {
        program.clone().debug_assert();
        let help = program.render_help().to_string();
        assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
    }
}

#[test]
fn the_examples_of_help_are_right() {
    let help = vgpiod::Program::command().render_help().to_string().replace("\\\n", " ");
    let starts = |line: &&str| line.trim_start().starts_with("vgpiod -");
    let examples: Vec<_> = help.lines().filter(starts).collect();
    assert_eq!(examples.len(), 4);
    for example in examples {
        load(example);
    }
    let help = vgpioctl::Program::command().render_help().to_string();
    let examples: Vec<_> = help.lines().filter(|l| l.starts_with("  vgpioctl ")).collect();
    assert_eq!(examples.len(), 10);
    for example in examples {
        let words = example.trim_start().split("  ").next().unwrap().split_whitespace();
        vgpioctl::Program::try_parse_from(words).unwrap();
    }
}

#[test]
fn capabilities_are_json() {
    let json: serde_json::Value = serde_json::from_str(&vgpiod::capabilities()).unwrap();
    assert_eq!(json["protocol"]["max"], 1);
}

#[test]
fn man_pages_and_completions_are_made_for_the_programs() {
    let dir = tempfile::tempdir().unwrap();
    cli::write_man(dir.path()).unwrap();
    let pages =
        ["vgpiod.1", "vgpiod-check.1", "vgpioctl.1", "vgpioctl-press.1", "vhost-user-gpio.1"];
    for page in pages {
        assert!(dir.path().join(page).exists(), "{page}");
    }
    let mut script = Vec::new();
    let program = vgpioctl::Program::command();
    cli::completions(clap_complete::Shell::Bash, program, &mut script).unwrap();
    assert!(String::from_utf8(script).unwrap().contains("press"));
}
