// SPDX-License-Identifier: MIT OR Apache-2.0
//! The structures and numbers of the standard (virtio 1.3, section 5.17).

/// The device's number.
pub const DEVICE_ID: u32 = 41;
/// Feature bit: the device supports interrupts (`VIRTIO_GPIO_F_IRQ`).
pub const FEATURE_IRQ: u64 = 1 << 0;
/// The queue of requests.
pub const REQUEST_QUEUE: usize = 0;
/// The queue of interrupts.
pub const EVENT_QUEUE: usize = 1;
/// How many queues there are.
pub const QUEUES: usize = 2;
/// Bytes of `struct virtio_gpio_config`.
pub const CONFIG_SIZE: usize = 8;
/// Bytes of `struct virtio_gpio_request`.
pub const REQUEST_SIZE: usize = 8;
/// Bytes of `struct virtio_gpio_response`; that of line names is longer.
pub const RESPONSE_SIZE: usize = 2;
/// Bytes of `struct virtio_gpio_irq_request`.
pub const IRQ_REQUEST_SIZE: usize = 2;
/// The highest line that there can be: their number has 16 bits.
pub const MAX_LINE: u16 = u16::MAX - 1;

/// `struct virtio_gpio_request`, of any content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which message it is, see [`Kind`].
    pub kind: u16,
    /// The line.
    pub gpio: u16,
    /// What it means depends on the message.
    pub value: u32,
}

/// `struct virtio_gpio_response`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// Whether the request was carried out.
    pub ok: bool,
    /// What it means depends on the message; 0 where the standard gives it no meaning.
    pub value: u8,
}

/// `struct virtio_gpio_irq_response`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqStatus {
    /// The buffer comes back unused.
    Invalid = 0,
    /// An interrupt.
    Valid = 1,
}

impl Request {
    /// Reads one; all bytes are one.
    #[must_use]
    pub fn decode(bytes: [u8; REQUEST_SIZE]) -> Self {
        let [k0, k1, g0, g1, value @ ..] = bytes;
        Self {
            kind: u16::from_le_bytes([k0, k1]),
            gpio: u16::from_le_bytes([g0, g1]),
            value: u32::from_le_bytes(value),
        }
    }
}

impl Response {
    /// The request failed (`VIRTIO_GPIO_STATUS_ERR`).
    pub const ERROR: Self = Self { ok: false, value: 0 };
    /// The request was carried out, and there is nothing more to say.
    pub const OK: Self = Self { ok: true, value: 0 };

    /// The bytes of it.
    #[must_use]
    pub fn encode(self) -> [u8; RESPONSE_SIZE] {
        [u8::from(!self.ok), self.value]
    }
}

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident: $repr:ty { $($(#[$vdoc:meta])* $variant:ident = $code:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant = $code,)* }

        impl $name {
            /// The one of this number, if there is one.
            #[must_use]
            pub fn of(code: $repr) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

numbered! {
    /// What a request asks for (`VIRTIO_GPIO_MSG_*`).
    Kind: u16 {
        /// The names of all lines.
        GetLineNames = 1;
        /// A line's direction.
        GetDirection = 2;
        /// A line is to be given a direction.
        SetDirection = 3;
        /// A line's level.
        GetValue = 4;
        /// A line is to have a level, as an output that it is or will be.
        SetValue = 5;
        /// A line's interrupt is to be enabled or disabled.
        SetIrqType = 6;
    }
}

numbered! {
    /// Direction of a line (`VIRTIO_GPIO_DIRECTION_*`).
    Direction: u32 {
        /// The line is not in use.
        None = 0;
        /// Output.
        Out = 1;
        /// Input.
        In = 2;
    }
}

numbered! {
    /// What makes an interrupt (`VIRTIO_GPIO_IRQ_TYPE_*`).
    IrqType: u32 {
        /// Nothing does.
        None = 0;
        /// The line becomes 1.
        EdgeRising = 1;
        /// The line becomes 0.
        EdgeFalling = 2;
        /// The line changes.
        EdgeBoth = 3;
        /// The line is 1.
        LevelHigh = 4;
        /// The line is 0.
        LevelLow = 8;
    }
}
