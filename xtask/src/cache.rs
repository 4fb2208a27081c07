// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where finished builds and fetched tools live: outside the checkout, shared by all of them.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The cache folder: `VGPIO_CACHE`, else `$XDG_CACHE_HOME/vgpio`, else `~/.cache/vgpio`.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// Held while a part of the cache changes; released on drop.
pub struct Lock {
    _file: Flock<File>,
}

impl Cache {
    /// Finds the cache folder and creates it where needed.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn locate() -> Result<Self> {
        let below_home =
            || env::var_os("HOME").map_or_else(env::temp_dir, PathBuf::from).join(".cache");
        let root = match env::var_os("VGPIO_CACHE") {
            Some(path) => PathBuf::from(path),
            None => {
                env::var_os("XDG_CACHE_HOME").map_or_else(below_home, PathBuf::from).join("vgpio")
            }
        };
        create_dir(&root)?;
        let root = root.canonicalize().map_err(Error::file("open", &root))?;
        Ok(Self { root })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside the cache.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Waits until no other run changes this part of the cache.
    ///
    /// # Errors
    /// The lock file cannot be opened or locked.
    pub fn lock(&self, part: &str) -> Result<Lock> {
        let path = self.path(&format!("{part}.lock"));
        let open = || File::create(&path).map_err(Error::file("create", &path));
        match Flock::lock(open()?, FlockArg::LockExclusiveNonblock) {
            Ok(file) => return Ok(Lock { _file: file }),
            Err((_, nix::Error::EWOULDBLOCK)) => {}
            Err((_, errno)) => return Err(Error::system("lock the cache folder")(errno)),
        }
        anstream::eprintln!("{part}: waiting for another run that holds {}", path.display());
        match Flock::lock(open()?, FlockArg::LockExclusive) {
            Ok(file) => Ok(Lock { _file: file }),
            Err((_, errno)) => Err(Error::system("lock the cache folder")(errno)),
        }
    }

    /// The finished folder `part-key`, made by `make` if it is not there.
    ///
    /// `make` gets a scratch folder, which is removed afterwards, and the folder to fill, which is renamed into
    /// place when `make` succeeds: a broken-off build is never taken for a finished one.
    ///
    /// # Errors
    /// Those of `make`, and of the files.
    pub fn entry(
        &self,
        part: &str,
        key: &str,
        rebuild: bool,
        make: impl FnOnce(&Path, &Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let done = self.path(&format!("{part}-{key}"));
        if done.is_dir() && !rebuild {
            return Ok(done);
        }
        let _lock = self.lock(part)?;
        if done.is_dir() && !rebuild {
            return Ok(done);
        }
        let scratch = self.path(&format!("{part}.scratch"));
        let partial = self.path(&format!("{part}.partial"));
        for folder in [&scratch, &partial] {
            remove(folder)?;
            create_dir(folder)?;
        }
        let made = make(&scratch, &partial);
        remove(&scratch)?;
        made?;
        remove(&done)?;
        fs::rename(&partial, &done).map_err(Error::file("put into place", &done))?;
        Ok(done)
    }
}

/// A short name for exactly these inputs.
pub fn key(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps ["ab", "c"] and ["a", "bc"] apart.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())[..16].to_owned()
}

/// Tells one file that the user names from another, without reading it.
///
/// # Errors
/// It is not there.
pub fn file_id(path: &Path) -> Result<String> {
    let meta = fs::metadata(path).map_err(Error::file("open", path))?;
    let modified = meta.modified().map_err(Error::file("open", path))?;
    Ok(format!("{} {} {modified:?}", path.display(), meta.len()))
}

/// The SHA-256 of a file, in hex.
///
/// # Errors
/// The file cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut file = File::open(path).map_err(Error::file("open", path))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(Error::file("read", path))? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    Ok(hex(&hash.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Creates a folder and those above it.
///
/// # Errors
/// It cannot be created.
pub fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::file("create", path))
}

/// Removes a folder with all in it; one that is not there is fine.
///
/// # Errors
/// It cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Reads a text file.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

/// Writes a file.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, content).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_depends_on_every_part_and_its_bounds() {
        assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
        assert_eq!(key(&[b"ab", b"c"]), key(&[b"ab", b"c"]));
    }

    #[test]
    fn a_failed_build_leaves_no_entry() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let cache = Cache { root: folder.path().to_owned() };
        let failed = cache.entry("thing", "1", false, |_, _| Err(Error::Interrupted));
        assert!(matches!(failed, Err(Error::Interrupted)));
        assert!(!cache.path("thing-1").exists());
        let made = cache
            .entry("thing", "1", false, |_, out| write(&out.join("file"), "x"))
            .expect("builds");
        assert!(made.join("file").is_file());
        let again =
            cache.entry("thing", "1", false, |_, _| Err(Error::Interrupted)).expect("is cached");
        assert_eq!(again, made);
    }
}
