// SPDX-License-Identifier: MIT OR Apache-2.0
//! What README.md shows is what is there.

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

#[test]
fn its_links_lead_somewhere() -> io::Result<()> {
    for page in ["README.md", "docs/README.md", "CHANGELOG.md"] {
        let text = read(page)?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            assert!(folder.with_file_name(link).exists(), "{page}: {link}");
        }
    }
    Ok(())
}
