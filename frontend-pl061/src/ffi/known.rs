// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpio_client_*`: what a client knows.

use std::ffi::{c_char, c_int};
use std::ptr;

use nix::errno::Errno;

use super::client::{errno_of, vgpio_client, with};
use super::events::vgpio_client_state;
use super::info::{vgpio_client_counters, vgpio_line_info};
use super::text::c_string;
use super::{failed, handle};
use crate::client::{Client, Error};

/// Levels of all lines: of outputs as last set, of inputs as last told. Asks nobody. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_levels(client: *const vgpio_client) -> u64 {
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, |client| client.levels()) }.unwrap_or(0)
}

/// Number of lines: with a line map known from the start, with an export from the first attachment
/// on, 0 before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_line_count(client: *const vgpio_client) -> c_int {
    let count = |client: &mut Client| c_int::try_from(client.vgpios().len()).unwrap_or(0);
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, count) }.unwrap_or_else(|code| code)
}

/// Lines that are outputs, as last configured. Saved, with `vgpio_client_levels`, it is all that
/// `vgpio_client_configure_directions` needs to bring the lines back to this state, also in another
/// process. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_outputs(client: *const vgpio_client) -> u64 {
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, |client| client.outputs()) }.unwrap_or(0)
}

/// Lines whose chip is gone for now. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_lost(client: *const vgpio_client) -> u64 {
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, |client| client.lost()) }.unwrap_or(0)
}

/// Describes line `line`. -ENOENT if there is none, or none has been attached yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_line_info(
    client: *const vgpio_client,
    line: u32,
    info: *mut vgpio_line_info,
) -> c_int {
    let describe = |client: &mut Client| {
        let line = client.line(usize::try_from(line).ok()?)?;
        Some(vgpio_line_info::from(&line))
    };
    // SAFETY: NULL or a live client by the interface.
    match unsafe { with(client, describe) } {
        // SAFETY: NULL or a structure that says its size by the interface.
        Ok(Some(line)) => unsafe { handle::write(info, &line) },
        Ok(None) => failed(Errno::ENOENT),
        Err(code) => code,
    }
}

/// The line that the guest's controller calls `vgpio`, from 0. -ENOENT if there is none, or none yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_line_of_vgpio(
    client: *const vgpio_client,
    vgpio: u16,
) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    match unsafe { with(client, |client| client.line_of_vgpio(vgpio)) } {
        Ok(line) => {
            line.and_then(|line| c_int::try_from(line).ok()).unwrap_or(failed(Errno::ENOENT))
        }
        Err(code) => code,
    }
}

/// What the guest's controller calls line `line`. -ENOENT if there is none, or none yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_vgpio_of_line(
    client: *const vgpio_client,
    line: u32,
) -> c_int {
    let vgpio = |client: &mut Client| {
        let line = usize::try_from(line).ok()?;
        client.vgpios().get(line).map(|&vgpio| c_int::from(vgpio))
    };
    // SAFETY: NULL or a live client by the interface.
    let found = unsafe { with(client, vgpio) };
    found.map_or_else(|code| code, |vgpio| vgpio.unwrap_or(failed(Errno::ENOENT)))
}

/// Path of the daemon's socket; lives as long as the client. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_socket(client: *const vgpio_client) -> *const c_char {
    // SAFETY: NULL or a live client by the interface.
    let this = unsafe { handle::shared(client) };
    this.map_or(ptr::null(), |this| this.socket.as_ptr())
}

/// Gives what has been counted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_get_counters(
    client: *const vgpio_client,
    counters: *mut vgpio_client_counters,
) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    match unsafe { with(client, |client| client.counters().into()) } {
        // SAFETY: NULL or a structure that says its size by the interface.
        Ok(values) => unsafe { handle::write(counters, &values) },
        Err(code) => code,
    }
}

/// Whether the client has its lines. `VGPIO_CLIENT_STATE_DISCONNECTED` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_get_state(client: *const vgpio_client) -> vgpio_client_state {
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, |client| client.state().into()) }
        .unwrap_or(vgpio_client_state::Disconnected)
}

/// Why the lines are not attached: a negative number of `<errno.h>` (-EPROTO for a daemon that broke
/// the protocol, -ECONNABORTED for what it refused), and through `text`, which may be NULL, the
/// explanation, valid until the next call of a function with this client. 0 and "" if they are, or
/// no attempt was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_last_error(
    client: *const vgpio_client,
    text: *mut *const c_char,
) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    let this = match unsafe { handle::shared(client) } {
        Ok(this) => this,
        Err(code) => return code,
    };
    let inner = this.client.borrow();
    let error = inner.last_error();
    let message = error.map(Error::chain).unwrap_or_default();
    this.error.replace(c_string(&message));
    let explanation = this.error.borrow().as_ptr();
    // SAFETY: NULL or writable by the interface.
    unsafe { handle::put(text, explanation) };
    error.map_or(0, errno_of)
}
