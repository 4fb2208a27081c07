// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wired to what: three LEDs and a button.

/// The simulated block, as the Salvator-XS board's LEDs have it.
pub const LABEL: &str = "e6055400.gpio";
/// Its model.
pub const MODEL: &str = "rcar-gen3";

/// A line of the guest's PL061, the `virt` machine's own, and the pad of the host's chip behind it.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// The pad's name.
    pub name: &'static str,
    /// The line of the guest's PL061, 0 to 7.
    pub vgpio: u8,
    /// The pad's offset on the block.
    pub gpio: u32,
}

/// They light when the pad is high.
pub const LEDS: [Line; 3] = [
    Line { name: "LED1", vgpio: 0, gpio: 11 },
    Line { name: "LED2", vgpio: 1, gpio: 12 },
    Line { name: "LED3", vgpio: 2, gpio: 13 },
];

/// It pulls its pad low; a resistor pulls the pad high. QEMU's `virt` machine has its power button
/// on line 3, so this is on the next.
pub const BUTTON: Line = Line { name: "BUTTON", vgpio: 4, gpio: 14 };

/// All lines.
pub fn lines() -> impl Iterator<Item = &'static Line> {
    LEDS.iter().chain([&BUTTON])
}

/// `--sim`: the block and the names of its pads.
pub fn sim() -> String {
    let last = lines().map(|line| line.gpio).max().unwrap_or(0);
    let name = |gpio| lines().find(|line| line.gpio == gpio).map_or("", |line| line.name);
    let names: Vec<_> = (0..=last).map(name).collect();
    format!("{MODEL},label={LABEL},names={}", names.join(":"))
}

/// The line map: `--gpiodev` of the daemon, `-gpiodev` of QEMU.
pub fn map() -> String {
    let join = |numbers: Vec<String>| numbers.join(":");
    let vgpios = join(lines().map(|line| line.vgpio.to_string()).collect());
    let gpios = join(lines().map(|line| line.gpio.to_string()).collect());
    format!("{LABEL},vgpios={vgpios},gpios={gpios}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_daemon_is_told_what_is_wired() {
        assert_eq!(
            super::sim(),
            "rcar-gen3,label=e6055400.gpio,names=:::::::::::LED1:LED2:LED3:BUTTON"
        );
        assert_eq!(super::map(), "e6055400.gpio,vgpios=0:1:2:4,gpios=11:12:13:14");
    }
}
