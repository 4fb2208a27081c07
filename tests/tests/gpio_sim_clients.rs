// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client test-suite on the kernel's character device, with gpio-sim behind it.

mod suite;

use gpiocdev::Request;
use gpiocdev::line::Value;
use vgpio_protocol::ErrorCode;
use vgpio_tests::harness::{Bench, LABEL, Outside, export};

type World = vgpio_tests::harness::GpioSim;

/// gpio-sim leaves an output that is given back an output, at the level of its pull.
#[test]
fn the_level_of_an_output_that_is_taken_as_it_is_counts() {
    let limited = format!("relay={LABEL},gpios=5,init=as-is,min-hold=4000s");
    let mut bench: Bench<World> = Bench::new(&["--export", &limited]);
    bench.world.pull(5, true);
    let mut other = Request::builder();
    other.on_chip(bench.world.device()).with_line(5).as_output(Value::Active);
    drop(other.request().expect("nobody has the line"));
    let mut guest = bench.attach(export("relay"));
    guest.sync();
    assert_eq!((guest.client.outputs(), guest.client.levels()), (1, 1));
    // Nobody knows since when it is so.
    guest.set(1, 0);
    guest.client.set(1, 1);
    guest.sync_whatever();
    assert_eq!(guest.error().code, ErrorCode::TooOften);
    assert!(!bench.world.level(5));
}
