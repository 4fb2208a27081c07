// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon that runs is confined: calls that are made in its place, in each of its threads, fail.

#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::rc::Rc;
use std::thread;

use nix::errno::Errno;
use nix::unistd::Pid;
use vgpio_tests::harness::{Daemon, VirtioGuest, command, eventually, folder};

const OPTIONS: [&str; 4] = ["--sim", "rcar-gen3,label=sim", "--export", "lines=sim,gpios=0-7"];

/// As if the kernel had no Landlock, or no seccomp: what is started by this thread is told so.
fn without(calls: &[i64], what: impl FnOnce() + Send) {
    use seccompiler::{SeccompAction, SeccompFilter, apply_filter};
    thread::scope(|scope| {
        scope.spawn(|| {
            let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
            let fails = SeccompAction::Errno(Errno::ENOSYS as u32);
            let arch = std::env::consts::ARCH.try_into().unwrap();
            let filter = SeccompFilter::new(rules, SeccompAction::Allow, fails, arch).unwrap();
            apply_filter(&seccompiler::BpfProgram::try_from(filter).unwrap()).unwrap();
            what();
        });
    });
}

const LANDLOCK: &[i64] = &[
    nix::libc::SYS_landlock_create_ruleset,
    nix::libc::SYS_landlock_add_rule,
    nix::libc::SYS_landlock_restrict_self,
];

fn required(folder: &std::path::Path) -> Command {
    command(folder, &[&OPTIONS[..], &["--sandbox", "required"]].concat())
}

#[test]
fn a_kernel_without_landlock_is_told_of() {
    without(LANDLOCK, || {
        let daemon = Daemon::start(&OPTIONS);
        assert_eq!(daemon.proc_status("Seccomp"), 2);
        let log = daemon.stop().log;
        assert!(log.contains("no limit of files: this kernel cannot confine"), "{log}");
        assert!(log.contains("limits of capabilities, system calls"), "{log}");
    });
}

#[test]
fn a_daemon_that_must_be_confined_does_not_start_where_it_cannot() {
    without(LANDLOCK, || {
        let folder = folder();
        let ended = Daemon::run(required(folder.path()));
        assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
        assert!(ended.log.contains("lsm=landlock"), "{}", ended.log);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "it left its sockets");
    });
}

#[test]
fn a_daemon_is_ready_when_it_is_confined_and_not_before() {
    let folder = folder();
    let notify = folder.path().join("notify");
    let manager = UnixDatagram::bind(&notify).unwrap();
    manager.set_nonblocking(true).unwrap();
    let mut said = [0; 64];
    without(LANDLOCK, || {
        let mut command = required(folder.path());
        command.env("NOTIFY_SOCKET", &notify);
        assert_eq!(Daemon::run(command).status.code(), Some(1));
    });
    assert_eq!(manager.recv(&mut said).unwrap_err().kind(), ErrorKind::WouldBlock);
    let folder = Rc::new(folder);
    let mut command = required(folder.path());
    command.env("NOTIFY_SOCKET", &notify);
    let _daemon = Daemon::start_by(&folder, command);
    let ready = eventually("it is ready", || manager.recv(&mut said).ok());
    assert_eq!(said.get(..ready), Some(&b"READY=1"[..]));
}

#[test]
fn a_daemon_has_no_capabilities() {
    let daemon = Daemon::start(&OPTIONS);
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(daemon.proc_status(set), 0, "{set}");
    }
}

