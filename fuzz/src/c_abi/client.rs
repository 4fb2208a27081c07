// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpio_client_*`: what a client is told and what it says of itself agree, within callbacks, too.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::{offset_of, zeroed};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use arbitrary::{Result, Unstructured};
use nix::libc::{EBUSY, ECANCELED};

use super::daemon::Daemon;
use super::header::{
    vgpio_client, vgpio_client_callbacks, vgpio_client_configure,
    vgpio_client_configure_directions, vgpio_client_connect, vgpio_client_connect_wait,
    vgpio_client_cork, vgpio_client_counters, vgpio_client_disconnect, vgpio_client_error,
    vgpio_client_fd, vgpio_client_free, vgpio_client_get_counters, vgpio_client_get_state,
    vgpio_client_last_error, vgpio_client_levels, vgpio_client_line_count, vgpio_client_line_info,
    vgpio_client_line_of_vgpio, vgpio_client_lost, vgpio_client_new, vgpio_client_options,
    vgpio_client_outputs, vgpio_client_process, vgpio_client_query_levels, vgpio_client_set,
    vgpio_client_sync, vgpio_client_sync_wait, vgpio_client_timeout_ns, vgpio_client_uncork,
    vgpio_client_vgpio_of_line, vgpio_client_wait, vgpio_client_wants_write, vgpio_line_config,
    vgpio_line_info,
};

/// What the callbacks know.
struct Told {
    client: Cell<*mut vgpio_client>,
    /// Calls back until the client is freed in one; 0: it is not.
    frees_in: Cell<u8>,
    is_freed: Cell<bool>,
    /// Lines that were named in a call, which the client remembers whether or not there are such.
    named: Cell<u64>,
    asked: Cell<u64>,
    synced: Cell<u64>,
}

impl Told {
    /// # Safety
    /// `opaque` is what the client was made with.
    unsafe fn called<'a>(opaque: *mut c_void) -> &'a Self {
        // SAFETY: it outlives the client.
        let told = unsafe { &*opaque.cast::<Self>() };
        assert!(!told.is_freed.get(), "a callback of a client that is freed");
        // SAFETY: the client is live in its callbacks.
        assert_eq!(unsafe { vgpio_client_process(told.client.get()) }, -EBUSY);
        // SAFETY: as above; it is not waited for.
        assert_eq!(unsafe { vgpio_client_wait(told.client.get(), 0) }, -EBUSY);
        if told.frees_in.get() == 1 {
            // SAFETY: as above; nobody uses it behind this.
            unsafe { vgpio_client_free(told.client.get()) };
            told.is_freed.set(true);
        }
        told.frees_in.set(told.frees_in.get().saturating_sub(1));
        told
    }
}

/// # Safety
/// NULL, or a text with an end.
unsafe fn read(text: *const c_char) -> usize {
    // SAFETY: not NULL, so a text.
    if text.is_null() { 0 } else { unsafe { CStr::from_ptr(text) }.to_bytes().len() }
}

unsafe extern "C" fn edge(opaque: *mut c_void, line: u32, _: bool, _: u64, _: u32) {
    // SAFETY: by the interface.
    unsafe { Told::called(opaque) };
    assert!(line < 64);
}

unsafe extern "C" fn levels(opaque: *mut c_void, changed: u64, levels: u64) {
    // SAFETY: by the interface.
    unsafe { Told::called(opaque) };
    assert!(changed != 0 && levels & !changed == 0);
}

unsafe extern "C" fn connection(opaque: *mut c_void, state: c_int, reason: *const c_char, _: bool) {
    // SAFETY: by the interface.
    unsafe { Told::called(opaque) };
    assert_eq!(state == 2, reason.is_null());
    // SAFETY: by the interface.
    unsafe { read(reason) };
}

unsafe extern "C" fn lost(opaque: *mut c_void, _: u64, reason: *const c_char) {
    // SAFETY: by the interface.
    unsafe { Told::called(opaque) };
    // SAFETY: by the interface.
    unsafe { read(reason) };
}

unsafe extern "C" fn synced(opaque: *mut c_void, token: u64) {
    // SAFETY: by the interface.
    let told = unsafe { Told::called(opaque) };
    // It may be greater than what was asked for: sets that were folded have gone before it.
    let reached = told.synced.get();
    assert!(reached < token && reached < told.asked.get(), "a barrier that was not asked for");
    told.synced.set(token);
}

unsafe extern "C" fn error(opaque: *mut c_void, error: *const vgpio_client_error) {
    // SAFETY: by the interface.
    unsafe { Told::called(opaque) };
    // SAFETY: by the interface.
    let error = unsafe { &*error };
    assert!(!error.text.is_null());
    // SAFETY: by the interface.
    unsafe { read(error.text) };
}

