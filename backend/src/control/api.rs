// SPDX-License-Identifier: MIT OR Apache-2.0
//! What travels over the control socket (`docs/control.md`).

use serde::{Deserialize, Serialize};
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};

use super::word;

/// A line as the user names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineName {
    /// Label, name, number or path of the chip; without it all are searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
    /// Offset or name.
    pub line: OffsetOrName,
    /// A name even if it looks like an offset.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_name: bool,
}

/// A line's offset (11, or "11" when the chip is given) or its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "'line' is not an offset, 11, or a name, \"LED1\"")]
pub enum OffsetOrName {
    /// An offset.
    Offset(u32),
    /// A name, or an offset in digits.
    Text(String),
}

/// The resistor on a pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pull {
    /// None.
    None,
    /// To the supply.
    Up,
    /// To ground.
    Down,
}

/// Why a command failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The line is no JSON object.
    BadJson,
    /// Something is missing, unknown, or of the wrong type.
    BadRequest,
    /// There is no such command.
    UnknownCommand,
    /// The line is longer than 64 KiB.
    TooLong,
    /// There is no such chip.
    NoChip,
    /// There is no such line.
    NoLine,
    /// Several chips or lines are meant.
    Ambiguous,
    /// Only simulated chips have pads.
    NotSimulated,
    /// Somebody else uses it.
    Busy,
    /// As many clients are served as may be.
    TooManyClients,
    /// The host denies it.
    Permission,
    /// The host failed in another way.
    Host,
    /// A code of a newer daemon.
    #[serde(other)]
    Unknown,
}

/// A command that was refused, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs.
    pub code: Code,
    /// For people.
    pub message: String,
}

/// A gpiochip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChipReport {
    /// Its name: `gpiochip0`, `sim0`.
    pub name: String,
    /// Its label.
    pub label: String,
    /// How many lines it has.
    pub lines: u32,
    /// The simulated block, `rcar-gen3`; none of a chip of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<String>,
}

/// A line of a chip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReport {
    /// Name of the chip.
    pub chip: String,
    /// Offset on the chip.
    pub offset: u32,
    /// Its name; may be empty.
    pub name: String,
    /// Who holds it, as the kernel says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
    /// The session that holds it, if it is one of this daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Its direction.
    #[serde(with = "word")]
    pub direction: Direction,
    /// Whether active is the low voltage.
    pub active_low: bool,
    /// Its bias.
    #[serde(with = "word")]
    pub bias: Bias,
    /// How it is driven.
    #[serde(with = "word")]
    pub drive: Drive,
    /// Edges detected.
    #[serde(with = "word")]
    pub edges: EdgeDetection,
    /// Debounce period in microseconds, 0 for none.
    pub debounce_us: u32,
}

/// The session that holds a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Number of the session.
    pub session: u32,
    /// The export it is attached to; none if it attached by line map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
}

/// A line's level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelReport {
    /// Name of the chip.
    pub chip: String,
    /// Offset on the chip.
    pub offset: u32,
    /// The line's name; may be empty.
    pub name: String,
    /// 1 is active.
    pub level: u8,
}

/// A line that is monitored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitoredLine {
    /// Name of the chip.
    pub chip: String,
    /// Offset on the chip.
    pub offset: u32,
    /// The line's name; may be empty.
    pub name: String,
}

/// The daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Milliseconds since it started.
    pub uptime_ms: u64,
    /// Where frontends connect: a path, or `fd 3`; `None` where only virtual machine monitors do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// The control socket.
    pub control: Option<String>,
    /// What it lends.
    pub exports: Vec<ExportReport>,
    /// Who is connected.
    pub sessions: Vec<SessionReport>,
    /// Lines that are held for guests that had them of another daemon.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaited: Vec<AwaitedReport>,
}

/// Lines of one chip that are held for a guest that had them of another daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedReport {
    /// What the guest called itself.
    pub name: String,
    /// Its process.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// The export it was attached to; none if it attached by line map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
    /// Label of the chip.
    pub chip: String,
    /// The lines.
    pub lines: Vec<HeldLine>,
}

/// A line that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLine {
    /// Offset on the chip.
    pub line: u32,
    /// Its state.
    pub state: LineState,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportReport {
    /// Its name.
    pub name: String,
    /// Its lines.
    pub lines: Vec<MappedLine>,
    /// Sessions attached to it.
    pub sessions: Vec<u32>,
    /// Milliseconds in which a frontend must answer; none if it is not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watchdog_ms: Option<u64>,
    /// Sessions of it that have ended because their frontend did not answer.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unanswered: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// A line of a guest's controller and the host line behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedLine {
    /// The guest controller's line.
    pub vgpio: u16,
    /// Label of the chip.
    pub chip: String,
    /// Offset on the chip, or the name while the chip is not known.
    pub line: OffsetOrName,
    /// Its name; may be empty.
    pub name: String,
    /// Changes of it that were refused because they came too soon or too often, in a session; whoever
    /// had the line.
    #[serde(default, skip_serializing_if = "is_none")]
    pub refused: u64,
    /// Its state, in a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<LineState>,
}

/// The state of an attached line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineState {
    /// Its direction.
    #[serde(with = "word")]
    pub direction: Direction,
    /// 1 is active; the last known level.
    pub level: u8,
    /// Whether the chip is gone.
    pub lost: bool,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReport {
    /// Its number.
    pub id: u32,
    /// The name that the frontend gave; may be empty.
    pub name: String,
    /// Whether it is a guest with a virtio device, which a virtual machine monitor connects by vhost-user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub virtio: bool,
    /// Who is connected, as the kernel says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Peer>,
    /// The export it is attached to; none before that, and none if it attached by line map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
    /// Its lines; none before it is attached.
    pub lines: Vec<MappedLine>,
    /// Milliseconds since it connected.
    pub age_ms: u64,
    /// What it did.
    pub counters: Counters,
}

/// A process at the other end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its number.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
}

/// What a session did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Messages received.
    pub messages_in: u64,
    /// Messages sent.
    pub messages_out: u64,
    /// SET messages carried out.
    pub sets: u64,
    /// CONFIGURE messages carried out.
    pub configures: u64,
    /// Edges sent.
    pub edges: u64,
    /// Edges known to be lost.
    pub edges_lost: u64,
    /// Errors sent.
    pub errors: u64,
}

/// A change of a monitored line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Name of the chip.
    pub chip: String,
    /// Offset on the chip.
    pub offset: u32,
    /// The line's name; may be empty.
    pub name: String,
    /// After the change; 1 is active, of a `pad` 1 is high.
    pub level: u8,
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    pub timestamp_ns: u64,
    /// What changed it.
    pub kind: EventKind,
    /// Who drives it after the change; told of a `pad` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driven_by: Option<Driver>,
}

/// How a change was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The chip detected an edge of an input.
    Edge,
    /// A frontend changed an output.
    Set,
    /// The level of a simulated pad changed.
    Pad,
}

/// Who drives a simulated pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// The chip: the line is an output.
    Chip,
    /// The outside, if anything: a button, a wire, a pull. The line is an input.
    Outside,
    /// Both, against each other.
    Both,
}
