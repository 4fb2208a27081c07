// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults of vhost-user (QEMU, `docs/interop/vhost-user.rst`) and of the queues that it hands over (virtio 1.3,
//! sections 2.7 and 5.17).

mod chains;
mod descriptors;
mod flood;
mod guest;
mod memory;
mod messages;
mod monitor;
mod queues;
mod still;

use std::path::PathBuf;

use super::Fault;
pub use monitor::{Message, Monitor};
pub use still::hold;

/// Where harm is meant.
pub struct Target {
    /// The socket of a device whose lines are free.
    pub socket: PathBuf,
    /// Whether several monitors may have it at once.
    pub is_shared: bool,
}

/// Messages that are wrong, one way or another.
pub const MESSAGES: &[Fault<Target>] = &[
    Fault::new("messages cut short", messages::truncated),
    Fault::new("lengths that are too large or small", messages::oversized),
    Fault::new("messages in any order", messages::reordered),
    Fault::new("messages twice", messages::duplicated),
    Fault::new("fields that contradict one another", messages::contradictory),
    Fault::new("queues that there are not, or cannot be", messages::queues),
    Fault::new("bits of messages flipped", messages::flipped),
    Fault::new("good headers before random bodies", messages::random_bodies),
    Fault::new("random bytes", messages::random),
];

/// Messages with other descriptors than belong to them.
pub const DESCRIPTORS: &[Fault<Target>] = &[
    Fault::new("messages without their descriptors", descriptors::missing),
    Fault::new("descriptors of the wrong kind", descriptors::wrong),
    Fault::new("more descriptors than belong to a message", descriptors::too_many),
];

/// The same, where the host has TCP.
pub const SLOW_DESCRIPTORS: &[Fault<Target>] =
    &[Fault::new("descriptors that take long to close", descriptors::slow_to_close)];

/// Tables of memory that cannot be.
pub const MEMORY: &[Fault<Target>] = &[
    Fault::new("regions of memory that overlap", memory::overlapping),
    Fault::new("regions beyond the end of the address space", memory::overflowing),
    Fault::new("regions larger than their files", memory::beyond),
    Fault::new("regions of no bytes", memory::empty),
    Fault::new("memory that is cut short", memory::cut),
];

/// Memory that takes all addresses which a process can have. User-mode Linux takes minutes to give so many back.
pub const HUGE: &[Fault<Target>] = &[Fault::new("regions of many terabytes", memory::huge)];

/// Chains of descriptors that no driver makes.
pub const CHAINS: &[Fault<Target>] = &[
    Fault::new("chains that are loops", chains::loops),
    Fault::new("chains of wrong lengths", chains::lengths),
    Fault::new("chains of the wrong direction", chains::directions),
    Fault::new("chains outside of the memory", chains::outside),
    Fault::new("requests of lines that there are not", chains::lines),
    Fault::new("indirect tables that cannot be", chains::indirect),
    Fault::new("random tables of descriptors", chains::random),
];

/// Rings that no driver makes.
pub const QUEUES: &[Fault<Target>] = &[
    Fault::new("an index that jumps", queues::jumps),
    Fault::new("heads beyond the queue", queues::heads),
    Fault::new("random rings", queues::random),
    Fault::new("queues that overlap", queues::overlapping),
];

/// Monitors that stop, or do not read.
pub const STILL: &[Fault<Target>] = &[
    Fault::new("stalls in the middle of a message", still::stalled),
    Fault::new("a connection that says nothing", still::silent),
    Fault::new("answers that nobody reads", still::unread),
    Fault::new("connections that come and go", still::come_and_go),
];

/// Monitors and guests that keep the daemon busy.
pub const FLOODS: &[Fault<Target>] = &[
    Fault::new("a flood of kicks", flood::kicks),
    Fault::new("a flood of requests", flood::requests),
    Fault::new("a flood of questions", flood::questions),
    Fault::new("a flood of new tables of memory", flood::tables),
    Fault::new("a flood of restarts of a queue", flood::restarts),
];
