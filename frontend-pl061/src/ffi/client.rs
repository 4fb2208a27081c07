// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpio_client_*`.

use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_char, c_int};
use std::os::fd::AsRawFd;
use std::time::Instant;

use nix::errno::Errno;

use super::config::vgpio_line_config;
use super::events::vgpio_client_callbacks;
use super::options::vgpio_client_options;
use super::text;
use super::{failed, handle};
use crate::client::{Client, Error, Posted, State, chain};

/// A connection to the daemon, and the lines that it lends. Opaque.
///
/// Nothing waits but the functions whose names end in `_wait`. A main loop watches
/// `vgpio_client_fd` for reading, and for writing while `vgpio_client_wants_write`,
/// level-triggered; it calls `vgpio_client_process` when the descriptor is ready or
/// `vgpio_client_timeout_ns` is over, and asks for all three again afterwards, and after
/// `vgpio_client_connect` and `_disconnect`. Setting lines changes only `wants_write`.
pub struct vgpio_client {
    // Shared references only, so that a callback may use the client that calls it.
    pub(super) client: RefCell<Client>,
    callbacks: vgpio_client_callbacks,
    pub(super) error: RefCell<CString>,
    pub(super) socket: CString,
    delivering: Cell<bool>,
    freed: Cell<bool>,
}

/// Makes a client that is not yet connected. `callbacks` may be NULL; both structures are copied.
/// The client is given through `client`, to be freed with `vgpio_client_free`. On failure (-EINVAL;
/// -E2BIG for a structure of a later version) up to `error_size` bytes of explanation are written
/// to `error`, which may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_new(
    options: *const vgpio_client_options,
    callbacks: *const vgpio_client_callbacks,
    client: *mut *mut vgpio_client,
    error: *mut c_char,
    error_size: usize,
) -> c_int {
    // SAFETY: valid pointers by the interface.
    let made = unsafe { make(options, callbacks) };
    let (code, message) = match made {
        Ok(made) if !client.is_null() => {
            let raw = Box::into_raw(Box::new(made));
            // SAFETY: not NULL, writable by the interface.
            unsafe { handle::put(client, raw) };
            return 0;
        }
        Ok(_) => (failed(Errno::EINVAL), "client is NULL".to_owned()),
        Err(refused) => refused,
    };
    // SAFETY: `error` has `error_size` bytes by the interface.
    unsafe { text::copy(&message, error, error_size) };
    code
}

/// # Safety
/// The pointers are as [`vgpio_client_new`] takes them.
unsafe fn make(
    options: *const vgpio_client_options,
    callbacks: *const vgpio_client_callbacks,
) -> Result<vgpio_client, (c_int, String)> {
    let structure = |code| (code, "a structure is NULL, or its size is wrong".to_owned());
    let invalid = |text: &str| (failed(Errno::EINVAL), text.to_owned());
    // SAFETY: by the caller's word.
    let options = unsafe { handle::read(options) }.map_err(structure)?;
    // SAFETY: texts or NULL by the caller's word.
    let options = unsafe { options.to_options() }.map_err(invalid)?;
    let callbacks = if callbacks.is_null() {
        vgpio_client_callbacks::NONE
    } else {
        // SAFETY: by the caller's word.
        unsafe { handle::read(callbacks) }.map_err(structure)?
    };
    let client = Client::new(options).map_err(|error| invalid(&chain(&error)))?;
    Ok(vgpio_client {
        socket: text::c_string(&client.options().socket.to_string_lossy()),
        client: RefCell::new(client),
        callbacks,
        error: RefCell::default(),
        delivering: Cell::new(false),
        freed: Cell::new(false),
    })
}

/// Gives the lines back and frees the client. NULL is allowed. In a callback it takes effect when
/// the callback returns; no other follows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_free(client: *mut vgpio_client) {
    // SAFETY: NULL or a live client by the interface.
    match unsafe { handle::shared(client) } {
        Ok(this) if this.delivering.get() => this.freed.set(true),
        // SAFETY: NULL or a live client, which is not used any more.
        _ => unsafe { handle::free(client) },
    }
}

/// Connects now, unless there is a connection. 0: the daemon is there, and the connection callback
/// tells when the lines are. Else the client tries again by itself, unless told otherwise:
/// -ENOENT or -ECONNREFUSED when nobody is at the socket, -EACCES when it is not ours to use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_connect(client: *mut vgpio_client) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    let connected = unsafe { with(client, Client::connect) };
    connected.map_or_else(|code| code, |result| result.map_or_else(|e| errno_of(&e), |()| 0))
}

/// Gives the lines back until `vgpio_client_connect`. What was set is remembered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_disconnect(client: *mut vgpio_client) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, Client::disconnect) }.map_or_else(|code| code, |()| 0)
}

/// The file descriptor to watch; the client's, not to be closed. -ENOTCONN without a connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_fd(client: *const vgpio_client) -> c_int {
    let fd = |client: &mut Client| client.as_fd().map(|fd| fd.as_raw_fd());
    // SAFETY: NULL or a live client by the interface.
    let fd = unsafe { with(client, fd) };
    fd.map_or_else(|code| code, |fd| fd.unwrap_or(failed(Errno::ENOTCONN)))
}

/// Whether to watch the file descriptor for writing, too. False for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_wants_write(client: *const vgpio_client) -> bool {
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, |client| client.wants_write()) }.unwrap_or(false)
}

