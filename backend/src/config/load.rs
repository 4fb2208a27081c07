// SPDX-License-Identifier: MIT OR Apache-2.0
//! File and command line together.

use std::path::{Path, PathBuf};

use super::check::{self, Lines};
use super::draft::{Draft, ExportDraft, Placed};
use super::host::{Open, Present, Seen, Unseen};
use super::policy::Rule;
use super::problem::{ConfigError, Fault, Place, Problem};
use super::sockets::Env;
use super::{
    Access, Config, DEFAULT_GRACE, DEFAULT_MAX_SESSIONS, ExportLine, Keep, Listen, Policy,
    VhostUserConfig, file,
};
use crate::cli::vgpiod::{ALL_CHIPS, NamedMap, Options};

/// Makes the configuration of the daemon. `open` opens chips of this host, so that a line which
/// is named in two ways is known for one; those that are not there are passed over.
///
/// # Errors
/// All that is wrong.
pub fn load(options: &Options, open: &Open, env: &Env) -> Result<Config, ConfigError> {
    let (mut draft, problems) = match &options.config {
        Some(path) => file::read(&read(path)?),
        None => <_>::default(),
    };
    add_options(&mut draft, options);
    let draft = checked(draft, problems, options.config.as_deref(), &mut Present(Seen::new(open)))?;
    if draft.exports.is_empty() && draft.rules.is_empty() && draft.sims.is_empty() {
        return Err(ConfigError::Nothing);
    }
    config(draft, options, env)
}

/// Makes the configuration of a daemon that has one virtio GPIO device only: that of an export, or of the
/// one line map of the options. There is no socket for frontends, and one for `vgpioctl` only by an option;
/// what a file says of these is for another daemon. The lines must be there.
///
/// # Errors
/// All that is wrong.
pub fn load_device(
    options: &Options,
    socket: Listen,
    export: Option<&str>,
    open: &Open,
) -> Result<Config, ConfigError> {
    let (mut draft, problems) = match &options.config {
        Some(path) => file::read(&read(path)?),
        None => <_>::default(),
    };
    draft.vhost_users.clear();
    add_options(&mut draft, options);
    let made = draft.exports.last().map(|export| export.name.as_str());
    let place = export.map_or_else(|| "--gpiodev".to_owned(), |name| format!("--export {name}"));
    let place = Place::Option(place);
    let export = export.or(made).ok_or(ConfigError::Nothing)?.to_owned();
    // What is wrong with others is not its business; where it is not there, they are told.
    if draft.exports.iter().any(|other| other.name == export) {
        draft.exports.retain(|other| other.name == export);
    }
    draft.vhost_users.push(Placed { place, value: VhostUserConfig { socket, export } });
    let draft = checked(draft, problems, options.config.as_deref(), &mut Seen::new(open))?;
    // Its monitor does not connect again, and nobody else is to have its lines.
    let options = Options { keep: Some(Keep::Off), ..options.clone() };
    assemble(draft, None, options.control.clone(), &options)
}

/// Checks a file, and with `open` also that this host has its chips and lines. Takes no line.
///
/// # Errors
/// All that is wrong.
pub fn check_file(path: &Path, open: Option<&Open>, env: &Env) -> Result<Config, ConfigError> {
    check_text(&read(path)?, path, open, env)
}

/// As [`check_file`], of a text; `path` is for messages.
///
/// # Errors
/// All that is wrong.
pub fn check_text(
    text: &str,
    path: &Path,
    open: Option<&Open>,
    env: &Env,
) -> Result<Config, ConfigError> {
    let (draft, problems) = file::read(text);
    let mut seen = open.map(Seen::new);
    let host: &mut dyn Lines = match &mut seen {
        Some(seen) => seen,
        None => &mut Unseen,
    };
    let draft = checked(draft, problems, Some(path), host)?;
    config(draft, &Options::default(), env)
}

