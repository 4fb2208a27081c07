// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can fail.

use std::os::unix::net::UnixStream;

use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use vgpio_protocol::Request;
use vgpio_tests::harness::{Daemon, Wire, eventually};

use super::{STALLER, Stage, Virtual, held};

/// Connections of a crowd, all of which are closed again.
const CROWD: usize = 100;
/// Edges of each input, as fast as the world beyond makes them.
const EDGES: u32 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The daemon is killed, and started again.
    DaemonKilled,
    /// The daemon is replaced by another one.
    DaemonUpgraded,
    /// The daemon is told to end, and started again.
    DaemonEnded,
    /// The daemon does not run for a while.
    DaemonStopped,
    /// The daemon is killed, and the next one cannot write its log: the disk is full.
    DiskFull,
    /// Who keeps the lines is killed.
    KeeperKilled,
    /// A guest is killed, and started again.
    GuestKilled,
    /// A QEMU is killed, and started again.
    MachineKilled,
    /// A QEMU does not run for a while.
    MachineStopped,
    /// A chip is removed, and comes back.
    ChipRemoved,
    /// A chip is removed, and comes back while no daemon runs.
    ChipRemovedUnseen,
    /// A chip is removed, and comes back while the daemon has no descriptor left.
    ChipRemovedTableFull,
    /// Somebody sends half a message.
    HalfMessage,
    /// Somebody sends, and never reads.
    NeverReads,
    /// Many connect at once, and go.
    Crowd,
    /// Edges come faster than anybody can take them.
    Storm,
    /// The daemon's table of descriptors is full.
    TableFull,
    /// The daemon gets no more memory.
    NoMemory,
}

/// How often which comes. To start a QEMU takes as long as a hundred others.
const OFTEN: [(Fault, u32); 18] = [
    (Fault::DaemonKilled, 60),
    (Fault::DaemonUpgraded, 30),
    (Fault::DaemonEnded, 30),
    (Fault::DaemonStopped, 60),
    (Fault::DiskFull, 20),
    (Fault::KeeperKilled, 30),
    (Fault::GuestKilled, 200),
    (Fault::MachineKilled, 4),
    (Fault::MachineStopped, 100),
    (Fault::ChipRemoved, 60),
    (Fault::ChipRemovedUnseen, 20),
    (Fault::ChipRemovedTableFull, 20),
    (Fault::HalfMessage, 60),
    (Fault::NeverReads, 30),
    (Fault::Crowd, 60),
    (Fault::Storm, 100),
    (Fault::TableFull, 60),
    (Fault::NoMemory, 56),
];

impl Fault {
    pub fn draw(random: &mut Rng) -> Self {
        let all = OFTEN.iter().map(|(_, often)| often).sum();
        let mut drawn = random.u32(0..all);
        for (fault, often) in OFTEN {
            if drawn < often {
                return fault;
            }
            drawn -= often;
        }
        unreachable!("it is less than all")
    }
}

impl Stage {
    pub fn happen(&mut self, fault: Fault) {
        match fault {
            Fault::DaemonKilled => self.replace_daemon(Daemon::kill),
            Fault::DaemonUpgraded => self.replace_daemon(|daemon| {
                daemon.signal(Signal::SIGUSR1);
                let ended = daemon.wait();
                assert!(ended.status.success(), "{ended:?}");
            }),
            Fault::DaemonEnded => self.replace_daemon(|daemon| drop(daemon.stop())),
            Fault::DaemonStopped => self.stop_daemon(),
            Fault::DiskFull => self.fill_disk(),
            Fault::KeeperKilled => Self::kill_keeper(),
            Fault::GuestKilled => self.kill_guest(),
            Fault::MachineKilled => self.kill_machine(),
            Fault::MachineStopped => self.stop_machine(),
            Fault::ChipRemoved => self.remove_chip(|_| {}),
            Fault::ChipRemovedUnseen => {
                self.remove_chip(|stage| stage.replace_daemon(Daemon::kill));
            }
            Fault::ChipRemovedTableFull => {
                self.with_limit(Resource::Nofile, |_| 0, |stage| stage.remove_chip(|_| {}));
            }
            Fault::HalfMessage => self.stall(|wire| {
                let message = wire.message(Request::Sync);
                wire.send_bytes(&message[..message.len() / 2]);
            }),
            Fault::NeverReads => self.stall(|wire| {
                wire.flood(Request::Sync);
            }),
            Fault::Crowd => self.crowd(),
            Fault::Storm => self.storm(),
            Fault::TableFull => self.with_limit(
                Resource::Nofile,
                |_| 0,
                |stage| {
                    stage.crowd();
                    stage.bustle();
                },
            ),
            Fault::NoMemory => self.with_limit(Resource::As, memory, |stage| {
                stage.crowd();
                stage.storm();
                stage.bustle();
            }),
        }
    }

