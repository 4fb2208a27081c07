// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtual machine monitors that come, ask and go.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::net::UnixStream;
use mio::{Interest, Registry, Waker};
use vgpio_virtio::FEATURE_IRQ;
use vhost::vhost_user::Error;

use super::call::{Asked, Asker, Call, Of};
use super::vmm::Vmm;
use crate::chain;
use crate::config::{Listen, VhostUserConfig};
use crate::hub::SessionKey;
use crate::server::ServerError;
use crate::server::daemon::Daemon;
use crate::server::guest::Guest;
use crate::server::inherited::{self, Inherited};
use crate::server::refusal::take_descriptors;
use crate::server::socket::Socket;
use crate::token::Source;

/// Where virtual machine monitors connect for an export.
pub struct Door {
    /// The socket; none if it is connected already.
    listener: Option<Socket>,
    /// Who is connected, until it is taken in.
    connected: Option<UnixStream>,
    /// The export.
    pub export: String,
}

impl Door {
    /// Listens, unless the socket is connected; `i` is its number among its like.
    ///
    /// # Errors
    /// The socket cannot be had.
    pub fn open(
        i: usize,
        device: &VhostUserConfig,
        registry: &Registry,
    ) -> Result<Self, ServerError> {
        let export = device.export.clone();
        let mut socket = match &device.socket {
            Listen::Path(path) => Socket::bind(path)?,
            Listen::Fd(fd) => match inherited::socket(*fd)? {
                Inherited::Listening(listener) => Socket::inherited(listener),
                Inherited::Connected(stream) => {
                    let connected = Some(UnixStream::from_std(stream));
                    return Ok(Self { listener: None, connected, export });
                }
            },
        };
        let token = Source::VhostListener(i).token();
        registry.register(&mut socket.listener, token, Interest::READABLE)?;
        // Those that come before a monitor has a device are nobody's.
        take_descriptors(&socket.listener, false);
        Ok(Self { listener: Some(socket), connected: None, export })
    }

    /// Whether nobody can come by it.
    pub fn is_shut(&self) -> bool {
        self.listener.is_none() && self.connected.is_none()
    }

    /// Who comes next; `None` if nobody can.
    pub fn accept(&mut self) -> Option<io::Result<UnixStream>> {
        if let Some(stream) = self.connected.take() {
            return Some(Ok(stream));
        }
        let accepted = self.listener.as_ref()?.listener.accept();
        Some(accepted.map(|(stream, _)| stream))
    }
}

/// How the threads of virtual machine monitors reach the event loop.
pub struct Vmms {
    sender: Sender<Asked>,
    receiver: Receiver<Asked>,
    waker: Arc<Waker>,
}

impl Vmms {
    /// Nobody asks yet. `waker` is that of the event loop.
    #[must_use]
    pub fn new(waker: Arc<Waker>) -> Self {
        let (sender, receiver) = unbounded();
        Self { sender, receiver, waker }
    }

    /// Whether one asks something.
    #[must_use]
    pub fn ask(&self) -> bool {
        !self.receiver.is_empty()
    }

    /// What the thread of a session asks by.
    #[must_use]
    pub fn asker(&self, of: Of) -> Asker {
        Asker { of, calls: self.sender.clone(), waker: self.waker.clone() }
    }
}

impl Daemon {
    /// Takes in a virtual machine monitor, whose guest is to have the lines of an export.
    pub fn welcome_vmm(&mut self, stream: UnixStream, export: &str) {
        if self.guests.len() >= self.config.max_sessions as usize {
            if self.log.allows_one() {
                let max = self.config.max_sessions;
                log::warn!("a virtual machine monitor was turned away: {max} sessions are served");
            }
            return;
        }
        let connection = stream.as_fd().try_clone_to_owned().map(net::UnixStream::from);
        let id = self.next_id();
        let entry = self.guests.vacant_entry();
        let key = SessionKey(entry.key());
        let asker = self.vmms.asker((key, id));
        let guest = connection.and_then(|connection| {
            Guest::of_vmm(stream, Vmm::new(export, connection, asker), key, id)
        });
        match guest {
            Ok(guest) => {
                entry.insert(guest);
                self.guest_ready(key, false);
            }
            Err(error) => {
                if self.log.allows_one() {
                    log::warn!("a virtual machine monitor cannot be served: {error}");
                }
            }
        }
    }

    /// Answers what a virtual machine monitor asks. False if none does.
    pub fn answer_vmm(&mut self) -> bool {
        let asked = self.vmms.receiver.try_recv();
        asked.map(|asked| self.answer(asked)).is_ok()
    }

    fn answer(&mut self, Asked { of: (key, id), call, answer }: Asked) {
        let is_meant = |guest: &&mut Guest| guest.session.id() == id;
        let guest = self.guests.get_mut(key.0).filter(is_meant);
        // Without an answer, a thread whose session is over ends.
        let Some(vmm) = guest.and_then(|guest| guest.vmm.as_mut()) else { return };
        if let Call::Gone(error) = call {
            self.tell_end(id, &error);
            return self.farewell(key);
        }
        if let Call::Features(features) = call
            && features & FEATURE_IRQ == 0
            && self.log.allows_one()
        {
            log::info!(
                "session {id}: its guest has no interrupts: driver or monitor (QEMU before 9) lacks them"
            );
        }
        let answered = vmm.answer(call, key, &self.registry);
        // Whether the thread still waits does not matter.
        let _ = answer.send(answered);
        self.guest_ready(key, false);
    }

    fn tell_end(&mut self, id: u32, error: &Error) {
        if matches!(error, Error::Disconnected) || !self.log.allows_one() {
            return;
        }
        match error {
            Error::ReqHandlerError(error) => {
                let cause = error.get_ref().map_or_else(|| error.to_string(), |e| chain(e));
                log::warn!("session {id}: closed: {cause}");
            }
            error => log::warn!("session {id}: closed: vhost-user: {error}"),
        }
    }
}
