// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that can still be opened and removed (landlock(7)).

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::SandboxError;

/// The newest version whose limits are asked for. A kernel of an older one gives those that it has.
const VERSION: ABI = ABI::V6;

/// Refuses all others from now on, and networks, and signals to other processes. Files can be removed from `folders`.
///
/// # Errors
/// The kernel has no Landlock.
pub fn confine(folders: &[PathBuf]) -> Result<(), SandboxError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(VERSION))?
        .handle_access(AccessNet::from_all(VERSION))?
        .scope(Scope::from_all(VERSION))?
        .create()?;
    // gpiochips come and go, so it is the folder; the driver needs no right to write (linux/gpio.h).
    let chips = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::IoctlDev;
    #[cfg(feature = "libgpiod")]
    let chips = chips | AccessFs::WriteFile;
    let mut ruleset = allow(ruleset, Path::new("/dev"), chips)?;
    // What requests are that another daemon has left is in fdinfo.
    for about_chips in
        ["/sys/bus/gpio", "/sys/devices", "/proc/self/fdinfo", "/proc/sys/kernel/osrelease"]
    {
        ruleset = allow(ruleset, Path::new(about_chips), AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    for folder in folders {
        ruleset = allow(ruleset, folder, AccessFs::RemoveFile.into())?;
    }
    match ruleset.restrict_self()?.ruleset {
        RulesetStatus::NotEnforced => Err(SandboxError::NoLandlock),
        RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced => Ok(()),
    }
}

/// Files that are not there need no rule.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, SandboxError> {
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(VERSION) };
    match PathFd::new(path) {
        Ok(file) => Ok(ruleset.add_rule(PathBeneath::new(file, access))?),
        Err(_) => Ok(ruleset),
    }
}
