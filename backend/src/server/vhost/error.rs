// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a virtual machine monitor can do wrong.

use std::io;

use thiserror::Error;

use super::ring::MAX_SIZE;

/// Why a message of the vhost-user protocol was refused. The connection is closed.
#[derive(Debug, Error)]
pub enum Refused {
    /// A queue that is not there.
    #[error("there is no queue {0}: a GPIO device has queues 0 and 1")]
    Queue(u32),
    /// A size that a queue cannot have.
    #[error("a queue cannot have {0} entries, but a power of two of at most {MAX_SIZE}")]
    Size(u32),
    /// Rings outside the memory that was shared, or misaligned.
    #[error("a queue is not where the guest has memory; share all of it (share=on)")]
    Address,
    /// A queue was moved or resized while it was served.
    #[error("a queue was given a size or addresses while it runs; stop it first (GET_VRING_BASE)")]
    Running,
    /// A queue was started before the memory was shared.
    #[error("a queue was started before the guest's memory was shared")]
    NoMemory,
    /// A region of memory that is not, or not wholly, there.
    #[error(
        "a region of the guest's memory is larger than its file, overlaps another, is one too many, or makes it more than 4 TiB"
    )]
    Region,
    /// A region of memory in a file of another kind.
    #[error(
        "the guest's memory is in a file on a disk or elsewhere; give it a memfd, or a file on tmpfs or hugetlbfs"
    )]
    NotMemory,
    /// Memory for what is in flight that is of no device like this, or no such memory.
    #[error(
        "what was in flight is not of a GPIO device with these queues; give back the memory of GET_INFLIGHT_FD, or ask for new"
    )]
    Inflight,
    /// Feature bits that were not offered.
    #[error("feature bits {0:#x} were not offered")]
    Features(u64),
    /// A file descriptor of another kind.
    #[error("a file descriptor is no eventfd")]
    NoEventfd,
    /// The host denies what is needed.
    #[error("the host failed")]
    Host(#[from] io::Error),
}
