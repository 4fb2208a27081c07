// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's own programs on the kernel's gpio-sim itself, and in guests that have its lines by vgpio: one does as
//! the other.

mod kernel_tools;

use std::env;
use std::process::{Command, Stdio};

use kernel_tools::{Chip, User};
use vgpio_tests::harness::{LABEL, LINES, Outside, Ran};

type World = vgpio_tests::harness::GpioSim;

/// This system.
struct Native;

impl Native {
    fn output(command: &mut Command) -> Ran {
        let tools = env::var("VGPIO_KERNEL_TOOLS").expect("`cargo xtask test` sets it");
        let path = env::var("PATH").expect("a place for programs");
        command.stdin(Stdio::null()).env("PATH", format!("{tools}:{path}"));
        let ended = command.output().expect("the system has a shell");
        let output = String::from_utf8(ended.stdout).expect("text").replace('\r', "");
        let output = output.strip_suffix('\n').unwrap_or(&output).to_owned();
        Ran { status: ended.status.code().expect("an exit status"), output }
    }
}

impl User for Native {
    fn try_run(&mut self, command: &str) -> Ran {
        Self::output(Command::new("sh").args(["-c", &format!("exec 2>&1; {command}")]))
    }

    fn run_on_terminal(&mut self, command: &str) -> String {
        // With the shell of its own, whatever that of the user is.
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", command, "/dev/null"]);
        let Ran { status, output } = Self::output(script.env("SHELL", "/bin/sh"));
        assert_eq!(status, 0, "'{command}': {output}");
        output
    }
}

#[test]
fn they_work_on_gpio_sim_itself() {
    let mut world = World::new();
    Chip {
        user: &mut Native,
        world: &mut world,
        label: LABEL,
        lines: LINES,
        first: 0,
        interfaces: &[1, 2],
        has_bias: true,
    }
    .serves_the_kernels_tools();
}
