// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask`: everything that is done with this checkout beyond plain cargo.
#![forbid(unsafe_code)]

mod apt;
mod architecture;
mod bench;
mod blinky;
mod cache;
mod chaos;
mod command;
mod error;
mod fuzz;
mod guard;
mod guest;
mod install;
#[path = "../../tests/rig/job.rs"]
mod job;
mod kernel;
mod kernel_tools;
mod libgpiod;
mod man;
mod peer;
mod progress;
mod qemu;
mod rig;
mod sources;
mod suite;
mod toolbox;
mod totals;
mod uml;
mod workspace;

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use architecture::{ARM64, X86_64};
use cache::Cache;
use error::{Error, Result};
use guest::{Boots, For};
use libgpiod::Libgpiod;
use workspace::Workspace;

/// Set-up, builds and tests of vgpio.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask blinky --stock                 Linux in QEMU blinks three LEDs of a simulated chip
  cargo xtask blinky                         the same with the patched QEMU, which it builds
  cargo xtask test                           all checks and tests (first run: some minutes more, for the kernel)
  cargo xtask test --only rig -- --nocapture the tests on gpio-sim alone, with what they print
  cargo xtask rig -- gpiodetect              a command in the rig
  cargo xtask rig -- sh -c 'ls /sys/kernel/config; dmesg | tail'

Environment:
  VGPIO_CACHE             where kernels, libraries and tools are kept [$XDG_CACHE_HOME/vgpio or ~/.cache/vgpio]
  VGPIO_LINUX_SOURCE      archive of the Linux source to build the rig from, in place of the Debian package
  VGPIO_LIBGPIOD_SOURCE   release archive of libgpiod 2.x, in place of the Debian source package
  VGPIO_QEMU_SOURCE       release archive of QEMU 10.0.x, in place of the Debian source package
  VGPIO_QEMU_SOURCE_10_2  the same of QEMU 10.2.x
  VGPIO_QEMU              qemu-system-aarch64 with the series, for blinky, in place of the one that is built
  VGPIO_STOCK_QEMU        qemu-system-aarch64, for blinky --stock, in place of the one that is fetched
  VGPIO_GUEST             folder with the guest's kernel and initramfs, for blinky, in place of the one that is made

Exit status: 0 all good; 1 a check or test failed; 2 wrong usage; 3 set-up failed; 124 out of time;
130 interrupted. `rig` passes on the command's own status (127: it could not be started).";

