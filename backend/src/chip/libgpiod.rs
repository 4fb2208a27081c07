// SPDX-License-Identifier: MIT OR Apache-2.0
//! gpiochips of the host through the C library libgpiod 2.x, for those who must use it: the same
//! lines and the same errors as [`cdev`](super::cdev), at the cost of an allocation per set or get.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use libgpiod::line::{self, EdgeKind, Value, ValueMap};
use libgpiod::{chip, request};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};

use super::cdev::{self, EDGES_AT_ONCE, Failure, Held, Identity, KEPT_EDGES, explain, of_use};
use super::{Cause, Chip, ChipEdge, ChipError, ChipInfo, LineConfig, LineInfo, Offset, Request};

/// A gpiochip of the host, open.
#[derive(Debug)]
pub struct Libgpiod {
    chip: chip::Chip,
    identity: Rc<Identity>,
}

/// Opens the chip of that path, number, name or label, as [`cdev::open`] does.
///
/// # Errors
/// As [`cdev::open`].
pub fn open(text: &str) -> Result<Libgpiod, ChipError> {
    let found = cdev::open(text)?;
    let identity = Rc::clone(found.identity());
    let chip = chip::Chip::open(&identity.path);
    let chip = chip.map_err(|error| {
        ChipError::new(&identity.info, Vec::new(), "cannot open the chip", of_use(host(error)))
    })?;
    Ok(Libgpiod { chip, identity })
}

impl Libgpiod {
    /// The device's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.identity.path
    }

    fn get(&self, lines: &[(Offset, LineConfig)], consumer: &str) -> io::Result<request::Request> {
        let mut twice = lines.iter().enumerate();
        // The library would take the last of the two.
        if twice.any(|(i, (offset, _))| lines[..i].iter().any(|(other, _)| other == offset)) {
            return Err(Errno::EBUSY.into());
        }
        let lines: Vec<_> = lines.iter().map(|(offset, line)| (*offset, *line)).collect();
        let config = line_config(&lines).map_err(host)?;
        let mut options = request::Config::new().map_err(host)?;
        options.set_event_buffer_size(KEPT_EDGES.into()).set_consumer(consumer).map_err(host)?;
        self.chip.request_lines(Some(&options), &config).map_err(host)
    }
}

impl Chip for Libgpiod {
    fn info(&self) -> &ChipInfo {
        &self.identity.info
    }

    fn line(&self, offset: Offset) -> Result<LineInfo, ChipError> {
        let info = self.chip.line_info(offset).and_then(|line| line_info(&line));
        info.map_err(|error| {
            let lines = self.info().lines;
            let cause = if offset >= lines { Cause::NoLine { lines } } else { of_use(host(error)) };
            ChipError::new(self.info(), vec![offset], "cannot read what the line is", cause)
        })
    }

    fn request(
        &mut self,
        lines: &[(Offset, LineConfig)],
        consumer: &str,
    ) -> Result<Box<dyn Request>, ChipError> {
        let taken = self.get(lines, consumer);
        match taken.and_then(|request| Lines::new(request, &self.identity, lines)) {
            Ok(request) => Ok(Box::new(request)),
            Err(error) => {
                let retry = |lines: &[(Offset, LineConfig)]| self.get(lines, consumer).is_ok();
                Err(explain(self, lines, Failure { error, path: self.path(), retry: &retry }))
            }
        }
    }

    /// The library cannot take over a request, so that these lines do without it.
    fn adopt(
        &mut self,
        request: OwnedFd,
        lines: &[(Offset, LineConfig)],
    ) -> Result<Box<dyn Request>, ChipError> {
        Ok(cdev::adopted(&self.identity, request, lines))
    }
}

/// Lines that are held.
struct Lines {
    request: request::Request,
    /// The request's descriptor, which the library lends as a bare number.
    fd: OwnedFd,
    buffer: request::Buffer,
    /// Read, but not yet handed on.
    waiting: VecDeque<(ChipEdge, u32)>,
    identity: Rc<Identity>,
    held: Held,
}

impl Lines {
    fn new(
        request: request::Request,
        identity: &Rc<Identity>,
        lines: &[(Offset, LineConfig)],
    ) -> io::Result<Self> {
        let own = pidfd_open(getpid(), PidfdFlags::empty())?;
        let fd = pidfd_getfd(own, request.as_raw_fd(), PidfdGetfdFlags::empty())?;
        // Of the open file, and so of the library's descriptor too.
        fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self {
            request,
            fd,
            buffer: request::Buffer::new(EDGES_AT_ONCE).map_err(host)?,
            waiting: VecDeque::new(),
            identity: Rc::clone(identity),
            held: Held::new(lines, identity.leaves_lines),
        })
    }

    fn error(&self, what: &'static str, error: libgpiod::Error) -> ChipError {
        self.held.error(&self.identity.info, what, of_use(host(error)))
    }

    /// Takes edges from the kernel.
    fn fetch(&mut self) -> libgpiod::Result<()> {
        for event in self.request.read_edge_events(&mut self.buffer)? {
            let event = event?;
            let seqno = u32::try_from(event.line_seqno()).unwrap_or(0);
            let active = event.event_type()? == EdgeKind::Rising;
            let time = u64::try_from(event.timestamp().as_nanos()).unwrap_or(u64::MAX);
            self.waiting.extend(self.held.edge(event.line_offset(), seqno, active, time));
        }
        Ok(())
    }
}

impl Request for Lines {
    fn set(&mut self, mask: u64, bits: u64) -> Result<(), ChipError> {
        let mask = mask & self.held.all();
        if mask == 0 {
            return Ok(());
        }
        let level = |i| if bits >> i & 1 == 1 { Value::Active } else { Value::InActive };
        let levels: ValueMap = self.held.each(mask).map(|(i, offset)| (offset, level(i))).collect();
        let set = self.request.set_values_subset(levels).map(drop);
        set.map_err(|error| self.error("cannot set levels", error))?;
        self.held.set(mask, bits);
        Ok(())
    }

