// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a thread that has entered the sandbox can still do, and what not.

#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::thread;

use nix::errno::Errno;
use tempfile::TempDir;
use vgpio_backend::sandbox::Sandbox;

/// Does something in a thread that has entered the sandbox, and may remove files from a folder.
fn inside<T: Send>(folder: &TempDir, what: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            Sandbox::Required.enter(&[folder.path().to_owned()]).expect("a sandbox");
            what()
        });
        thread.join().expect("no panic")
    })
}

/// Which error the kernel gave.
fn refused<T>(done: io::Result<T>) -> Errno {
    let error = done.map(drop).expect_err("it was done");
    Errno::from_raw(error.raw_os_error().expect("it was the kernel"))
}

#[test]
fn files_are_neither_read_nor_written() {
    let folder = TempDir::new().unwrap();
    let there = folder.path().join("there");
    fs::write(&there, "").unwrap();
    inside(&folder, || {
        assert_eq!(refused(File::open("/etc/passwd")), Errno::EACCES);
        assert_eq!(refused(File::open(&there)), Errno::EACCES);
        assert_eq!(refused(fs::read_dir("/")), Errno::EACCES);
        assert_eq!(refused(File::create(folder.path().join("new"))), Errno::EACCES);
        // libgpiod opens chips to be written.
        #[cfg(not(feature = "libgpiod"))]
        assert_eq!(refused(File::options().write(true).open("/dev/null")), Errno::EACCES);
        assert_eq!(refused(fs::create_dir(folder.path().join("new"))), Errno::EPERM);
        assert_eq!(refused(fs::rename(&there, folder.path().join("new"))), Errno::EPERM);
        assert_eq!(refused(fs::remove_file("/etc/passwd")), Errno::EACCES);
    });
}

#[test]
fn its_own_sockets_are_removed_and_devices_are_looked_for() {
    let folder = TempDir::new().unwrap();
    let there = folder.path().join("there");
    fs::write(&there, "").unwrap();
    inside(&folder, || {
        fs::remove_file(&there).unwrap();
        assert!(fs::read_dir("/dev").unwrap().count() > 0);
        File::open("/dev/null").unwrap();
    });
}

#[test]
fn there_are_no_networks_and_no_new_sockets() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let client = UnixStream::connect(&path).unwrap();
    inside(&folder, || {
        assert_eq!(refused(TcpListener::bind("127.0.0.1:0")), Errno::EPERM);
        assert_eq!(refused(UdpSocket::bind("127.0.0.1:0")), Errno::EPERM);
        assert_eq!(refused(UnixStream::connect(&path)), Errno::EPERM);
        listener.accept().expect("who knocks at a socket that is there is let in");
    });
    drop(client);
}

#[test]
fn no_program_is_started_but_threads_are() {
    let folder = TempDir::new().unwrap();
    inside(&folder, || {
        assert_eq!(refused(Command::new("/bin/true").status()), Errno::EPERM);
        thread::spawn(|| {
            assert_eq!(refused(File::open("/etc/passwd")), Errno::EACCES);
        })
        .join()
        .expect("a thread, inside, too");
    });
}

#[test]
fn without_it_all_is_as_before() {
    thread::spawn(|| {
        Sandbox::Off.enter(&[]).unwrap();
        File::open("/etc/passwd").unwrap();
    })
    .join()
    .unwrap();
}