    fn replace_daemon(&mut self, end: impl FnOnce(Daemon)) {
        let daemon = self.daemon.take().expect("it runs");
        end(daemon);
        self.bustle_outputs();
        self.daemon = Some(Daemon::start_in(&self.folder, &self.options));
    }

    fn fill_disk(&mut self) {
        self.daemon.take().expect("it runs").kill();
        self.daemon = Some(Daemon::start_with_full_disk(&self.folder, &self.options));
    }

    fn stop_daemon(&mut self) {
        self.daemon().signal(Signal::SIGSTOP);
        for _ in 0..20 {
            self.bustle();
        }
        self.daemon().signal(Signal::SIGCONT);
    }

    fn kill_keeper() {
        // There is none where it was killed before: a daemon in its sandbox cannot start another.
        for keeper in held::keepers() {
            kill(keeper, Signal::SIGKILL).expect("it runs");
        }
    }

    fn kill_guest(&mut self) {
        let number = self.random.usize(..self.boards.len());
        let Self { boards, daemon, chips, random, .. } = self;
        let board = &mut boards[number];
        board.die(daemon.as_ref().expect("it runs"), &mut chips[board.chip()], random);
    }

    fn kill_machine(&mut self) {
        let Self { machine, daemon, chips, .. } = self;
        machine.die(daemon.as_ref().expect("it runs"), &mut chips[Virtual::CHIP]);
    }

    fn stop_machine(&mut self) {
        let levels = [(); 2].map(|()| self.random.bool());
        let Self { machine, chips, .. } = self;
        machine.pull_while_stopped(&mut chips[Virtual::CHIP], levels);
    }

    /// Removes a chip, does something, and brings it back.
    fn remove_chip(&mut self, act: impl FnOnce(&mut Self)) {
        let removed = self.random.usize(..self.chips.len());
        self.chips[removed].remove();
        self.bustle_outputs();
        act(self);
        self.chips[removed].bring_back();
        for board in self.boards.iter_mut().filter(|board| board.chip() == removed) {
            board.meets_new_chip();
        }
        if removed == Virtual::CHIP {
            self.machine.meets_new_chip();
        }
    }

    /// Opens a connection that somebody does something bad with, and leaves it open.
    fn stall(&mut self, act: impl FnOnce(&mut Wire)) {
        let mut wire = Wire::connect(self.daemon());
        wire.hello(STALLER);
        act(&mut wire);
        self.stalled.push_back(wire);
    }

    fn crowd(&self) {
        let daemon = self.daemon();
        for socket in [daemon.socket(), daemon.control_socket()] {
            // The queue of those who are not yet served may be full, too.
            let crowd: Vec<_> =
                (0..CROWD).map_while(|_| UnixStream::connect(&socket).ok()).collect();
            drop(crowd);
        }
    }

    fn storm(&mut self) {
        for board in &mut self.boards {
            board.wiggle(&mut self.chips[board.chip()], EDGES);
        }
    }

    /// Does something while the daemon may have no more than this of a resource. A daemon that ends of it is started
    /// again, as systemd does.
    fn with_limit(
        &mut self,
        resource: Resource,
        least: impl Fn(&Daemon) -> u64,
        act: impl FnOnce(&mut Self),
    ) {
        let daemon = self.daemon();
        let (pid, least) = (Pid::from_raw(daemon.pid().as_raw()), least(daemon));
        let limit = |current, maximum| prlimit(pid, resource, Rlimit { current, maximum });
        let before = limit(Some(least), getrlimit(resource).maximum).expect("it is a child");
        act(self);
        // Fails where it has ended.
        let _ = limit(before.current, before.maximum);
        let daemon = self.daemon.as_mut().expect("it is not replaced here");
        if eventually("the daemon answers or has ended", || daemon.lives()) {
            return;
        }
        self.replace_daemon(|daemon| drop(daemon.wait()));
    }
}

/// The memory that a daemon has, in bytes.
fn memory(daemon: &Daemon) -> u64 {
    daemon.proc_status("VmSize") << 10
}
