// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest without a virtual machine: its virtio driver and its monitor's vhost-user frontend.

mod inflight;
pub mod ring;

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use vgpio_virtio::{CONFIG_SIZE, EVENT_QUEUE, FEATURE_IRQ, IrqType, Kind, QUEUES, REQUEST_QUEUE};
use vhost::vhost_user::message::{
    VhostUserConfigFlags, VhostUserHeaderFlag, VhostUserProtocolFeatures, VhostUserVirtioFeatures,
};
use vhost::vhost_user::{Frontend, VhostUserFrontend};
use vhost::{VhostBackend, VhostUserMemoryRegionInfo};
use virtio_bindings::virtio_config::VIRTIO_F_VERSION_1;
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};
use vm_memory::{Bytes, FileOffset, GuestAddress, GuestMemoryBackend, GuestMemoryMmap};

use super::eventually;
pub use inflight::Inflight;
use ring::{DriverRing, ROOM, SIZE, WRITE};

/// Where the guest's memory begins.
pub const RAM: u64 = 0x4000_0000;
/// How much of it there is.
pub const RAM_SIZE: u64 = 0x10_0000;
/// Where buffers are.
pub const BUFFERS: u64 = RAM + 0x4_0000;

/// The features of queues that a Linux driver takes.
const RING_FEATURES: u64 =
    1 << VIRTIO_F_VERSION_1 | 1 << VIRTIO_RING_F_EVENT_IDX | 1 << VIRTIO_RING_F_INDIRECT_DESC;

/// A guest.
pub struct VirtioGuest {
    /// The vhost-user side; none before [`connect`](Self::connect) and after a disconnection.
    pub frontend: Option<Frontend>,
    /// The guest's memory.
    pub memory: GuestMemoryMmap,
    /// Request and event queue.
    pub rings: [DriverRing; QUEUES],
    /// What the monitor keeps for the daemon of what is in flight.
    pub inflight: Option<Inflight>,
    socket: PathBuf,
    /// What its monitor asks of the vhost-user protocol.
    protocol: VhostUserProtocolFeatures,
}

impl VirtioGuest {
    /// A guest that runs, on the device behind this socket.
    pub fn start(socket: &Path) -> Self {
        let mut guest = Self::new(socket);
        guest.connect();
        guest.run([0, 0]);
        guest
    }

    /// A guest that runs, on the device of another backend than `vgpiod`, of which less is asked.
    pub fn start_of_another(socket: &Path) -> Self {
        let mut guest = Self::new(socket);
        guest.protocol -= VhostUserProtocolFeatures::INFLIGHT_SHMFD;
        guest.protocol -= VhostUserProtocolFeatures::RESET_DEVICE;
        guest.connect();
        guest.run([0, 0]);
        guest
    }

    /// A guest that runs, whose monitor may cut its memory short.
    pub fn start_unsealed(socket: &Path) -> Self {
        let mut guest = Self::with_seals(socket, SealFlag::empty());
        guest.connect();
        guest.run([0, 0]);
        guest
    }

    /// A guest whose monitor has not connected.
    pub fn new(socket: &Path) -> Self {
        Self::with_seals(socket, SealFlag::F_SEAL_SHRINK)
    }

