// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages without root: apt with state, lists and archives of its own inside the cache folder.
//!
//! Nothing of the host's package system is changed. Mirrors, keys and proxies are the host's; apt checks the
//! signatures as ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::cache::{Cache, create_dir, read, remove, sha256, write};
use crate::command::{output, run, which};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::sources::{Source, parse_deb822, parse_list};

/// Package lists older than this are fetched anew before use.
const LISTS_AGE: Duration = Duration::from_secs(12 * 3600);

/// The host's release, from os-release(5): `("debian-12", "bookworm")`.
pub fn host_release() -> Option<(String, String)> {
    let text = fs::read_to_string("/etc/os-release").ok()?;
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|v| v.trim_matches('"').to_owned())
    };
    let codename = field("VERSION_CODENAME")?;
    Some((
        format!("{}-{}", field("ID")?, field("VERSION_ID").unwrap_or_else(|| codename.clone())),
        codename,
    ))
}

/// What a private apt fetches.
#[derive(Clone, Copy)]
enum Packages<'a> {
    /// Binary packages of the host's own release.
    Host,
    /// Source packages of this suite.
    Source(&'a str),
    /// Binary packages of this suite for another machine.
    Foreign { suite: &'a str, architecture: &'a str },
}

/// A private apt.
pub struct Apt {
    root: PathBuf,
    config: PathBuf,
}

impl Apt {
    /// Opens the private apt for the host's own suites or for the source packages of another.
    ///
    /// `None` if the host has no apt.
    ///
    /// # Errors
    /// The host's apt configuration cannot be understood, or the lists cannot be fetched.
    pub fn open(cache: &Cache, source_suite: Option<&str>) -> Result<Option<Self>> {
        Self::open_for(cache, source_suite.map_or(Packages::Host, Packages::Source))
    }

    /// Opens a private apt for the packages of another suite and architecture, for a system with nothing installed.
    ///
    /// `None` if the host has no apt.
    ///
    /// # Errors
    /// As [`Apt::open`].
    pub fn open_foreign(cache: &Cache, suite: &str, architecture: &str) -> Result<Option<Self>> {
        Self::open_for(cache, Packages::Foreign { suite, architecture })
    }

    fn open_for(cache: &Cache, packages: Packages<'_>) -> Result<Option<Self>> {
        let Some((_, codename)) = host_release() else {
            return Ok(None);
        };
        if which("apt-get").is_none() || which("dpkg-deb").is_none() {
            return Ok(None);
        }
        let root = cache.path("apt").join(match packages {
            Packages::Host => codename.clone(),
            Packages::Source(suite) => suite.to_owned(),
            Packages::Foreign { suite, architecture } => format!("{suite}-{architecture}"),
        });
        for folder in ["lists/partial", "archives/partial", "sources"] {
            create_dir(&root.join(folder))?;
        }
        let apt = Self { config: root.join("apt.conf"), root };
        let sources = sources(&codename, packages)?;
        apt.configure(&sources, packages)?;
        apt.refresh(&sources)?;
        Ok(Some(apt))
    }

