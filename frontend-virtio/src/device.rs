// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device: requests and buffers of a guest in, messages to the session out.

use std::collections::VecDeque;

use thiserror::Error;
use vgpio_protocol::{Configure, EdgeDetection, LineSet, Lines, Request as Message};

use crate::layout::{
    CONFIG_SIZE, Direction, IrqStatus, IrqType, Kind, MAX_LINE, Request, Response,
};
use crate::line::{Giving, Line};
use crate::names;
use crate::operation::{Operation, Work};
use crate::session::Posts;

/// A virtio GPIO device. `B` is what the transport knows a buffer of the event queue by.
#[derive(Debug)]
pub struct Device<B> {
    /// In the session's order.
    pub(crate) lines: Vec<Line<B>>,
    /// The session's line, by the guest's.
    by_number: Vec<Option<u8>>,
    names: Vec<u8>,
    has_interrupts: bool,
    pub(crate) posts: Posts,
    pub(crate) operation: Option<Operation>,
    /// The request that comes next.
    pub(crate) held: Option<Request>,
    pub(crate) response: Option<Response>,
    pub(crate) returned: VecDeque<(B, IrqStatus)>,
    pub(crate) check: Check,
    /// Messages that restore lines, and which.
    pub(crate) restoring: Vec<(u64, usize)>,
}

/// Lines whose level is asked for before it makes an interrupt: what is known of it may be older than
/// the buffer that unmasks it.
#[derive(Debug, Default)]
pub(crate) struct Check {
    /// To be asked for.
    pub wanted: u64,
    /// The message that asks for some, and which; none is on its way otherwise.
    pub asked: Option<(u64, u64)>,
}

impl Check {
    /// Ends with the answer to this message, if it is the one; returns the lines.
    pub fn end(&mut self, seq: u64) -> Option<u64> {
        self.asked.take_if(|(asked, _)| *asked == seq).map(|(_, lines)| lines)
    }
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The response.
    Now(Response),
    /// The status is good, and the value is [`Device::names`].
    Names,
    /// [`Device::take_response`] will have it. Until then there may be no other request.
    Later,
}

/// Lines that no virtio GPIO device can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("line {0} is too high for virtio, whose last is {MAX_LINE}; give the line a lower vgpio")]
pub struct DeviceError(
    /// The guest's line.
    pub u16,
);

impl<B> Device<B> {
    /// A device with the lines that a session has attached. The number of a line is its `vgpio`; numbers
    /// between that no line has belong to lines without direction, of which every other request fails.
    ///
    /// # Errors
    /// A line's number is above [`MAX_LINE`].
    pub fn new(attached: &Lines<'_>) -> Result<Self, DeviceError> {
        let last = attached.iter().map(|line| line.vgpio).max().unwrap_or(0);
        if last > MAX_LINE {
            return Err(DeviceError(last));
        }
        let mut by_number = vec![None; usize::from(last) + 1];
        for (i, line) in (0..).zip(attached.iter()) {
            if let Some(index) = by_number.get_mut(usize::from(line.vgpio)) {
                *index = Some(i);
            }
        }
        Ok(Self {
            lines: attached.iter().map(|entry| Line::new(&entry)).collect(),
            by_number,
            names: names::block(attached, last + 1),
            has_interrupts: false,
            posts: Posts::new(),
            operation: None,
            held: None,
            response: None,
            returned: VecDeque::new(),
            check: Check::default(),
            restoring: Vec::new(),
        })
    }

    /// `struct virtio_gpio_config`: how many lines there are, and how many bytes their names take.
    #[must_use]
    pub fn config(&self) -> [u8; CONFIG_SIZE] {
        let count = u16::try_from(self.by_number.len()).unwrap_or(u16::MAX).to_le_bytes();
        let size = u32::try_from(self.names.len()).unwrap_or(0).to_le_bytes();
        let mut config = [0; CONFIG_SIZE];
        for (to, byte) in config.iter_mut().zip(count.iter().chain(&[0, 0]).chain(&size)) {
            *to = *byte;
        }
        config
    }

