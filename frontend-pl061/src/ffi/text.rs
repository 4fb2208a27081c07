// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text from C and to C.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

/// The text at `text`; `None` for NULL, an error for what is not UTF-8.
///
/// # Safety
/// `text` is NULL, or points to a text with a zero byte at its end that nobody changes meanwhile.
pub(super) unsafe fn given<'a>(
    text: *const c_char,
) -> Result<Option<&'a str>, std::str::Utf8Error> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so by the caller's word a text that ends with a zero byte and stays.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some)
}

/// `text` for C; what follows a zero byte in it is left out.
pub(super) fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(text.get(..end).unwrap_or_default()).unwrap_or_default()
}

/// Copies as much of `text` to `buffer` as it takes, with a zero byte at the end.
///
/// # Safety
/// `buffer` is NULL, or points to `size` bytes that may be written.
pub(super) unsafe fn copy(text: &str, buffer: *mut c_char, size: usize) {
    let Some(room) = size.checked_sub(1).filter(|_| !buffer.is_null()) else {
        return;
    };
    let text = c_string(text);
    let taken = text.as_bytes().len().min(room);
    // SAFETY: `taken` is at most the length of `text`, and below `size`, which is what `buffer` has;
    // `text` is our own, so they do not overlap.
    unsafe { ptr::copy_nonoverlapping(text.as_ptr(), buffer, taken) };
    // SAFETY: `taken` is below `size`.
    let end = unsafe { buffer.add(taken) };
    // SAFETY: `end` is within `buffer`.
    unsafe { end.write(0) };
}
