// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who runs programs: a guest at its console, or this system.

use vgpio_tests::harness::{Ran, Vm, eventually};

/// Where [`User::start`] keeps what it knows of the program that it has started.
const OUTPUT: &str = "/tmp/tool.output";
const PROCESS: &str = "/tmp/tool.process";
const STATUS: &str = "/tmp/tool.status";

/// Prints the name of a program and `S` when it sleeps, if it is the program of this process.
const STATE: &str = "awk '/^Name|^State/ { print $2 }' ORS=' '";

/// Somebody who runs shell commands.
pub trait User {
    /// Runs one, whatever comes of it.
    fn try_run(&mut self, command: &str) -> Ran;

    /// Runs one that must succeed, with a terminal for its output.
    fn run_on_terminal(&mut self, command: &str) -> String;

    /// Runs one that must succeed. Returns what it wrote, without the last newline.
    fn run(&mut self, command: &str) -> String {
        let Ran { status, output } = self.try_run(command);
        assert_eq!(status, 0, "'{command}': {output}");
        output
    }

    /// Starts a program, and waits until it waits for something. There is one at a time.
    fn start(&mut self, command: &str) {
        self.run(&format!(
            "rm -f {STATUS}; ({command} >{OUTPUT} 2>&1 & echo $! >{PROCESS}; wait $!; \
             echo $? >{STATUS}) >/dev/null 2>&1 </dev/null & true"
        ));
        let asleep = waiting(command);
        let state = format!("{STATE} /proc/$(cat {PROCESS})/status");
        eventually(&asleep, || (self.try_run(&state).output.trim() == asleep).then_some(()));
    }

    /// Ends the program that was started, and returns its exit status and what it wrote.
    fn stop(&mut self) -> Ran {
        self.run(&format!("kill $(cat {PROCESS})"));
        self.ended()
    }

    /// Waits until the program that was started has ended, as [`stop`](Self::stop).
    fn ended(&mut self) -> Ran {
        let status = eventually("the program ends", || {
            self.try_run(&format!("cat {STATUS}")).output.parse().ok()
        });
        Ran { status, output: self.run(&format!("cat {OUTPUT}")).replace('\r', "") }
    }

    /// Runs commands beside a program that nothing but a signal ends, and returns what that has printed.
    fn run_beside(&mut self, program: &str, commands: &[&str]) -> String {
        let wait = format!(
            "until [ \"$({STATE} /proc/$!/status)\" = '{} ' ]; do :; done",
            waiting(program)
        );
        let steps: Vec<_> = commands.iter().map(|command| format!("{command}; {wait}")).collect();
        self.run_on_terminal(&format!("({program} & {wait}; {}; kill $!)", steps.join("; ")))
    }
}

/// What [`STATE`] prints, but for a space, of a program that sleeps. A name has 15 characters.
fn waiting(command: &str) -> String {
    let name = command.split(' ').next().unwrap_or_default();
    format!("{} S", &name[..name.len().min(15)])
}

impl User for Vm {
    fn try_run(&mut self, command: &str) -> Ran {
        Self::try_run(self, command)
    }

    fn run_on_terminal(&mut self, command: &str) -> String {
        Self::run(self, command)
    }
}
