// SPDX-License-Identifier: MIT OR Apache-2.0
//! This checkout's libvgpio, as the series finds it through pkg-config: without the programs and pages of a whole
//! installation.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::install::{self, SONAME};
use crate::workspace::Workspace;

/// A library, its header and its pkg-config file in a folder of their own, which goes when this is dropped.
pub struct Vgpio {
    folder: TempDir,
}

impl Vgpio {
    /// Builds the library, while cargo tells the user how far it is.
    ///
    /// # Errors
    /// It does not build.
    pub fn build(cache: &Cache, workspace: &Workspace) -> Result<Self> {
        // In the cache, since the build keeps it as a place to find libraries: only the user may write there.
        let folder = TempDir::with_prefix_in("vgpio-", cache.root())
            .map_err(Error::file("create a folder in", cache.root()))?;
        install::library(workspace, folder.path())?;
        Ok(Self { folder })
    }

    /// The folder with all of it.
    pub fn prefix(&self) -> &Path {
        self.folder.path()
    }

    /// The folder with the library.
    pub fn libraries(&self) -> PathBuf {
        self.prefix().join("lib")
    }

    /// Where pkg-config finds it.
    pub fn pkg_config(&self) -> PathBuf {
        self.libraries().join("pkgconfig")
    }

    /// Puts the library beside a program that is built already. One that runs keeps the library that it has open.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn install(&self, libraries: &Path) -> Result<()> {
        let to = libraries.join(SONAME);
        let new = NamedTempFile::new_in(libraries).map_err(Error::file("write in", libraries))?;
        fs::copy(self.library(), new.path()).map_err(Error::file("copy", new.path()))?;
        new.persist(&to).map_err(|error| Error::file("put into place", &to)(error.error))?;
        Ok(())
    }

    fn library(&self) -> PathBuf {
        self.libraries().join(SONAME)
    }
}
