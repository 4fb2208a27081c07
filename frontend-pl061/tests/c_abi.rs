// SPDX-License-Identifier: MIT OR Apache-2.0
//! libvgpio from C: programs compiled against the committed header, linked with the shared and with
//! the static library, run against a backend.

mod mock;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use mock::{Mock, Peer, entries, values};
use object::read::elf::{Dyn, ElfFile64, FileHeader};
use object::{Object, ObjectSymbol};
use tempfile::TempDir;
use vgpio_protocol::{
    Attach, Bias, Configure, Directions, Drive, Edge, EdgeDetection, Edges, ErrorCode,
    Event as Message, LineSet, Lost, Reason, Request,
};

const SHARED: &str = "libvgpio.so";
const STATIC: &str = "libvgpio.a";

/// Cargo puts the libraries beside the tests.
fn library(name: &str) -> PathBuf {
    let test = env::current_exe().expect("this program has a path");
    let path = test.with_file_name(name);
    assert!(path.exists(), "{} is not there", path.display());
    path
}

/// A C program, compiled and linked.
struct Program {
    dir: TempDir,
}

impl Program {
    fn new(source: &str, library: &Path) -> Self {
        let dir = TempDir::with_prefix("vgpio").expect("a directory");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // The loader looks for the library under its SONAME.
        fs::copy(library, dir.path().join("libvgpio.so.0")).expect("a copy");
        let mut cc = Command::new(env::var_os("CC").unwrap_or("cc".into()));
        cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o"])
            .arg(dir.path().join("program"))
            .arg("-I")
            .arg(root.join("include"))
            .arg(root.join(source))
            .arg(library)
            .args(["-lpthread", "-ldl", "-lm"]);
        let output = cc.output().expect("a C compiler");
        assert!(output.status.success(), "{}", text(&output.stderr));
        Self { dir }
    }

    fn command(&self, mock: &Mock) -> Command {
        let mut command = Command::new(self.dir.path().join("program"));
        command.env("LD_LIBRARY_PATH", self.dir.path()).env("VGPIO_SOCKET", mock.path());
        command
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a program with the other side of its conversation.
fn run(mut command: Command, mock: &Mock, backend: impl FnOnce(&Mock) + Send) -> Output {
    std::thread::scope(|scope| {
        let backend = scope.spawn(|| backend(mock));
        let output = command.output().expect("the program starts");
        let told = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(backend.join().is_ok(), "the program said: {told}");
        output
    })
}

fn edge() -> Message<'static> {
    const EDGES: &[Edge] = &[Edge { line: 1, active: true, line_seqno: 1, timestamp_ns: 5 }];
    Message::Edges(Edges::new(EDGES))
}

fn set(bits: u64) -> Request<'static> {
    Request::Set(LineSet { mask: 1, bits })
}

/// What `blink MAP 3` says, as a backend sees it.
fn blinked(mock: &Mock) {
    let mut peer = mock.accept();
    peer.greet();
    let (seq, attach) = peer.receive().expect("ATTACH");
    assert_eq!(attach, Request::Attach(Attach::Map("chip,gpios=100:101")));
    let lines = entries(2);
    let lines = vgpio_protocol::Lines::new(&lines);
    peer.send(seq, &Message::Attached(lines));
    peer.send(0, &values(0b11, 0, Reason::Attached));
    let configure = Request::Configure(Configure::directions(1, 1, 0));
    assert_eq!(peer.until_sync(), [configure, set(1), set(0)]);
    assert_eq!(peer.until_sync(), [set(1), set(0)]);
    assert_eq!(peer.until_sync(), [set(1), set(0)]);
    peer.send(0, &edge());
    assert_eq!(peer.receive(), None);
}

fn check_blink(library: &Path) {
    let program = Program::new("examples/c/blink.c", library);
    let mock = Mock::new();
    let mut command = program.command(&mock);
    command.args(["chip,gpios=100:101", "3"]);
    let output = run(command, &mock, blinked);
    assert_eq!(text(&output.stderr), "");
    let told = text(&output.stdout);
    for line in [
        "attached: LED is line 100 of e6055400.gpio",
        "blink 3",
        "press the button",
        "line 1 is 1: edge 1 at 5 ns",
    ] {
        assert!(told.lines().any(|told| told == line), "'{line}' in {told}");
    }
    assert!(output.status.success());
}

#[test]
fn the_example_blinks_with_the_shared_library() {
    check_blink(&library(SHARED));
}

#[test]
fn the_example_blinks_with_the_static_library() {
    check_blink(&library(STATIC));
}

#[test]
fn the_example_explains_a_wrong_line_map() {
    let program = Program::new("examples/c/blink.c", &library(SHARED));
    let mock = Mock::new();
    let mut command = program.command(&mock);
    let output = command.args(["chip,vgpios=0:one", "3"]).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("column 15:"), "{output:?}");
}