    fn with_seals(socket: &Path, seals: SealFlag) -> Self {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let file = File::from(memfd_create("guest", flags).expect("memory"));
        file.set_len(RAM_SIZE).expect("memory");
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).expect("it can be sealed");
        Self::with_memory(socket, file)
    }

    /// A guest whose memory is this file, and whose monitor has not connected.
    pub fn with_memory(socket: &Path, file: File) -> Self {
        let size = file.metadata().expect("it is open").len();
        let size = usize::try_from(size).expect("not much");
        let region = (GuestAddress(RAM), size, Some(FileOffset::new(file, 0)));
        let memory = GuestMemoryMmap::from_ranges_with_files([region]).expect("memory");
        let rings = [DriverRing::new(RAM), DriverRing::new(RAM + ROOM)];
        let protocol = VhostUserProtocolFeatures::CONFIG
            | VhostUserProtocolFeatures::REPLY_ACK
            | VhostUserProtocolFeatures::MQ
            | VhostUserProtocolFeatures::INFLIGHT_SHMFD
            | VhostUserProtocolFeatures::RESET_DEVICE;
        let socket = socket.to_owned();
        Self { frontend: None, memory, rings, inflight: None, socket, protocol }
    }

    /// Connects, and agrees on features.
    pub fn connect(&mut self) {
        self.try_connect().expect("the daemon has lines for it");
    }

    /// As [`connect`](Self::connect), to a device whose lines others may have.
    ///
    /// # Errors
    /// The daemon closes the connection.
    pub fn try_connect(&mut self) -> vhost::Result<()> {
        let frontend = Frontend::connect(&self.socket, QUEUES as u64);
        self.try_agree(frontend.expect("the daemon listens"))
    }

    /// As [`start`](Self::start), on a device to which there is a connection.
    pub fn connected(connection: UnixStream) -> Self {
        let mut guest = Self::new(Path::new(""));
        let frontend = Frontend::from_stream(connection, QUEUES as u64);
        guest.try_agree(frontend).expect("the daemon has lines for it");
        guest.run([0, 0]);
        guest
    }

    fn try_agree(&mut self, mut frontend: Frontend) -> vhost::Result<()> {
        let offered = frontend.get_features()?;
        let wanted = RING_FEATURES | FEATURE_IRQ;
        assert_eq!(offered & wanted, wanted, "{offered:#x}");
        let protocol = frontend.get_protocol_features().expect("protocol features");
        assert!(protocol.contains(self.protocol), "{protocol:?}");
        frontend.set_protocol_features(self.protocol).expect("they were offered");
        assert_eq!(frontend.get_queue_num().expect("queues"), QUEUES as u64);
        frontend.set_owner().expect("nobody owns it");
        // Each message is answered, so that nothing is later than it seems.
        frontend.set_hdr_flags(VhostUserHeaderFlag::NEED_REPLY);
        self.frontend = Some(frontend);
        Ok(())
    }

    /// Hands over memory and queues, and starts them at these entries.
    pub fn run(&mut self, next: [u16; QUEUES]) {
        self.run_with(FEATURE_IRQ, next);
    }

    /// As [`run`](Self::run), with these features of the device.
    pub fn run_with(&mut self, features: u64, next: [u16; QUEUES]) {
        self.try_run(features, next).expect("the daemon takes it");
    }

    /// As [`run_with`](Self::run_with), with what the daemon may not take.
    ///
    /// # Errors
    /// The daemon closes the connection.
    pub fn try_run(&mut self, features: u64, next: [u16; QUEUES]) -> vhost::Result<()> {
        let frontend = self.frontend.as_mut().expect("it is connected");
        let protocol = VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();
        frontend.set_features(RING_FEATURES | features | protocol)?;
        let region = self.memory.iter().next().expect("one region");
        let region = VhostUserMemoryRegionInfo::from_guest_region(region).expect("shared memory");
        frontend.set_mem_table(&[region])?;
        for (i, ring) in self.rings.iter().enumerate() {
            frontend.set_vring_num(i, SIZE)?;
            frontend.set_vring_base(i, next[i])?;
            frontend.set_vring_addr(i, &ring.config(&self.memory))?;
            frontend.set_vring_err(i, &ring.error)?;
            frontend.set_vring_call(i, &ring.call)?;
            frontend.set_vring_kick(i, &ring.kick)?;
            frontend.set_vring_enable(i, true)?;
        }
        Ok(())
    }

    /// Stops the queues; returns the entries at which they would go on.
    pub fn pause(&mut self) -> [u16; QUEUES] {
        let frontend = self.frontend.as_mut().expect("it is connected");
        [REQUEST_QUEUE, EVENT_QUEUE].map(|i| {
            let next = frontend.get_vring_base(i).expect("the queue was running");
            u16::try_from(next).expect("an entry")
        })
    }

    /// The guest has booted again: its driver begins with empty queues.
    pub fn reboot(&mut self) {
        self.pause();
        let zero = vec![0; usize::try_from(2 * ROOM).expect("not much")];
        self.memory.write_slice(&zero, GuestAddress(RAM)).expect("in memory");
        self.rings = [DriverRing::new(RAM), DriverRing::new(RAM + ROOM)];
        self.run([0, 0]);
    }

    /// The monitor has been killed: the connection ends without a word.
    pub fn kill(mut self) {
        self.frontend = None;
    }

    /// The monitor connects again as soon as it can, and goes on as QEMU does: with what is in flight, if it
    /// keeps that, and where the used rings end.
    pub fn reconnect(&mut self) {
        self.frontend = None;
        eventually("the lines are free", || self.try_connect().ok());
        self.give_inflight().expect("the daemon takes it");
        let next = [0, 1].map(|i: usize| self.rings[i].used_index(&self.memory));
        self.run(next);
    }

    /// The device's configuration.
    pub fn config(&mut self) -> Vec<u8> {
        self.config_at(0, u32::try_from(CONFIG_SIZE).expect("small"))
    }

    /// So many bytes of it from `offset` on.
    pub fn config_at(&mut self, offset: u32, size: u32) -> Vec<u8> {
        let frontend = self.frontend.as_mut().expect("it is connected");
        let buffer = vec![0; usize::try_from(size).expect("small")];
        let flags = VhostUserConfigFlags::empty();
        frontend.get_config(offset, size, flags, &buffer).expect("a configuration").1
    }

    /// Sends a request and waits for the response: status and value.
    pub fn request(&mut self, kind: Kind, gpio: u16, value: u32) -> [u8; 2] {
        let at = self.write_request(kind as u16, gpio, value);
        let Self { memory, rings: [requests, _], .. } = self;
        let head = requests.chain(memory, &[(at, 8, 0), (at + 8, 2, WRITE)]);
        assert_eq!(requests.wait(memory), (head, 2));
        self.memory.read_obj(GuestAddress(at + 8)).expect("in memory")
    }

    /// As [`request`](Self::request), of one that must be carried out; returns its value.
    pub fn ask(&mut self, kind: Kind, gpio: u16, value: u32) -> u8 {
        let [status, value] = self.request(kind, gpio, value);
        assert_eq!(status, 0, "{kind:?} of line {gpio}");
        value
    }

    /// Writes a request into memory, with a response that the device must overwrite behind it.
    pub fn write_request(&mut self, kind: u16, gpio: u16, value: u32) -> u64 {
        let at = GuestAddress(BUFFERS);
        self.memory.write_obj([kind, gpio], at).expect("in memory");
        self.memory.write_obj(value, GuestAddress(BUFFERS + 4)).expect("in memory");
        self.memory.write_obj([0xaa_u8; 2], GuestAddress(BUFFERS + 8)).expect("in memory");
        BUFFERS
    }

    /// Reads the names of lines, which take so many bytes.
    pub fn names(&mut self, size: u32) -> Vec<u8> {
        let at = self.write_request(Kind::GetLineNames as u16, 0, 0);
        let Self { memory, rings: [requests, _], .. } = self;
        let head = requests.chain(memory, &[(at, 8, 0), (at + 8, size + 1, WRITE)]);
        assert_eq!(requests.wait(memory), (head, size + 1));
        let mut names = vec![0; usize::try_from(size + 1).expect("not many")];
        self.memory.read_slice(&mut names, GuestAddress(at + 8)).expect("in memory");
        assert_eq!(names.remove(0), 0, "the status");
        names
    }

    /// Makes a line an input with an interrupt.
    pub fn arm(&mut self, gpio: u16, kind: IrqType) {
        self.ask(Kind::SetDirection, gpio, 2);
        self.ask(Kind::SetIrqType, gpio, kind as u32);
    }

    /// Where the buffer of a line's interrupt is.
    fn irq_buffer(gpio: u16) -> u64 {
        BUFFERS + 0x1_0000 + 16 * u64::from(gpio)
    }

    /// Unmasks the interrupt of a line; returns the head of its buffer.
    pub fn unmask(&mut self, gpio: u16) -> u16 {
        let at = Self::irq_buffer(gpio);
        self.memory.write_obj(gpio, GuestAddress(at)).expect("in memory");
        self.memory.write_obj(0xaa_u8, GuestAddress(at + 8)).expect("in memory");
        let Self { memory, rings: [_, events], .. } = self;
        events.chain(memory, &[(at, 2, 0), (at + 8, 1, WRITE)])
    }

    /// Waits for the next buffer that comes back, which must be that of a line; returns its status.
    pub fn interrupt(&mut self, gpio: u16, head: u16) -> u8 {
        let Self { memory, rings: [_, events], .. } = self;
        assert_eq!(events.wait(memory), (head, 1), "the buffer of line {gpio}");
        self.memory.read_obj(GuestAddress(Self::irq_buffer(gpio) + 8)).expect("in memory")
    }

    /// Asserts that no buffer has come back. A request goes before, so that all that was to come has.
    pub fn no_interrupt(&mut self) {
        self.ask(Kind::GetDirection, 0, 0);
        let Self { memory, rings: [_, events], .. } = self;
        assert_eq!(events.try_take(memory), None, "a buffer came back");
    }
}
