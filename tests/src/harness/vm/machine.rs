// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a QEMU is started with.

use std::env;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use super::console::Console;
use super::device_tree;
use super::qmp::Qmp;
use super::{BOOT, COMMAND, Vm};
use crate::harness::{Daemon, folder, qmp_socket, qtest_socket};

/// What a 64-bit Arm guest is told. Page tables that are kept from user programs make each system call ten times as
/// long, for every switch between them flushes QEMU's translations. There is nothing here to keep.
const ARM64_KERNEL: &str = "console=ttyAMA0 quiet kpti=off";
/// What a Raspberry Pi's is told. Its first serial port is that of the Bluetooth chip.
const RASPI_KERNEL: &str = "console=ttyS1,115200 quiet kpti=off";
/// What a 64-bit x86 guest is told.
const X86_64_KERNEL: &str = "console=ttyS0 quiet";
/// Memory of a virtio guest, which the daemon has too.
const MEMORY: &str = "memory-backend-memfd,id=memory,size=80M,share=on";

/// A machine that is not yet started: QEMU's `virt`, `raspi3b` or `q35`, with the guest's kernel.
#[derive(Debug)]
pub struct Machine {
    command: Command,
    /// The folder with kernel and initramfs.
    guest: PathBuf,
    kernel_options: String,
    /// What its command inherits in place of standard error.
    connection: Option<UnixStream>,
    /// Nodes of the device tree beside those of QEMU's own.
    nodes: Option<String>,
}

/// What a QEMU said that did not start.
#[derive(Debug)]
pub struct Refusal {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to its standard error.
    pub text: String,
}

/// A QEMU whose guest boots.
struct Started {
    child: Child,
    console: Console,
    listener: UnixListener,
    folder: TempDir,
}

impl Machine {
    /// A machine with these gpiodevs, which are those of this daemon.
    pub fn new(daemon: &Daemon, gpiodevs: &[&str]) -> Self {
        let mut machine = Self::alone(gpiodevs);
        machine.command.env("VGPIO_SOCKET", daemon.socket());
        machine
    }

    /// As [`new`](Self::new), with the daemon's default socket.
    pub fn alone(gpiodevs: &[&str]) -> Self {
        let command = Command::new(from_environment("VGPIO_QEMU"));
        let mut machine = Self::arm64(command, from_environment("VGPIO_GUEST"));
        // User-mode Linux maps each page of a program by itself, and the host lets it have 65,530
        // maps (`vm.max_map_count`): so little memory, and so little room for translated code.
        machine = machine.with(&["-M", "virt", "-m", "80"]);
        for gpiodev in gpiodevs {
            machine = machine.with(&["-gpiodev", gpiodev]);
        }
        machine
    }

    /// A Raspberry Pi 3 with these gpiodevs, which are those of this daemon. The guest's folder has its device tree.
    pub fn raspi(daemon: &Daemon, gpiodevs: &[&str]) -> Self {
        let mut command = Command::new(from_environment("VGPIO_QEMU"));
        command.args(["-serial", "null"]);
        let guest = from_environment("VGPIO_GUEST");
        let tree = guest.join("raspi3b.dtb");
        let mut machine = Self::of(command, guest, RASPI_KERNEL);
        machine.command.env("VGPIO_SOCKET", daemon.socket()).arg("-dtb").arg(tree);
        machine = machine.with(&["-M", "raspi3b"]);
        for gpiodev in gpiodevs {
            machine = machine.with(&["-gpiodev", gpiodev]);
        }
        machine
    }

    /// An unpatched QEMU, whose 64-bit Arm guest has the virtio devices behind these sockets.
    pub fn virtio(sockets: &[&Path]) -> Self {
        Self::stock(Command::new(from_environment("VGPIO_STOCK_QEMU"))).with_devices(sockets)
    }

    /// As [`virtio`](Self::virtio), with a 64-bit x86 guest.
    pub fn virtio_x86_64(sockets: &[&Path]) -> Self {
        let command = Command::new(from_environment("VGPIO_STOCK_QEMU_X86_64"));
        Self::of(command, from_environment("VGPIO_VIRTIO_GUEST_X86_64"), X86_64_KERNEL)
            .with(&["-nodefaults", "-M", "q35,memory-backend=memory", "-m", "80"])
            .with(&["-object", MEMORY])
            .with_devices(sockets)
    }

