// SPDX-License-Identifier: MIT OR Apache-2.0
//! Architectures of guests, and what others call them.

use std::env;

use crate::toolbox::Tool;

/// An architecture.
#[derive(Debug)]
pub struct Architecture {
    /// Linux's name, which configurations have too.
    pub linux: &'static str,
    /// Debian's name.
    pub debian: &'static str,
    /// The compiler's name, and QEMU's.
    pub gnu: &'static str,
    /// The C compiler for it on other hosts.
    cross_compiler: Tool,
    /// The loader of programs in Debian's packages, and the folder where programs look for it.
    pub loader: (&'static str, &'static str),
    /// What make calls a kernel that boots, and where it leaves it.
    pub image: (&'static str, &'static str),
    /// What make prints for the small kernel, in lines; for the progress display alone.
    pub build_lines: u64,
    /// Whether a kernel's objects are checked by objtool.
    pub objtool: bool,
    /// Debian's package of QEMU for it.
    pub qemu_package: &'static str,
    /// What QEMU is told of the machine.
    pub machine: &'static str,
    /// What the kernel is told. Without kpti=off each system call costs a TLB flush, ten times as much.
    pub kernel_options: &'static str,
}

/// 64-bit Arm, on QEMU's machine `virt`.
pub static ARM64: Architecture = Architecture {
    linux: "arm64",
    debian: "arm64",
    gnu: "aarch64",
    cross_compiler: ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"),
    loader: ("usr/lib/ld-linux-aarch64.so.1", "lib"),
    image: ("Image", "arch/arm64/boot/Image"),
    build_lines: 1700,
    objtool: false,
    qemu_package: "qemu-system-arm",
    machine: "-M virt -cpu cortex-a53",
    kernel_options: "console=ttyAMA0 quiet kpti=off",
};

/// 64-bit x86, on QEMU's machine `q35`.
pub static X86_64: Architecture = Architecture {
    linux: "x86_64",
    debian: "amd64",
    gnu: "x86_64",
    cross_compiler: ("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu libc6-dev-amd64-cross"),
    loader: ("usr/lib64/ld-linux-x86-64.so.2", "lib64"),
    image: ("bzImage", "arch/x86/boot/bzImage"),
    build_lines: 1414,
    objtool: true,
    qemu_package: "qemu-system-x86",
    machine: "-M q35",
    kernel_options: "console=ttyS0 quiet",
};

impl Architecture {
    /// This host's.
    pub fn own() -> &'static Self {
        if ARM64.is_own() { &ARM64 } else { &X86_64 }
    }

    /// Whether it is this host's.
    fn is_own(&self) -> bool {
        self.gnu == env::consts::ARCH
    }

    /// The C compiler for it. The host's own will do on its own architecture, where it has no package to fetch.
    pub fn compiler(&self) -> Tool {
        if self.is_own() { ("cc", "gcc libc6-dev") } else { self.cross_compiler }
    }

    /// What make is told to build a kernel for it.
    pub fn make_arguments(&self) -> Vec<String> {
        let mut arguments = vec![format!("ARCH={}", self.linux)];
        if !self.is_own() {
            let prefix = self.cross_compiler.0.trim_end_matches("gcc");
            arguments.push(format!("CROSS_COMPILE={prefix}"));
        }
        arguments
    }
}
