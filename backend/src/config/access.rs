// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may attach to an export.

/// Who may attach to an export, by the credentials of the connecting process.
/// Without any entry: whoever can open the socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Users, members of the named groups among them as of the daemon's start.
    pub uids: Vec<u32>,
    /// Groups.
    pub gids: Vec<u32>,
}

impl Access {
    /// Whether whoever can open the socket may attach.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.uids.is_empty() && self.gids.is_empty()
    }

    /// Whether a process of that user and primary group may attach.
    #[must_use]
    pub fn allows(&self, uid: u32, gid: u32) -> bool {
        self.is_open() || self.uids.contains(&uid) || self.gids.contains(&gid)
    }
}
