// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the rig's kernel: user-mode Linux.

use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::error::Result;
use crate::kernel::{self, Kernel};

/// The kernel program, building it if the cache has none for this configuration and these patches.
///
/// # Errors
/// The source or a tool cannot be had, an option of the fragment cannot be set, or the build fails.
pub fn kernel(cache: &Cache, workspace: &Path, rebuild: bool) -> Result<PathBuf> {
    let rig = workspace.join("tests/rig");
    let kernel = Kernel {
        name: "uml",
        arguments: &["ARCH=um".to_owned()],
        fragments: &[rig.join("kernel.config")],
        patches: Some(&rig.join("patches")),
        tools: &[],
        objtool: false,
        target: "linux",
        image: "linux",
        build_lines: 1040,
    };
    Ok(kernel::build(cache, &kernel, rebuild)?.join("linux"))
}
