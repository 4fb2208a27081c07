// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a descriptor chain to the device and back.

use vgpio_virtio::{
    Answer, Device, EVENT_QUEUE, IRQ_REQUEST_SIZE, IrqStatus, Kind, QUEUES, REQUEST_QUEUE,
    REQUEST_SIZE, RESPONSE_SIZE, Request, Response,
};

use super::chain::{self, Chain, Memory, Space};
use super::inflight::Inflight;
use super::ring::{Broken, Ring};

/// What a guest may cost in a turn before others have theirs: so many descriptors that are looked at, chains that are
/// returned at once or sets, or as many dearer messages as of any frontend.
pub const SHARE: u32 = 1024;
const CHAIN: u32 = 4;
const SET: u32 = 4;
const DEAR: u32 = 128;

/// Bytes of names that cost as much as a descriptor.
const NAMES: usize = 64;

/// A chain that will be returned later.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub head: u16,
    pub space: Space,
}

/// Serves a chain of the request queue; returns what it cost, and the chain if it is answered later. What
/// it makes of lines is kept in `inflight`. An error names the queue.
pub fn request(
    device: &mut Device<Held>,
    rings: &mut [Ring; QUEUES],
    memory: &Memory,
    chain: Chain<'_>,
    inflight: Option<&mut Inflight>,
) -> Result<(u32, Option<Held>), usize> {
    let read = chain::read::<REQUEST_SIZE>(memory, chain.clone());
    let (head, space) = (chain.head_index(), read.space);
    let has_room = |size: usize| space.size >= size as u64;
    let request = read.bytes.filter(|_| has_room(RESPONSE_SIZE)).map(Request::decode);
    let answer = request.map_or(Answer::Now(Response::ERROR), |request| device.request(request));
    let mut cost = read.descriptors.max(CHAIN);
    if answer == Answer::Later {
        let is_set = request.is_some_and(|request| request.kind == Kind::SetValue as u16);
        return Ok((cost.max(if is_set { SET } else { DEAR }), Some(Held { head, space })));
    }
    let returned = give_back(device, rings, memory);
    // Once the guest knows that it is done, it must not be forgotten.
    if let Some(inflight) = inflight {
        inflight.save(device.saved());
    }
    let written = match answer {
        Answer::Now(response) => space.write(memory, &response.encode()),
        Answer::Names if has_room(1 + device.names().len()) => {
            cost += u32::try_from(device.names().len() / NAMES).unwrap_or(DEAR);
            chain::write(memory, chain, [&[0], device.names()])
        }
        Answer::Names | Answer::Later => space.write(memory, &Response::ERROR.encode()),
    };
    let [requests, _] = rings;
    requests.complete(memory, head, written).map_err(|_| REQUEST_QUEUE)?;
    returned.map(|()| (cost, None)).map_err(|_| EVENT_QUEUE)
}

/// Returns buffers of the event queue, if it runs, and tells the driver: a response must not come before
/// the buffer that it is the reason of.
pub fn give_back(
    device: &mut Device<Held>,
    [_, events]: &mut [Ring; QUEUES],
    memory: &Memory,
) -> Result<(), Broken> {
    while events.is_running()
        && let Some((held, status)) = device.take_returned()
    {
        let written = held.space.write(memory, &[status as u8]);
        events.complete(memory, held.head, written)?;
    }
    events.notify(memory)
}

/// Serves a chain of the event queue; returns what it cost.
pub fn event(
    device: &mut Device<Held>,
    events: &mut Ring,
    memory: &Memory,
    chain: Chain<'_>,
) -> Result<u32, Broken> {
    let head = chain.head_index();
    let read = chain::read::<IRQ_REQUEST_SIZE>(memory, chain);
    let held = Held { head, space: read.space };
    if let Some(gpio) = read.bytes.filter(|_| read.space.size > 0) {
        device.unmask(u16::from_le_bytes(gpio), held);
        if !device.messages().is_empty() {
            return Ok(DEAR);
        }
    } else {
        let written = held.space.write(memory, &[IrqStatus::Invalid as u8]);
        events.complete(memory, head, written)?;
    }
    Ok(read.descriptors.max(CHAIN))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use std::fs::File;
    use std::os::fd::OwnedFd;

    use mio::Poll;
    use nix::sys::eventfd::EventFd;
    use vgpio_protocol::{Bias, Drive, EdgeDetection, LineEntry, LineFlags, Lines};
    use vm_memory::{Bytes, GuestAddress};

    use super::super::eventfd::Eventfd;
    use super::*;
    use crate::hub::SessionKey;

    /// What a request of one value costs, to a device of 6,400 lines, the last of which is there.
    fn cost(kind: Kind, gpio: u16, value: u32) -> u32 {
        let memory = Memory::from_ranges(&[(GuestAddress(0), 0x1_0000)]).unwrap();
        let [table, available, used, at, to] =
            [0x1000, 0x2000, 0x3000, 0x4000, 0x5000].map(GuestAddress);
        let mut rings = [Ring::new(), Ring::new()];
        let poll = Poll::new().unwrap();
        let kick = File::from(OwnedFd::from(EventFd::new().unwrap()));
        let kick = Eventfd::new(kick).unwrap();
        let [requests, _] = &mut rings;
        requests.set_size(4).unwrap();
        requests.set_addresses([table, available, used]).unwrap();
        requests.start(&memory, kick, SessionKey(0), poll.registry()).unwrap();
        requests.enable(true);
        memory.write_obj([at.0, 8 | 1 << 32 | 1 << 48, to.0, 0x8000 | 2 << 32], table).unwrap();
        memory.write_obj([kind as u16, gpio], at).unwrap();
        memory.write_obj(value, GuestAddress(at.0 + 4)).unwrap();
        memory.write_obj([0_u16, 1, 0], available).unwrap();
        let line = LineEntry {
            vgpio: 6399,
            offset: 0,
            flags: LineFlags(0),
            debounce_us: 0,
            poll_us: 0,
            bias: Bias::AsIs,
            drive: Drive::PushPull,
            edges: EdgeDetection::None,
            name: "",
            chip: "chip",
        };
        let named = LineEntry { vgpio: 0, name: "A", ..line };
        let mut device = Device::new(&Lines::new(&[named, line])).unwrap();
        let chain = requests.pop(&memory).unwrap().unwrap();
        request(&mut device, &mut rings, &memory, chain, None).unwrap().0
    }

    #[test]
    fn what_reaches_the_host_costs_as_of_any_frontend_and_names_by_their_size() {
        assert_eq!(cost(Kind::GetDirection, 6399, 0), CHAIN);
        assert_eq!(cost(Kind::GetValue, 6399, 0), DEAR);
        assert_eq!(cost(Kind::SetDirection, 6399, 1), DEAR);
        assert_eq!(cost(Kind::GetLineNames, 0, 0), CHAIN + 100);
    }
}