/// Nanoseconds from now until `vgpio_client_process` is due though the descriptor is not ready; -1
/// if it is not, as always while the lines are attached.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_timeout_ns(client: *const vgpio_client) -> i64 {
    // SAFETY: NULL or a live client by the interface.
    let deadline = unsafe { with(client, |client| client.next_deadline()) };
    deadline.ok().flatten().map_or(-1, |deadline| {
        let left = deadline.saturating_duration_since(Instant::now());
        i64::try_from(left.as_nanos()).unwrap_or(i64::MAX)
    })
}

/// Does what is due, without waiting, and calls back what happened. Gives the number of events;
/// -EBUSY within a callback; -ECANCELED when a callback freed the client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_process(client: *mut vgpio_client) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    unsafe { process(client) }
}

/// # Safety
/// `client` is NULL or a live client.
pub(super) unsafe fn process(client: *mut vgpio_client) -> c_int {
    // SAFETY: by the caller's word.
    let this = match unsafe { handle::shared(client) } {
        Ok(this) if this.delivering.get() => return failed(Errno::EBUSY),
        Ok(this) => this,
        Err(code) => return code,
    };
    this.delivering.set(true);
    this.client.borrow_mut().advance();
    let mut events = 0;
    while !this.freed.get() {
        let Some(event) = this.client.borrow_mut().next_event() else {
            break;
        };
        events += 1;
        // SAFETY: the functions are those that C gave; the client is not borrowed meanwhile.
        unsafe { this.callbacks.deliver(event) };
    }
    this.delivering.set(false);
    if this.freed.get() {
        // SAFETY: C has freed it, so it is not used any more, and here it is not either.
        unsafe { handle::free(client) };
        return failed(Errno::ECANCELED);
    }
    events
}

/// Sets the outputs in `mask` to `bits`; one change on the host where the chip can do so. Never
/// waits. 1: sent; 0: remembered until the lines are attached; -EAGAIN: the daemon does not keep up,
/// and the set will be sent folded into a later one, the last level winning.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_set(
    client: *mut vgpio_client,
    mask: u64,
    bits: u64,
) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    posted(unsafe { with(client, |client| client.set(mask, bits)) })
}

/// Makes lines outputs or inputs, in one message: those in both `mask` and `outputs` drive `bits`
/// without another level between, the rest of `mask` become inputs. Results as `vgpio_client_set`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_configure_directions(
    client: *mut vgpio_client,
    mask: u64,
    outputs: u64,
    bits: u64,
) -> c_int {
    let work = |client: &mut Client| client.configure_directions(mask, outputs, bits);
    // SAFETY: NULL or a live client by the interface.
    posted(unsafe { with(client, work) })
}

/// Changes settings of lines, in one message. Results as `vgpio_client_set`; -EINVAL for a value that
/// a setting does not have. Where the daemon refuses, all lines stay as they were, and the error
/// callback tells.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_configure(
    client: *mut vgpio_client,
    config: *const vgpio_line_config,
) -> c_int {
    // SAFETY: NULL or a structure that says its size by the interface.
    let given = unsafe { handle::read(config) };
    let configure = match given.and_then(vgpio_line_config::to_configure) {
        Ok(configure) => configure,
        Err(code) => return code,
    };
    // SAFETY: NULL or a live client by the interface.
    posted(unsafe { with(client, |client| client.configure(&configure)) })
}

/// Has the daemon read the lines in `mask`, for inputs that do not report both edges: the levels
/// callback tells what is not as it was told before, ahead of a barrier asked for now. 1: asked;
/// -ENOTCONN: the lines are not attached; -EAGAIN: the daemon does not keep up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_query_levels(client: *mut vgpio_client, mask: u64) -> c_int {
    let ask = |client: &mut Client| match client.query_levels(mask) {
        true => 1,
        false if client.state() == State::Attached => failed(Errno::EAGAIN),
        false => failed(Errno::ENOTCONN),
    };
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, ask) }.unwrap_or_else(|code| code)
}

fn posted(posted: Result<Posted, c_int>) -> c_int {
    match posted {
        Ok(Posted::Sent(_)) => 1,
        Ok(Posted::Remembered) => 0,
        Ok(Posted::Folded) => failed(Errno::EAGAIN),
        Err(code) => code,
    }
}

/// Keeps back what follows until `vgpio_client_uncork`, to send it in one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_cork(client: *mut vgpio_client) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, Client::cork) }.map_or_else(|code| code, |()| 0)
}

/// Sends what was kept back since `vgpio_client_cork`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_uncork(client: *mut vgpio_client) -> c_int {
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, Client::uncork) }.map_or_else(|code| code, |()| 0)
}

/// Asks for a barrier: the synced callback with this token, or a greater one, says that all before
/// it has been carried out. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_client_sync(client: *mut vgpio_client) -> u64 {
    // SAFETY: NULL or a live client by the interface.
    unsafe { with(client, Client::sync) }.unwrap_or(0)
}

pub(super) fn errno_of(error: &Error) -> c_int {
    failed(match error {
        Error::Connect { source, .. } => *source,
        Error::Io(errno) => *errno,
        Error::Closed => Errno::ECONNRESET,
        Error::Timeout => Errno::ETIMEDOUT,
        Error::Protocol(_) => Errno::EPROTO,
        Error::Refused(_) | Error::Ended(_) => Errno::ECONNABORTED,
        Error::NoGuestLine(_) => Errno::ERANGE,
        Error::Requested => Errno::ENOTCONN,
    })
}

/// Uses the client behind a handle.
///
/// # Safety
/// `client` is NULL or a live client.
pub(super) unsafe fn with<T>(
    client: *const vgpio_client,
    work: impl FnOnce(&mut Client) -> T,
) -> Result<T, c_int> {
    // SAFETY: by the caller's word.
    let this = unsafe { handle::shared(client) }?;
    Ok(work(&mut this.client.borrow_mut()))
}
