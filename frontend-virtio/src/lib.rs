// SPDX-License-Identifier: MIT OR Apache-2.0
//! The virtio GPIO device (virtio 1.3, section 5.17) on the lines of a vgpio session.
//!
//! A pure state machine between two conversations, both in memory: the guest's, whose requests and
//! buffers a transport takes from virtqueues, and that of an ordinary session, in the messages of
//! `docs/protocol.md`. It knows no queue, no socket and no chip.
//!
//! ```
//! use vgpio_protocol::{Frame, Request as Message};
//! use vgpio_virtio::{Answer, Device, Request, greeting};
//! # use vgpio_protocol::{Bias, Drive, EdgeDetection, Event, LineEntry, LineFlags, Lines};
//! # let entry = LineEntry { vgpio: 0, offset: 11, flags: LineFlags(0), debounce_us: 0, poll_us: 0,
//! #     bias: Bias::AsIs, drive: Drive::PushPull, edges: EdgeDetection::Both, name: "LED", chip: "c" };
//!
//! // What a session is told first: HELLO and ATTACH. It answers with ATTACHED.
//! let mut to_session = Vec::new();
//! greeting("guest", "leds", &mut to_session);
//! # let entries = [entry];
//! # let attached = Lines::new(&entries);
//! let mut device: Device<u16> = Device::new(&attached)?;
//! assert_eq!(device.config(), [1, 0, 0, 0, 4, 0, 0, 0]);
//!
//! // The guest reads line 0, which the session is asked for.
//! let answer = device.request(Request { kind: 4, gpio: 0, value: 0 });
//! assert_eq!(answer, Answer::Later);
//! let frame = Frame::split(device.messages())?.expect("a message");
//! assert_eq!(Message::decode(&frame)?, Some(Message::Get(1)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod device;
mod events;
mod irq;
mod layout;
mod line;
mod names;
mod operation;
mod saved;
mod session;

pub use device::{Answer, Device, DeviceError};
pub use irq::LATCHED_MAX;
pub use layout::{
    CONFIG_SIZE, DEVICE_ID, Direction, EVENT_QUEUE, FEATURE_IRQ, IRQ_REQUEST_SIZE, IrqStatus,
    IrqType, Kind, MAX_LINE, QUEUES, REQUEST_QUEUE, REQUEST_SIZE, RESPONSE_SIZE, Request, Response,
};
pub use session::greeting;