/// The other side of `check_conversation` in `c_abi.c`.
fn conversed(mock: &Mock) {
    let mut peer = mock.accept();
    peer.greet();
    peer.attach(&entries(2));
    let seq = peer.expect(set(1));
    let text = "line 0 is an input";
    peer.send(seq, &mock::error(1, ErrorCode::NotOutput, text));
    assert_eq!(peer.until_sync(), []);
    let configure = Request::Configure(Configure::directions(1, 1, 0));
    assert_eq!(peer.until_sync(), [configure]);
    peer.send(0, &edge());
    peer.expect(set(1));
    peer.send(0, &values(0b10, 0, Reason::Resync));
    let mask = 0b10;
    let text = "removed";
    peer.send(0, &Message::Lost(Lost { mask, text }));
    peer.send(0, &Message::Restored(mask));
    assert_eq!(peer.receive(), None);

    let mut peer: Peer = mock.accept();
    peer.greet();
    let seq = peer.take_attach();
    let lines = entries(2);
    peer.send(seq, &Message::Attached(vgpio_protocol::Lines::new(&lines)));
    assert_eq!(peer.receive(), None);
}

/// The other side of `c_abi_start.c`: refused, left without an answer, attached.
fn started(mock: &Mock) {
    let mut peer = mock.accept();
    peer.greet();
    let seq = peer.take_attach();
    let text = "line 5 is held by led-daemon; stop it";
    peer.send(seq, &mock::error(1, ErrorCode::Busy, text));
    assert_eq!(peer.receive(), None);

    let _silent = mock.accept();

    let mut peer = mock.accept();
    peer.greet();
    let seq = peer.take_attach();
    let lines = entries(2);
    peer.send(seq, &Message::Attached(vgpio_protocol::Lines::new(&lines)));
    peer.send(0, &values(0b11, 0b10, Reason::Attached));
    assert_eq!(peer.until_sync(), []);
    assert_eq!(peer.until_sync(), []);
    let seq = peer.expect(Request::Configure(Configure {
        mask: 0b11,
        direction: Some(Directions { outputs: 0b01, bits: 0b01 }),
        bias: Some(Bias::PullUp),
        drive: Some(Drive::OpenDrain),
        active_low: Some(true),
        edges: Some(EdgeDetection::Rising),
        debounce_us: Some(500),
    }));
    peer.send(seq, &mock::error(1, ErrorCode::NotSupported, "no open drain"));
    assert_eq!(peer.until_sync(), []);
    let seq = peer.expect(Request::Get(0b10));
    peer.send(seq, &values(0b10, 0, Reason::Reply));
    assert_eq!(peer.until_sync(), []);
    assert_eq!(peer.receive(), None);
}

#[test]
fn every_function_does_what_the_header_says() {
    for name in [SHARED, STATIC] {
        let program = Program::new("tests/c_abi.c", &library(name));
        let mock = Mock::new();
        let output = run(program.command(&mock), &mock, conversed);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

#[test]
fn the_rcar_block_does_what_the_header_says() {
    for name in [SHARED, STATIC] {
        let program = Program::new("tests/c_abi_rcar.c", &library(name));
        let output = Command::new(program.dir.path().join("program"))
            .env("LD_LIBRARY_PATH", program.dir.path())
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

#[test]
fn starting_up_waits_explains_and_can_be_tried_again() {
    let program = Program::new("tests/c_abi_start.c", &library(SHARED));
    let mock = Mock::new();
    let output = run(program.command(&mock), &mock, started);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn the_shared_library_has_its_soname_and_exports_only_its_own_names() {
    let bytes = fs::read(library(SHARED)).expect("the library");
    let file = ElfFile64::<object::Endianness>::parse(bytes.as_slice()).expect("a 64-bit ELF file");
    let endian = file.endian();
    let header = file.elf_header();
    let sections = header.sections(endian, bytes.as_slice()).expect("sections");
    let (dynamic, index) = sections
        .dynamic(endian, bytes.as_slice())
        .expect("a good section")
        .expect("a dynamic section");
    let strings = sections.strings(endian, bytes.as_slice(), index).expect("strings");
    let entry = dynamic
        .iter()
        .find(|entry| entry.tag32(endian).map(i64::from) == Some(object::elf::DT_SONAME))
        .expect("a SONAME");
    let soname = entry.string(endian, strings).expect("a string");
    assert_eq!(text(soname), "libvgpio.so.0");

    let exported = file
        .dynamic_symbols()
        .filter(ObjectSymbol::is_definition)
        .filter_map(|symbol| symbol.name().ok());
    let strange: Vec<&str> = exported.filter(|name| !name.starts_with("vgpio_")).collect();
    assert_eq!(strange, [""; 0]);
}
