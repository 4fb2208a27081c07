// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any text as a configuration file: what is accepted is checked, what is wrong has a place and a reason.

use std::collections::HashSet;
use std::path::Path;

use vgpio_backend::config::{
    Config, ConfigError, Env, ExportConfig, Place, Problem, SimConfig, check_text,
};
use vgpio_protocol::limits::{MAX_LINES, MAX_NAME};
use vgpio_rcar::LINES;
use vgpio_virtio::MAX_LINE;

/// The configuration file.
///
/// # Panics
/// A configuration breaks what [`Config`] promises, or a problem has no place in the text.
pub fn config(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let env = Env { runtime_dir: Some("/run/user/1000".into()), ..Env::default() };
    match check_text(text, Path::new("FILE"), None, &env) {
        Ok(config) => accepted(&config),
        Err(ConfigError::Wrong { problems, .. }) => {
            assert!(!problems.is_empty());
            for problem in &problems {
                refused(problem, text);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn accepted(config: &Config) {
    assert!((1..=65536).contains(&config.max_sessions));
    assert!(!config.doors().is_empty() && config.keeper().is_some());
    let names: HashSet<_> = config.exports.iter().map(|export| &export.name).collect();
    assert_eq!(names.len(), config.exports.len(), "an export is there twice");
    config.exports.iter().for_each(export);
    config.sims.iter().for_each(sim);
    for device in &config.vhost_users {
        let export = config.exports.iter().find(|export| export.name == device.export);
        let lines = &export.expect("the export of a device is there").lines;
        assert!(lines.iter().all(|line| line.vgpio <= MAX_LINE), "{device:?}");
    }
}

fn export(export: &ExportConfig) {
    assert!((1..=MAX_NAME).contains(&export.name.len()));
    assert!((1..=MAX_LINES).contains(&export.lines.len()));
    let vgpios: HashSet<_> = export.lines.iter().map(|line| line.vgpio).collect();
    assert_eq!(vgpios.len(), export.lines.len(), "a vgpio is there twice");
    let lines: HashSet<_> =
        export.lines.iter().map(|line| (&line.chip, format!("{:?}", line.line))).collect();
    assert_eq!(lines.len(), export.lines.len(), "a line is there twice");
    let names = export.lines.iter().filter_map(|line| line.name.as_deref());
    for name in names.chain([export.name.as_str()]) {
        assert!(name.len() <= MAX_NAME && !name.contains(char::is_control), "{name:?}");
    }
}

fn sim(sim: &SimConfig) {
    let offsets: HashSet<_> = sim.names.iter().map(|(offset, _)| offset).collect();
    let names: HashSet<_> = sim.names.iter().map(|(_, name)| name).collect();
    assert_eq!((offsets.len(), names.len()), (sim.names.len(), sim.names.len()));
    let pulls = sim.pulls.iter().map(|(pad, _)| pad);
    let levels = sim.levels.iter().map(|(pad, _)| pad);
    let wires = sim.wires.iter().flat_map(|(a, b)| [a, b]);
    assert!(offsets.into_iter().chain(pulls).chain(levels).chain(wires).all(|pad| *pad < LINES));
}

fn refused(problem: &Problem, text: &str) {
    assert!(!problem.to_string().is_empty());
    let Place::File { line, column } = &problem.place else {
        panic!("{problem} has no place");
    };
    // The place behind the last character is one, too.
    let lines: Vec<_> = text.split('\n').collect();
    let within = line.checked_sub(1).and_then(|i| lines.get(i));
    let within = within.is_some_and(|text| (1..=text.chars().count() + 1).contains(column));
    assert!(within, "{problem} is not in the text");
}
