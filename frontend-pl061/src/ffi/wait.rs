// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpio_client_*`: what waits.

use std::ffi::c_int;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::client::{
    errno_of, process, vgpio_client, vgpio_client_connect, vgpio_client_sync, with,
};
use super::{failed, handle};
use crate::client::{Client, WaitError};

/// Connects, unless there is a connection, and waits until the lines are attached, their levels
/// known, and what was set before carried out: 0. Else as `vgpio_client_connect` and
/// `vgpio_client_last_error`, which has the explanation: nobody is at the socket, the lines are
/// refused (the text is the daemon's), or -ETIMEDOUT: `timeout_ms` (negative: no limit) is over,
/// which ends the attempt. The client tries again by itself, unless told otherwise. -EBUSY within
/// a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_connect_wait(
    client: *mut vgpio_client,
    timeout_ms: c_int,
) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    let connected = unsafe { vgpio_client_connect(client) };
    if connected < 0 {
        return connected;
    }
    // SAFETY: as above.
    let token = unsafe { vgpio_client_sync(client) };
    // SAFETY: as above.
    let settled = unsafe { wait(client, timeout_ms, |client, _| client.is_settled(token)) };
    if let Some(code) = settled.filter(|&code| code < 0) {
        return code;
    }
    let outcome = |client: &mut Client| {
        if settled.is_none() {
            client.give_up();
        }
        client.last_error().map_or(0, errno_of)
    };
    // SAFETY: as above.
    unsafe { with(client, outcome) }.unwrap_or_else(|code| code)
}

/// Waits until something has happened and calls it back, for programs without a main loop. Gives
/// the number of events; 0 when `timeout_ms` is over (negative: no limit), or when there is no
/// connection and will not be one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_wait(client: *mut vgpio_client, timeout_ms: c_int) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    let happened = unsafe { wait(client, timeout_ms, |_, events| events != 0) };
    happened.unwrap_or(0)
}

/// Processes and sleeps until `done`, which is asked with the number of events just called back; gives
/// that number or an error, or `None` when the time is over.
///
/// # Safety
/// `client` is NULL or a live client.
unsafe fn wait(
    client: *mut vgpio_client,
    timeout_ms: c_int,
    done: impl Fn(&Client, c_int) -> bool,
) -> Option<c_int> {
    let forever = Duration::from_secs(u32::MAX.into());
    let time = u64::try_from(timeout_ms).map_or(forever, Duration::from_millis);
    let deadline = Instant::now() + time;
    loop {
        // SAFETY: by the caller's word.
        let events = unsafe { process(client) };
        if events < 0 {
            return Some(events);
        }
        // SAFETY: by the caller's word; `process` says so when a callback freed it.
        let this = unsafe { handle::shared(client) }.ok()?;
        let inner = this.client.borrow();
        if done(&inner, events) {
            return Some(events);
        }
        if !inner.sleep(deadline) {
            return None;
        }
    }
}

/// Waits until all that was set and configured has been carried out: 0. -ETIMEDOUT when `timeout_ms`
/// (negative: no limit) is over, -ENOTCONN when there is no connection and will not be one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_sync_wait(
    client: *mut vgpio_client,
    timeout_ms: c_int,
) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    let token = unsafe { vgpio_client_sync(client) };
    // SAFETY: NULL or a live client by the interface.
    match unsafe { wait(client, timeout_ms, |client, _| client.is_synced(token)) } {
        Some(code) => code.min(0),
        // SAFETY: NULL or a live client by the interface.
        None => match unsafe { with(client, |client| client.waited_in_vain()) } {
            Ok(WaitError::Timeout) => failed(Errno::ETIMEDOUT),
            Ok(WaitError::Disconnected(_)) => failed(Errno::ENOTCONN),
            Err(code) => code,
        },
    }
}
