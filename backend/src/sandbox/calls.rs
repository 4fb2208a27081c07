// SPDX-License-Identifier: MIT OR Apache-2.0
//! System calls that can still be made (seccomp(2)). Any other fails with EPERM: a library that tries something new
//! is no reason to drop a relay.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::iter;

use nix::libc::{
    CLONE_THREAD, ENOSYS, EPERM, FIONBIO, PR_SET_NAME, PROT_EXEC, SYS_accept4, SYS_brk,
    SYS_clock_gettime, SYS_clock_nanosleep, SYS_clone, SYS_clone3, SYS_close, SYS_dup,
    SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_eventfd2, SYS_exit, SYS_exit_group,
    SYS_fallocate, SYS_fcntl, SYS_fstat, SYS_fstatfs, SYS_ftruncate, SYS_futex, SYS_getdents64,
    SYS_getpeername, SYS_getpid, SYS_getpriority, SYS_getrandom, SYS_getsockname, SYS_getsockopt,
    SYS_gettid, SYS_ioctl, SYS_kill, SYS_lseek, SYS_madvise, SYS_memfd_create, SYS_mmap,
    SYS_mprotect, SYS_mremap, SYS_munmap, SYS_nanosleep, SYS_newfstatat, SYS_openat, SYS_ppoll,
    SYS_prctl, SYS_pread64, SYS_pwrite64, SYS_read, SYS_readlinkat, SYS_readv, SYS_recvfrom,
    SYS_recvmsg, SYS_restart_syscall, SYS_rseq, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_sched_getaffinity, SYS_sched_yield, SYS_sendmsg, SYS_sendto,
    SYS_set_robust_list, SYS_setpriority, SYS_setsockopt, SYS_shutdown, SYS_sigaltstack, SYS_statx,
    SYS_tgkill, SYS_timerfd_create, SYS_timerfd_settime, SYS_unlinkat, SYS_wait4, SYS_waitid,
    SYS_write, SYS_writev, TCGETS, c_long,
};
use seccompiler::{
    BackendError, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::SandboxError;

/// Calls that are made with any arguments.
const ANY: &[c_long] = &[
    // Events, time and threads.
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    SYS_exit,
    SYS_exit_group,
    SYS_futex,
    SYS_getpid,
    SYS_gettid,
    SYS_nanosleep,
    SYS_ppoll,
    SYS_restart_syscall,
    SYS_rseq,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sched_getaffinity,
    SYS_sched_yield,
    SYS_set_robust_list,
    SYS_sigaltstack,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_wait4,
    SYS_waitid,
    // Sockets that there are, and descriptors. No new socket can be made.
    SYS_accept4,
    SYS_close,
    SYS_dup,
    SYS_fcntl,
    SYS_getpeername,
    SYS_getsockname,
    SYS_getsockopt,
    SYS_pread64,
    SYS_pwrite64,
    SYS_read,
    SYS_readv,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_sendto,
    SYS_setsockopt,
    SYS_shutdown,
    SYS_write,
    SYS_writev,
    // Memory, and memory that is shared with frontends.
    SYS_brk,
    SYS_fallocate,
    SYS_fstatfs,
    SYS_ftruncate,
    SYS_getrandom,
    SYS_madvise,
    SYS_memfd_create,
    SYS_mremap,
    SYS_munmap,
    // Chips are looked for, sockets are removed; which files, Landlock says.
    SYS_fstat,
    SYS_getdents64,
    SYS_lseek,
    SYS_newfstatat,
    SYS_openat,
    SYS_readlinkat,
    SYS_statx,
    SYS_unlinkat,
];

/// The same by their older numbers.
#[cfg(target_arch = "x86_64")]
const OLD: &[c_long] = &[
    nix::libc::SYS_epoll_wait,
    nix::libc::SYS_lstat,
    nix::libc::SYS_poll,
    nix::libc::SYS_readlink,
    nix::libc::SYS_stat,
    nix::libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[];

/// The type of all requests to gpiochips and their lines (`linux/gpio.h`), in bits 8 to 15 of the number
/// (`asm-generic/ioctl.h`).
const GPIO: u64 = 0xb4 << 8;
const TYPE: u64 = 0xff << 8;

/// Refuses all other calls from now on.
///
/// # Errors
/// The kernel has no such filters, or there is none for this architecture.
pub fn confine() -> Result<(), SandboxError> {
    let arch = TargetArch::try_from(ARCH)?;
    // glibc starts a thread by clone(2), whose flags can be looked at, where there is no clone3(2).
    let clone3 = BTreeMap::from([(SYS_clone3, Vec::new())]);
    install(clone3, SeccompAction::Allow, SeccompAction::Errno(errno(ENOSYS)), arch)?;
    install(rules()?, SeccompAction::Errno(errno(EPERM)), SeccompAction::Allow, arch)
}

fn install(
    rules: BTreeMap<c_long, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    action: SeccompAction,
    arch: TargetArch,
) -> Result<(), SandboxError> {
    let filter = SeccompFilter::new(rules, otherwise, action, arch)?;
    let program: seccompiler::BpfProgram = filter.try_into()?;
    Ok(apply_filter(&program)?)
}

fn rules() -> Result<BTreeMap<c_long, Vec<SeccompRule>>, BackendError> {
    let own = u64::from(std::process::id());
    let no_exec = || only(2, SeccompCmpOp::MaskedEq(bits(PROT_EXEC)), 0);
    let with_arguments = [
        (
            SYS_ioctl,
            vec![
                only(1, SeccompCmpOp::MaskedEq(TYPE), GPIO)?,
                only(1, SeccompCmpOp::Eq, FIONBIO)?,
                only(1, SeccompCmpOp::Eq, TCGETS)?,
            ],
        ),
        (SYS_mmap, vec![no_exec()?]),
        (SYS_mprotect, vec![no_exec()?]),
        (SYS_clone, vec![only(0, SeccompCmpOp::MaskedEq(bits(CLONE_THREAD)), bits(CLONE_THREAD))?]),
        (SYS_prctl, vec![only(0, SeccompCmpOp::Eq, bits(PR_SET_NAME))?]),
        // Of the calling thread.
        (SYS_getpriority, vec![only(1, SeccompCmpOp::Eq, 0)?]),
        (SYS_setpriority, vec![only(1, SeccompCmpOp::Eq, 0)?]),
        // Whether a guest's process is still there.
        (SYS_kill, vec![only(1, SeccompCmpOp::Eq, 0)?]),
        // abort(3).
        (SYS_tgkill, vec![only(0, SeccompCmpOp::Eq, own)?]),
    ];
    let any = ANY.iter().chain(OLD).copied().chain(iter::once(SYS_clone3));
    Ok(any.map(|call| (call, Vec::new())).chain(with_arguments).collect())
}

/// Calls of which this argument is so.
fn only(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, Dword, is, value)?])
}

fn bits(flag: nix::libc::c_int) -> u64 {
    u64::from(flag.cast_unsigned())
}

fn errno(number: nix::libc::c_int) -> u32 {
    number.cast_unsigned()
}
