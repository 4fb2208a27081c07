// SPDX-License-Identifier: MIT OR Apache-2.0
//! What cargo knows of this workspace, and what cargo builds in it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Artifact, Message, Metadata, MetadataCommand, Package, Target, TargetKind};

use crate::command;
use crate::error::{Error, Result};

/// The crate with the daemon and its tool.
pub const BACKEND: &str = "vgpio-backend";
/// The crate with the rig's first process.
pub const TESTS: &str = "vgpio-tests";
/// Integration tests whose names start so, and which `cargo test` leaves out, belong to the rig.
const RIG_PREFIX: &str = "gpio_sim";

/// The workspace of this checkout.
pub struct Workspace {
    metadata: Metadata,
}

/// An integration test that runs in the rig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RigTarget {
    /// The crate that has it.
    pub package: String,
    /// The test's name.
    pub name: String,
    /// Features of the crate without which it is not built.
    pub features: Vec<String>,
}

impl Workspace {
    /// Asks cargo about the workspace, with all crates that it depends on.
    ///
    /// # Errors
    /// cargo cannot read the manifests.
    pub fn load() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let metadata =
            MetadataCommand::new().manifest_path(manifest).cargo_path(cargo_path()).exec();
        Ok(Self { metadata: metadata.map_err(Error::format("the workspace's manifests"))? })
    }

    /// The workspace's folder.
    pub fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// The folder with cargo's output.
    pub fn target_folder(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// The workspace's own crates.
    pub fn members(&self) -> Vec<&Package> {
        self.metadata.workspace_packages()
    }

    /// All crates that others wrote.
    pub fn foreign(&self) -> impl Iterator<Item = &Package> {
        self.metadata.packages.iter().filter(|package| package.source.is_some())
    }

    /// Whether a member has this feature.
    pub fn has_feature(&self, package: &str, feature: &str) -> bool {
        self.members()
            .iter()
            .any(|member| member.name == package && member.features.contains_key(feature))
    }

    /// The tests that run in the rig.
    pub fn rig_targets(&self) -> Vec<RigTarget> {
        let belongs = |target: &&Target| {
            target.is_kind(TargetKind::Test) && !target.test && target.name.starts_with(RIG_PREFIX)
        };
        let mut targets = Vec::new();
        for member in self.members() {
            targets.extend(member.targets.iter().filter(belongs).map(|target| RigTarget {
                package: member.name.to_string(),
                name: target.name.clone(),
                features: target.required_features.clone(),
            }));
        }
        targets
    }

    /// A cargo command in the workspace.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_path());
        command.args(arguments).current_dir(self.root());
        command
    }

    /// Builds the rig's first process.
    ///
    /// # Errors
    /// It does not build.
    pub fn rig_init(&self) -> Result<PathBuf> {
        let mut command =
            self.cargo(&["build", "--quiet", "--package", TESTS, "--bin", "rig-init"]);
        let built = executables("building the rig's first process", &mut command)?;
        let missing = || Error::Findings("cargo built no rig-init".to_owned());
        Ok(built.into_iter().next().ok_or_else(missing)?.1)
    }

    /// Builds the programs of the daemon's crate.
    ///
    /// # Errors
    /// They do not build.
    pub fn backend_programs(&self) -> Result<Vec<(String, PathBuf)>> {
        let has_programs = |member: &&&Package| {
            member.targets.iter().any(|target| target.is_kind(TargetKind::Bin))
        };
        if self
            .members()
            .iter()
            .filter(|member| member.name == BACKEND)
            .find(has_programs)
            .is_none()
        {
            return Ok(Vec::new());
        }
        let mut command = self.cargo(&["build", "--quiet", "--package", BACKEND, "--bins"]);
        executables("building the daemon", &mut command)
    }
}

/// Builds, and returns the executable of this name.
///
/// # Errors
/// It does not build, or there is none.
pub fn executable(command: &mut Command, name: &str) -> Result<PathBuf> {
    let built = executables(&format!("building {name}"), command)?;
    let found = built.into_iter().find(|(built, _)| built == name);
    found.map(|(_, path)| path).ok_or_else(|| Error::Findings(format!("cargo built no {name}")))
}

/// Builds and returns the executables as `(target name, path)`.
///
/// # Errors
/// It does not build; the compiler has told the user why.
pub fn executables(step: &str, command: &mut Command) -> Result<Vec<(String, PathBuf)>> {
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let output = command.stderr(Stdio::inherit()).output().map_err(command::start(command))?;
    command::check(step, command, output.status, String::new)?;
    let mut executables = Vec::new();
    for message in Message::parse_stream(output.stdout.as_slice()) {
        let message = message.map_err(Error::file("read the messages of", Path::new("cargo")))?;
        if let Message::CompilerArtifact(Artifact { target, executable: Some(path), .. }) = message
        {
            executables.push((target.name, path.into_std_path_buf()));
        }
    }
    Ok(executables)
}

/// The cargo that runs this program, else the one in `PATH`.
pub fn cargo_path() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
