// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every seed once, without a fuzzer: what was found before is not found again.

use std::fs;
use std::path::Path;

use vgpio_fuzz::TARGETS;

#[test]
fn every_target_holds_for_its_seeds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, target) in TARGETS {
        let folder = seeds.join(name);
        let files = fs::read_dir(&folder).expect("each target has seeds");
        let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{name} has no seeds");
        for path in paths {
            // A seed that fails is the last that is named.
            println!("{name}: {}", path.display());
            target(&fs::read(&path).expect("a seed"));
        }
        target(&[]);
    }
}
