// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpiod check`.

use std::path::Path;

use serde_json::{Value, json};
use vgpio_protocol::{LineSettings, Period};

use crate::chain;
use crate::config::{
    Access, Config, ConfigError, Env, ExportConfig, Listen, Open, Place, Problem, check_file,
};

/// The exit status, and what is wrong or the map.
pub(super) fn run(path: &Path, open: Option<&Open>, json: bool, env: &Env) -> (u8, String) {
    let mut env = env.clone();
    // Whoever checks a file need not be able to run it.
    env.runtime_dir.get_or_insert_with(|| "$XDG_RUNTIME_DIR".into());
    let checked = check_file(path, open, &env);
    let text = match (&checked, json) {
        (Ok(config), false) => table(config),
        (Ok(config), true) => format!("{:#}\n", config_json(config)),
        (Err(error), false) => format!("{}\n", wrong(error)),
        (Err(error), true) => format!("{:#}\n", error_json(path, error)),
    };
    (checked.is_err().into(), text)
}

fn wrong(error: &ConfigError) -> String {
    match error {
        ConfigError::Wrong { problems, .. } => match problems.len() {
            1 => format!("{error}\n1 problem"),
            n => format!("{error}\n{n} problems"),
        },
        other => chain(other),
    }
}

fn error_json(path: &Path, error: &ConfigError) -> Value {
    let problems = match error {
        ConfigError::Wrong { problems, .. } => problems.iter().map(problem_json).collect(),
        other => vec![json!({"reason": chain(other)})],
    };
    json!({"ok": false, "file": path, "problems": problems})
}

fn problem_json(problem: &Problem) -> Value {
    let mut json = json!({
        "reason": problem.fault.to_string(),
        "remedy": problem.fault.remedy(),
    });
    if let Place::File { line, column } = problem.place {
        json["line"] = line.into();
        json["column"] = column.into();
    }
    json
}

/// The configuration for people.
fn table(config: &Config) -> String {
    let frontends = config.socket.as_ref().map(|socket| format!("socket {socket}"));
    let control = config.control.as_ref().map(|path| format!("control {}", path.display()));
    let doors: Vec<_> = [frontends, control].into_iter().flatten().collect();
    let mut rows = vec![doors.join(", ")];
    for sim in &config.sims {
        rows.push(format!("sim {} [{}]", sim.label, sim.model));
    }
    for export in &config.exports {
        let watchdog = export.watchdog.map(|period| format!(", watchdog={}", Period(period)));
        let watchdog = watchdog.unwrap_or_default();
        rows.push(format!("export {}, for {}{watchdog}", export.name, who(&export.access)));
        rows.extend(lines(export));
    }
    for device in &config.vhost_users {
        rows.push(format!("vhost-user {}, export {}", device.socket, device.export));
    }
    rows.join("\n") + "\n"
}

fn who(access: &Access) -> String {
    let ids = |kind: &str, ids: &[u32]| {
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        (!ids.is_empty()).then(|| format!("{kind} {}", ids.join(", ")))
    };
    let named: Vec<_> =
        [ids("users", &access.uids), ids("groups", &access.gids)].into_iter().flatten().collect();
    if named.is_empty() {
        return "anyone".into();
    }
    named.join(", ")
}

fn lines(export: &ExportConfig) -> Vec<String> {
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let chip = width(&mut export.lines.iter().map(|line| line.chip.chars().count()));
    let name = width(&mut export.lines.iter().map(|line| line.line.to_string().chars().count()));
    let row = |line: &crate::config::ExportLine| {
        let row = format!(
            "  vgpio {:>5} = {:chip$} line {:name$}  {}",
            line.vgpio,
            line.chip,
            line.line.to_string(),
            words(&line.settings, line.name.as_deref())
        );
        row.trim_end().to_owned()
    };
    export.lines.iter().map(row).collect()
}

/// The settings that are not the default, as a line map has them.
fn words(settings: &LineSettings, name: Option<&str>) -> String {
    let default = LineSettings::default();
    let differs = |is: bool, text: String| is.then_some(text);
    let words = [
        name.map(|name| format!("name=\"{name}\"")),
        differs(settings.init != default.init, format!("init={}", settings.init)),
        differs(settings.safe != default.safe, format!("safe={}", settings.safe)),
        differs(settings.bias != default.bias, format!("bias={}", settings.bias)),
        differs(settings.drive != default.drive, format!("drive={}", settings.drive)),
        differs(settings.active_low, "active-low=on".into()),
        differs(settings.edges != default.edges, format!("edges={}", settings.edges)),
        settings.debounce.map(|period| format!("debounce={period}")),
        differs(settings.shared, "shared=on".into()),
        settings.poll.map(|period| format!("poll={period}")),
        settings.limits.max_toggle_rate.map(|rate| format!("max-toggle-rate={rate}")),
        settings.limits.min_hold.map(|period| format!("min-hold={period}")),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The configuration for programs.
fn config_json(config: &Config) -> Value {
    let exports: Vec<_> = config.exports.iter().map(export_json).collect();
    let sims: Vec<_> = config
        .sims
        .iter()
        .map(|sim| json!({"model": sim.model.name(), "label": sim.label}))
        .collect();
    let socket = |socket: &Listen| match socket {
        Listen::Path(path) => json!(path),
        Listen::Fd(fd) => json!({"fd": fd}),
    };
    let devices = config.vhost_users.iter();
    let devices =
        devices.map(|device| json!({"socket": socket(&device.socket), "export": device.export}));
    json!({
        "ok": true,
        "socket": config.socket.as_ref().map(socket),
        "control": config.control,
        "max-sessions": config.max_sessions,
        "sims": sims,
        "exports": exports,
        "vhost-users": devices.collect::<Vec<_>>(),
    })
}

fn export_json(export: &ExportConfig) -> Value {
    let lines: Vec<_> = export
        .lines
        .iter()
        .map(|line| {
            let settings = &line.settings;
            json!({
                "vgpio": line.vgpio,
                "chip": line.chip,
                "line": match &line.line {
                    vgpio_protocol::LineRef::Offset(offset) => json!(offset),
                    vgpio_protocol::LineRef::Name(name) => json!(name),
                },
                "name": line.name,
                "init": settings.init.word(),
                "safe": settings.safe.word(),
                "bias": settings.bias.word(),
                "drive": settings.drive.word(),
                "active-low": settings.active_low,
                "edges": settings.edges.word(),
                "debounce": settings.debounce.map(|period| period.to_string()),
                "shared": settings.shared,
                "poll": settings.poll.map(|period| period.to_string()),
                "max-toggle-rate": settings.limits.max_toggle_rate.map(|rate| rate.to_string()),
                "min-hold": settings.limits.min_hold.map(|period| period.to_string()),
            })
        })
        .collect();
    json!({
        "name": export.name,
        "users": export.access.uids,
        "groups": export.access.gids,
        "watchdog": export.watchdog.map(|period| Period(period).to_string()),
        "lines": lines,
    })
}
