// SPDX-License-Identifier: MIT OR Apache-2.0
//! CONFIGURE: new settings for a set of lines.

use crate::bytes::{Reader, put_u32, put_u64};
use crate::error::DecodeError;
use crate::settings::{Bias, Drive, EdgeDetection};

/// New settings for the lines in `mask`; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Configure {
    /// The lines it applies to.
    pub mask: u64,
    /// New directions and levels.
    pub direction: Option<Directions>,
    /// New bias.
    pub bias: Option<Bias>,
    /// New drive.
    pub drive: Option<Drive>,
    /// Whether active is the low voltage.
    pub active_low: Option<bool>,
    /// New edge detection.
    pub edges: Option<EdgeDetection>,
    /// New debounce period in microseconds; 0 switches it off.
    pub debounce_us: Option<u32>,
}

/// Direction of each line of a CONFIGURE, and the level of those that are outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directions {
    /// Bit set: output; a subset of the mask.
    pub outputs: u64,
    /// Level of each output; a subset of `outputs`.
    pub bits: u64,
}

const DIRECTION: u32 = 1 << 0;
const BIAS: u32 = 1 << 1;
const DRIVE: u32 = 1 << 2;
const ACTIVE_LOW: u32 = 1 << 3;
const EDGES: u32 = 1 << 4;
const DEBOUNCE: u32 = 1 << 5;
const ALL: u32 = DIRECTION | BIAS | DRIVE | ACTIVE_LOW | EDGES | DEBOUNCE;

impl Configure {
    /// Directions only, in one message: what a store to a direction register becomes.
    #[must_use]
    pub fn directions(mask: u64, outputs: u64, bits: u64) -> Self {
        Self { mask, direction: Some(Directions { outputs, bits }), ..Self::default() }
    }

    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mask, outputs, bits, fields) = (r.u64()?, r.u64()?, r.u64()?, r.u32()?);
        let (bias, drive, active_low, edges) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
        let debounce_us = r.u32()?;
        if fields & !ALL != 0 {
            return Err(DecodeError::BadValue("reserved fields of CONFIGURE"));
        }
        if outputs & !mask != 0 || bits & !outputs != 0 {
            return Err(DecodeError::BadValue("outputs or bits outside the mask of CONFIGURE"));
        }
        let direction =
            field(fields, DIRECTION, outputs, "outputs without direction", |outputs| {
                Some(Directions { outputs, bits })
            })?;
        Ok(Self {
            mask,
            direction,
            bias: field(fields, BIAS, bias, "bias", Bias::from_wire)?,
            drive: field(fields, DRIVE, drive, "drive", Drive::from_wire)?,
            active_low: field(fields, ACTIVE_LOW, active_low, "active_low", |b| {
                (b <= 1).then_some(b == 1)
            })?,
            edges: field(fields, EDGES, edges, "edges", EdgeDetection::from_wire)?,
            debounce_us: field(fields, DEBOUNCE, debounce_us, "debounce_us", Some)?,
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let directions = self.direction.unwrap_or_default();
        let present = [
            (self.direction.is_some(), DIRECTION),
            (self.bias.is_some(), BIAS),
            (self.drive.is_some(), DRIVE),
            (self.active_low.is_some(), ACTIVE_LOW),
            (self.edges.is_some(), EDGES),
            (self.debounce_us.is_some(), DEBOUNCE),
        ];
        put_u64(out, self.mask);
        put_u64(out, directions.outputs);
        put_u64(out, directions.bits);
        put_u32(out, present.iter().filter(|(p, _)| *p).map(|(_, bit)| bit).sum());
        out.push(self.bias.map_or(0, Bias::to_wire));
        out.push(self.drive.map_or(0, Drive::to_wire));
        out.push(self.active_low.map_or(0, u8::from));
        out.push(self.edges.map_or(0, EdgeDetection::to_wire));
        put_u32(out, self.debounce_us.unwrap_or(0));
    }
}

/// A field that is present when its bit is set, and must be zero when not.
fn field<W: Copy + Default + PartialEq, T>(
    fields: u32,
    bit: u32,
    wire: W,
    name: &'static str,
    parse: impl FnOnce(W) -> Option<T>,
) -> Result<Option<T>, DecodeError> {
    if fields & bit != 0 {
        parse(wire).map(Some).ok_or(DecodeError::BadValue(name))
    } else if wire == W::default() {
        Ok(None)
    } else {
        Err(DecodeError::BadValue(name))
    }
}
