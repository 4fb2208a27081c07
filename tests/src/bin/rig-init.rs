// SPDX-License-Identifier: MIT OR Apache-2.0
//! First process of the rig: user-mode Linux with the host's files as a read-only root.
//!
//! It mounts what a program expects of a Linux system, runs the one command of the job file with its output on
//! two raw consoles, writes down how the command ended, and powers off.
#![forbid(unsafe_code)]

#[path = "../../rig/job.rs"]
mod job;

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use job::{Job, Outcome};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::termios::{SetArg, cfmakeraw, tcdrain, tcgetattr, tcsetattr};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// File system type, mount point and options, in the order in which they are mounted.
const MOUNTS: [(&str, &str, &str); 9] = [
    ("proc", "/proc", ""),
    ("sysfs", "/sys", ""),
    ("devtmpfs", "/dev", ""),
    ("configfs", "/sys/kernel/config", ""),
    ("debugfs", "/sys/kernel/debug", ""),
    ("tmpfs", "/run", "mode=755"),
    ("tmpfs", "/tmp", "mode=1777"),
    ("tmpfs", "/dev/shm", "mode=1777"),
    ("devpts", "/dev/pts", "mode=620,ptmxmode=666"),
];

fn main() {
    let outcome = match prepare() {
        Ok((exchange, job)) => {
            let outcome = run(&job).unwrap_or_else(|error| Outcome::NotStarted(chain(&*error)));
            report(&exchange, &outcome).map(|()| outcome)
        }
        Err(error) => Err(error),
    };
    // On the kernel's console: the host shows the kernel log when there is no outcome file.
    match outcome {
        Ok(outcome) => println!("rig-init: {outcome:?}"),
        Err(error) => println!("rig-init: {}", chain(&*error)),
    }
    match reboot(RebootMode::RB_POWER_OFF) {
        Err(errno) => panic!("power-off: {errno}"),
    }
}

/// Mounts everything and reads the job.
fn prepare() -> Result<(PathBuf, Job)> {
    let exchange =
        PathBuf::from(std::env::var_os(job::EXCHANGE_VARIABLE).ok_or("no exchange folder given")?);
    let job: Job = serde_json::from_str(&fs::read_to_string(exchange.join(job::JOB_FILE))?)?;
    for (kind, target, options) in MOUNTS {
        let target = Path::new(target);
        if matches!(kind, "devpts") || target == Path::new("/dev/shm") {
            fs::create_dir_all(target)?;
        }
        mount(Some(kind), target, Some(kind), MsFlags::empty(), Some(options))
            .map_err(|errno| format!("mount {kind} on {}: {errno}", target.display()))?;
    }
    for folder in &job.visible {
        mount_host_folder(folder, MsFlags::MS_RDONLY)?;
    }
    for folder in [&job.results, &exchange] {
        mount_host_folder(folder, MsFlags::empty())?;
    }
    Ok((exchange, job))
}

/// Mounts a folder of the host on its own path.
fn mount_host_folder(folder: &Path, flags: MsFlags) -> Result<()> {
    // Fails on the read-only root, where the folder is there anyway.
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
    }
    mount(Some("none"), folder, Some("hostfs"), flags, Some(folder))
        .map_err(|errno| format!("mount host folder {}: {errno}", folder.display()).into())
}

/// Runs the command and reaps whatever else ends meanwhile, as the first process has to.
fn run(job: &Job) -> Result<Outcome> {
    let (program, arguments) = job.arguments.split_first().ok_or("the job names no program")?;
    let (stdout, stderr) = (raw_console(job::STDOUT_CONSOLE)?, raw_console(job::STDERR_CONSOLE)?);
    let path =
        job.environment.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value);
    let child = Command::new(find_program(program, path))
        .arg0(program)
        .args(arguments)
        .env_clear()
        .envs(job.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&job.directory)
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("start {program}: {error}"))?;
    let outcome = wait_for(Pid::from_raw(i32::try_from(child.id())?))?;
    tcdrain(&stdout)?;
    tcdrain(&stderr)?;
    Ok(outcome)
}

fn wait_for(child: Pid) -> Result<Outcome> {
    loop {
        match waitpid(None, Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == child => {
                return Ok(Outcome::Exited(status));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(Outcome::Signalled(signal as i32));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Opens a console that passes every byte on unchanged.
fn raw_console(number: u32) -> Result<File> {
    let path = format!("/dev/tty{number}");
    let console = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|error| format!("{path}: {error}"))?;
    let mut settings = tcgetattr(&console)?;
    cfmakeraw(&mut settings);
    tcsetattr(&console, SetArg::TCSANOW, &settings)?;
    Ok(console)
}

/// The standard library looks programs up in the parent's `PATH`; the job's counts here.
fn find_program(program: &str, path: &str) -> PathBuf {
    if program.contains('/') {
        return PathBuf::from(program);
    }
    std::env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| PathBuf::from(program))
}

fn report(exchange: &Path, outcome: &Outcome) -> Result<()> {
    let mut file = File::create(exchange.join(job::OUTCOME_FILE))?;
    serde_json::to_writer(&mut file, outcome)?;
    file.sync_all()?;
    Ok(())
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
