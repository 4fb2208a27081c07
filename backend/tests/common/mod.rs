// SPDX-License-Identifier: MIT OR Apache-2.0
//! What several test programs share.

#![allow(dead_code, clippy::unwrap_used, reason = "each test program uses a part; tests may panic")]

pub mod bench;
pub mod config;
pub mod fake_host;

/// An example of `docs/errors.md`: what is put in, and what must come of it.
pub struct Example {
    /// The headline above it.
    pub title: String,
    /// The kind of the first block: `toml`, `sh`, `json`.
    pub kind: String,
    /// Its text.
    pub input: String,
    /// The text of the block behind it.
    pub output: String,
}

/// The examples in the section `## SECTION` of `docs/errors.md`.
pub fn examples(section: &str) -> Vec<Example> {
    let page = include_str!("../../../docs/errors.md");
    let start = page.find(&format!("\n## {section}\n")).expect("the section is there");
    let text = &page[start + 1..];
    let end = text.find("\n## ").unwrap_or(text.len());
    let mut title = String::new();
    let mut blocks: Vec<(String, String, String)> = Vec::new();
    let mut lines = text[..end].lines();
    while let Some(line) = lines.next() {
        if let Some(headline) = line.strip_prefix("### ") {
            headline.clone_into(&mut title);
        } else if let Some(kind) = line.strip_prefix("```") {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((title.clone(), kind.to_owned(), block.join("\n")));
        }
    }
    assert_eq!(blocks.len() % 2, 0, "each input has an output");
    let pair = |pair: &[(String, String, String)]| Example {
        title: pair[0].0.clone(),
        kind: pair[0].1.clone(),
        input: pair[0].2.clone(),
        output: pair[1].2.clone(),
    };
    blocks.chunks(2).map(pair).collect()
}

/// Checks every example of a section, and says all that differ.
pub fn assert_examples(section: &str, give: impl Fn(&Example) -> String) {
    let examples = examples(section);
    assert!(!examples.is_empty(), "{section} has examples");
    let wrong: Vec<_> = examples
        .iter()
        .filter_map(|example| {
            let given = give(example);
            let given = given.trim_end();
            (given != example.output).then(|| {
                format!(
                    "### {}\n{}\ngives\n{given}\nnot\n{}\n",
                    example.title, example.input, example.output
                )
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
