// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happens to lines, with `gpio-event-mon` and `gpio-watch`.

use vgpio_tests::harness::{Outside, Ran};

use super::{Bench, User};

/// The exit status of `gpio-event-mon`: the size of a `struct gpio_v2_line_event` (`linux/gpio.h`), for it returns
/// what its last read returned.
const LAST_READ: i32 = 48;

impl<U: User, W: Outside> Bench<'_, '_, U, W> {
    /// `gpio-event-mon` tells of the edges that it is asked for, numbered by the kernel.
    pub fn tells_of_edges(&mut self) {
        const EDGES: usize = 6;
        let all = [
            ("-r", "rising-edge", &["rising"][..]),
            ("-f", "falling-edge", &["falling"]),
            ("-r -f", "both-edges", &["rising", "falling"]),
        ];
        for (line, (flags, shown, edges)) in self.some_lines().into_iter().zip(all) {
            let name = self.name.clone();
            let command = format!("gpio-event-mon -n {name} -o {line} {flags} -c {EDGES}");
            self.chip.user.start(&command);
            self.shows(line, &format!("\"gpio-event-mon\" [used, input, {shown}]"));
            for pull in 0..2 * EDGES / edges.len() {
                self.pull(line, pull % 2 == 0);
                // The edge has been served when something else of the chip has: for both edges the kernel looks at
                // the level then.
                self.run(&format!("gpio-mockup-cdev /dev/{name} 6"));
            }
            let Ran { status, output } = self.chip.user.ended();
            assert_eq!(status, LAST_READ, "{output}");
            let mut lines = vec![
                format!("Monitoring line {line} on {name}"),
                "Initial line value: 0".to_owned(),
            ];
            let event = |(i, edge)| format!("GPIO EVENT on line {line} ({i}|{i}) {edge} edge");
            lines.extend((1..=EDGES).zip(edges.iter().cycle()).map(event));
            assert_eq!(without_times(&output), lines.join("\n"));
        }
    }

    /// `gpio-watch` tells of those who take a line and give it back.
    pub fn is_watched(&mut self) {
        let chip = format!("/dev/{}", self.name);
        let program = format!("gpio-watch {chip} 0 5");
        let [first, other, unwatched] =
            [0, 5, 6].map(|line| format!("gpio-mockup-cdev {chip} {line}"));
        let output = self.chip.user.run_beside(&program, &[&first, &unwatched, &other, &first]);
        let told = [0, 5, 0]
            .map(|line| format!("line {line}: requested\nline {line}: released"))
            .join("\n");
        assert_eq!(without_times(&output), told);
    }
}

/// Text without ` at ` and the time that follows.
fn without_times(text: &str) -> String {
    let mut parts = text.split(" at ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}
