// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules of this project that no compiler, formatter or linter knows.

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use spdx::{Expression, LicenseReq};

use crate::cache::read;
use crate::error::{Error, Result};
use crate::qemu::agree;
use crate::workspace::Workspace;

/// A Rust file with more lines needs a comment `// size: reason`. Functions are clippy's (clippy.toml).
const MAX_LINES: usize = 400;
/// The licence line stands among the first lines of a file, after an interpreter line.
const SPDX_LINES: usize = 3;
/// Files without a licence line: formats without comments, generated ones, licence texts, patches of others' files,
/// inputs of fuzz targets.
const WITHOUT_SPDX: [&str; 6] = [".lock", ".json", ".patch", ".gitkeep", ".seed", "LICENSE-*"];
/// Marks of unfinished work, in halves, so that this file passes.
const UNFINISHED: [(&str, &str); 4] =
    [("TO", "DO"), ("FIX", "ME"), ("to", "do!("), ("unimple", "mented!(")];
/// Licences under which a dependency may be used here.
const LICENCES: [&str; 13] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unlicense",
    "0BSD",
    "CC0-1.0",
    // Binds changes to its own files, and we change none.
    "MPL-2.0",
    "Unicode-3.0",
    // Of libFuzzer, which is in no program but the fuzz targets.
    "NCSA",
];

/// Everything that breaks a rule, one line each.
///
/// # Errors
/// A file of the checkout cannot be read.
pub fn findings(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for member in workspace.members() {
        let manifest = member.manifest_path.as_std_path();
        if !opts_into_lints(&read(manifest)?)? {
            findings.push(format!("{}: [lints] workspace = true is missing", manifest.display()));
        }
    }
    for path in files(workspace.root())? {
        // Not text, so nothing of this applies.
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        let name = path.strip_prefix(workspace.root()).unwrap_or(&path);
        findings.extend(
            file_findings(name, &text)
                .into_iter()
                .map(|what| format!("{}: {what}", name.display())),
        );
    }
    findings.extend(agree::findings(workspace)?);
    for package in workspace.foreign() {
        let licence = package.license.as_deref().unwrap_or_default();
        if !is_allowed(licence) {
            findings.push(format!(
                "dependency {} {}: licence `{licence}` is not allowed",
                package.name, package.version
            ));
        }
    }
    Ok(findings)
}

/// The files of the checkout that git would track.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(Error::format("the files of the checkout"))?;
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            files.push(entry.into_path());
        }
    }
    files.sort();
    Ok(files)
}

fn opts_into_lints(manifest: &str) -> Result<bool> {
    let manifest: toml::Table = manifest.parse().map_err(Error::format("a Cargo.toml"))?;
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    Ok(lints.and_then(toml::Value::as_bool) == Some(true))
}

fn file_findings(name: &Path, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let licensed =
        text.lines().take(SPDX_LINES).any(|line| line.contains("SPDX-License-Identifier: "));
    if !licensed && !without_spdx(name) {
        findings.push("the SPDX-License-Identifier line is missing".to_owned());
    }
    let lines = text.lines().count();
    if name.extension().is_some_and(|e| e == "rs")
        && lines > MAX_LINES
        && !text.contains("// size: ")
    {
        findings.push(format!(
            "{lines} lines, more than {MAX_LINES}: split it, or give the reason with `// size: `"
        ));
    }
    for (number, line) in text.lines().enumerate() {
        for (first, second) in UNFINISHED {
            if contains_word(line, &format!("{first}{second}")) {
                findings
                    .push(format!("line {}: {first}{second} marks unfinished work", number + 1));
            }
        }
    }
    findings
}

fn without_spdx(name: &Path) -> bool {
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    WITHOUT_SPDX.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name.ends_with(pattern),
    })
}

fn contains_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        !line[..start].ends_with(part_of_word)
            && (word.ends_with('(') || !line[start + word.len()..].starts_with(part_of_word))
    })
}

fn is_allowed(licence: &str) -> bool {
    let allowed = |requirement: &LicenseReq| {
        // An exception such as LLVM's only ever grants more.
        let id = requirement.license.id();
        id.is_some_and(|id| LICENCES.contains(&id.name))
    };
    // Older crates write `MIT/Apache-2.0`.
    Expression::parse_mode(licence, spdx::ParseMode::LAX)
        .is_ok_and(|expression| expression.evaluate(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_file_has_no_findings() {
        assert_eq!(
            file_findings(Path::new("a.rs"), "// SPDX-License-Identifier: MIT\nfn a() {}\n"),
            [""; 0]
        );
        assert_eq!(file_findings(Path::new("Cargo.lock"), "x\n"), [""; 0]);
    }

    #[test]
    fn every_rule_finds_its_breach() {
        let marked = format!("// SPDX-License-Identifier: MIT\n// {}{}: later\n", "TO", "DO");
        assert_eq!(file_findings(Path::new("a.rs"), &marked).len(), 1);
        assert_eq!(file_findings(Path::new("a.py"), "pass\n").len(), 1);
        let long = format!("// SPDX-License-Identifier: MIT\n{}", "\n".repeat(400));
        assert_eq!(file_findings(Path::new("a.rs"), &long).len(), 1);
        assert_eq!(
            file_findings(Path::new("a.rs"), &format!("{long}// size: one table\n")).len(),
            0
        );
        assert!(!opts_into_lints("[package]\nname = \"a\"").expect("parses"));
        assert!(opts_into_lints("[lints]\nworkspace = true").expect("parses"));
    }

    #[test]
    fn a_mark_inside_a_longer_word_is_none() {
        assert!(contains_word("x FIXED y", "FIXED") && !contains_word("PREFIXED", "FIXED"));
        assert!(!contains_word("FIXEDLY", "FIXED"));
    }

    #[test]
    fn licences_are_judged_as_expressions() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-2.0-only OR MIT",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in ["", "GPL-3.0-only", "MIT AND GPL-2.0-only", "no such licence"] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
