// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the thread of a virtual machine monitor asks of the event loop, which has the queues.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use mio::Waker;
use vm_memory::GuestAddress;

use super::error::Refused;
use super::eventfd::Eventfd;
use super::inflight::Inflight;
use super::memory::Shared;
use crate::hub::SessionKey;

/// What is asked.
#[derive(Debug)]
pub enum Call {
    /// These feature bits are in force.
    Features(u64),
    /// This is the guest's memory.
    Memory(Shared),
    /// This memory outlives the daemon.
    Inflight(Box<Inflight>),
    /// All is as if the connection were new.
    Reset,
    /// Something about a queue.
    Queue(u32, QueueCall),
    /// The virtual machine monitor has gone, or broke the protocol. There is no answer: what would bring it goes when
    /// the session has gone.
    Gone(vhost::vhost_user::Error),
}

/// What is asked of a queue.
#[derive(Debug)]
pub enum QueueCall {
    /// It has so many entries.
    Size(u32),
    /// Where its table of descriptors, its available and its used ring are.
    Addresses([GuestAddress; 3]),
    /// The entry that is next.
    Next(u32),
    /// It is to be served whenever this is signalled.
    Start(Eventfd),
    /// It is not to be served any more. The answer is the entry that is next.
    Stop,
    /// What tells the driver of returned buffers.
    Call(Option<Eventfd>),
    /// What tells that the queue is broken.
    Error(Option<Eventfd>),
    /// Whether it may be served.
    Enable(bool),
}

/// Which session it is about: the key, and the number, so that no later one is meant.
pub type Of = (SessionKey, u32);

/// A call on its way.
#[derive(Debug)]
pub struct Asked {
    pub of: Of,
    pub call: Call,
    pub answer: Sender<Result<u16, Refused>>,
}

/// A thread's way to the event loop. A thread waits for the answer to each call, so that no more calls
/// wait than there are threads.
#[derive(Clone, Debug)]
pub struct Asker {
    pub of: Of,
    pub calls: Sender<Asked>,
    pub waker: Arc<Waker>,
}

impl Asker {
    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The event loop refuses, or there is no such session any more.
    pub fn ask(&self, call: Call) -> Result<u16, Refused> {
        self.send(call)?.recv().map_err(|_| gone())?
    }

    /// Asks, and does not wait.
    ///
    /// # Errors
    /// There is no event loop any more.
    pub fn send(&self, call: Call) -> Result<Receiver<Result<u16, Refused>>, Refused> {
        let (answer, answers) = bounded(1);
        self.calls.send(Asked { of: self.of, call, answer }).map_err(|_| gone())?;
        self.waker.wake()?;
        Ok(answers)
    }
}

fn gone() -> Refused {
    Refused::Host(std::io::ErrorKind::ConnectionAborted.into())
}
