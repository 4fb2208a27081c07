// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vhost-user protocol with one virtual machine monitor, on a thread of its own: it may stop in the
//! middle of a message, which must hold up nobody else.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::nice;
use vgpio_virtio::{CONFIG_SIZE, FEATURE_IRQ, QUEUES};
use vhost::VhostUserMemoryRegionBase;
use vhost::vhost_user::message::{
    VhostTransferStateDirection, VhostTransferStatePhase, VhostUserConfigFlags, VhostUserInflight,
    VhostUserLog, VhostUserMemoryRegion, VhostUserProtocolFeatures, VhostUserShMemConfig,
    VhostUserSharedMsg, VhostUserSingleMemoryRegion, VhostUserVirtioFeatures,
    VhostUserVringAddrFlags, VhostUserVringState,
};
use vhost::vhost_user::{
    BackendReqHandler, Error, GpuBackend, Result, VhostUserBackendReqHandlerMut,
};
use virtio_bindings::virtio_config::VIRTIO_F_VERSION_1;
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};

use super::call::{Asker, Call, QueueCall};
use super::error::Refused;
use super::eventfd::Eventfd;
use super::inflight::Inflight;
use super::memory::{MAX_REGIONS, Region, Table};
use crate::server::refusal::take_descriptors;

/// Of the stack of a thread, which calls nothing deep.
const STACK: usize = 128 * 1024;

/// Of the thread, more than of others.
const NICE: i32 = 10;

/// What is offered to a driver and its virtual machine monitor.
pub const FEATURES: u64 = 1 << VIRTIO_F_VERSION_1
    | 1 << VIRTIO_RING_F_EVENT_IDX
    | 1 << VIRTIO_RING_F_INDIRECT_DESC
    | FEATURE_IRQ
    | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();

/// One virtual machine monitor.
struct Control {
    asker: Asker,
    /// The device's configuration, which does not change.
    config: [u8; CONFIG_SIZE],
    table: Table,
    /// No eventfd. It is closed when the session is over, for that may take for ever.
    refused: Option<File>,
}

/// Starts the thread. It ends when the connection does, and says so by [`Call::Gone`].
///
/// # Errors
/// The host denies a thread.
pub fn start(stream: UnixStream, asker: Asker, config: [u8; CONFIG_SIZE]) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    take_descriptors(&stream, true);
    let thread = thread::Builder::new().name("vhost-user".into()).stack_size(STACK);
    thread.spawn(move || serve(stream, &asker, config))?;
    Ok(())
}

fn serve(stream: UnixStream, asker: &Asker, config: [u8; CONFIG_SIZE]) {
    // No monitor is in such a hurry as those whose lines are served, perhaps on this processor.
    if let Err(error) = nice(NICE) {
        log::debug!("this thread does not give way to others: {error}");
    }
    let control = Control { asker: asker.clone(), config, table: Table::default(), refused: None };
    let mut handler = BackendReqHandler::from_stream(stream, Arc::new(Mutex::new(control)));
    let end = loop {
        match handler.handle_request() {
            Ok(()) | Err(Error::SocketRetry(_)) => {}
            Err(error) => break error,
        }
    };
    // Without an event loop there is nobody to be told. The connection is closed here, after there: what has come and
    // not been read may be descriptors, of which one may take for ever to close.
    if let Ok(gone) = asker.send(Call::Gone(end)) {
        let _ = gone.recv();
    }
}

fn refused(error: Refused) -> Error {
    Error::ReqHandlerError(io::Error::other(error))
}

impl Control {
    fn ask(&self, call: Call) -> Result<u16> {
        self.asker.ask(call).map_err(refused)
    }

    fn queue(&self, index: u32, call: QueueCall) -> Result<u16> {
        self.ask(Call::Queue(index, call))
    }

    /// What must be an eventfd.
    fn eventfd(&mut self, file: File) -> Result<Eventfd> {
        Eventfd::new(file).map_err(|(file, error)| {
            self.refused = Some(file);
            refused(error)
        })
    }

    fn share(&self) -> Result<()> {
        let shared = self.table.shared().map_err(refused)?;
        self.ask(Call::Memory(shared)).map(drop)
    }
}

fn region(region: &VhostUserMemoryRegion) -> Region {
    Region {
        guest: region.guest_phys_addr,
        size: region.memory_size,
        user: region.user_addr,
        offset: region.mmap_offset,
    }
}

/// What no GPIO device has, and was not offered.
fn not_offered<T>() -> Result<T> {
    Err(Error::InvalidOperation("this was not offered"))
}

impl VhostUserBackendReqHandlerMut for Control {
    fn set_owner(&mut self) -> Result<()> {
        Ok(())
    }

    fn reset_owner(&mut self) -> Result<()> {
        self.ask(Call::Reset).map(drop)
    }

    fn reset_device(&mut self) -> Result<()> {
        self.ask(Call::Reset).map(drop)
    }

    fn get_features(&mut self) -> Result<u64> {
        Ok(FEATURES)
    }

    fn set_features(&mut self, features: u64) -> Result<()> {
        self.ask(Call::Features(features)).map(drop)
    }

