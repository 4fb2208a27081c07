// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a descriptor chain to the device and back.

use vgpio_virtio::{
    Answer, Device, IRQ_REQUEST_SIZE, IrqStatus, REQUEST_SIZE, RESPONSE_SIZE, Request, Response,
};

use super::chain::{self, Chain, Memory, Space};
use super::ring::{Broken, Ring};

/// A chain that will be returned later.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub head: u16,
    pub space: Space,
}

/// Serves a chain of the request queue; returns what it cost, and the chain if it is answered later.
pub fn request(
    device: &mut Device<Held>,
    requests: &mut Ring,
    memory: &Memory,
    chain: Chain<'_>,
) -> Result<(u32, Option<Held>), Broken> {
    let read = chain::read::<REQUEST_SIZE>(memory, chain.clone());
    let (head, space) = (chain.head_index(), read.space);
    let has_room = |size: usize| space.size >= size as u64;
    let request = read.bytes.filter(|_| has_room(RESPONSE_SIZE)).map(Request::decode);
    let answer = request.map_or(Answer::Now(Response::ERROR), |request| device.request(request));
    let written = match answer {
        Answer::Later => return Ok((read.descriptors, Some(Held { head, space }))),
        Answer::Now(response) => space.write(memory, &response.encode()),
        Answer::Names if has_room(1 + device.names().len()) => {
            chain::write(memory, chain, [&[0], device.names()])
        }
        Answer::Names => space.write(memory, &Response::ERROR.encode()),
    };
    requests.complete(memory, head, written)?;
    Ok((read.descriptors.max(1), None))
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
    } else {
        let written = held.space.write(memory, &[IrqStatus::Invalid as u8]);
        events.complete(memory, head, written)?;
    }
    Ok(read.descriptors.max(1))
}