    /// Names of the lines, each with a zero behind it; empty when none has one.
    #[must_use]
    pub fn names(&self) -> &[u8] {
        &self.names
    }

    /// Says whether the driver has accepted [`FEATURE_IRQ`](crate::FEATURE_IRQ).
    pub fn set_interrupts(&mut self, negotiated: bool) {
        self.has_interrupts = negotiated;
    }

    /// Messages for the session, in order.
    #[must_use]
    pub fn messages(&self) -> &[u8] {
        self.posts.bytes()
    }

    /// Drops the first `sent` bytes of the [messages](Self::messages).
    pub fn sent(&mut self, sent: usize) {
        self.posts.drop_sent(sent);
    }

    /// The response to the request that was answered by [`Answer::Later`], once it is there.
    pub fn take_response(&mut self) -> Option<Response> {
        self.response.take()
    }

    /// A buffer that goes back to the guest, with its status.
    pub fn take_returned(&mut self) -> Option<(B, IrqStatus)> {
        self.returned.pop_front()
    }

    /// Edges that were dropped, because the guest was too slow to be told them one by one.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lines.iter().map(|line| line.irq.dropped).sum()
    }

    /// Carries out a request.
    pub fn request(&mut self, request: Request) -> Answer {
        let line = self.index(request.gpio);
        let answer = match (Kind::of(request.kind), line) {
            (Some(Kind::GetLineNames), _) if !self.names.is_empty() => Some(Answer::Names),
            (Some(Kind::GetDirection), _) => self.get_direction(request.gpio),
            _ if self.operation.is_some() => self.hold(request),
            (Some(Kind::SetDirection), Some(i)) => self.set_direction(i, request.value),
            (Some(Kind::GetValue), Some(i)) => Some(self.get_value(i)),
            (Some(Kind::SetValue), Some(i)) => self.set_value(i, request.value),
            (Some(Kind::SetIrqType), Some(i)) => self.set_irq_type(i, request.value),
            _ => None,
        };
        answer.unwrap_or(Answer::Now(Response::ERROR))
    }

    /// Takes a buffer of the event queue for a line.
    pub fn unmask(&mut self, gpio: u16, buffer: B) {
        let line = self.index(gpio).and_then(|i| Some((i, self.lines.get_mut(i)?)));
        let Some((i, line)) = line else {
            return self.returned.push_back((buffer, IrqStatus::Invalid));
        };
        self.returned.extend(line.irq.unmask(buffer));
        self.check_level(i);
    }

    /// The driver has reset the device: its queues and what it made of the lines are forgotten, and
    /// the lines become what they were when they were attached.
    pub fn reset(&mut self) {
        let changing = self.operation.as_mut().and_then(Operation::abandon);
        for (i, line) in self.lines.iter_mut().enumerate() {
            // What is on its way may have changed the line, or may do so yet.
            let changing = changing.filter(|(line, _)| *line == i);
            let is_changing = changing.is_some();
            line.is_input &= !is_changing;
            line.is_watched &= !is_changing;
            if is_changing || line.is_changed() {
                // Each by a message of its own, for one that fails changes no line at all.
                let seq = self.posts.post(&Message::Configure(line.back(1 << i)));
                let before = line.on_host(line.direction);
                let to = changing.and_then(|(_, to)| to);
                let from = to.map_or(before, |to| line.on_host(to));
                line.giving = Some(Giving { seq, from, before });
                line.is_owed = false;
            }
            line.forget();
            line.irq.disable();
            line.direction = line.first_direction();
        }
        self.held = None;
        self.response = None;
        self.returned.clear();
        self.check.wanted = 0;
    }

    pub(crate) fn has_interrupts(&self) -> bool {
        self.has_interrupts
    }

    pub(crate) fn index(&self, gpio: u16) -> Option<usize> {
        self.by_number.get(usize::from(gpio)).copied().flatten().map(usize::from)
    }

    /// Linux asks for that of all lines; a number without a line has none.
    fn get_direction(&self, gpio: u16) -> Option<Answer> {
        let line = self.by_number.get(usize::from(gpio))?.map(usize::from);
        let line = line.and_then(|i| self.lines.get(i));
        let direction = line.map_or(Direction::None, |line| line.direction);
        Some(Answer::Now(Response { ok: true, value: direction as u8 }))
    }

    fn get_value(&mut self, i: usize) -> Answer {
        let seq = self.posts.post(&Message::Get(1 << i));
        self.begin(i, Work::GetValue, (seq, seq))
    }

    fn set_value(&mut self, i: usize, value: u32) -> Option<Answer> {
        let level = match value {
            0 => false,
            1 => true,
            _ => return None,
        };
        let line = self.lines.get_mut(i)?;
        if line.direction != Direction::Out {
            line.value = level;
            return Some(Answer::Now(Response::OK));
        }
        let set = LineSet { mask: 1 << i, bits: u64::from(level) << i };
        Some(self.post(i, Work::SetValue(level), &Message::Set(set)))
    }

    fn set_direction(&mut self, i: usize, value: u32) -> Option<Answer> {
        let to = Direction::of(value)?;
        let line = self.lines.get_mut(i)?;
        let bit = 1 << i;
        let change = match to {
            Direction::Out if line.irq.is_enabled() => return None,
            Direction::Out => {
                let bits = if line.value { bit } else { 0 };
                Some(Configure::directions(bit, bit, bits))
            }
            Direction::In => (!line.is_input).then(|| Configure::directions(bit, 0, 0)),
            Direction::None => line.is_changed().then(|| line.back(bit)),
        };
        let Some(change) = change else {
            self.returned.extend(line.direct(to));
            return Some(Answer::Now(Response::OK));
        };
        Some(self.post(i, Work::SetDirection(to), &Message::Configure(change)))
    }

    fn set_irq_type(&mut self, i: usize, value: u32) -> Option<Answer> {
        let line = self.lines.get_mut(i)?;
        let may_be = |kind: &IrqType| *kind == IrqType::None || line.direction == Direction::In;
        let kind = IrqType::of(value).filter(|kind| self.has_interrupts && may_be(kind));
        let Some(kind) = kind else {
            line.irq.refuse();
            return None;
        };
        if kind == IrqType::None {
            self.returned.extend(line.irq.disable());
            return Some(Answer::Now(Response::OK));
        }
        if line.tells(kind) {
            line.irq.enable(kind);
            self.check_level(i);
            return Some(Answer::Now(Response::OK));
        }
        let change =
            Configure { edges: Some(EdgeDetection::Both), ..Configure::directions(1 << i, 0, 0) };
        Some(self.post(i, Work::Enable(kind), &Message::Configure(change)))
    }

    /// Keeps a request until the one that a reset has abandoned is done. The guest could make any number
    /// of messages otherwise, while the session takes none.
    fn hold(&mut self, request: Request) -> Option<Answer> {
        let operation = self.operation.as_ref().filter(|_| self.held.is_none())?;
        matches!(operation.work, Work::Abandoned).then(|| {
            self.held = Some(request);
            Answer::Later
        })
    }

    /// Has the session carry out a posted message, and waits until it has.
    fn post(&mut self, line: usize, work: Work, message: &Message<'_>) -> Answer {
        let first = self.posts.post(message);
        let last = self.posts.post(&Message::Sync);
        self.begin(line, work, (first, last))
    }

    fn begin(&mut self, line: usize, work: Work, messages: (u64, u64)) -> Answer {
        self.operation = Some(Operation { messages, line, work, failed: false });
        Answer::Later
    }

    /// Asks for a line's level, if it makes an interrupt as far as it is known.
    pub(crate) fn check_level(&mut self, i: usize) {
        if self.lines.get(i).is_some_and(|line| line.irq.waits_for_level(line.level)) {
            self.check.wanted |= 1 << i;
            self.post_check();
        }
    }

    /// Asks for levels that may make interrupts.
    pub(crate) fn post_check(&mut self) {
        if self.check.wanted != 0 && self.check.asked.is_none() {
            let wanted = std::mem::take(&mut self.check.wanted);
            self.check.asked = Some((self.posts.post(&Message::Get(wanted)), wanted));
        }
    }
}