#[test]
fn there_is_no_sandbox_where_it_is_switched_off() {
    let daemon = Daemon::start(&[&OPTIONS[..], &["--sandbox", "off"]].concat());
    assert_eq!(daemon.proc_status("Seccomp"), 0);
    assert_eq!(daemon.proc_status("NoNewPrivs"), 0);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn calls_in_place_of_the_daemon_fail_in_each_of_its_threads() {
    use inject::Stopped;
    use nix::libc::{
        AF_INET, AT_FDCWD, O_RDONLY, O_WRONLY, PR_SET_DUMPABLE, PROT_EXEC, PROT_READ, SOCK_STREAM,
        SYS_clone, SYS_execve, SYS_getpid, SYS_ioctl, SYS_kill, SYS_mmap, SYS_mprotect, SYS_open,
        SYS_openat, SYS_prctl, SYS_ptrace, SYS_setpriority, SYS_socket, SYS_tgkill, TIOCGWINSZ,
    };

    let (daemon, _guest) = with_a_monitor();
    let pid = u64::try_from(daemon.pid().as_raw()).unwrap();
    let cwd = u64::from(AT_FDCWD.cast_unsigned());
    let (read, write) = (O_RDONLY.cast_unsigned().into(), O_WRONLY.cast_unsigned().into());
    let dumpable = PR_SET_DUMPABLE.cast_unsigned().into();
    let code = u64::from((PROT_READ | PROT_EXEC).cast_unsigned());
    let threads = threads(daemon.pid());
    assert!(threads.len() > 1, "{threads:?}");
    for thread in threads {
        let stopped = eventually("it sleeps", || Stopped::new(daemon.pid(), thread));
        let passwd = stopped.text("/etc/passwd");
        let null = stopped.text("/dev/null");
        let calls = [
            ("open /etc/passwd", SYS_openat, [cwd, passwd, read, 0], Errno::EACCES),
            ("write /dev/null", SYS_openat, [cwd, null, write, 0], Errno::EACCES),
            ("open, by its older number", SYS_open, [passwd, read, 0, 0], Errno::EPERM),
            ("start a program", SYS_execve, [passwd, 0, 0, 0], Errno::EPERM),
            ("make a process", SYS_clone, [17, 0, 0, 0], Errno::EPERM),
            ("make a socket", SYS_socket, [AF_INET as u64, SOCK_STREAM as u64, 0, 0], Errno::EPERM),
            ("make memory code", SYS_mprotect, [passwd & !0xfff, 4096, code, 0], Errno::EPERM),
            ("map code", SYS_mmap, [0, 4096, code, 0x22], Errno::EPERM),
            ("look into a process", SYS_ptrace, [16, 1, 0, 0], Errno::EPERM),
            ("end a process", SYS_kill, [pid, 9, 0, 0], Errno::EPERM),
            ("have another process wait", SYS_setpriority, [0, 1, 19, 0], Errno::EPERM),
            ("end a thread of another", SYS_tgkill, [1, 1, 0, 0], Errno::EPERM),
            ("ask a device for something else", SYS_ioctl, [2, TIOCGWINSZ, 0, 0], Errno::EPERM),
            ("change what it is", SYS_prctl, [dumpable, 1, 0, 0], Errno::EPERM),
        ];
        assert_eq!(stopped.call(SYS_getpid, [0; 4]), Ok(pid), "a call in its place is made");
        for (what, call, arguments, error) in calls {
            assert_eq!(stopped.call(call, arguments), Err(error), "{what}, in thread {thread}");
        }
    }
    assert_eq!(daemon.status().sessions.len(), 1, "it goes on");
}

#[test]
fn threads_of_monitors_give_way_to_the_event_loop() {
    let (daemon, _guest) = with_a_monitor();
    let threads = threads(daemon.pid());
    let nice = |thread: &Pid| {
        let stat =
            fs::read_to_string(format!("/proc/{}/task/{thread}/stat", daemon.pid())).unwrap();
        // The 19th field (proc_pid_stat(5)), of which the second may have spaces.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap()
    };
    let event_loop = nice(&daemon.pid());
    let others: Vec<_> =
        threads.iter().filter(|thread| **thread != daemon.pid()).map(nice).collect();
    assert_eq!(others, [event_loop + 10]);
}

/// A daemon, and a virtual machine monitor, which has a thread in it.
fn with_a_monitor() -> (Daemon, VirtioGuest) {
    let folder = Rc::new(folder());
    let socket = folder.path().join("device");
    let device = format!("{},export=lines", socket.display());
    let options = [&OPTIONS[..], &["--vhost-user", &device]].concat();
    let daemon = Daemon::start_in(&folder, &options);
    let guest = VirtioGuest::start(&socket);
    (daemon, guest)
}

fn threads(process: Pid) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let id = |task: io::Result<fs::DirEntry>| task.unwrap().file_name().to_str()?.parse().ok();
    tasks.map(|task| Pid::from_raw(id(task).unwrap())).collect()
}

/// System calls in place of a process, in one of its threads.
#[cfg(target_arch = "x86_64")]
mod inject {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use nix::errno::Errno;
    use nix::libc::user_regs_struct;
    use nix::sys::ptrace::{self, Options};
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    use nix::unistd::Pid;

    /// The instruction `syscall`, and its size.
    const SYSCALL: [u8; 2] = [0x0f, 0x05];
    const SIZE: u64 = SYSCALL.len() as u64;

    /// A thread that waits in a system call, stopped. It goes on when this is dropped.
    pub struct Stopped {
        thread: Pid,
        registers: user_regs_struct,
        memory: File,
        room: std::cell::Cell<u64>,
    }

    impl Stopped {
        /// `None` if it was not in a system call.
        pub fn new(process: Pid, thread: Pid) -> Option<Self> {
            ptrace::seize(thread, Options::empty()).unwrap();
            ptrace::interrupt(thread).unwrap();
            wait(thread);
            let registers = ptrace::getregs(thread).unwrap();
            let path = format!("/proc/{process}/mem");
            let memory = File::options().read(true).write(true).open(path).unwrap();
            let mut code = [0; SYSCALL.len()];
            memory.read_exact_at(&mut code, registers.rip - SIZE).unwrap();
            // Below what a function uses without saying (System V ABI, AMD64, 3.2.2).
            let room = std::cell::Cell::new(registers.rsp - 1024);
            let stopped = Self { thread, registers, memory, room };
            (code == SYSCALL).then_some(stopped)
        }

        /// Puts a text into its memory, and returns where.
        pub fn text(&self, text: &str) -> u64 {
            let at = self.room.get() - 64;
            self.memory.write_all_at(format!("{text}\0").as_bytes(), at).unwrap();
            self.room.set(at);
            at
        }

        pub fn call(&self, number: i64, [rdi, rsi, rdx, r10]: [u64; 4]) -> Result<u64, Errno> {
            let rip = self.registers.rip - SIZE;
            let (rax, orig_rax) = (number.cast_unsigned(), u64::MAX);
            let registers =
                user_regs_struct { rip, rax, orig_rax, rdi, rsi, rdx, r10, ..self.registers };
            ptrace::setregs(self.thread, registers).unwrap();
            ptrace::step(self.thread, None).unwrap();
            wait(self.thread);
            let result = ptrace::getregs(self.thread).unwrap().rax;
            match result.cast_signed() {
                error @ -4095..0 => Err(Errno::from_raw(i32::try_from(-error).unwrap())),
                _ => Ok(result),
            }
        }
    }

    fn wait(thread: Pid) {
        let status = waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
        let stopped = matches!(status, WaitStatus::Stopped(..) | WaitStatus::PtraceEvent(..));
        assert!(stopped, "{status:?}");
    }

    impl Drop for Stopped {
        fn drop(&mut self) {
            ptrace::setregs(self.thread, self.registers).unwrap();
            ptrace::detach(self.thread, None).unwrap();
        }
    }
}
