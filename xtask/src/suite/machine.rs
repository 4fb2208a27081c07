// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtual machines for the tests.

use std::path::PathBuf;

use crate::architecture::{ARM64, Architecture, X86_64};
use crate::cache::Cache;
use crate::error::Result;
use crate::guest::{self, Boots, For};
use crate::kernel_tools;
use crate::qemu::{self, Line, stock};
use crate::workspace::Workspace;

/// The patched QEMU and unpatched ones, and what they boot.
pub struct Machine([(&'static str, PathBuf); 7]);

impl Machine {
    /// Builds what the cache lacks; the patched QEMU is of this release line.
    ///
    /// # Errors
    /// Something of it cannot be built or fetched.
    pub fn build(cache: &Cache, workspace: &Workspace, line: &'static Line) -> Result<Self> {
        let guest = |boots| guest::build(cache, workspace.root(), boots, For::Tests, false);
        let stock_qemu = |guest| stock::program(cache, guest, false);
        Ok(Self([
            ("VGPIO_QEMU", qemu::program(cache, workspace, line, false)?),
            ("VGPIO_GUEST", guest(Boots::Distribution)?),
            ("VGPIO_STOCK_QEMU", stock_qemu(&ARM64)?),
            ("VGPIO_VIRTIO_GUEST", guest(Boots::Virtio(&ARM64))?),
            ("VGPIO_STOCK_QEMU_X86_64", stock_qemu(&X86_64)?),
            ("VGPIO_VIRTIO_GUEST_X86_64", guest(Boots::Virtio(&X86_64))?),
            ("VGPIO_KERNEL_TOOLS", kernel_tools::build(cache, Architecture::own(), false)?),
        ]))
    }

    /// How the tests are told of it.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        self.0.iter().map(|(name, path)| (*name, path))
    }
}
