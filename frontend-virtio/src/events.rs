// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the session says, and what becomes of it.

use vgpio_protocol::{ErrorCode, ErrorReport, Event, Reason, Values};

use crate::device::{Answer, Device};
use crate::layout::{Direction, Response};
use crate::operation::Work;

impl<B> Device<B> {
    /// Takes a message of the session. Whatever it leads to is fetched afterwards: a response,
    /// returned buffers, messages.
    pub fn event(&mut self, seq: u64, event: &Event<'_>) {
        match event {
            Event::Edges(edges) => {
                for edge in edges.iter() {
                    if let Some(line) = self.lines.get_mut(usize::from(edge.line)) {
                        line.level = edge.active;
                        self.returned.extend(line.irq.edge(edge.active));
                    }
                }
            }
            Event::Values(values) => self.values(seq, values),
            Event::Synced => self.finish(seq, None),
            Event::Error(error) => self.error(seq, error),
            _ => {}
        }
    }

    fn values(&mut self, seq: u64, values: &Values) {
        let is_restoring = self.is_restoring();
        for (i, line) in self.lines.iter_mut().enumerate() {
            let level = values.bits >> i & 1 == 1;
            if values.mask >> i & 1 == 0 {
                continue;
            }
            let has_changed = std::mem::replace(&mut line.level, level) != level;
            match values.reason {
                Reason::Attached => {
                    line.first.level = level;
                    line.forget();
                }
                _ if values.lost_edges > 0 => self.returned.extend(line.irq.missed()),
                // Edges come one by one, before or after, unless nobody watched for them yet.
                Reason::Reply | Reason::Configured if !is_restoring => {}
                _ if has_changed => self.returned.extend(line.irq.edge(level)),
                _ => {}
            }
            self.returned.extend(line.irq.level(level));
        }
        if self.check.end(seq).is_some() {
            self.post_check();
        }
        if values.reason == Reason::Reply {
            self.finish(seq, Some(*values));
        }
    }

    fn error(&mut self, seq: u64, error: &ErrorReport<'_>) {
        if let Some(asked) = self.check.end(seq) {
            self.check_failed(asked, error.mask);
        }
        if self.is_restoring() && error.code != ErrorCode::LineLost {
            self.not_restored(seq);
        }
        // What is asked of a line whose chip is gone is remembered, and done when it is back.
        if error.code != ErrorCode::LineLost {
            self.refused(seq);
        }
        self.finish(seq, None);
    }

    /// What this message asks for is not done.
    fn refused(&mut self, seq: u64) {
        for line in &mut self.lines {
            line.not_given(seq);
        }
        let Some(operation) = self.operation.as_mut().filter(|operation| operation.has(seq)) else {
            return;
        };
        operation.failed = true;
        if matches!(operation.work, Work::Abandoned)
            && let Some(line) = self.lines.get_mut(operation.line)
            && let Some(giving) = &mut line.giving
        {
            giving.from = giving.before;
        }
    }

    /// Some of the lines whose levels were asked for cannot be read: what they were last is believed.
    /// The others are asked for again.
    fn check_failed(&mut self, asked: u64, failed: u64) {
        let failed = if asked & failed == 0 { asked } else { asked & failed };
        for (i, line) in self.lines.iter_mut().enumerate() {
            if failed >> i & 1 == 1 {
                self.returned.extend(line.irq.level(line.level));
            }
        }
        self.check.wanted |= asked & !failed;
        self.post_check();
    }

    /// Ends the operation that waits for the reply to this message, if one does.
    fn finish(&mut self, seq: u64, values: Option<Values>) {
        let Some(operation) = self.operation.take_if(|operation| operation.ends_with(seq)) else {
            return;
        };
        let Some(line) = self.lines.get_mut(operation.line) else {
            return;
        };
        let bit = 1_u64 << operation.line;
        let response = match operation.work {
            Work::Abandoned => return self.take_up(),
            Work::Restore => return self.restoring.clear(),
            Work::GetValue => match values {
                Some(values) if values.mask & bit != 0 => {
                    Response { ok: true, value: u8::from(values.bits & bit != 0) }
                }
                _ => Response::ERROR,
            },
            Work::Enable(_) if operation.failed => {
                line.irq.refuse();
                Response::ERROR
            }
            _ if operation.failed => Response::ERROR,
            Work::SetValue(level) => {
                line.value = level;
                Response::OK
            }
            Work::SetDirection(direction) => {
                line.is_input = match direction {
                    Direction::Out => false,
                    Direction::In => true,
                    Direction::None => !line.first.output,
                };
                line.is_watched &= line.is_input;
                line.is_owed = false;
                self.returned.extend(line.direct(direction));
                Response::OK
            }
            Work::Enable(kind) => {
                line.is_input = true;
                line.is_watched = true;
                line.irq.enable(kind);
                self.check_level(operation.line);
                Response::OK
            }
        };
        self.response = Some(response);
    }

    /// Carries out the request that was held.
    fn take_up(&mut self) {
        if let Some(request) = self.held.take()
            && let Answer::Now(response) = self.request(request)
        {
            self.response = Some(response);
        }
    }
}
