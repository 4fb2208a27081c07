// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every seed, and some that are made of it, without a fuzzer: what was found before is not found again.

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use vgpio_fuzz::TARGETS;

/// Inputs that are made of each seed.
const MUTANTS: u64 = 20;

/// The inputs of a target that are in the tree.
fn seeds(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let files = fs::read_dir(&folder).expect("each target has seeds");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has no seeds");
    paths
}

#[test]
fn every_target_holds_for_its_seeds() {
    for (name, target) in TARGETS {
        for path in seeds(name) {
            // A seed that fails is the last that is named.
            println!("{name}: {}", path.display());
            target(&fs::read(&path).expect("a seed"));
        }
        target(&[]);
    }
}

#[test]
fn every_target_holds_for_what_is_made_of_its_seeds() {
    for (name, target) in TARGETS {
        // What fails is left there, for `cargo xtask fuzz --replay`.
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        for path in seeds(name) {
            let seed = fs::read(&path).expect("a seed");
            for number in 0..MUTANTS {
                println!("{name}: {}, of {}, number {number}", file.display(), path.display());
                let mutant = mutant(seed.clone(), &mut Rng::with_seed(number));
                fs::write(&file, &mutant).expect("a file");
                target(&mutant);
            }
        }
    }
}

/// An input with some bytes changed, and sometimes a part of it left out or repeated.
fn mutant(mut input: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    for _ in 0..rng.usize(1..8) {
        let at = rng.usize(..=input.len());
        let end = rng.usize(at..=input.len().min(at + 16));
        match rng.u8(..4) {
            0 => drop(input.drain(at..end)),
            1 => input.splice(at..at, input[at..end].to_vec()).for_each(drop),
            _ => input[at..end.min(at + 2)].fill_with(|| rng.u8(..)),
        }
    }
    input
}