    fn get(&mut self, mask: u64) -> Result<u64, ChipError> {
        let lines: Vec<_> = self.held.each(mask & self.held.all()).collect();
        if lines.is_empty() {
            return Ok(0);
        }
        let offsets: Vec<Offset> = lines.iter().map(|(_, offset)| *offset).collect();
        let levels = self.request.values_subset(&offsets);
        let levels = levels.map_err(|error| self.error("cannot read levels", error))?;
        let active = |offset| levels.get(offset) == Some(&Value::Active);
        Ok(lines.iter().map(|&(i, offset)| u64::from(active(offset)) << i).sum())
    }

    fn reconfigure(&mut self, lines: &[LineConfig]) -> Result<u64, ChipError> {
        let offsets: Vec<Offset> =
            self.held.each(self.held.all()).map(|(_, offset)| offset).collect();
        let request = &mut self.request;
        let mut apply = |lines: &[LineConfig]| {
            let lines: Vec<_> = offsets.iter().copied().zip(lines.iter().copied()).collect();
            let config = line_config(&lines).map_err(host)?;
            request.reconfigure_lines(&config).map(drop).map_err(host)
        };
        let changed = self.held.change(lines, &mut apply);
        changed
            .map_err(|cause| self.held.error(&self.identity.info, "cannot change settings", cause))
    }

    fn share(&self) -> Option<OwnedFd> {
        self.fd.try_clone().ok()
    }

    fn event_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn read_edges(&mut self, edges: &mut Vec<ChipEdge>) -> Result<u32, ChipError> {
        if self.waiting.is_empty() {
            match self.fetch() {
                Err(error) if host(error).kind() == io::ErrorKind::WouldBlock => return Ok(0),
                fetched => fetched.map_err(|error| self.error("cannot read edges", error))?,
            }
        }
        let room = (edges.capacity() - edges.len()).min(self.waiting.len());
        let mut lost: u32 = 0;
        edges.extend(self.waiting.drain(..room).map(|(edge, before)| {
            lost = lost.saturating_add(before);
            edge
        }));
        Ok(lost)
    }
}

/// Settings for the library.
fn line_config(lines: &[(Offset, LineConfig)]) -> libgpiod::Result<line::Config> {
    let mut config = line::Config::new()?;
    for (offset, line) in lines {
        config.add_line_settings(&[*offset], settings(line.effective())?)?;
    }
    Ok(config)
}

fn settings(line: LineConfig) -> libgpiod::Result<line::Settings> {
    let mut settings = line::Settings::new()?;
    settings
        .set_direction(match line.direction {
            None => line::Direction::AsIs,
            Some(Direction::Input) => line::Direction::Input,
            Some(Direction::Output) => line::Direction::Output,
        })?
        .set_bias(match line.bias {
            Bias::AsIs => None,
            Bias::Disabled => Some(line::Bias::Disabled),
            Bias::PullUp => Some(line::Bias::PullUp),
            Bias::PullDown => Some(line::Bias::PullDown),
        })?
        .set_drive(match line.drive {
            Drive::PushPull => line::Drive::PushPull,
            Drive::OpenDrain => line::Drive::OpenDrain,
            Drive::OpenSource => line::Drive::OpenSource,
        })?
        .set_edge_detection(match line.edges {
            EdgeDetection::None => None,
            EdgeDetection::Rising => Some(line::Edge::Rising),
            EdgeDetection::Falling => Some(line::Edge::Falling),
            EdgeDetection::Both => Some(line::Edge::Both),
        })?
        .set_active_low(line.active_low)
        .set_debounce_period(line.debounce.unwrap_or(Duration::ZERO))
        .set_output_value(if line.active { Value::Active } else { Value::InActive })?;
    Ok(settings)
}

/// What the library tells about a line.
fn line_info(line: &line::InfoRef) -> libgpiod::Result<LineInfo> {
    // Without a name, the library gives none.
    let named = |text: libgpiod::Result<&str>, other: &str| text.unwrap_or(other).to_owned();
    Ok(LineInfo {
        offset: line.offset(),
        name: named(line.name(), ""),
        consumer: line.is_used().then(|| named(line.consumer(), "?")),
        direction: match line.direction()? {
            line::Direction::Output => Direction::Output,
            line::Direction::AsIs | line::Direction::Input => Direction::Input,
        },
        active_low: line.is_active_low(),
        bias: match line.bias()? {
            None => Bias::AsIs,
            Some(line::Bias::Disabled) => Bias::Disabled,
            Some(line::Bias::PullUp) => Bias::PullUp,
            Some(line::Bias::PullDown) => Bias::PullDown,
        },
        drive: match line.drive()? {
            line::Drive::PushPull => Drive::PushPull,
            line::Drive::OpenDrain => Drive::OpenDrain,
            line::Drive::OpenSource => Drive::OpenSource,
        },
        edges: match line.edge_detection()? {
            None => EdgeDetection::None,
            Some(line::Edge::Rising) => EdgeDetection::Rising,
            Some(line::Edge::Falling) => EdgeDetection::Falling,
            Some(line::Edge::Both) => EdgeDetection::Both,
        },
        debounce: line.is_debounced().then(|| line.debounce_period()),
    })
}

/// The kernel's error behind the library's.
fn host(error: libgpiod::Error) -> io::Error {
    match error {
        libgpiod::Error::OperationFailed(_, errno) => errno.into(),
        error => io::Error::other(error),
    }
}
