// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a device has no lines, or none any more.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vgpio::client;

use crate::wire::WireError;

/// Why a device of QEMU has no lines of the host, or none any more.
#[derive(Debug, Error)]
pub enum Error {
    /// There is nobody at the qtest socket, or no way to it.
    #[error(
        "cannot connect to QEMU at {}; start it with -qtest unix:{},server=on,wait=off -qtest-log none",
        .path.display(), .path.display()
    )]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the host said.
        #[source]
        source: io::Error,
    },
    /// There is nobody at the QMP socket, or no way to it.
    #[error(
        "cannot connect to QEMU's monitor at {}; start it with -qmp unix:{},server=on,wait=off",
        .path.display(), .path.display()
    )]
    ConnectQmp {
        /// The socket.
        path: PathBuf,
        /// What the host said.
        #[source]
        source: io::Error,
    },
    /// What is at the QMP socket is no QMP server.
    #[error("what listens at {} is no QMP monitor; give the socket of QEMU's -qmp", .path.display())]
    NotQmp {
        /// The socket.
        path: PathBuf,
    },
    /// QEMU does not answer at its monitor.
    #[error(
        "QEMU does not answer at {}; end the other program that is connected to it, or give it \
         another -qmp", .path.display()
    )]
    QmpSilent {
        /// The socket.
        path: PathBuf,
    },
    /// QEMU closed the connection to its monitor.
    #[error("QEMU closed its monitor; has it ended?")]
    QmpClosed,
    /// QEMU refuses a question.
    #[error("QEMU refuses {command}: {text}")]
    QmpRefused {
        /// The question.
        command: &'static str,
        /// QEMU's text.
        text: String,
    },
    /// Nothing says which device.
    #[error("which GPIO controller? Give --qmp to have it found, or name it with --device")]
    NoDevice,
    /// There is no PL061.
    #[error(
        "QEMU's machine has no PL061 of its own; name the GPIO controller with --device, and its \
         outputs with --outputs"
    )]
    NoPl061,
    /// There is more than one.
    #[error("QEMU's machine has several PL061; name one with --device: {paths}")]
    SeveralPl061 {
        /// All of them.
        paths: String,
    },
    /// There is no device of this path.
    #[error("QEMU has no device {path}; leave --device out and give --qmp to have it found")]
    UnknownDevice {
        /// The path.
        path: String,
    },
    /// Another device than a PL061, without a word on its directions.
    #[error("{path} is no PL061: say with --outputs which of its lines are outputs")]
    NoDirections {
        /// The path.
        path: String,
    },
    /// Directions of a PL061, which are the guest's to choose.
    #[error("{path} is a PL061, which is asked for directions; leave --outputs out")]
    OutputsOfPl061 {
        /// The path.
        path: String,
    },
    /// A device whose model tells a line that the guest lets go as one that is high.
    #[error(
        "{path} is an nRF51's: its lines would be driven high when the guest lets them go; take a \
         QEMU with -gpiodev for it"
    )]
    Nrf51 {
        /// The path.
        path: String,
    },
    /// The device does not have such an output.
    #[error("{path} has {lines} outputs, no output {line}; change --outputs, or the lines")]
    NoOutput {
        /// The path.
        path: String,
        /// The line.
        line: u16,
        /// How many there are.
        lines: u8,
    },
    /// The device does not have such an input.
    #[error(
        "{path} has {lines} inputs, no input {line}; name it in --outputs if it is an output, or \
         change the lines"
    )]
    NoInput {
        /// The path.
        path: String,
        /// The line.
        line: u16,
        /// How many there are.
        lines: u8,
    },
    /// The machine has wired this line.
    #[error("line 3 of {path} is the power button of the virt machine; take another line")]
    PowerButton {
        /// The path.
        path: String,
    },
    /// There is no PL061 at this address.
    #[error(
        "there is no PL061 at address {base:#x} of the guest; say where it is with --base, or give \
         --qmp to have it found"
    )]
    NotPl061 {
        /// The address.
        base: u64,
    },
    /// Another device is intercepted.
    #[error(
        "QEMU's qtest has another device intercepted already, and can do so with one only; start \
         QEMU anew to have lines for {path}"
    )]
    Intercepted {
        /// The path.
        path: String,
    },
    /// The device has no outputs that can be intercepted.
    #[error("{path} has no GPIO outputs without a name; take another --device")]
    NoOutputs {
        /// The path.
        path: String,
    },
    /// QEMU refuses a command.
    #[error("QEMU refuses '{command}': {text}")]
    Refused {
        /// The command.
        command: String,
        /// QEMU's text.
        text: String,
    },
    /// QEMU does not answer.
    #[error(
        "QEMU does not answer at its qtest socket; is it stopped, or is another program connected \
         to it?"
    )]
    Silent,
    /// QEMU closed the connection before it has answered.
    #[error("QEMU closed its qtest socket at once; is this the socket of its -qtest?")]
    Closed,
    /// What is at the socket is no qtest server.
    #[error(
        "what listens at the qtest socket speaks another protocol; give the socket of QEMU's -qtest"
    )]
    NotQtest(#[source] WireError),
    /// An answer to what was not asked.
    #[error("QEMU answers what was not asked; is this the socket of its -qtest?")]
    Unasked,
    /// The connection broke.
    #[error("the connection to QEMU's qtest socket broke")]
    Io(#[source] io::Error),
    /// The line map or the name is wrong.
    #[error(transparent)]
    Options(#[from] client::OptionsError),
    /// The daemon is not there, or does not lend the lines.
    #[error(transparent)]
    Daemon(#[from] client::Error),
}