/// The draft, if nothing is wrong with its parts nor between them.
fn checked(
    draft: Draft,
    mut problems: Vec<Problem>,
    file: Option<&Path>,
    host: &mut dyn Lines,
) -> Result<Draft, ConfigError> {
    let is_toml = !problems.iter().any(|p| matches!(p.fault, Fault::Syntax(_)));
    if is_toml {
        problems.extend(check::check(&draft, host));
    }
    if problems.is_empty() {
        return Ok(draft);
    }
    // Those of the command line, which has an order already, go last.
    problems.sort_by_key(|problem| match problem.place {
        Place::File { line, column } => (line, column),
        Place::Option(_) => (usize::MAX, 0),
    });
    let file = file.map(Path::to_owned);
    Err(ConfigError::Wrong { file, problems })
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

fn config(draft: Draft, options: &Options, env: &Env) -> Result<Config, ConfigError> {
    let socket = match options.fd {
        Some(fd) => Listen::Fd(fd),
        None => Listen::Path(env.socket(options.socket_path.as_deref(), draft.socket.as_deref())?),
    };
    let control = env.control(options.control.as_deref(), draft.control.as_deref())?;
    if matches!(&socket, Listen::Path(socket) if is_same(socket, &control)) {
        return Err(ConfigError::OneSocket(control));
    }
    assemble(draft, Some(socket), Some(control), options)
}

fn assemble(
    draft: Draft,
    socket: Option<Listen>,
    control: Option<PathBuf>,
    options: &Options,
) -> Result<Config, ConfigError> {
    let max_sessions = options.max_sessions.or(draft.max_sessions);
    let grace = options.grace.or(draft.grace).map(|period| period.0);
    let vhost_users: Vec<_> = draft.vhost_users.into_iter().map(|device| device.value).collect();
    for (i, device) in vhost_users.iter().enumerate() {
        let others = vhost_users.iter().take(i).map(|other| &other.socket).chain(&socket);
        let mut others = others.cloned().chain(control.clone().map(Listen::Path));
        let is_used = |other: Listen| match (&device.socket, other) {
            (Listen::Path(path), Listen::Path(other)) => is_same(path, &other),
            (own, other) => *own == other,
        };
        if others.any(is_used) {
            return Err(ConfigError::VhostUserSocket(device.socket.clone()));
        }
    }
    Ok(Config {
        socket,
        control,
        max_sessions: max_sessions.unwrap_or(DEFAULT_MAX_SESSIONS),
        policy: Policy { rules: draft.rules },
        sims: draft.sims.into_iter().map(|sim| sim.value).collect(),
        chips: draft.chips.into_iter().map(|chip| chip.value).collect(),
        exports: draft.exports.into_iter().map(Into::into).collect(),
        vhost_users,
        keep: options.keep.or(draft.keep).unwrap_or_default(),
        grace: grace.unwrap_or(DEFAULT_GRACE),
    })
}

/// Whether two paths lead to one file, whether or not it is there.
fn is_same(a: &Path, b: &Path) -> bool {
    let place = |path: &Path| {
        let path = std::path::absolute(path).ok()?;
        let folder = path.parent()?;
        Some(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()).join(path.file_name()?))
    };
    a == b || place(a).is_some_and(|a| place(b) == Some(a))
}

fn add_options(draft: &mut Draft, options: &Options) {
    for allowed in &options.allow_line_maps {
        draft.rules.push(match allowed.as_str() {
            ALL_CHIPS => Rule::All,
            chip => Rule::Chip(chip.to_owned()),
        });
    }
    draft.sims.extend(options.sim.iter().map(|sim| Placed {
        place: Place::Option(format!("--sim {},label={}", sim.model, sim.label)),
        value: sim.clone(),
    }));
    for map in &options.gpiodev {
        draft.rules.push(map.into());
        let name = free_name(&draft.exports, &map.chip);
        let place = Place::Option(format!("--gpiodev {}", map.chip));
        draft.exports.push(export(name, place, map.clone(), options.watchdog));
    }
    for NamedMap { name, map } in &options.export {
        let place = Place::Option(format!("--export {name}"));
        draft.exports.push(export(name.clone(), place, map.clone(), options.watchdog));
    }
    draft.vhost_users.extend(options.vhost_user.iter().map(|device| Placed {
        place: Place::Option(format!("--vhost-user ...,export={}", device.export)),
        value: device.clone(),
    }));
}

/// The chip's name, or with a number behind it when several maps are of one chip.
fn free_name(exports: &[ExportDraft], chip: &str) -> String {
    let numbered = (2..).map(|n| format!("{chip}-{n}"));
    let names = std::iter::once(chip.to_owned()).chain(numbered);
    let is_free = |name: &String| exports.iter().all(|export| export.name != *name);
    let mut free = names.filter(is_free);
    free.next().expect("numbers do not end")
}

fn export(
    name: String,
    place: Place,
    map: vgpio_protocol::LineMap,
    watchdog: Option<vgpio_protocol::Period>,
) -> ExportDraft {
    let lines = ExportLine::of_map(map).map(|value| Placed { place: place.clone(), value });
    ExportDraft { name, lines: lines.collect(), access: Access::default(), watchdog, place }
}
