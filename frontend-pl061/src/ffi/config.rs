// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settings of lines, as C gives them.

use std::ffi::c_int;

use nix::errno::Errno;
use vgpio_protocol::{Bias, Configure, Directions, Drive, EdgeDetection};

use super::failed;
use super::handle::Extensible;

/// `outputs` and `bits` count.
pub const VGPIO_CONFIG_DIRECTION: u32 = 1;
/// `bias` counts.
pub const VGPIO_CONFIG_BIAS: u32 = 2;
/// `drive` counts.
pub const VGPIO_CONFIG_DRIVE: u32 = 4;
/// `active_low` counts.
pub const VGPIO_CONFIG_ACTIVE_LOW: u32 = 8;
/// `edges` counts.
pub const VGPIO_CONFIG_EDGES: u32 = 16;
/// `debounce_us` counts.
pub const VGPIO_CONFIG_DEBOUNCE: u32 = 32;

/// The bias is left as it is.
pub const VGPIO_BIAS_AS_IS: u8 = 1;
/// No bias.
pub const VGPIO_BIAS_DISABLED: u8 = 2;
/// Pulled high.
pub const VGPIO_BIAS_PULL_UP: u8 = 3;
/// Pulled low.
pub const VGPIO_BIAS_PULL_DOWN: u8 = 4;

/// Both levels are driven.
pub const VGPIO_DRIVE_PUSH_PULL: u8 = 1;
/// Only the low level is driven.
pub const VGPIO_DRIVE_OPEN_DRAIN: u8 = 2;
/// Only the high level is driven.
pub const VGPIO_DRIVE_OPEN_SOURCE: u8 = 3;

/// No changes are reported.
pub const VGPIO_EDGES_NONE: u8 = 0;
/// Becoming active is reported.
pub const VGPIO_EDGES_RISING: u8 = 1;
/// Becoming inactive is reported.
pub const VGPIO_EDGES_FALLING: u8 = 2;
/// Both are reported.
pub const VGPIO_EDGES_BOTH: u8 = 3;

const _: () = assert!(
    VGPIO_BIAS_AS_IS == Bias::AsIs as u8
        && VGPIO_BIAS_DISABLED == Bias::Disabled as u8
        && VGPIO_BIAS_PULL_UP == Bias::PullUp as u8
        && VGPIO_BIAS_PULL_DOWN == Bias::PullDown as u8
        && VGPIO_DRIVE_PUSH_PULL == Drive::PushPull as u8
        && VGPIO_DRIVE_OPEN_DRAIN == Drive::OpenDrain as u8
        && VGPIO_DRIVE_OPEN_SOURCE == Drive::OpenSource as u8
        && VGPIO_EDGES_NONE == EdgeDetection::None as u8
        && VGPIO_EDGES_RISING == EdgeDetection::Rising as u8
        && VGPIO_EDGES_FALLING == EdgeDetection::Falling as u8
        && VGPIO_EDGES_BOTH == EdgeDetection::Both as u8
);

/// New settings for some lines. Set all to zero, then `size` to
/// `sizeof(struct vgpio_line_config)`, then `mask`, `fields` and what `fields` names.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vgpio_line_config {
    /// Size of this structure in bytes.
    pub size: usize,
    /// The lines it applies to.
    pub mask: u64,
    /// Lines of `mask` that become outputs; the others become inputs.
    pub outputs: u64,
    /// The levels of these outputs, taken without another level between.
    pub bits: u64,
    /// `VGPIO_CONFIG_DIRECTION` and so on, or'ed: what is to change.
    pub fields: u32,
    /// Debounce period in microseconds; 0 switches it off.
    pub debounce_us: u32,
    /// `VGPIO_BIAS_PULL_UP` and so on.
    pub bias: u8,
    /// `VGPIO_DRIVE_OPEN_DRAIN` and so on.
    pub drive: u8,
    /// `VGPIO_EDGES_BOTH` and so on: the changes reported while the line is an input.
    pub edges: u8,
    /// 1 if active is the low voltage, else 0.
    pub active_low: u8,
}

// SAFETY: `repr(C)`, begins with a `usize`, and holds numbers.
unsafe impl Extensible for vgpio_line_config {}

/// Every field that there is.
const ALL: u32 = VGPIO_CONFIG_DIRECTION
    | VGPIO_CONFIG_BIAS
    | VGPIO_CONFIG_DRIVE
    | VGPIO_CONFIG_ACTIVE_LOW
    | VGPIO_CONFIG_EDGES
    | VGPIO_CONFIG_DEBOUNCE;

impl vgpio_line_config {
    /// As Rust takes it; -EINVAL for a field or a value that there is not.
    pub(super) fn to_configure(self) -> Result<Configure, c_int> {
        let named = |field| self.fields & field != 0;
        let setting = |field, number| Some(number).filter(|_| named(field));
        if self.fields & !ALL != 0 || named(VGPIO_CONFIG_ACTIVE_LOW) && self.active_low > 1 {
            return Err(failed(Errno::EINVAL));
        }
        let direction = Directions { outputs: self.outputs, bits: self.bits };
        Ok(Configure {
            mask: self.mask,
            direction: Some(direction).filter(|_| named(VGPIO_CONFIG_DIRECTION)),
            bias: known(setting(VGPIO_CONFIG_BIAS, self.bias), Bias::from_wire)?,
            drive: known(setting(VGPIO_CONFIG_DRIVE, self.drive), Drive::from_wire)?,
            active_low: setting(VGPIO_CONFIG_ACTIVE_LOW, self.active_low).map(|on| on == 1),
            edges: known(setting(VGPIO_CONFIG_EDGES, self.edges), EdgeDetection::from_wire)?,
            debounce_us: Some(self.debounce_us).filter(|_| named(VGPIO_CONFIG_DEBOUNCE)),
        })
    }
}

/// The setting of a number, if one is given; -EINVAL if there is no such setting.
fn known<T>(number: Option<u8>, from_wire: fn(u8) -> Option<T>) -> Result<Option<T>, c_int> {
    let setting = |number| from_wire(number).ok_or(failed(Errno::EINVAL));
    number.map(setting).transpose()
}
