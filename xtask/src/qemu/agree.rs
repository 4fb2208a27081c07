// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares the series for one release line with that for another: each patch has the same message, and adds and
//! removes the same lines. Only what is around them may differ, and what QEMU calls otherwise.

use std::path::Path;

use crate::cache::read;
use crate::error::Result;
use crate::workspace::Workspace;

use super::{LINES, Line, files};

/// What a patch for one line has and that for another has not.
///
/// # Errors
/// A patch cannot be read.
pub fn findings(workspace: &Workspace) -> Result<Vec<String>> {
    let [first, others @ ..] = &LINES;
    let mut findings = Vec::new();
    for line in others {
        let [ours, theirs] = [line, first].map(|line| line.folder(workspace));
        let (own, wanted) = (files(&ours)?, files(&theirs)?);
        for path in &wanted {
            let name = path.file_name().unwrap_or_default();
            let place = format!("qemu-patches/{}/{}", line.name, name.display());
            let own = ours.join(name);
            if !own.is_file() {
                findings.push(format!("{place} is missing"));
            } else if let Some(difference) = difference(line, &read(&own)?, &read(path)?) {
                findings.push(format!("{place}: not as for {}: {difference}", first.name));
            }
        }
        let known = |path: &Path| theirs.join(path.file_name().unwrap_or_default()).is_file();
        let unknown = own.iter().filter(|path| !known(path));
        findings.extend(unknown.map(|path| format!("{}: not in {}", path.display(), first.name)));
    }
    Ok(findings)
}

/// The first line that is in one patch alone.
fn difference(line: &Line, own: &str, wanted: &str) -> Option<String> {
    let mut own = changes(own);
    let mut wanted = changes(wanted);
    loop {
        let (own, wanted) = (own.next(), wanted.next().map(|text| line.renamed(text)));
        if own != wanted.as_deref() {
            return Some(own.or(wanted.as_deref()).unwrap_or_default().to_owned());
        }
        own?;
    }
}

/// The lines of a patch that are its own: those of its message, and those that it adds and removes.
fn changes(patch: &str) -> impl Iterator<Item = &str> {
    let around = [" ", "@@ ", "index ", "Date: ", "From: "];
    patch.lines().filter(move |line| !around.iter().any(|start| line.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "From: a\nDate: b\nSubject: c\n\nd\n---\n e | 1 +\n\n\
        diff --git a/e b/e\nindex 1..2 100644\n@@ -1 +1,2 @@ f\n g\n+int x(void);\n";

    #[test]
    fn the_same_change_elsewhere_is_the_same() {
        let line = &LINES[1];
        let moved = FIRST.replace("@@ -1 +1,2 @@ f\n g", "@@ -5 +5,2 @@ h\n i");
        assert_eq!(difference(line, &moved, FIRST), None);
    }

    #[test]
    fn another_message_or_line_is_found() {
        let line = &LINES[1];
        let other = FIRST.replace("\nd\n", "\nD\n");
        assert_eq!(difference(line, &other, FIRST).as_deref(), Some("D"));
        let more = FIRST.to_owned() + "+int y;\n";
        assert_eq!(difference(line, &more, FIRST).as_deref(), Some("+int y;"));
        assert_eq!(difference(line, FIRST, &more).as_deref(), Some("+int y;"));
    }

    #[test]
    fn what_qemu_calls_otherwise_must_differ() {
        let line = &LINES[1];
        let old = "+static void a_class_init(ObjectClass *klass, void *data)\n";
        let new = "+static void a_class_init(ObjectClass *klass, const void *data)\n";
        assert_eq!(difference(line, new, old), None);
        assert!(difference(line, old, old).is_some());
    }
}