    /// Fetches the packages and those that they need and the host lacks.
    ///
    /// # Errors
    /// A package is not in the sources, or the download fails.
    pub fn fetch(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        for package in packages {
            self.candidate(package)?;
        }
        let archives = self.root.join("archives");
        self.clean()?;
        let progress = Progress::new(format!("fetching {}", packages.join(", ")), 0, "");
        // Reinstall: a package may be there by the package system's books, yet not in PATH.
        let mut command = self.apt("apt-get");
        command
            .args(["install", "--yes", "--download-only", "--reinstall", "--no-install-recommends"])
            .args(packages);
        run("fetching packages", &mut command)?;
        progress.finish();
        let mut files = Vec::new();
        for entry in fs::read_dir(&archives).map_err(Error::file("read", &archives))? {
            let path = entry.map_err(Error::file("read", &archives))?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Fetches one package without what it depends on, into `folder`.
    ///
    /// # Errors
    /// As [`Apt::fetch`].
    pub fn fetch_alone(&self, package: &str, folder: &Path) -> Result<PathBuf> {
        self.candidate(package)?;
        let progress = Progress::new(format!("fetching {package}"), 0, "");
        run(
            "fetching a package",
            self.apt("apt-get").args(["download", package]).current_dir(folder),
        )?;
        progress.finish();
        single_file(folder, "deb")
    }

    /// The versions of a source package that the suite lists; some mirrors have not the files of all.
    ///
    /// # Errors
    /// apt fails.
    pub fn source_versions(&self, package: &str) -> Result<Vec<String>> {
        let mut command = self.apt("apt-cache");
        command.args(["showsrc", "--only-source", package]);
        let text = output("looking a source package up", &mut command)?;
        Ok(text
            .lines()
            .filter_map(|line| line.strip_prefix("Version: "))
            .map(str::to_owned)
            .collect())
    }

    /// Fetches the upstream archive of a source package, the newest or as `NAME=VERSION`, into `folder`.
    ///
    /// # Errors
    /// As [`Apt::fetch`].
    pub fn fetch_source(&self, package: &str, folder: &Path) -> Result<PathBuf> {
        let progress = Progress::new(format!("fetching the source of {package}"), 0, "");
        let mut command = self.apt("apt-get");
        command
            .args(["source", "--download-only", "--tar-only", "--only-source", package])
            .current_dir(folder);
        run("fetching a source package", &mut command)?;
        progress.finish();
        single_file(folder, "xz")
    }

    /// The newest of the packages whose names start so, by the number that follows.
    ///
    /// # Errors
    /// apt fails, or there is none.
    pub fn newest(&self, prefix: &str) -> Result<String> {
        let names =
            output("looking a package up", self.apt("apt-cache").args(["pkgnames", prefix]))?;
        let numbered = names
            .lines()
            .filter_map(|name| Some((name.strip_prefix(prefix)?.parse::<u32>().ok()?, name)));
        let newest =
            numbered.max().ok_or_else(|| Error::NoPackage { package: format!("{prefix}N") })?;
        Ok(newest.1.to_owned())
    }

    /// The package that this one depends on and whose name starts so.
    ///
    /// # Errors
    /// apt fails, or there is none.
    pub fn dependency(&self, package: &str, prefix: &str) -> Result<String> {
        let depends =
            output("looking a package up", self.apt("apt-cache").args(["depends", package]))?;
        let mut names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
        let found = names.find(|name| name.starts_with(prefix));
        found.map(str::to_owned).ok_or_else(|| Error::NoPackage { package: package.to_owned() })
    }

    /// Removes fetched packages.
    ///
    /// # Errors
    /// The files cannot be removed.
    pub fn clean(&self) -> Result<()> {
        let archives = self.root.join("archives");
        remove(&archives)?;
        create_dir(&archives.join("partial"))
    }

    fn candidate(&self, package: &str) -> Result<()> {
        let policy =
            output("looking a package up", self.apt("apt-cache").args(["policy", package]))?;
        let known = policy
            .lines()
            .any(|line| line.trim().starts_with("Candidate:") && !line.ends_with("(none)"));
        if known { Ok(()) } else { Err(Error::NoPackage { package: package.to_owned() }) }
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("APT_CONFIG", &self.config)
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// Writes the private configuration: the host's ways to fetch, and none of its hooks and folders.
    fn configure(&self, sources: &str, packages: Packages<'_>) -> Result<()> {
        let dump = output("reading the apt configuration", Command::new("apt-config").arg("dump"))?;
        let acquire = dump
            .lines()
            .filter(|line| line.starts_with("Acquire::"))
            .collect::<Vec<_>>()
            .join("\n");
        let root = self.root.display();
        let foreign = match packages {
            Packages::Foreign { architecture, .. } => {
                write(&self.root.join("status"), "")?;
                format!(
                    "APT::Architecture \"{architecture}\";\nAPT::Architectures {{ \"{architecture}\"; }};\n\
                     Dir::State::status \"{root}/status\";\n"
                )
            }
            Packages::Host | Packages::Source(_) => String::new(),
        };
        let config = format!(
            "{acquire}\n{foreign}Dir::Etc::main \"/dev/null\";\nDir::Etc::parts \"/dev/null\";\n\
             Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"{root}/sources\";\n\
             Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\n\
             Dir::State::lists \"{root}/lists\";\nDir::State::extended_states \"{root}/extended_states\";\n\
             Dir::Cache \"{root}\";\nDir::Cache::archives \"{root}/archives\";\n\
             Debug::NoLocking \"true\";\nAPT::Sandbox::User \"\";\nAcquire::Languages \"none\";\n\
             Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
             Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled \"false\";\n"
        );
        write(&self.config, config)?;
        let file = self.root.join("sources/vgpio.sources");
        if fs::read_to_string(&file).is_ok_and(|old| old == sources) {
            Ok(())
        } else {
            write(&file, sources)
        }
    }

    fn refresh(&self, sources: &str) -> Result<()> {
        let stamp = self.root.join("refreshed");
        let fresh = fs::metadata(&stamp).and_then(|meta| meta.modified()).is_ok_and(|time| {
            SystemTime::now().duration_since(time).is_ok_and(|age| age < LISTS_AGE)
        });
        if fresh && read(&stamp)? == sources {
            return Ok(());
        }
        let progress = Progress::new("fetching package lists", 0, "");
        let mut command = self.apt("apt-get");
        // A mirror that does not answer is an error here, not a warning.
        run("fetching package lists", command.args(["update", "--error-on=any"]))?;
        progress.finish();
        write(&stamp, sources)
    }
}

/// The private sources file: the host's suites, or one other suite of the same mirror.
fn sources(codename: &str, packages: Packages<'_>) -> Result<String> {
    let all = host_sources()?;
    let own = |suite: &str| {
        suite == codename || suite.strip_prefix(codename).is_some_and(|rest| rest.starts_with('-'))
    };
    let missing = || Error::NoSource { codename: codename.to_owned() };
    let other = |suite: &str| {
        let base = all.iter().find(|source| source.suites.iter().any(|suite| suite == codename));
        Ok(base.ok_or_else(missing)?.with_suite(suite))
    };
    let text: String = match packages {
        Packages::Source(suite) => other(suite)?.to_deb822("deb-src"),
        Packages::Foreign { suite, .. } => {
            let mut source = other(suite)?;
            source.options.retain(|(name, _)| name != "Architectures");
            source.to_deb822("deb")
        }
        Packages::Host => all
            .iter()
            .filter(|source| source.suites.iter().any(|suite| own(suite)))
            .map(|source| source.to_deb822("deb"))
            .collect(),
    };
    if text.is_empty() { Err(missing()) } else { Ok(text) }
}

fn host_sources() -> Result<Vec<Source>> {
    let folder = Path::new("/etc/apt");
    let mut files = vec![folder.join("sources.list")];
    if let Ok(entries) = fs::read_dir(folder.join("sources.list.d")) {
        files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    files.sort();
    let mut sources = Vec::new();
    for file in files.iter().filter(|file| file.is_file()) {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("sources") => sources.extend(parse_deb822(&read(file)?)),
            Some("list") => sources.extend(parse_list(&read(file)?)),
            _ => {}
        }
    }
    Ok(sources)
}

fn single_file(folder: &Path, extension: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|found| found == extension))
        .ok_or_else(|| Error::NoPackage { package: format!("file ending in .{extension}") })
}

/// `name-version sha256`, one line for each fetched file, for the records.
///
/// # Errors
/// A file cannot be read.
pub fn describe(files: &[PathBuf]) -> Result<String> {
    let mut text = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        text.extend([&sha256(file)?, "  ", &name, "\n"]);
    }
    Ok(text)
}
