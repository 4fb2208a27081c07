// SPDX-License-Identifier: MIT OR Apache-2.0
//! One line per change: for pipes and files.

use std::io::{self, Write, stdout};

use super::Output;
use super::picture::{Entry, Picture, stamp};
use crate::progress::Progress;

/// `0.123456 LED1 on`, on standard output.
pub struct Plain {
    boot: Option<Progress>,
}

impl Plain {
    /// Says that the guest boots, for nothing else is to be seen of it.
    pub fn new() -> Self {
        Self { boot: Some(Progress::new("booting the guest", 0, "")) }
    }
}

impl Output for Plain {
    fn pad(&mut self, entry: &Entry) -> io::Result<()> {
        let mut out = stdout().lock();
        writeln!(out, "{} {}", stamp(entry.at), entry.text)?;
        out.flush()
    }

    fn draw(&mut self, picture: &Picture) -> io::Result<()> {
        if picture.booted
            && let Some(boot) = self.boot.take()
        {
            boot.finish();
        }
        Ok(())
    }
}