pub fn client(choices: u8, input: &mut Unstructured<'_>) {
    let mut daemon = Daemon::new();
    let told = Told {
        client: Cell::new(ptr::null_mut()),
        frees_in: Cell::new(choices >> 4 & 7),
        is_freed: Cell::new(false),
        named: Cell::new(0),
        asked: Cell::new(0),
        synced: Cell::new(0),
    };
    if make(choices, &daemon, &told) != 0 {
        return;
    }
    let client = told.client.get();
    while !input.is_empty() && !told.is_freed.get() {
        // SAFETY: the client is live.
        if unsafe { call(client, &told, &mut daemon, input) }.is_err() {
            break;
        }
        if !told.is_freed.get() {
            // SAFETY: as above.
            unsafe { check(client, &told) };
        }
    }
    if !told.is_freed.get() {
        // SAFETY: as above, and nobody uses it behind this.
        unsafe { vgpio_client_free(client) };
    }
}

fn make(choices: u8, daemon: &Daemon, told: &Told) -> c_int {
    let socket = CString::new(daemon.path().as_os_str().as_bytes()).expect("a path");
    let (map, export) = (c"block,vgpios=0:1:5,gpios=0:1:2", c"e");
    let is_map = choices & 8 != 0;
    let options = vgpio_client_options {
        size: size_of::<vgpio_client_options>(),
        socket: socket.as_ptr(),
        export_name: if is_map { ptr::null() } else { export.as_ptr() },
        line_map: if is_map { map.as_ptr() } else { ptr::null() },
        name: c"fuzz".as_ptr(),
        reconnect_ms: 1,
        guest_lines: 64,
        queue_bytes: 8192,
    };
    let callbacks = vgpio_client_callbacks {
        size: size_of::<vgpio_client_callbacks>(),
        opaque: ptr::from_ref(told).cast_mut().cast(),
        edge: Some(edge),
        levels: Some(levels),
        connection: Some(connection),
        lost: Some(lost),
        synced: Some(synced),
        error: Some(error),
    };
    let mut client = ptr::null_mut();
    // SAFETY: all are ours, and texts have ends.
    let code = unsafe {
        vgpio_client_new(
            &raw const options,
            &raw const callbacks,
            &raw mut client,
            ptr::null_mut(),
            0,
        )
    };
    assert_eq!(code == 0, !client.is_null());
    told.client.set(client);
    code
}

/// # Safety
/// The client is live.
unsafe fn call(
    client: *mut vgpio_client,
    told: &Told,
    daemon: &mut Daemon,
    u: &mut Unstructured<'_>,
) -> Result<()> {
    let mask = |u: &mut Unstructured<'_>| {
        let mask = match u.arbitrary::<u8>()? {
            255 => u.arbitrary()?,
            mask => u64::from(mask & 31),
        };
        told.named.set(told.named.get() | mask);
        Ok(mask)
    };
    let code = match u.int_in_range(0..=19)? {
        // SAFETY: the client is live, here and below.
        0 => unsafe { vgpio_client_connect(client) },
        1..7 => {
            daemon.say(u)?;
            // SAFETY: as above.
            unsafe { vgpio_client_process(client) }
        }
        // SAFETY: as above.
        7 => unsafe { vgpio_client_wait(client, 0) },
        // SAFETY: as above.
        8 | 9 => unsafe { vgpio_client_set(client, mask(u)?, u.arbitrary()?) },
        // SAFETY: as above.
        10 => unsafe {
            vgpio_client_configure_directions(client, mask(u)?, mask(u)?, u.arbitrary()?)
        },
        // SAFETY: as above.
        11 => unsafe { configure(client, mask(u)?, u)? },
        // SAFETY: as above.
        12 => unsafe { vgpio_client_query_levels(client, mask(u)?) },
        13 => {
            // SAFETY: as above.
            let token = unsafe { vgpio_client_sync(client) };
            assert!(token > told.asked.get(), "a new barrier has a new number");
            told.asked.set(token);
            0
        }
        // SAFETY: as above.
        14 => unsafe { waits(client, told, vgpio_client_sync_wait) },
        // SAFETY: as above.
        15 => {
            let corks = u.arbitrary()?;
            let call = if corks { vgpio_client_cork } else { vgpio_client_uncork };
            // SAFETY: as above.
            unsafe { call(client) }
        }
        // SAFETY: as above.
        16 => unsafe { vgpio_client_disconnect(client) },
        17 => {
            daemon.hang_up();
            0
        }
        // SAFETY: as above.
        18 => unsafe { waits(client, told, vgpio_client_connect_wait) },
        // SAFETY: as above.
        _ => unsafe { describe(client, u)? },
    };
    assert!(code != -ECANCELED || told.is_freed.get());
    assert_ne!(code, -EBUSY);
    Ok(())
}

/// Calls a function that asks for barriers of its own.
///
/// # Safety
/// The client is live.
unsafe fn waits(
    client: *mut vgpio_client,
    told: &Told,
    wait: unsafe extern "C" fn(*mut vgpio_client, c_int) -> c_int,
) -> c_int {
    told.asked.set(u64::MAX);
    // SAFETY: as above.
    let code = unsafe { wait(client, 0) };
    if !told.is_freed.get() {
        // SAFETY: as above.
        told.asked.set(unsafe { vgpio_client_sync(client) });
    }
    code
}

