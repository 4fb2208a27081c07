// SPDX-License-Identifier: MIT OR Apache-2.0
//! A descriptor along with bytes of a Unix socket (`unix(7)`, `SCM_RIGHTS`).
#![forbid(unsafe_code)]

use std::io::{IoSlice, IoSliceMut, Result};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Sends bytes without waiting, and a descriptor with the first of them; returns how many bytes
/// were sent.
///
/// # Errors
/// Those of `sendmsg(2)`; then the descriptor was not sent either.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], passed: BorrowedFd<'_>) -> Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let passed = [passed];
    // The space is for just this.
    ancillary.push(SendAncillaryMessage::ScmRights(&passed));
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, flags)?)
}

/// Receives bytes without waiting, and a descriptor if one comes with them. Others are closed.
///
/// # Errors
/// Those of `recvmsg(2)`.
pub fn receive(socket: BorrowedFd<'_>, into: &mut [u8]) -> Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let bytes = recvmsg(socket, &mut [IoSliceMut::new(into)], &mut ancillary, flags)?.bytes;
    let passed = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut passed) => passed.next(),
        _ => None,
    });
    Ok((bytes, passed))
}
