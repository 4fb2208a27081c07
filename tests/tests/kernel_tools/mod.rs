// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel's own programs do on a chip: its tools for GPIO lines, and the helpers of its self-tests. What they
//! print and how they end is the same on each, but for what a chip is called and how many lines it has.

mod events;
mod guests;
mod user;
mod values;

use vgpio_tests::harness::{NAMES, Outside, eventually};

pub use user::User;

/// A chip, who uses it, and the world beyond it: lines that are pulled low, and that nobody uses.
pub struct Chip<'a, U, W> {
    pub user: &'a mut U,
    pub world: &'a mut W,
    /// The driver's name of it.
    pub label: &'a str,
    /// How many lines it has.
    pub lines: u32,
    /// The line of the world that its first is; the others follow.
    pub first: u32,
    /// Versions of the character device's interface that the kernel has.
    pub interfaces: &'a [u32],
    /// Whether its lines have pull resistors that can be switched.
    pub has_bias: bool,
}

/// What the programs do on one chip.
struct Bench<'a, 'b, U, W> {
    chip: &'a mut Chip<'b, U, W>,
    /// The kernel's name of it.
    name: String,
}

impl<U: User, W: Outside> Chip<'_, U, W> {
    /// Runs them all.
    pub fn serves_the_kernels_tools(&mut self) {
        let find = "for chip in /dev/gpiochip*; do echo $(gpio-chip-info $chip name) \
                    $(gpio-chip-info $chip label); done";
        let chips = self.user.run(find);
        let named = |line: &str| Some(line.strip_suffix(self.label)?.trim().to_owned());
        let name = chips.lines().find_map(named);
        let name = name.unwrap_or_else(|| panic!("no {} in: {chips}", self.label));
        let mut bench = Bench { chip: self, name };
        bench.tells_what_it_is();
        bench.reads();
        bench.drives();
        bench.is_shaken();
        bench.has_one_user_at_a_time();
        bench.has_bias_or_ignores_it();
        bench.tells_of_edges();
        bench.is_watched();
    }
}

impl<U: User, W: Outside> Bench<'_, '_, U, W> {
    /// `gpio-chip-info`, `gpio-line-name`, `lsgpio`.
    fn tells_what_it_is(&mut self) {
        let Chip { lines, first, label, .. } = *self.chip;
        let name = self.name.clone();
        let of_chip = |what| format!("gpio-chip-info /dev/{name} {what}");
        assert_eq!(self.run(&of_chip("name")), name);
        assert_eq!(self.run(&of_chip("label")), label);
        assert_eq!(self.run(&of_chip("num-lines")), lines.to_string());
        let names = self.run(&format!(
            "for l in $(seq 0 {}); do echo \"$l '$(gpio-line-name /dev/{name} $l)'\"; done",
            lines - 1
        ));
        let wanted: Vec<_> =
            (0..lines).map(|line| format!("{line} '{}'", host_name(first + line))).collect();
        assert_eq!(names, wanted.join("\n"));
        let mut wanted = vec![format!("GPIO chip: {name}, \"{label}\", {lines} GPIO lines")];
        wanted.extend((0..lines).map(|line| self.listed(line, "unused [input]")));
        assert_eq!(self.run(&format!("lsgpio -n {name}")), wanted.join("\n"));
    }

    /// As `lsgpio` shows a line of which this is true.
    fn listed(&self, line: u32, what: &str) -> String {
        match host_name(self.chip.first + line) {
            "" => format!("\tline {line:2}: unnamed {what}"),
            name => format!("\tline {line:2}: \"{name}\" {what}"),
        }
    }

    /// Waits until `lsgpio` shows this of a line.
    fn shows(&mut self, line: u32, what: &str) {
        let wanted = self.listed(line, what);
        let list = format!("lsgpio -n {}", self.name);
        eventually(&wanted, || self.run(&list).lines().any(|line| line == wanted).then_some(()));
    }

    fn run(&mut self, command: &str) -> String {
        self.chip.user.run(command)
    }

    /// Runs a command until it prints this.
    fn prints(&mut self, command: &str, wanted: &str) {
        let mut printed = String::new();
        let what = format!("'{command}' prints '{wanted}'");
        eventually(&what, || {
            printed = self.run(command);
            (printed == wanted).then_some(())
        });
    }

    /// Pulls all lines: bit *i* of `levels` is for line *i*.
    fn pull_all(&mut self, levels: u32) {
        for line in 0..self.chip.lines {
            self.pull(line, levels >> line & 1 == 1);
        }
    }

    fn pull(&mut self, line: u32, high: bool) {
        self.chip.world.pull(self.chip.first + line, high);
    }

    fn sees(&mut self, line: u32, high: bool) {
        let offset = self.chip.first + line;
        let what = format!("line {offset} is {}", if high { "high" } else { "low" });
        eventually(&what, || (self.chip.world.level(offset) == high).then_some(()));
    }

    /// The lines that not all is done with.
    fn some_lines(&self) -> [u32; 3] {
        [0, 5, self.chip.lines - 1]
    }
}

/// What the world calls a line; most have no name.
fn host_name(offset: u32) -> &'static str {
    NAMES.iter().find(|(named, _)| *named == offset).map_or("", |(_, name)| name)
}
