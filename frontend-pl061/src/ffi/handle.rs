// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handles, and structures that grow from version to version.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;

use nix::errno::Errno;

use super::failed;

/// A structure that begins with its size, as a `size_t`, so that later versions may add to its end.
///
/// # Safety
/// The type is `repr(C)`, its first field is a `usize`, and all zero bytes are a value of it.
pub(super) unsafe trait Extensible: Copy {}

/// Reads a structure of the size that it says it has; fields beyond are zero.
///
/// # Safety
/// `given` is NULL, or aligned and points to as many bytes as its first field says.
pub(super) unsafe fn read<T: Extensible>(given: *const T) -> Result<T, c_int> {
    if given.is_null() {
        return Err(failed(Errno::EINVAL));
    }
    // SAFETY: not NULL; by the trait the first field is a `usize`, and the caller wrote it.
    let size = unsafe { given.cast::<usize>().read() };
    if size < size_of::<usize>() {
        return Err(failed(Errno::EINVAL));
    }
    if size > size_of::<T>() {
        return Err(failed(Errno::E2BIG));
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: `size` bytes are there by the caller's word, and no more than `value` has.
    unsafe { ptr::copy_nonoverlapping(given.cast::<u8>(), value.as_mut_ptr().cast(), size) };
    // SAFETY: by the trait zero bytes are a value, and the rest are bytes of such a structure.
    Ok(unsafe { value.assume_init() })
}

/// Writes as much of `value` as the structure at `target` says it has; its size stays.
///
/// # Safety
/// `target` is NULL, or aligned and points to as many bytes as its first field says.
pub(super) unsafe fn write<T: Extensible>(target: *mut T, value: &T) -> c_int {
    let header = size_of::<usize>();
    if target.is_null() {
        return failed(Errno::EINVAL);
    }
    // SAFETY: not NULL; by the trait the first field is a `usize`, and the caller wrote it.
    let size = unsafe { target.cast::<usize>().read() };
    let Some(body) = size.min(size_of::<T>()).checked_sub(header) else {
        return failed(Errno::EINVAL);
    };
    // SAFETY: `header` bytes are within `value`, which begins with a `usize`.
    let from = unsafe { ptr::from_ref(value).cast::<u8>().add(header) };
    // SAFETY: `target` has `size` bytes, of which `header` are the first.
    let to = unsafe { target.cast::<u8>().add(header) };
    // SAFETY: `header + body` is at most the size of both, which do not overlap: `value` is ours.
    unsafe { ptr::copy_nonoverlapping(from, to, body) };
    0
}

/// The object behind a handle.
///
/// # Safety
/// `handle` is NULL, or came from the function that makes such objects and was not freed, and no
/// other thread uses it. It is not used mutably while the reference lives.
pub(super) unsafe fn shared<'a, T>(handle: *const T) -> Result<&'a T, c_int> {
    // SAFETY: by the caller's word NULL or a live object that is not used mutably.
    unsafe { handle.as_ref() }.ok_or(failed(Errno::EINVAL))
}

/// The object behind a handle, to be changed.
///
/// # Safety
/// As for [`shared`], and there is no other reference to it.
pub(super) unsafe fn mutable<'a, T>(handle: *mut T) -> Result<&'a mut T, c_int> {
    // SAFETY: by the caller's word NULL or a live object that nothing else refers to.
    unsafe { handle.as_mut() }.ok_or(failed(Errno::EINVAL))
}

/// Frees the object behind a handle; NULL is allowed.
///
/// # Safety
/// `handle` is NULL, or came from `Box::into_raw`, and is not used any more.
pub(super) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: not NULL, so by the caller's word from `Box::into_raw` and unused from here on.
        drop(unsafe { Box::from_raw(handle) });
    }
}

/// Gives `value` to the caller through a pointer; false if it is NULL.
///
/// # Safety
/// `target` is NULL, or aligned and may be written.
pub(super) unsafe fn put<T>(target: *mut T, value: T) -> bool {
    if target.is_null() {
        return false;
    }
    // SAFETY: not NULL, so by the caller's word aligned and writable.
    unsafe { target.write(value) };
    true
}