    fn set_mem_table(
        &mut self,
        regions: &[VhostUserMemoryRegion],
        files: Vec<File>,
        _: Option<bool>,
    ) -> Result<Option<Vec<VhostUserMemoryRegionBase>>> {
        let mut table = Table::default();
        for (described, file) in regions.iter().zip(files) {
            table.add(region(described), &file).map_err(refused)?;
        }
        self.table = table;
        self.share()?;
        Ok(None)
    }

    fn set_vring_num(&mut self, index: u32, num: u32) -> Result<()> {
        self.queue(index, QueueCall::Size(num)).map(drop)
    }

    fn set_vring_addr(
        &mut self,
        index: u32,
        _: VhostUserVringAddrFlags,
        descriptor: u64,
        used: u64,
        available: u64,
        _: u64,
    ) -> Result<()> {
        let at = |user| self.table.guest_address(user).map_err(refused);
        let addresses = [at(descriptor)?, at(available)?, at(used)?];
        self.queue(index, QueueCall::Addresses(addresses)).map(drop)
    }

    fn set_vring_base(&mut self, index: u32, base: u32) -> Result<()> {
        self.queue(index, QueueCall::Next(base)).map(drop)
    }

    fn get_vring_base(&mut self, index: u32) -> Result<VhostUserVringState> {
        let next = self.queue(index, QueueCall::Stop)?;
        Ok(VhostUserVringState::new(index, next.into()))
    }

    fn set_vring_kick(&mut self, index: u8, fd: Option<File>) -> Result<()> {
        let fd = fd.ok_or(Error::InvalidOperation("queues are not polled"))?;
        let kick = self.eventfd(fd)?;
        self.queue(index.into(), QueueCall::Start(kick)).map(drop)
    }

    fn set_vring_call(&mut self, index: u8, fd: Option<File>) -> Result<()> {
        let call = fd.map(|fd| self.eventfd(fd)).transpose()?;
        self.queue(index.into(), QueueCall::Call(call)).map(drop)
    }

    fn set_vring_err(&mut self, index: u8, fd: Option<File>) -> Result<()> {
        let error = fd.map(|fd| self.eventfd(fd)).transpose()?;
        self.queue(index.into(), QueueCall::Error(error)).map(drop)
    }

    fn get_protocol_features(&mut self) -> Result<VhostUserProtocolFeatures> {
        Ok(VhostUserProtocolFeatures::CONFIG
            | VhostUserProtocolFeatures::MQ
            | VhostUserProtocolFeatures::RESET_DEVICE
            | VhostUserProtocolFeatures::INFLIGHT_SHMFD
            | VhostUserProtocolFeatures::CONFIGURE_MEM_SLOTS)
    }

    fn set_protocol_features(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    fn get_queue_num(&mut self) -> Result<u64> {
        Ok(QUEUES as u64)
    }

    fn set_vring_enable(&mut self, index: u32, enable: bool) -> Result<()> {
        self.queue(index, QueueCall::Enable(enable)).map(drop)
    }

    /// What is beyond the structure reads as zero: a virtual machine monitor may ask for more than
    /// there is.
    fn get_config(&mut self, offset: u32, size: u32, _: VhostUserConfigFlags) -> Result<Vec<u8>> {
        let rest = self.config.iter().copied().chain(std::iter::repeat(0)).skip(offset as usize);
        Ok(rest.take(size as usize).collect())
    }

    fn set_config(&mut self, _: u32, _: &[u8], _: VhostUserConfigFlags) -> Result<()> {
        not_offered()
    }

    fn set_gpu_socket(&mut self, _: GpuBackend) -> Result<()> {
        not_offered()
    }

    fn get_shared_object(&mut self, _: VhostUserSharedMsg) -> Result<File> {
        not_offered()
    }

    fn get_inflight_fd(&mut self, asked: &VhostUserInflight) -> Result<(VhostUserInflight, File)> {
        Inflight::create(asked).map_err(refused)
    }

    fn set_inflight_fd(&mut self, given: &VhostUserInflight, file: File) -> Result<()> {
        let inflight = Inflight::adopt(given, &file).map_err(refused)?;
        self.ask(Call::Inflight(Box::new(inflight))).map(drop)
    }

    fn get_max_mem_slots(&mut self) -> Result<u64> {
        Ok(MAX_REGIONS as u64)
    }

    fn add_mem_region(
        &mut self,
        region: &VhostUserSingleMemoryRegion,
        fd: File,
        _: Option<bool>,
    ) -> Result<Option<VhostUserMemoryRegionBase>> {
        self.table.add(self::region(region), &fd).map_err(refused)?;
        self.share()?;
        Ok(None)
    }

    fn remove_mem_region(&mut self, region: &VhostUserSingleMemoryRegion) -> Result<()> {
        self.table.remove(self::region(region));
        self.share()
    }

    fn set_device_state_fd(
        &mut self,
        _: VhostTransferStateDirection,
        _: VhostTransferStatePhase,
        _: File,
    ) -> Result<Option<File>> {
        not_offered()
    }

    fn check_device_state(&mut self) -> Result<()> {
        not_offered()
    }

    fn get_shmem_config(&mut self) -> Result<VhostUserShMemConfig> {
        not_offered()
    }

    fn set_log_base(&mut self, _: &VhostUserLog, _: File) -> Result<()> {
        not_offered()
    }
}
