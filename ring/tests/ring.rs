// SPDX-License-Identifier: MIT OR Apache-2.0
//! Both ends of a ring, and ends that do not keep to the rules.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::thread;

use proptest::prelude::*;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use vgpio_ring::{OpenError, Reader, SIZE, Writer, receive, send};

/// Where both say how much they have written and read (`docs/protocol.md`, "Ring").
const WRITTEN: u64 = 0;
const READ: u64 = 64;

fn ring() -> (Reader, Writer, File) {
    let (reader, memory) = Reader::new().expect("a ring");
    let file = File::from(memory.try_clone().expect("a descriptor"));
    (reader, Writer::open(memory.as_fd()).expect("its memory"), file)
}

fn read(reader: &mut Reader, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; most];
    let count = reader.read(&mut bytes).expect("the writer keeps to the rules");
    bytes.truncate(count);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn bytes_come_as_they_went_however_they_are_cut(
        steps in prop::collection::vec((any::<bool>(), 0..SIZE + 100), 1..200)
    ) {
        let (mut reader, mut writer, _) = ring();
        let (mut expected, mut next) = (VecDeque::<u8>::new(), 0_u8);
        for (write, length) in steps {
            if write {
                let bytes: Vec<u8> = (0..length).map(|_| { next = next.wrapping_add(1); next }).collect();
                let taken = writer.write(&bytes);
                prop_assert_eq!(taken, length.min(SIZE - expected.len()));
                expected.extend(&bytes[..taken]);
            } else {
                let bytes = read(&mut reader, length);
                prop_assert_eq!(bytes.len(), length.min(expected.len()));
                prop_assert!(expected.drain(..bytes.len()).eq(bytes));
            }
            prop_assert_eq!(reader.is_empty(), expected.is_empty());
        }
    }
}

#[test]
fn a_doorbell_is_asked_for_once_and_only_while_there_is_nothing() {
    let (mut reader, mut writer, _) = ring();
    writer.write(b"a");
    assert!(!writer.rings(), "nobody sleeps");
    assert!(!reader.sleep(), "there is something to be read");
    read(&mut reader, 1);
    assert!(reader.sleep());
    writer.write(b"b");
    assert!(writer.rings());
    writer.write(b"c");
    assert!(!writer.rings(), "it has been woken up");
    assert_eq!(read(&mut reader, 9), b"bc");
}

#[test]
fn who_waits_for_room_is_told_once() {
    let (mut reader, mut writer, _) = ring();
    assert_eq!(writer.write(&vec![7; SIZE + 1]), SIZE);
    assert!(writer.waits());
    assert!(reader.has_room_for_one_who_waits());
    assert!(!reader.has_room_for_one_who_waits());
    read(&mut reader, 1);
    assert!(!writer.waits(), "there is room already");
}

/// Sleeping, waking and waiting of both sides, in which no wake-up may be lost.
#[test]
fn two_threads_never_wait_for_each_other() {
    const BYTES: usize = 5_000_000;
    let (mut reader, mut writer, _) = ring();
    let (mut bell, mut heard) = UnixStream::pair().expect("sockets");
    let (mut told, mut room) = UnixStream::pair().expect("sockets");
    let writing = thread::spawn(move || {
        let bytes: Vec<u8> = (0..=255).cycle().take(BYTES).collect();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let taken = writer.write(&rest[..rest.len().min(1000)]);
            rest = &rest[taken..];
            if taken > 0 && writer.rings() {
                bell.write_all(&[0]).expect("the reader listens");
            }
            if taken == 0 && writer.waits() {
                room.read_exact(&mut [0]).expect("the reader tells");
            }
        }
    });
    let mut buffer = [0; 700];
    let mut count = 0;
    while count < BYTES {
        if reader.sleep() {
            heard.read_exact(&mut [0]).expect("the writer rings");
        }
        loop {
            let came = reader.read(&mut buffer).expect("the writer keeps to the rules");
            assert!((count..).zip(&buffer[..came]).all(|(n, byte)| n % 256 == usize::from(*byte)));
            count += came;
            if reader.has_room_for_one_who_waits() {
                told.write_all(&[0]).expect("the writer listens");
            }
            if came == 0 {
                break;
            }
        }
    }
    writing.join().expect("the writer is done");
}

#[test]
fn what_is_written_after_the_end_is_not_read() {
    let (mut reader, mut writer, _) = ring();
    writer.write(b"before");
    reader.end();
    writer.write(b"after");
    reader.end();
    assert_eq!(read(&mut reader, 100), b"before");
    assert!(reader.is_empty());
}

#[test]
fn a_count_beyond_the_ring_is_an_error() {
    let (mut reader, _writer, file) = ring();
    for written in [u32::try_from(SIZE + 1).expect("small"), u32::MAX] {
        file.write_all_at(&written.to_ne_bytes(), WRITTEN).expect("it is memory");
        let torn = reader.read(&mut [0; 8]).expect_err("it is too much");
        assert!(torn.to_string().contains(&written.to_string()), "{torn}");
    }
}

#[test]
fn a_backend_that_has_read_more_than_there_was_gets_nothing() {
    let (_reader, mut writer, file) = ring();
    file.write_all_at(&5_u32.to_ne_bytes(), READ).expect("it is memory");
    assert_eq!(writer.write(b"a"), 0);
}

fn memory(length: u64, seals: SealFlags) -> OwnedFd {
    let fd = memfd_create("test", MemfdFlags::ALLOW_SEALING).expect("memory");
    ftruncate(&fd, length).expect("it is as long as that");
    fcntl_add_seals(&fd, seals).expect("it is sealed");
    fd
}

#[test]
fn memory_that_can_shrink_is_refused() {
    let fd = memory(4096 + 8192, SealFlags::GROW);
    assert!(matches!(Writer::open(fd.as_fd()), Err(OpenError::NotSealed)));
    assert!(matches!(
        Writer::open(File::open("/dev/null").expect("it is there").as_fd()),
        Err(OpenError::Host(_))
    ));
}

#[test]
fn memory_of_another_size_is_refused() {
    for length in [0, 100, 4096, 8191, 8193, 4096 + 12_288, 4096 + 2 * 1024 * 1024] {
        let opened = Writer::open(memory(length, SealFlags::SHRINK).as_fd());
        assert!(
            matches!(opened, Err(OpenError::Size(size)) if size == length),
            "{length}: {opened:?}"
        );
    }
    for length in [8192, 4096 + 1024 * 1024] {
        Writer::open(memory(length, SealFlags::SHRINK).as_fd()).expect("it is a power of two");
    }
}

#[test]
fn a_descriptor_comes_with_the_first_bytes() {
    let (here, there) = UnixStream::pair().expect("sockets");
    let (mut reader, memory) = Reader::new().expect("a ring");
    assert_eq!(send(here.as_fd(), b"hello", memory.as_fd()).expect("it is sent"), 5);
    let mut bytes = [0; 2];
    let (count, passed) = receive(there.as_fd(), &mut bytes).expect("it comes");
    assert_eq!(&bytes[..count], b"he");
    let mut writer = Writer::open(passed.expect("a descriptor").as_fd()).expect("a ring");
    writer.write(b"x");
    assert_eq!(read(&mut reader, 9), b"x");
    let (count, passed) = receive(there.as_fd(), &mut [0; 9]).expect("the rest comes");
    assert!(count == 3 && passed.is_none());
    assert!(receive(there.as_fd(), &mut bytes).is_err(), "it does not wait");
}
