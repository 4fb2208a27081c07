// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask install`: what is installed can be found, linked and run.
#![allow(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output};

const BLINK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../frontend-pl061/examples/c/blink.c");

fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// What a command that succeeds prints.
fn text(command: &mut Command) -> String {
    let output = output(command);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{log}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn install(arguments: &[&Path]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    // A folder of its own: libvgpio.rlib has no hash in its name, and is another one when it is built without the
    // rest of the workspace, to whose crates it would be a stranger.
    command.env("CARGO_TARGET_DIR", env!("CARGO_TARGET_TMPDIR"));
    text(command.args(["install", "--debug", "--prefix"]).args(arguments))
}

/// The words that pkg-config says of the library installed below `prefix`.
fn pkg_config(prefix: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.args(arguments).arg("vgpio").env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    text(&mut command).split_whitespace().map(str::to_owned).collect()
}

/// Compiles the C example with these words, and lets it explain a wrong line map.
fn check_example(prefix: &Path, words: &[String]) {
    let program = prefix.join("blink");
    text(Command::new("cc").args([BLINK, "-o"]).arg(&program).args(words));
    let mut command = Command::new(&program);
    let output =
        output(command.args(["chip,vgpios=0:one", "1"]).env("LD_LIBRARY_PATH", prefix.join("lib")));
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(log.contains("column 15:"), "{log}");
}

/// Runs what the unit says as systemd would, with its socket as descriptor 3, and connects.
fn check_service(prefix: &Path) {
    let unit = fs::read_to_string(prefix.join("lib/systemd/system/vgpiod.service")).unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let file = prefix.join("vgpio.toml");
    fs::write(&file, "[[sim]]\nmodel = \"rcar-gen3\"\nlabel = \"sim\"\n").unwrap();
    let line = line.replace("/etc/vgpio.toml", file.to_str().unwrap());
    let socket = UnixListener::bind(prefix.join("vgpiod.sock")).unwrap();
    // The shell gives it its number, and leaves its place to the daemon.
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {line} 3<&0 0</dev/null")]).stdin(OwnedFd::from(socket));
    let mut daemon = command.env("VGPIO_CONTROL", prefix.join("control.sock")).spawn().unwrap();
    let mut frontend = UnixStream::connect(prefix.join("vgpiod.sock")).unwrap();
    // It is told that this is no HELLO.
    frontend.write_all(&[0xff; 64]).unwrap();
    let mut answer = Vec::new();
    frontend.read_to_end(&mut answer).unwrap();
    assert!(!answer.is_empty());
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn c_programs_find_the_library_with_pkg_config() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("opt");
    let listed = install(&[&prefix]);
    assert!(!listed.contains("share/qemu"), "libvirt might stumble over it: {listed}");
    for file in listed.lines() {
        assert!(Path::new(file).exists(), "{file}");
    }
    // Again, over the first.
    assert_eq!(install(&[&prefix]), listed);

    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(pkg_config(&prefix, &["--modversion"]), [version]);
    check_example(&prefix, &pkg_config(&prefix, &["--cflags", "--libs"]));
    // The linker would take the shared library.
    let words = pkg_config(&prefix, &["--static", "--cflags", "--libs"]).into_iter();
    let swap = |word| if word == "-lvgpio" { "-l:libvgpio.a".to_owned() } else { word };
    let words: Vec<String> = words.map(swap).collect();
    for shared in ["libvgpio.so", "libvgpio.so.0"] {
        fs::remove_file(prefix.join("lib").join(shared)).unwrap();
    }
    check_example(&prefix, &words);

    check_service(&prefix);
    for program in ["vgpiod", "vgpioctl", "vhost-user-gpio"] {
        let told = text(Command::new(prefix.join("bin").join(program)).arg("--version"));
        assert!(told.contains(version), "{told}");
    }
}

#[test]
fn a_package_is_staged_below_destdir_with_the_final_paths() {
    let folder = tempfile::tempdir().unwrap();
    let [prefix, destdir, libdir] =
        [Path::new("/usr"), folder.path(), Path::new("/usr/lib/aarch64-linux-gnu")];
    let [to, in_libdir, described] = ["--destdir", "--libdir", "--vhost-user-json"].map(Path::new);
    let listed = install(&[prefix, to, destdir, in_libdir, libdir, described]);
    let root = destdir.to_str().unwrap();
    let mut files: Vec<&str> =
        listed.lines().map(|file| file.strip_prefix(root).unwrap()).collect();
    files.sort_unstable();
    for wanted in [
        "/usr/bin/vgpioctl",
        "/usr/bin/vgpiod",
        "/usr/include/vgpio.h",
        "/usr/lib/aarch64-linux-gnu/libvgpio.a",
        "/usr/lib/aarch64-linux-gnu/libvgpio.so",
        "/usr/lib/aarch64-linux-gnu/libvgpio.so.0",
        "/usr/lib/aarch64-linux-gnu/pkgconfig/vgpio.pc",
        "/usr/lib/systemd/system/vgpiod.service",
        "/usr/lib/systemd/system/vgpiod.socket",
        "/usr/lib/sysusers.d/vgpio.conf",
        "/usr/lib/udev/rules.d/60-vgpio.rules",
        "/usr/share/bash-completion/completions/vgpiod",
        "/usr/share/fish/vendor_completions.d/vgpioctl.fish",
        "/usr/share/man/man1/vgpiod.1",
        "/usr/share/man/man1/vhost-user-gpio.1",
        "/usr/share/qemu/vhost-user/50-vgpio-gpio.json",
        "/usr/share/zsh/site-functions/_vgpiod",
    ] {
        assert!(files.contains(&wanted), "{wanted} is not in {files:#?}");
    }
    let described = destdir.join("usr/share/qemu/vhost-user/50-vgpio-gpio.json");
    let described = fs::read_to_string(described).unwrap();
    assert!(described.contains("\"binary\": \"/usr/bin/vhost-user-gpio\""), "{described}");
    let found = fs::read_to_string(destdir.join("usr/lib/aarch64-linux-gnu/pkgconfig/vgpio.pc"));
    let found = found.unwrap();
    for wanted in ["prefix=/usr\n", "libdir=/usr/lib/aarch64-linux-gnu\n"] {
        assert!(found.contains(wanted), "{found}");
    }
    assert!(!found.contains('@') && !found.contains(root), "{found}");
    let link = fs::read_link(destdir.join("usr/lib/aarch64-linux-gnu/libvgpio.so"));
    assert_eq!(link.unwrap(), Path::new("libvgpio.so.0"));
}

#[test]
fn whoever_may_connect_has_no_gpiochip_by_that() {
    let value = |file: &str, key: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../backend/systemd");
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let (_, rest) = text.split_once(key).unwrap_or_else(|| panic!("{key} of {file}"));
        let mut words = rest.split(|c: char| c == '"' || c.is_whitespace());
        words.find(|word| !word.is_empty()).unwrap().to_owned()
    };
    let frontends = value("vgpiod.socket", "SocketGroup=");
    let chips = value("60-vgpio.rules", "GROUP=");
    assert_ne!(frontends, chips);
    // The daemon is in both.
    assert_eq!(value("vgpiod.service.in", "\nGroup="), frontends);
    let user = value("vgpiod.service.in", "\nUser=");
    assert_eq!(value("vgpio.conf", "\nu "), user);
    assert_eq!(value("vgpio.conf", &format!("\nm {user} ")), chips);
}
