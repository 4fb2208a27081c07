// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon that is looked at while somebody means harm to it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::rc::Rc;
use std::thread;

use vgpio_tests::harness::process::threads;
use vgpio_tests::harness::{
    Bench, Daemon, Ended, Guest, LABEL, Outside, VirtioGuest, eventually, folder, lines,
};
use vgpio_tests::hostile::native::Target;
use vgpio_tests::hostile::vhost_user::Target as Device;
use vgpio_tests::hostile::{Fault, seed};
use vgpio_virtio::{IrqType, Kind};

use super::World;

/// What the daemon's own memory may come to, in KiB, apart from what sessions take.
const BASE_KIB: u64 = 6 * 1024;
/// What a session may take (`docs/security.md`, "How much memory").
const SESSION_KIB: u64 = 320;

/// The output of one well-behaved client.
const LAMP: u32 = 12;
/// The input of another, which those who mean harm may read, too.
const BUTTON: u32 = 21;

/// A device whose lines nobody else has.
pub const OWN: &str = "own";
/// One that several may have.
pub const SHARED: &str = "shared";

/// A daemon, and clients who have done nothing to anybody.
pub struct Watched {
    pub bench: Bench<World>,
    lamp: Guest,
    button: Guest,
    /// A guest with a virtio device, which has the input, too.
    guest: Option<VirtioGuest>,
    before: Open,
}

/// Where a device is.
fn socket(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// What a process has open.
struct Open {
    descriptors: usize,
    threads: usize,
}

impl Open {
    fn of(daemon: &Daemon) -> Self {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).expect("it runs");
        Self { descriptors: descriptors.count(), threads: threads(daemon.pid()).len() }
    }
}

impl Watched {
    /// A daemon that lends lines to whoever asks for them.
    pub fn open() -> Self {
        Self::of(Bench::open())
    }

    /// This daemon, which does so, too.
    pub fn of(bench: Bench<World>) -> Self {
        let mut lamp = bench.attach(lines(&format!("gpios={LAMP}")));
        lamp.drive(1, 0);
        let button = bench.attach(lines(&format!("gpios={BUTTON},shared=on")));
        let before = Open::of(&bench.daemon);
        Self { bench, lamp, button, guest: None, before }
    }

    /// A daemon that also lends virtio devices, one of them to a guest that has done nothing to anybody.
    pub fn lending() -> Self {
        let folder = Rc::new(folder());
        let device = |name: &str| format!("{},export={name}", socket(folder.path(), name));
        let own = format!("{OWN}={LABEL},vgpios=0:1,gpios=6:7");
        let shared = format!("{SHARED}={LABEL},vgpios=0,gpios={BUTTON},shared=on");
        let devices = [OWN, SHARED].map(device);
        let exports = ["--allow-line-maps", "--export", &own, "--export", &shared];
        let devices = ["--vhost-user", &devices[0], "--vhost-user", &devices[1]];
        let mut watched = Self::of(Bench::new_in(&folder, &[&exports[..], &devices].concat()));
        let mut guest = VirtioGuest::start(&watched.device(SHARED).socket);
        guest.arm(0, IrqType::EdgeBoth);
        watched.guest = Some(guest);
        watched.before = Open::of(&watched.bench.daemon);
        watched
    }

    /// Where harm is meant to a device: [`OWN`] or [`SHARED`].
    pub fn device(&self, name: &str) -> Device {
        let socket = socket(self.bench.daemon.folder().path(), name).into();
        Device { socket, is_shared: name == SHARED }
    }

    /// Sessions of those who mean no harm.
    pub fn others(&self) -> usize {
        2 + usize::from(self.guest.is_some())
    }

    /// Ends the daemon.
    pub fn stop(self) -> Ended {
        let Self { bench, .. } = self;
        bench.daemon.stop()
    }

    /// Where harm is meant.
    pub fn target(&self) -> Target {
        Target {
            socket: self.bench.daemon.socket(),
            own: format!("{LABEL},gpios=6:7"),
            shared: format!("{LABEL},gpios={BUTTON},shared=on"),
        }
    }

    /// The others set and see lines as if nothing were.
    pub fn is_served(&mut self) {
        let Self { bench, lamp, button, guest, .. } = self;
        for high in [true, false] {
            lamp.set(1, u64::from(high));
            assert_eq!(bench.world.level(LAMP), high);
            let buffer = guest.as_mut().map(|guest| guest.unmask(0));
            if let Some(guest) = guest {
                guest.no_interrupt();
            }
            bench.world.pull(BUTTON, high);
            assert_eq!(button.edge().active, high);
            assert_eq!(button.client.levels(), u64::from(high));
            if let (Some(guest), Some(buffer)) = (guest.as_mut(), buffer) {
                assert_eq!(guest.interrupt(0, buffer), 1);
                assert_eq!(guest.ask(Kind::GetValue, 0, 0), u8::from(high));
            }
        }
    }

    /// Somebody means harm, by each of these faults; all the while others are served.
    pub fn suffers<T: Sync>(&mut self, target: &T, faults: &[Fault<T>]) {
        for fault in faults {
            let seed = seed();
            let suffered = catch_unwind(AssertUnwindSafe(|| self.suffers_one(target, fault, seed)));
            if let Err(panic) = suffered {
                eprintln!("--- the fault was: {}; VGPIO_SEED={seed}", fault.name);
                resume_unwind(panic);
            }
        }
    }

    fn suffers_one<T: Sync>(&mut self, target: &T, fault: &Fault<T>, seed: u64) {
        let held = thread::scope(|scope| {
            let harm = scope.spawn(|| fault.inject(target, seed));
            while !harm.is_finished() {
                self.is_served();
            }
            harm.join().unwrap_or_else(|panic| resume_unwind(panic))
        });
        self.is_served();
        self.is_small(held.len());
        drop(held);
        self.is_as_before();
        self.is_served();
    }

    /// The daemon's own memory is within its bound while it serves so many others.
    pub fn is_small(&self, sessions: usize) {
        let used = self.bench.daemon.proc_status("RssAnon");
        let bound = BASE_KIB + SESSION_KIB * sessions as u64;
        assert!(used <= bound, "the daemon has {used} KiB with {sessions} sessions more");
    }

    /// Nothing is left of those who have gone: no session, descriptor or thread.
    pub fn is_as_before(&self) {
        let daemon = &self.bench.daemon;
        eventually("those who meant harm are gone", || {
            (daemon.status().sessions.len() == self.others()).then_some(())
        });
        eventually("the daemon has open no more than before", || {
            let Open { descriptors, threads } = Open::of(daemon);
            let is_left = descriptors <= self.before.descriptors && threads <= self.before.threads;
            is_left.then_some(())
        });
    }
}
