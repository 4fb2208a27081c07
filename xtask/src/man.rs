// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask man`: manual pages and shell completions of the programs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap_complete::{Generator, Shell};
use vgpio_backend::cli;

use crate::error::{Error, Result};

/// Shells that completions are written for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes them to the folders `man` and `completions` of `folder`, and returns these.
///
/// # Errors
/// A file cannot be written.
pub fn write(folder: &Path) -> Result<[PathBuf; 2]> {
    let (pages, scripts) = (folder.join("man"), folder.join("completions"));
    cli::write_man(&pages).map_err(Error::file("write manual pages to", &pages))?;
    fs::create_dir_all(&scripts).map_err(Error::file("create", &scripts))?;
    for program in cli::programs() {
        for shell in SHELLS {
            let path = scripts.join(shell.file_name(program.get_name()));
            let mut file = File::create(&path).map_err(Error::file("create", &path))?;
            cli::completions(shell, program.clone(), &mut file)
                .map_err(Error::file("write", &path))?;
        }
    }
    Ok([pages, scripts])
}
