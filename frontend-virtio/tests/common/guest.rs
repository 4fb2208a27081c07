// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest by the letter of the standard (virtio 1.3, section 5.17), which knows what it may be told.

use std::collections::HashMap;

use vgpio_protocol::{Frame, Reason};
use vgpio_virtio::{IrqStatus, Kind, Request, Response};

use super::World;

/// Lines of the device.
pub const LINES: u16 = 3;

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Request(Request),
    Unmask(u16),
    Edge(usize, bool),
    Unseen(usize, bool),
    LostEdge(usize, bool),
    Resync(u64, u32),
    Lose(u64),
    Restore(u64),
    /// The host does nothing of what it is asked of these.
    Refuse(u64),
    /// The session takes so many messages.
    Pace(usize),
    Reset,
}

/// What the guest knows of a line's interrupt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// The type it has been given; 0: none.
    kind: u32,
    /// A type was refused since there was none.
    is_refused: bool,
    buffer: Option<u32>,
}

/// The guest's side, by the letter.
#[derive(Default)]
pub struct Guest {
    pub lines: [Known; LINES as usize],
    /// Whose each buffer is that is out.
    out: HashMap<u32, u16>,
    /// The request without a response yet.
    pending: Option<Request>,
}

/// Whether it disables the interrupt of its line.
fn disables(request: Request) -> bool {
    let kinds = [Kind::SetIrqType as u16, Kind::SetDirection as u16];
    request.value == 0 && kinds.contains(&request.kind)
}

impl Guest {
    /// Lets it happen.
    pub fn step(&mut self, world: &mut World, step: Step) {
        let mut response = None;
        match step {
            Step::Request(request) if self.pending.is_none() => {
                self.pending = Some(request);
                response = world.begin(request);
            }
            Step::Request(_) => {}
            Step::Unmask(gpio) => self.unmask(world, gpio),
            Step::Edge(i, level) => {
                let host = world.hosts[i];
                if !host.output && !host.lost && host.level != level {
                    world.edge(i, level);
                    self.take(world);
                    self.edge_was_told(i, level);
                }
            }
            Step::Unseen(i, _) | Step::LostEdge(i, _) if world.hosts[i].output => {}
            Step::Unseen(i, level) => world.change_unseen(i, level),
            Step::LostEdge(i, level) => world.lose_edge(i, level),
            Step::Resync(mask, lost) => world.snapshot(mask, Reason::Resync, lost),
            Step::Lose(mask) => world.lose(mask),
            Step::Restore(mask) => world.restore(mask),
            Step::Refuse(mask) => world.refuse(mask),
            Step::Pace(messages) => {
                world.pace = messages;
                world.serve();
            }
            Step::Reset => {
                world.device.reset();
                world.serve();
                *self = Self::default();
                assert!(world.take_returned().is_empty(), "buffers of a queue that is no more");
            }
        }
        self.take(world);
        if let Some(response) = response.or_else(|| world.device.take_response()) {
            let request = self.pending.take().expect("a request");
            self.responded(request, response);
        }
    }

    fn responded(&mut self, request: Request, response: Response) {
        assert!(response.ok || response.value == 0);
        let Some(known) = self.lines.get_mut(usize::from(request.gpio)) else {
            assert!(request.kind == Kind::GetLineNames as u16 || !response.ok);
            return;
        };
        let sets_type = request.kind == Kind::SetIrqType as u16;
        if sets_type && !response.ok {
            known.is_refused |= known.kind == 0;
        } else if response.ok && (sets_type || disables(request)) {
            known.kind = request.value;
            known.is_refused = false;
            assert!(!disables(request) || known.buffer.is_none(), "the unused buffer comes back");
        }
    }

    fn unmask(&mut self, world: &mut World, gpio: u16) {
        let is_usable = self
            .lines
            .get(usize::from(gpio))
            .is_some_and(|k| (k.kind != 0 || k.is_refused) && k.buffer.is_none());
        let buffer = world.unmask(gpio);
        if is_usable {
            self.lines[usize::from(gpio)].buffer = Some(buffer);
            self.out.insert(buffer, gpio);
        } else {
            let first = world.returned.remove(0);
            assert_eq!(first, (buffer, IrqStatus::Invalid), "masked, or unmasked already");
        }
    }

    /// What comes back is an interrupt of a line that is enabled and unmasked, or was until now.
    fn take(&mut self, world: &mut World) {
        for (buffer, status) in world.take_returned() {
            let gpio = self.out.remove(&buffer).expect("a buffer that was out");
            let known = &mut self.lines[usize::from(gpio)];
            assert_eq!(known.buffer.take(), Some(buffer), "line {gpio} is not unmasked");
            let by = self.pending.filter(|request| request.gpio == gpio);
            if status == IrqStatus::Valid {
                let enables = |request: Request| request.kind == Kind::SetIrqType as u16;
                let is_enabled = known.kind != 0 || by.is_some_and(enables);
                assert!(is_enabled, "line {gpio} is not enabled");
            } else {
                assert!(by.is_some_and(disables), "line {gpio} is not disabled");
            }
        }
    }

    /// What holds at all times, whatever the session does. `before`: the lines before the last step.
    pub fn check(&self, world: &mut World, before: &[Known]) {
        let unsent = messages(world);
        assert!(unsent <= usize::from(LINES) + 4, "{unsent} messages heap up");
        assert!(world.pace == 0 || unsent == 0);
        let missed = std::mem::take(&mut world.missed);
        for (i, (known, before)) in self.lines.iter().zip(before).enumerate() {
            let has_missed = missed >> i & 1 == 1 && known.kind == before.kind;
            let is_edge = (1..=3).contains(&known.kind);
            assert!(!has_missed || !is_edge || known.buffer.is_none(), "line {i}: lost edges");
            let host = world.hosts[i];
            let is_active = known.kind == if host.told { 4 } else { 8 };
            let is_due = is_active && !host.lost && unsent == 0;
            assert!(!is_due || known.buffer.is_none(), "line {i}: its level holds");
        }
        if unsent == 0 {
            assert_eq!(self.pending, None, "the session has answered all");
        }
    }

    /// After an edge that makes an interrupt there is no buffer left.
    fn edge_was_told(&self, i: usize, level: bool) {
        let Known { kind, buffer, .. } = self.lines[i];
        let makes_one = match kind {
            1 | 4 => level,
            2 | 8 => !level,
            3 => true,
            _ => false,
        };
        assert!(!makes_one || buffer.is_none(), "line {i}, type {kind}");
    }
}

/// How many messages the session has not taken.
pub fn messages(world: &World) -> usize {
    let mut rest = world.device.messages();
    let mut count = 0;
    while let Some(frame) = Frame::split(rest).expect("a message") {
        rest = &rest[frame.size()..];
        count += 1;
    }
    count
}

/// Lines are what the device says that they are, but for those that have refused to be. `outputs` are
/// such when they have no direction.
pub fn directions_are_true(world: &mut World, outputs: u64) {
    for gpio in 0..LINES {
        let expected = match world.request(Kind::GetDirection, gpio, 0).value {
            0 => outputs >> gpio & 1 == 1,
            direction => direction == 1,
        };
        let host = world.hosts[usize::from(gpio)];
        assert!(host.has_refused || host.output == expected, "line {gpio}: output {}", host.output);
    }
}
