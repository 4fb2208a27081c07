// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware of a board whose GPIO controller knows nothing of host lines, on the daemon's simulated block: a BBC
//! micro:bit, whose lamp is on while a button is pressed.

use std::env;
use std::fs;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};

use vgpio_protocol::Direction;
use vgpio_tests::harness::{Bench, LABEL, Outside, Simulated};

/// The host's lines, which are the chip's P0.13 and P0.17.
const LAMP: u32 = 11;
const BUTTON: u32 = 21;

/// Armv6-M code, from address 0 on.
const CODE: [u16; 26] = [
    0x4000, 0x2000, // the stack's end, in RAM
    0x0009, 0x0000, // where to begin: behind these, in Thumb code
    0x4806, //        ldr  r0, gpio
    0x4907, //        ldr  r1, lamp
    0x4a07, //        ldr  r2, button
    0x4b08, //        ldr  r3, pin_cnf17
    0x2400, //        movs r4, #0
    0x601c, //        str  r4, [r3]         @ an input without a pull
    0x6181, //        str  r1, [r0, #0x18]  @ DIRSET: an output
    0x6903, // loop:  ldr  r3, [r0, #0x10]  @ IN
    0x4213, //        tst  r3, r2
    0xd001, //        beq  off
    0x6081, //        str  r1, [r0, #0x08]  @ OUTSET
    0xe7fa, //        b    loop
    0x60c1, // off:   str  r1, [r0, #0x0c]  @ OUTCLR
    0xe7f8, //        b    loop
    0x0500, 0x5000, // gpio: the GPIO block, from its OUT register's page
    0x2000, 0x0000, // lamp: bit 13
    0x0000, 0x0002, // button: bit 17
    0x0744, 0x5000, // pin_cnf17
];

/// A QEMU that runs the firmware; its monitor is its standard input.
struct Board {
    child: Child,
    monitor: ChildStdin,
}

impl Board {
    fn start(bench: &Bench<Simulated>) -> Self {
        let qemu = env::var_os("VGPIO_QEMU").expect("`cargo xtask test` makes QEMU and sets it");
        let firmware = bench.daemon.folder().path().join("firmware.bin");
        let bytes: Vec<u8> = CODE.iter().flat_map(|code| code.to_le_bytes()).collect();
        fs::write(&firmware, bytes).expect("a folder for files");
        let gpiodev =
            format!("{LABEL},vgpios=13:17,gpios={LAMP}:{BUTTON},frontend=/machine/nrf51/gpio");
        let mut child = Command::new(qemu)
            .args(["-M", "microbit", "-display", "none", "-serial", "none", "-monitor", "stdio"])
            .arg("-kernel")
            .arg(firmware)
            .args(["-gpiodev", &gpiodev])
            .env("VGPIO_SOCKET", bench.daemon.socket())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("QEMU starts");
        let monitor = child.stdin.take().expect("it has one");
        Self { child, monitor }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_lamp_of_a_microbit_follows_its_button() {
    let mut bench = Bench::<Simulated>::open();
    bench.world.pull(LAMP, false);
    bench.world.pull(BUTTON, false);
    let mut board = Board::start(&bench);
    bench.becomes(LAMP, Direction::Output);
    for _ in 0..20 {
        bench.world.pull(BUTTON, true);
        bench.sees(LAMP, true);
        bench.world.pull(BUTTON, false);
        bench.sees(LAMP, false);
    }
    // The button is pressed through a reset, and the firmware sees it when it begins again.
    bench.world.pull(BUTTON, true);
    bench.sees(LAMP, true);
    writeln!(board.monitor, "system_reset").expect("it reads");
    bench.becomes(LAMP, Direction::Output);
    bench.sees(LAMP, true);
    bench.world.pull(BUTTON, false);
    bench.sees(LAMP, false);
}
