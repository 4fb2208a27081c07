// SPDX-License-Identifier: MIT OR Apache-2.0
//! What README.md and the pages of docs/ show is what is there.

use std::path::Path;
use std::{fs, io};

fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
}

/// The code blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts.filter_map(|part| Some(part.split_once("\n```")?.0.to_owned())).collect()
}

#[test]
fn its_code_is_that_of_compiled_examples() -> io::Result<()> {
    let readme = read("README.md")?;
    let rust = read("frontend-pl061/src/controller.rs")?.replace("//! ", "").replace("//!", "");
    let c = read("frontend-pl061/examples/c/blink.c")?;
    for (language, source, wanted) in [("rust", rust, 1), ("c", c, 2)] {
        let blocks = blocks(&readme, language);
        assert_eq!(blocks.len(), wanted, "{language}");
        for block in blocks {
            assert!(source.contains(&block), "no example has this:\n{block}");
        }
    }
    Ok(())
}

/// What a link to a heading says behind its '#': as code hosts make it, of the words without their marks.
fn anchors(page: &str) -> Vec<String> {
    let headings = page
        .lines()
        .filter_map(|line| Some(line.trim_start_matches('#').strip_prefix(' ')?.to_lowercase()));
    let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings
        .map(|heading| heading.chars().filter(is_kept).collect::<String>().replace(' ', "-"))
        .collect()
}

#[test]
fn links_lead_somewhere() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs"))?.map(|entry| Ok(entry?.path()));
    let mut pages: Vec<_> = docs.collect::<io::Result<_>>()?;
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.extend(["README.md", "CHANGELOG.md"].map(|page| root.join(page)));
    for page in pages {
        let text = fs::read_to_string(&page)?;
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (path, anchor) =
                link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
            let target = if path.is_empty() { page.clone() } else { page.with_file_name(path) };
            assert!(target.exists(), "{}: {link}", page.display());
            if let Some(anchor) = anchor {
                let is_there =
                    anchors(&fs::read_to_string(&target)?).iter().any(|there| there == anchor);
                assert!(is_there, "{}: {link}: no such heading", page.display());
            }
        }
    }
    Ok(())
}
