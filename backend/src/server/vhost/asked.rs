// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a virtual machine monitor asks.

use mio::Registry;
use vgpio_virtio::FEATURE_IRQ;
use vhost::vhost_user::message::VhostUserVirtioFeatures;
use virtio_bindings::virtio_ring::VIRTIO_RING_F_EVENT_IDX;

use super::call::{Call, QueueCall};
use super::control::FEATURES;
use super::error::Refused;
use super::inflight::Inflight;
use super::ring::Ring;
use super::vmm::Vmm;
use crate::hub::SessionKey;

impl Vmm {
    /// Does what the virtual machine monitor asks.
    ///
    /// # Errors
    /// It asks for what cannot be.
    pub fn answer(
        &mut self,
        call: Call,
        session: SessionKey,
        registry: &Registry,
    ) -> Result<u16, Refused> {
        match call {
            Call::Features(features) => self.set_features(features)?,
            Call::Memory(shared) => {
                for ring in self.rings.iter_mut().filter(|ring| ring.is_started()) {
                    ring.remap(&shared.memory);
                }
                self.memory = Some(shared);
            }
            Call::Inflight(inflight) => self.adopt(*inflight)?,
            Call::Reset => self.reset(),
            Call::Queue(index, call) => return self.queue(index, call, session, registry),
            Call::Gone(_) => {}
        }
        Ok(0)
    }

    fn set_features(&mut self, features: u64) -> Result<(), Refused> {
        if features & !FEATURES != 0 {
            return Err(Refused::Features(features & !FEATURES));
        }
        if let Some(device) = &mut self.device {
            device.set_interrupts(features & FEATURE_IRQ != 0);
        }
        for ring in &mut self.rings {
            ring.set_event_idx(features & (1 << VIRTIO_RING_F_EVENT_IDX) != 0);
            // Without the protocol's own feature bits, nobody would enable it.
            if features & VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits() == 0 {
                ring.enable(true);
            }
        }
        Ok(())
    }

    fn reset(&mut self) {
        for ring in &mut self.rings {
            ring.stop();
            ring.enable(false);
            ring.set_next(0);
        }
        self.forget();
    }

    /// Goes on with what another daemon has left, or begins to leave such itself.
    fn adopt(&mut self, inflight: Inflight) -> Result<(), Refused> {
        if self.inflight.as_ref().is_some_and(|kept| kept.is(&inflight)) {
            return Ok(());
        }
        if self.rings.iter().any(Ring::is_started) {
            return Err(Refused::Running);
        }
        // Lines are restored once at most: each time takes messages, and a slow chip takes few.
        if self.inflight.is_some() && inflight.is_left() {
            return Err(Refused::Inflight);
        }
        self.forget();
        for (i, ring) in self.rings.iter_mut().enumerate() {
            ring.set_track(inflight.track(i));
        }
        self.inflight = Some(inflight);
        Ok(())
    }

    /// The driver has begun anew, as a queue tells. What other queues have taken is the new driver's already.
    fn begin_anew(&mut self) {
        if !self.rings.iter().any(Ring::has_taken) {
            self.forget();
        }
    }

    /// The driver has begun anew: what it had given to the device is not the device's any more.
    fn forget(&mut self) {
        self.pending = None;
        for ring in &mut self.rings {
            ring.forget();
        }
        if let Some(device) = &mut self.device {
            device.reset();
        }
    }

    fn queue(
        &mut self,
        index: u32,
        call: QueueCall,
        session: SessionKey,
        registry: &Registry,
    ) -> Result<u16, Refused> {
        let ring = self.rings.get_mut(index as usize).ok_or(Refused::Queue(index))?;
        match call {
            QueueCall::Size(size) => ring.set_size(size)?,
            QueueCall::Addresses(addresses) => ring.set_addresses(addresses)?,
            QueueCall::Next(next) => {
                let next = u16::try_from(next).map_err(|_| Refused::Size(next))?;
                // A queue that is stopped and started again goes on where it was; only a driver that
                // has reset its device begins at 0.
                let is_reset = next == 0 && ring.next() != 0;
                ring.set_next(next);
                if is_reset {
                    self.begin_anew();
                }
            }
            QueueCall::Start(kick) => {
                let memory = self.memory.as_ref().map(|shared| &shared.memory);
                let memory = memory.ok_or(Refused::NoMemory)?;
                if ring.start(memory, kick, session, registry)? {
                    self.begin_anew();
                }
                // By now it is known what was negotiated.
                let lines = self.inflight.as_mut().and_then(Inflight::take_lines);
                if let (Some(device), Some(lines)) = (&mut self.device, lines) {
                    device.restore(&lines);
                }
            }
            QueueCall::Stop => return Ok(ring.stop()),
            QueueCall::Call(call) => ring.set_call(call),
            QueueCall::Error(error) => ring.set_error(error),
            QueueCall::Enable(enabled) => ring.enable(enabled),
        }
        Ok(0)
    }
}
