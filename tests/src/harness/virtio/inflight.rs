// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a monitor keeps for a daemon that may be killed: which chains are in flight.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use vgpio_virtio::{FEATURE_IRQ, QUEUES};
use vhost::vhost_user::VhostUserFrontend;
use vhost::vhost_user::message::VhostUserInflight;

use super::VirtioGuest;
use super::ring::SIZE;

/// The memory, and how the daemon described it.
pub struct Inflight {
    /// Its description.
    pub described: VhostUserInflight,
    /// Its file.
    pub file: File,
}

/// Bytes of a queue's region: a header, an entry of 16 bytes for each of the queue's, and what is missing to
/// a multiple of 64.
const REGION: u64 = 16 + 16 * SIZE as u64 + 48;

impl Inflight {
    /// A queue's region.
    pub fn queue(&self, queue: usize) -> u64 {
        REGION * queue as u64
    }

    /// A descriptor's entry of a queue's region.
    pub fn entry(&self, queue: usize, head: u16) -> u64 {
        self.queue(queue) + 16 + 16 * u64::from(head)
    }

    /// The heads that are in flight.
    pub fn heads(&self, queue: usize) -> Vec<u16> {
        (0..SIZE).filter(|head| self.read::<1>(self.entry(queue, *head)) == [1]).collect()
    }

    /// Reads bytes of it.
    pub fn read<const N: usize>(&self, at: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, at).expect("it is as large");
        bytes
    }

    /// Writes bytes to it.
    pub fn write(&self, at: u64, bytes: &[u8]) {
        self.file.write_all_at(bytes, at).expect("it is as large");
    }
}

impl VirtioGuest {
    /// A guest that runs, whose monitor keeps what is in flight.
    pub fn start_kept(socket: &Path) -> Self {
        let mut guest = Self::new(socket);
        guest.connect();
        guest.ask_inflight();
        guest.give_inflight().expect("it is the daemon's own");
        guest.run_with(FEATURE_IRQ, [0, 0]);
        guest
    }

    /// Asks the daemon for memory to keep what is in flight.
    pub fn ask_inflight(&mut self) {
        let frontend = self.frontend.as_mut().expect("it is connected");
        let queues = u16::try_from(QUEUES).expect("two");
        let (described, file) = frontend
            .get_inflight_fd(&VhostUserInflight::new(0, 0, queues, SIZE))
            .expect("the daemon has memory");
        self.inflight = Some(Inflight { described, file });
    }

    /// Gives it to the daemon, if there is any.
    ///
    /// # Errors
    /// The daemon closes the connection.
    pub fn give_inflight(&mut self) -> vhost::vhost_user::Result<()> {
        let frontend = self.frontend.as_mut().expect("it is connected");
        let Some(Inflight { described, file }) = &self.inflight else { return Ok(()) };
        let given = frontend.set_inflight_fd(described, file.as_raw_fd());
        given.map_err(|_| vhost::vhost_user::Error::Disconnected)
    }
}
