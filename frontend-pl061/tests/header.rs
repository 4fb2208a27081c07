// SPDX-License-Identifier: MIT OR Apache-2.0
//! The committed `include/vgpio.h` is what cbindgen makes of `src/ffi/`. To bring it up to date:
//! `VGPIO_WRITE_HEADER=1 cargo test -p vgpio-pl061 --test header`.

use std::path::Path;
use std::{env, fs};

#[test]
fn the_committed_header_is_what_cbindgen_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("a good config");
    let builder = cbindgen::Builder::new().with_src(root.join("src/ffi/mod.rs"));
    let mut made = Vec::new();
    let bindings = builder.with_config(config).generate();
    bindings.expect("a good interface").write(&mut made);
    let made = String::from_utf8(made).expect("text");

    let path = root.join("include/vgpio.h");
    if env::var_os("VGPIO_WRITE_HEADER").is_some() {
        fs::write(&path, &made).expect("the header can be written");
    }
    let committed = fs::read_to_string(&path).expect("the header is there");
    assert!(
        committed == made,
        "include/vgpio.h is out of date; run VGPIO_WRITE_HEADER=1 cargo test --test header"
    );
}