    /// An unpatched QEMU that inherits its connection to a virtio device.
    pub fn virtio_connected(connection: UnixStream) -> Self {
        // Its other streams are in use.
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$@\" 3<&2 2>\"$ERRORS\"", "sh"]);
        shell.arg(from_environment("VGPIO_STOCK_QEMU"));
        let mut machine = Self::stock(shell);
        machine.connection = Some(connection);
        let options =
            ["-chardev", "socket,id=gpio,fd=3", "-device", "vhost-user-gpio-pci,chardev=gpio"];
        machine.with(&options)
    }

    /// As [`virtio`](Self::virtio) of one device, which is at the first virtio-mmio transport, with the
    /// device tree of `docs/virtio.md`: levels of lines 5 and 6 are keys.
    pub fn virtio_in_device_tree(socket: &Path) -> Self {
        let machine = Self::stock(Command::new(from_environment("VGPIO_STOCK_QEMU")));
        let folder = socket.parent().expect("a folder for sockets");
        let tree = device_tree::with_overlay(&machine.command, device_tree::example(), folder);
        let chardev = format!("socket,id=gpio,path={}", socket.display());
        let device = "vhost-user-gpio-device,chardev=gpio,bus=virtio-mmio-bus.0";
        machine
            .with(&["-chardev", &chardev, "-device", device])
            .with(&["-dtb", &tree.display().to_string()])
    }

    /// An unpatched QEMU with a qtest server and one more monitor, whose sockets are in this folder.
    pub fn qtest(folder: &Path) -> Self {
        let command = Command::new(from_environment("VGPIO_STOCK_QEMU"));
        let machine = Self::arm64(command, from_environment("VGPIO_GUEST"));
        let server = |path: PathBuf| format!("unix:{},server=on,wait=off", path.display());
        machine.with(&["-M", "virt", "-m", "80", "-qtest-log", "none"]).with(&[
            "-qtest",
            &server(qtest_socket(folder)),
            "-qmp",
            &server(qmp_socket(folder)),
        ])
    }

    fn stock(command: Command) -> Self {
        Self::arm64(command, from_environment("VGPIO_VIRTIO_GUEST")).with(&[
            "-M",
            "virt,memory-backend=memory",
            "-m",
            "80",
            "-object",
            MEMORY,
        ])
    }

    fn arm64(command: Command, guest: PathBuf) -> Self {
        Self::of(command, guest, ARM64_KERNEL).with(&["-cpu", "cortex-a53"])
    }

    fn of(mut command: Command, guest: PathBuf, kernel_options: &str) -> Self {
        command.env_remove("VGPIO_SOCKET").env_remove("VGPIO_CONTROL");
        command.args("-net none -accel tcg,tb-size=32".split(' '));
        command.args("-display none -monitor none -serial stdio".split(' '));
        Self {
            command,
            guest,
            kernel_options: kernel_options.to_owned(),
            connection: None,
            nodes: None,
        }
    }

    fn with_devices(mut self, sockets: &[&Path]) -> Self {
        for (i, socket) in sockets.iter().enumerate() {
            let chardev = format!("socket,id=gpio{i},path={}", socket.display());
            let device = format!("vhost-user-gpio-pci,chardev=gpio{i}");
            self = self.with(&["-chardev", &chardev, "-device", &device]);
        }
        self
    }

    /// With more options of QEMU's.
    #[must_use]
    pub fn with(mut self, options: &[&str]) -> Self {
        self.command.args(options);
        self
    }

    /// With another option of the kernel's.
    #[must_use]
    pub fn with_kernel(mut self, option: &str) -> Self {
        self.kernel_options.push(' ');
        self.kernel_options.push_str(option);
        self
    }

    /// With these nodes, in the language of device-tree sources, beside those of its own device tree.
    #[must_use]
    pub fn with_nodes(mut self, source: &str) -> Self {
        self.nodes = Some(source.to_owned());
        self
    }

    /// With an environment variable.
    #[must_use]
    pub fn with_environment(mut self, name: &str, value: &Path) -> Self {
        self.command.env(name, value);
        self
    }

    /// Boots it.
    pub fn boot(self) -> Vm {
        self.start().boot()
    }

    /// Boots both at once.
    pub fn boot_both(self, other: Self) -> (Vm, Vm) {
        let (one, two) = (self.start(), other.start());
        (one.boot(), two.boot())
    }

    /// Starts it, which must fail.
    pub fn refusal(self) -> Refusal {
        // Its monitor finds somebody who listens, or that would be what it complains of.
        let Started { mut child, mut console, listener: _listener, folder } = self.start();
        console.wait_for_end(COMMAND);
        let status = child.wait().expect("it is a child");
        Refusal { status, text: errors(folder.path()) }
    }

    fn start(mut self) -> Started {
        let guest = &self.guest;
        let folder = folder();
        if let Some(nodes) = &self.nodes {
            let file = device_tree::with_nodes(&self.command, nodes, folder.path());
            self.command.arg("-dtb").arg(file);
        }
        let socket = folder.path().join("qmp.sock");
        // QEMU connects before the guest runs, so nothing that it tells is missed.
        let listener = UnixListener::bind(&socket).expect("a folder for sockets");
        let path = errors_file(folder.path());
        let errors = File::create(&path).expect("a folder for files");
        let stderr = self
            .connection
            .take()
            .map_or(errors.into(), |inherited| OwnedFd::from(inherited).into());
        let mut child = self
            .command
            .arg("-qmp")
            .arg(format!("unix:{}", socket.display()))
            .arg("-kernel")
            .arg(guest.join("kernel"))
            .arg("-initrd")
            .arg(guest.join("initramfs"))
            .args(["-append", &self.kernel_options])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr::<Stdio>(stderr)
            .env("ERRORS", path)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {:?}: {error}", self.command));
        let console = Console::of(&mut child);
        Started { child, console, listener, folder }
    }
}

impl Started {
    fn boot(mut self) -> Vm {
        if let Err(why) = self.console.try_wait_for_boot(BOOT) {
            let _ = self.child.kill();
            let errors = errors(self.folder.path());
            panic!("no guest: {why}\n{errors}\n{}", self.console.tail());
        }
        let (stream, _) = self.listener.accept().expect("QEMU has connected");
        let Self { child, console, folder, .. } = self;
        Vm { child, console, qmp: Qmp::of(stream), folder }
    }
}

/// What a QEMU wrote to its standard error.
pub fn errors(folder: &Path) -> String {
    fs::read_to_string(errors_file(folder)).expect("it was made")
}

fn errors_file(folder: &Path) -> PathBuf {
    folder.join("stderr")
}

fn from_environment(name: &str) -> PathBuf {
    let path = env::var_os(name).filter(|path| !path.is_empty());
    let path = path.unwrap_or_else(|| {
        panic!("no {name}: run `cargo xtask test`, which makes QEMU and the guest and sets it")
    });
    PathBuf::from(path)
}
