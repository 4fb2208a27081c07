// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs one command inside user-mode Linux: the host's files, a kernel with gpio-sim, no privileges.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{IsTerminal, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{Pid, dup};

use crate::cache::{create_dir, read, write};
use crate::error::{Error, INTERRUPTED_STATUS, Result};
use crate::job::{self, Job, Outcome};

/// How long a command may run unless the user says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(1200);
/// Memory of the rig, in MiB. Pages that are never touched cost nothing.
const MEMORY_MIB: u64 = 1024;
/// How often the host looks whether the rig has ended.
const POLL_PERIOD: Duration = Duration::from_millis(20);
/// Lines of the kernel log that are shown when the kernel dies.
const LOG_TAIL: usize = 40;
/// Folders that are an empty tmpfs inside.
const HIDDEN: [&str; 3] = ["/tmp", "/run", "/dev/shm"];

/// How many user-mode Linux run.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
/// Set by a SIGINT or SIGTERM meanwhile.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Held while a child is started, which inherits pipes: another one must not, or they would stay open as long as it.
static STARTING: Mutex<()> = Mutex::new(());

/// A kernel to boot, the program it starts, and what its commands find.
#[derive(Debug)]
pub struct Rig {
    /// The user-mode Linux program.
    pub kernel: PathBuf,
    /// The `rig-init` program.
    pub init: PathBuf,
    /// Environment variables, on top of the caller's.
    pub environment: Vec<(String, String)>,
    /// Host folders that a command may need, wherever they are.
    pub visible: Vec<PathBuf>,
    /// The host folder that commands may write to; the kernel log of the last run is kept there too.
    pub results: PathBuf,
    /// How long a command may run.
    pub deadline: Duration,
}

/// What becomes of a command's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The user sees it as it comes.
    Shown,
    /// It is for the caller alone.
    Kept,
}

/// A finished command.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// What it wrote to its standard output, shown or not.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error, shown or not.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// The exit status as a shell has it: 128 and the signal's number for a signal.
    pub fn status(&self) -> u8 {
        let status = match self.outcome {
            Outcome::Exited(status) => status,
            Outcome::Signalled(signal) => 128 + signal,
            Outcome::NotStarted(_) => 127,
        };
        u8::try_from(status).unwrap_or(u8::MAX)
    }
}

/// Lets SIGINT and SIGTERM end a running rig before this program: its processes are in a session of their own.
///
/// # Errors
/// The handler cannot be installed.
pub fn handle_signals() -> Result<()> {
    let handler = || {
        if RUNNING.load(Ordering::SeqCst) > 0 {
            INTERRUPTED.store(true, Ordering::SeqCst);
        } else {
            std::process::exit(INTERRUPTED_STATUS.into());
        }
    };
    ctrlc::set_handler(handler).map_err(Error::format("signal handling"))
}

impl Rig {
    /// Boots, runs the command, and powers off.
    ///
    /// # Errors
    /// The rig cannot be started, its kernel dies, the command cannot be started, or the time is over.
    pub fn run(&self, arguments: &[String], output: Output) -> Result<Finished> {
        let exchange = tempfile::Builder::new()
            .prefix("vgpio-rig-")
            .tempdir_in(short_folder())
            .map_err(Error::file("create a folder in", &short_folder()))?;
        self.write_job(exchange.path(), arguments)?;
        let Said { ended, stdout, stderr, log } = self.boot(exchange.path(), output)?;
        write(&self.results.join("kernel.log"), &log)?;
        let log_tail = || tail(&String::from_utf8_lossy(&log));
        let outcome = exchange.path().join(job::OUTCOME_FILE);
        match ended {
            Ended::Interrupted => Err(Error::Interrupted),
            Ended::OutOfTime => Err(Error::Deadline { limit: self.deadline, log: log_tail() }),
            Ended::Itself(status) if !outcome.is_file() => {
                Err(Error::KernelDied { status: status.to_string(), log: log_tail() })
            }
            Ended::Itself(_) => {
                let outcome = serde_json::from_str(&read(&outcome)?)
                    .map_err(Error::format("the rig's outcome"))?;
                if let Outcome::NotStarted(reason) = outcome {
                    let program = arguments.first().cloned().unwrap_or_default();
                    return Err(Error::NotStarted { program, reason });
                }
                Ok(Finished { outcome, stdout, stderr })
            }
        }
    }

    fn write_job(&self, exchange: &Path, arguments: &[String]) -> Result<()> {
        let directory = env::current_dir().map_err(Error::file("find", Path::new(".")))?;
        let mut visible = self.visible.clone();
        visible.push(directory.clone());
        visible.retain(|folder| HIDDEN.iter().any(|hidden| folder.starts_with(hidden)));
        visible.sort();
        visible.dedup();
        // These name host folders that are not there inside.
        let inherited =
            env::vars().filter(|(name, _)| !["TMPDIR", "XDG_RUNTIME_DIR"].contains(&name.as_str()));
        let mut environment: Vec<_> = inherited.chain(self.environment.iter().cloned()).collect();
        if !std::io::stdout().is_terminal() {
            // Inside, the output is a console whatever it is here.
            environment.extend(
                [("TERM", "dumb"), ("NO_COLOR", "1")]
                    .map(|(name, value)| (name.into(), value.into())),
            );
        }
        create_dir(&self.results)?;
        let results = self.results.clone();
        let job = Job { arguments: arguments.to_vec(), environment, directory, visible, results };
        let text = serde_json::to_string(&job).map_err(Error::format("the rig's job"))?;
        write(&exchange.join(job::JOB_FILE), text)?;
        // A copy, for the kernel's command line takes no spaces, and target folders may have some.
        let init = exchange.join("init");
        fs::copy(&self.init, &init).map_err(Error::file("copy", &self.init))?;
        Ok(())
    }