/// # Safety
/// The client is live.
unsafe fn configure(
    client: *mut vgpio_client,
    mask: u64,
    u: &mut Unstructured<'_>,
) -> Result<c_int> {
    let [fields, bias, drive, edges, size, outputs] = u.arbitrary::<[u8; 6]>()?;
    let config = vgpio_line_config {
        // A structure of an earlier version is shorter.
        size: if size < 200 { size_of::<vgpio_line_config>() } else { usize::from(size - 200) },
        mask,
        outputs: outputs.into(),
        bits: u.arbitrary()?,
        fields: fields.into(),
        debounce_us: u32::from(bias) << 8,
        bias: bias & 7,
        drive: drive & 3,
        edges: edges & 7,
        active_low: drive >> 6,
    };
    // SAFETY: the structure has at least the bytes that it says.
    let code = unsafe { vgpio_client_configure(client, &raw const config) };
    assert!(code < 0 || config.size >= size_of::<usize>());
    Ok(code)
}

/// Asks for a line, in a structure that may be shorter, with a mark behind it.
///
/// # Safety
/// The client is live.
unsafe fn describe(client: *mut vgpio_client, u: &mut Unstructured<'_>) -> Result<c_int> {
    const MARK: u8 = 0xa5;
    // SAFETY: zeros are a value of it.
    let mut info = unsafe { zeroed::<vgpio_line_info>() };
    let whole = size_of::<vgpio_line_info>();
    info.size = u.int_in_range(0..=whole)?;
    let bytes = (&raw mut info).cast::<u8>();
    for i in info.size.max(size_of::<usize>())..whole {
        // SAFETY: within the structure.
        let byte = unsafe { bytes.add(i) };
        // SAFETY: any of its bytes may be anything.
        unsafe { byte.write(MARK) };
    }
    let line = u.int_in_range(0..=70)?;
    let size = info.size;
    // SAFETY: the structure has the bytes that it says.
    let code = unsafe { vgpio_client_line_info(client, line, &raw mut info) };
    assert_eq!(info.size, size);
    for i in size.max(size_of::<usize>())..whole {
        // SAFETY: within the structure.
        let byte = unsafe { bytes.add(i) };
        // SAFETY: as above.
        assert_eq!(unsafe { byte.read() }, MARK, "byte {i} of {size}");
    }
    if code == 0 && size > offset_of!(vgpio_line_info, chip) {
        assert!(info.name.contains(&0), "a name has an end");
    }
    Ok(code)
}

/// What the client says of itself.
///
/// # Safety
/// The client is live.
unsafe fn check(client: *mut vgpio_client, told: &Told) {
    // SAFETY: the client is live, here and below.
    let count = unsafe { vgpio_client_line_count(client) };
    assert!((0..=64).contains(&count));
    let all = if count == 64 { u64::MAX } else { (1 << count) - 1 };
    // SAFETY: as above.
    let lost = unsafe { vgpio_client_lost(client) };
    // SAFETY: as above.
    let levels = unsafe { vgpio_client_levels(client) };
    // SAFETY: as above.
    let known = levels | unsafe { vgpio_client_outputs(client) };
    assert!(
        lost & !all == 0 && known & !(all | told.named.get()) == 0,
        "{lost:x} {known:x} of {count}"
    );
    for line in 0..u32::try_from(count).expect("not negative") {
        // SAFETY: as above.
        let vgpio = unsafe { vgpio_client_vgpio_of_line(client, line) };
        let vgpio = u16::try_from(vgpio).expect("it has this line");
        // SAFETY: as above.
        let back = unsafe { vgpio_client_line_of_vgpio(client, vgpio) };
        assert_eq!(u32::try_from(back), Ok(line), "vgpio {vgpio}");
    }
    // SAFETY: as above.
    let state = unsafe { vgpio_client_get_state(client) };
    // SAFETY: as above.
    let fd = unsafe { vgpio_client_fd(client) };
    assert!((0..=2).contains(&state) && (state == 0) == (fd < 0), "state {state}, descriptor {fd}");
    // SAFETY: as above.
    let timeout = unsafe { vgpio_client_timeout_ns(client) };
    assert!(timeout >= -1 && (state != 2 || timeout == -1), "state {state}, {timeout} ns");
    // SAFETY: as above.
    assert!(state != 0 || !unsafe { vgpio_client_wants_write(client) });
    let mut counters =
        vgpio_client_counters { size: size_of::<vgpio_client_counters>(), ..Default::default() };
    // SAFETY: the structure has the bytes that it says.
    assert_eq!(unsafe { vgpio_client_get_counters(client, &raw mut counters) }, 0);
    let mut text = ptr::null();
    // SAFETY: the pointer is ours.
    let code = unsafe { vgpio_client_last_error(client, &raw mut text) };
    assert!(code <= 0 && (state != 2 || code == 0), "state {state}, error {code}");
    // SAFETY: it is valid until the next call.
    assert_eq!(unsafe { read(text) } == 0, code == 0);
}