#[derive(Subcommand)]
enum Task {
    /// Let Linux in QEMU blink three LEDs of a simulated chip, and show them
    Blinky(blinky::Options),
    /// Run every check and every test, on this host and in the rig
    Test {
        /// Run only this part; may be given several times
        #[arg(long, value_enum, value_name = "PART")]
        only: Vec<suite::Step>,
        /// The release line of the patched QEMU
        #[arg(long, value_name = "LINE", value_parser = qemu::parser(), default_value = qemu::LINES[0].name)]
        line: &'static qemu::Line,
        /// Run only this test program in the rig; may be given several times
        #[arg(long, value_name = "NAME")]
        rig_test: Vec<String>,
        /// Arguments for the test programs in the rig: a test's name, --nocapture
        #[arg(last = true, value_name = "ARGS")]
        arguments: Vec<String>,
    },
    /// Time the whole path from a client through vgpiod to the chip and back
    Bench(bench::Options),
    /// Kill guests, daemons and chips, fill tables and disks, and see that every line ends as it was last set
    Chaos(chaos::Options),
    /// Feed every target of fuzz/ with inputs that libFuzzer makes, and show what they reached
    Fuzz(fuzz::Options),
    /// Run a command in the rig: user-mode Linux with gpio-sim, on the files of this host, read-only
    Rig {
        /// Stop the command after this many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = rig::DEADLINE.as_secs())]
        deadline: u64,
        /// The program and its arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Build the rig's kernel from the distribution's source package
    Uml {
        /// Build it again, from the newest source
        #[arg(long)]
        rebuild: bool,
    },
    /// Build libgpiod 2.x, library and tools, and print its folder
    Libgpiod {
        /// Print shell commands that let cargo build what links it: eval "$(cargo xtask libgpiod --env)"
        #[arg(long)]
        env: bool,
        /// Build it again, from the newest source
        #[arg(long)]
        rebuild: bool,
    },
    /// Make the guest, Debian's arm64 kernel and an initramfs with libgpiod's tools, and print its folder
    Guest {
        /// Two guests, for arm64 and 64-bit x86, with small kernels that have the driver of virtio GPIO devices, which
        /// Debian's lack
        #[arg(long)]
        virtio: bool,
        /// Make it again, from the newest packages
        #[arg(long)]
        rebuild: bool,
    },
    /// Build QEMU with the series of qemu-patches, and print the program's path
    Qemu(qemu::Options),
    /// Check the project's own rules: licence lines, sizes, unfinished work, licences of dependencies
    Guard,
    /// Build and install libvgpio with its header and vgpio.pc, the programs and their pages
    Install(install::Options),
    /// Write manual pages and shell completions
    Man {
        /// Write the folders man and completions here [default: cargo's target folder]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            report(&error, error.remedy());
            error.exit_code()
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let cache = Cache::locate()?;
    let workspace = Workspace::load()?;
    match task {
        Task::Blinky(options) => {
            if let Err(error) = blinky::run(&cache, &workspace, &options) {
                report(&error, error.remedy());
                return Ok(ExitCode::from(error.status()));
            }
        }
        Task::Test { only, line, rig_test, arguments } => {
            rig::handle_signals()?;
            suite::run(&cache, &workspace, &only, line, &rig_test, &arguments)?;
        }
        Task::Bench(options) => {
            return Ok(ExitCode::from(bench::run(&cache, &workspace, &options)?));
        }
        Task::Chaos(options) => {
            return Ok(ExitCode::from(chaos::run(&cache, &workspace, &options)?));
        }
        Task::Fuzz(options) => fuzz::run(&workspace, &options)?,
        Task::Rig { deadline, command } => {
            let rig = suite::prepare(&cache, &workspace, Duration::from_secs(deadline))?;
            rig::handle_signals()?;
            return Ok(ExitCode::from(rig.run(&command, rig::Output::Shown)?.status()));
        }
        Task::Uml { rebuild } => print_paths(&[uml::kernel(&cache, workspace.root(), rebuild)?]),
        Task::Libgpiod { env, rebuild } => print_libgpiod(&cache, env, rebuild)?,
        Task::Guest { virtio, rebuild } => {
            print_paths(&guests(&cache, &workspace, virtio, rebuild)?);
        }
        Task::Qemu(options) => anstream::println!("{}", qemu::run(&cache, &workspace, &options)?),
        Task::Guard => {
            let findings = guard::findings(&workspace)?;
            for finding in &findings {
                anstream::println!("{finding}");
            }
            if !findings.is_empty() {
                return Err(Error::Findings(format!("{} findings", findings.len())));
            }
        }
        Task::Install(options) => print_paths(&install::run(&workspace, &options)?),
        Task::Man { out } => {
            print_paths(&man::write(out.as_deref().unwrap_or(workspace.target_folder()))?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn guests(
    cache: &Cache,
    workspace: &Workspace,
    virtio: bool,
    rebuild: bool,
) -> Result<Vec<PathBuf>> {
    let both = [Boots::Virtio(&ARM64), Boots::Virtio(&X86_64)];
    // The virtio guests' kernels take a compiler anyway.
    let (wanted, whom) =
        if virtio { (&both[..], For::Tests) } else { (&[Boots::Distribution][..], For::Users) };
    wanted
        .iter()
        .map(|boots| guest::build(cache, workspace.root(), *boots, whom, rebuild))
        .collect()
}

fn print_libgpiod(cache: &Cache, env: bool, rebuild: bool) -> Result<()> {
    let libgpiod = Libgpiod::build(cache, rebuild)?;
    if env {
        anstream::print!("{}", libgpiod.shell_commands()?);
    } else {
        print_paths(&[libgpiod.prefix()]);
    }
    Ok(())
}

fn print_paths(paths: &[impl AsRef<Path>]) {
    for path in paths {
        anstream::println!("{}", path.as_ref().display());
    }
}

/// Prints the chain of causes once, and what to do.
fn report(error: &dyn StdError, remedy: Option<String>) {
    anstream::eprintln!("\x1b[1;31merror:\x1b[0m {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        anstream::eprintln!("  because: {source}");
        cause = source.source();
    }
    if let Some(remedy) = remedy {
        anstream::eprintln!("{remedy}");
    }
}