    fn boot(&self, exchange: &Path, output: Output) -> Result<Said> {
        let starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let [log, stdout, stderr] = [Pipe::new()?, Pipe::new()?, Pipe::new()?];
        let mut command = Command::new(&self.kernel);
        command
            .args([format!("mem={MEMORY_MIB}M"), format!("init={}/init", exchange.display())])
            .args([
                "root=/dev/root",
                "rootfstype=hostfs",
                "rootflags=/",
                "ro",
                "console=tty0",
                "con=null",
            ])
            .arg("con0=null,fd:1")
            .arg(stdout.console(job::STDOUT_CONSOLE))
            .arg(stderr.console(job::STDERR_CONSOLE))
            .arg(format!("{}={}", job::EXCHANGE_VARIABLE, exchange.display()))
            .env_clear()
            .env("TMPDIR", memory_folder(exchange))
            // It makes a folder `.uml` there, and crashes without.
            .env("HOME", exchange)
            .stdin(Stdio::null())
            .stdout(log.inherited.try_clone().map_err(pipe_error)?)
            .stderr(log.inherited.try_clone().map_err(pipe_error)?)
            .process_group(0);
        RUNNING.fetch_add(1, Ordering::SeqCst);
        let child = command.spawn().map_err(crate::command::start(&command));
        drop(command);
        drop((log.inherited, stdout.inherited, stderr.inherited));
        drop(starting);
        let shown = output == Output::Shown;
        let said = child.and_then(|child| {
            thread::scope(|scope| {
                let log = scope.spawn(|| collect(log.reader, None::<std::io::Sink>));
                let stdout =
                    scope.spawn(move || collect(stdout.reader, shown.then(std::io::stdout)));
                let stderr =
                    scope.spawn(move || collect(stderr.reader, shown.then(std::io::stderr)));
                let ended = self.wait(child);
                let [log, stdout, stderr] =
                    [log, stdout, stderr].map(|thread| thread.join().unwrap_or_default());
                Ok(Said { ended: ended?, stdout, stderr, log })
            })
        });
        RUNNING.fetch_sub(1, Ordering::SeqCst);
        said
    }

    fn wait(&self, mut child: Child) -> Result<Ended> {
        let started = Instant::now();
        let ended = loop {
            if let Some(status) = child.try_wait().map_err(Error::file("wait for", &self.kernel))? {
                break Ended::Itself(status);
            }
            if INTERRUPTED.load(Ordering::SeqCst) {
                break Ended::Interrupted;
            }
            if started.elapsed() > self.deadline {
                break Ended::OutOfTime;
            }
            sleep(POLL_PERIOD);
        };
        // The kernel's helper processes share its group; after a crash some may be left.
        if let Ok(pid) = i32::try_from(child.id()) {
            // Nothing is left to kill after an orderly end.
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
        child.wait().map_err(Error::file("wait for", &self.kernel))?;
        Ok(ended)
    }
}

/// What a kernel has said, and its command.
struct Said {
    ended: Ended,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    log: Vec<u8>,
}

enum Ended {
    Itself(ExitStatus),
    OutOfTime,
    Interrupted,
}

/// A pipe whose write end a child inherits under the same number.
struct Pipe {
    reader: std::io::PipeReader,
    inherited: OwnedFd,
}

impl Pipe {
    fn new() -> Result<Self> {
        let (reader, writer) = std::io::pipe().map_err(pipe_error)?;
        // The standard library's pipes close on exec; a duplicate does not.
        let inherited = dup(&writer).map_err(Error::system("make a pipe"))?;
        Ok(Self { reader, inherited })
    }

    /// The kernel's parameter that writes a console's output here.
    fn console(&self, number: u32) -> String {
        format!("con{number}=null,fd:{}", self.inherited.as_raw_fd())
    }
}

fn pipe_error(source: std::io::Error) -> Error {
    Error::Start { program: "user-mode Linux".to_owned(), source }
}

/// Reads to the end, passing all on as it comes.
fn collect(mut from: impl Read, mut to: Option<impl Write>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        all.extend_from_slice(&buffer[..count]);
        if let Some(to) = &mut to {
            // The user may have closed the output; the command goes on.
            let _ = to.write_all(&buffer[..count]).and_then(|()| to.flush());
        }
    }
    all
}

/// A temporary folder whose name has no spaces.
fn short_folder() -> PathBuf {
    let folder = env::temp_dir();
    if folder.as_os_str().to_string_lossy().contains(char::is_whitespace) {
        PathBuf::from("/tmp")
    } else {
        folder
    }
}

/// Where user-mode Linux keeps its memory file: it must be mapped executable, and is best held in memory.
fn memory_folder(exchange: &Path) -> PathBuf {
    let fits = |folder: &Path| {
        statvfs(folder).is_ok_and(|stat| {
            let free = stat.blocks_available() * stat.fragment_size();
            !stat.flags().contains(FsFlags::ST_NOEXEC) && free >= MEMORY_MIB << 20
        })
    };
    let shared_memory = Path::new("/dev/shm");
    if fits(shared_memory) { shared_memory.to_owned() } else { exchange.to_owned() }
}

/// The variables that let a command find shared libraries and programs.
pub fn search_path(name: &str, value: &OsStr) -> (String, String) {
    (name.to_owned(), value.to_string_lossy().into_owned())
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
}
