// SPDX-License-Identifier: MIT OR Apache-2.0
//! Levels, with `gpio-mockup-cdev` and `gpio-hammer`.

use vgpio_tests::harness::{Outside, Ran, eventually};

use super::{Bench, User};

/// What a program that SIGTERM has ended leaves as its status.
const TERMINATED: i32 = 128 + 15;

/// How a line is asked for.
#[derive(Clone, Copy)]
struct Request {
    interface: u32,
    active_low: bool,
}

impl Request {
    fn flags(self) -> String {
        let Self { interface, active_low } = self;
        format!("-u {interface}{}", if active_low { " -l" } else { "" })
    }
}

impl<U: User, W: Outside> Bench<'_, '_, U, W> {
    fn requests(&self) -> Vec<Request> {
        let of = |interface: &u32| {
            [false, true].map(|active_low| Request { interface: *interface, active_low })
        };
        self.chip.interfaces.iter().flat_map(of).collect()
    }

    /// The level of each line, which is the exit status of `gpio-mockup-cdev`.
    pub fn reads(&mut self) {
        for levels in [0xa5c3_96f0, !0xa5c3_96f0, 0] {
            self.pull_all(levels);
            for request in self.requests() {
                let value = |line| u32::from((levels >> line & 1 == 1) != request.active_low);
                let values: Vec<_> =
                    (0..self.chip.lines).map(|line| value(line).to_string()).collect();
                let command = format!(
                    "for l in $(seq 0 {}); do gpio-mockup-cdev {} /dev/{} $l; echo $?; done | xargs",
                    self.chip.lines - 1,
                    request.flags(),
                    self.name
                );
                self.prints(&command, &values.join(" "));
            }
        }
    }

    /// `gpio-mockup-cdev` drives a line until it is ended: one line in all ways, others in one.
    pub fn drives(&mut self) {
        let [first, others @ ..] = self.some_lines();
        let requests = self.requests();
        for request in &requests {
            self.drives_line(first, *request);
        }
        for line in others {
            self.drives_line(line, requests[0]);
        }
        self.let_go();
    }

    fn drives_line(&mut self, line: u32, request: Request) {
        for value in [true, false] {
            let high = value != request.active_low;
            self.pull(line, !high);
            let (flags, name) = (request.flags(), &self.name);
            let command =
                format!("gpio-mockup-cdev {flags} -s {} /dev/{name} {line}", u32::from(value));
            self.chip.user.start(&command);
            self.sees(line, high);
            let active_low = if request.active_low { ", active-low" } else { "" };
            self.shows(line, &format!("\"gpio-mockup-cdev\" [used, output{active_low}]"));
            let ended = self.chip.user.stop();
            assert_eq!(ended, Ran { status: TERMINATED, output: String::new() });
        }
    }

    /// Has inputs again that are pulled low, whatever the driver makes of a line that nobody uses any more. On gpio-sim
    /// a line that was driven keeps its level until it is pulled as an input.
    fn let_go(&mut self) {
        for line in self.some_lines() {
            let command = format!("gpio-mockup-cdev /dev/{} {line}; echo $?", self.name);
            eventually("an input is low", || {
                self.pull(line, false);
                (self.run(&command) == "0").then_some(())
            });
        }
    }

    /// `gpio-hammer` sets two lines high and low, and reads them back.
    pub fn is_shaken(&mut self) {
        let [one, _, two] = self.some_lines();
        self.chip.user.start(&format!("gpio-hammer -n {} -o {one} -o {two}", self.name));
        for high in [true, false, true] {
            self.sees(one, high);
            self.sees(two, high);
        }
        let Ran { status, output } = self.chip.user.stop();
        assert_eq!(status, TERMINATED);
        let begin = format!("Hammer lines [{one}, {two}] on {}, initial states: [0, 0]", self.name);
        let turns = [("-", 1), ("\\", 0), ("|", 1)]
            .map(|(turn, level)| format!("[{turn}] [{one}: {level}, {two}: {level}]"));
        let wanted = format!("{begin}\n{}", turns.concat());
        assert!(output.starts_with(&wanted), "'{output}', not '{wanted}'");
        self.let_go();
    }

    /// Nobody gets a line that another has, nor one that there is not.
    pub fn has_one_user_at_a_time(&mut self) {
        let chip = format!("/dev/{}", self.name);
        self.chip.user.start(&format!("gpio-mockup-cdev -s 1 {chip} 5"));
        self.shows(5, "\"gpio-mockup-cdev\" [used, output]");
        for (line, why) in [(5, "Device or resource busy"), (self.chip.lines, "Invalid argument")] {
            let refusal = format!("Failed to request {chip}:{line}: {why}");
            let command = format!("gpio-mockup-cdev {chip} {line} || true");
            assert_eq!(self.run(&command), refusal);
        }
        self.chip.user.stop();
        self.let_go();
    }

    /// Where there is nothing to switch, the kernel leaves a line as it is and says nothing.
    pub fn has_bias_or_ignores_it(&mut self) {
        for (bias, value) in [("pull-up", self.chip.has_bias), ("pull-down", false)] {
            let command = format!("gpio-mockup-cdev -b {bias} /dev/{} 5; echo $?", self.name);
            assert_eq!(self.run(&command), u32::from(value).to_string(), "{bias}");
        }
    }
}
