// SPDX-License-Identifier: MIT OR Apache-2.0
//! One line per change: for pipes and files.

use std::io::{self, Write, stdout};

use super::Output;
use super::picture::{Entry, Picture, stamp};

/// `0.123456 LED1 on`, on standard output.
pub struct Plain;

impl Output for Plain {
    fn pad(&mut self, entry: &Entry) -> io::Result<()> {
        let mut out = stdout().lock();
        writeln!(out, "{} {}", stamp(entry.at), entry.text)?;
        out.flush()
    }

    fn draw(&mut self, _: &Picture) -> io::Result<()> {
        Ok(())
    }
}
