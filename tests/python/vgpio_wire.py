# SPDX-License-Identifier: MIT OR Apache-2.0
"""The messages of the vgpio wire protocol, version 1: bytes to Message and back.

Written from docs/protocol.md alone, and part of vgpio_client.py. `decode` refuses what the page
refuses, `encode` is held to the same rules; both raise ProtocolError with the name of the page's
error as its `code`.
"""
import struct
from dataclasses import dataclass, fields as dataclass_fields
from enum import IntEnum
from types import SimpleNamespace

VERSION, MAGIC, MAX_PAYLOAD, OPTIONAL = 1, b"VGPI", 16384, 1
PING = 2                                         # the feature bit
HEADER = struct.Struct("<HHIQ")                  # type, flags, length, seq

Type = IntEnum("Type", dict(
    HELLO=0x0001, ATTACH=0x0002, INFO=0x0003, CONFIGURE=0x0004, SET=0x0005, GET=0x0006,
    SYNC=0x0007, RING=0x0008, PONG=0x0009, HELLO_REPLY=0x8001, ATTACHED=0x8002, LINES=0x8003,
    VALUES=0x8006, SYNCED=0x8007, EDGES=0xC001, LOST=0xC002, RESTORED=0xC003, ROOM=0xC004,
    PING=0xC005, ERROR=0xFFFF))
Reason = IntEnum("Reason", "REPLY ATTACHED RESYNC RESTORED CONFIGURED", start=0)
Bias = IntEnum("Bias", "AS_IS DISABLED PULL_UP PULL_DOWN")
Drive = IntEnum("Drive", "PUSH_PULL OPEN_DRAIN OPEN_SOURCE")
Edges = IntEnum("Edges", "NONE RISING FALLING BOTH", start=0)

CODES = dict(enumerate("too-long unknown-type bad-length bad-value bad-state version bad-sequence "
                        "too-many-sessions shutting-down too-late unanswered".split(), 1))
FATAL = frozenset(CODES)                         # up to here the backend closes the session
CODES.update(enumerate("no-export map-syntax not-allowed no-chip no-line busy permission "
                        "not-supported line-lost not-output bad-line host too-often".split(), 16))


class ProtocolError(ValueError):
    """Bytes that the protocol does not allow; `code` is the name the error has there."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code = code


class VgpioError(Exception):
    """An ERROR of the backend: `name` of its `code`, lines in `mask`, `errno`, `text`, `seq`."""

    def __init__(self, message):
        self.code, self.mask, self.errno = message.code, message.mask, message.errno
        self.text, self.seq = message.text, message.seq
        self.name = CODES.get(self.code, f"code-{self.code}")
        self.fatal = self.code in FATAL
        super().__init__(f"{self.name} (lines {self.mask:#x}, errno {self.errno}): {self.text}")


@dataclass(frozen=True)
class Line:
    """An entry of ATTACHED and LINES."""
    vgpio: int
    offset: int
    flags: int
    debounce_us: int
    poll_us: int
    bias: int
    drive: int
    edges: int
    name: str
    chip: str

    output = property(lambda self: bool(self.flags & 1))
    active_low = property(lambda self: bool(self.flags & 2))
    shared = property(lambda self: bool(self.flags & 4))
    polled = property(lambda self: bool(self.flags & 8))
    lost = property(lambda self: bool(self.flags & 16))


@dataclass(frozen=True)
class Edge:
    """An entry of EDGES; `level` is 1 after a rising edge, 0 after a falling one."""
    line: int
    level: int
    line_seqno: int
    timestamp_ns: int


class Message(SimpleNamespace):
    """type, seq, flags and the payload's fields under the names of the specification."""


# ---- The tables of the page: kind:name[:lowest:highest]. `str` has the length field before it;
# ---- `x` are reserved bytes; the kinds Line and Edge are `count` entries of that table.
_TABLES = {
    Type.HELLO: "4s:magic H:version_min:1:65535 H:version_max Q:features "
                "H:name_length:0:64 str:name",
    Type.ATTACH: "H:kind:0:1 H:text_length:1:4096 str:text",
    Type.INFO: "",
    Type.CONFIGURE: "Q:mask Q:outputs Q:bits I:fields:0:63 B:bias:0:4 B:drive:0:3 "
                    "B:active_low:0:1 B:edges:0:3 I:debounce_us",
    Type.SET: "Q:mask Q:bits",
    Type.GET: "Q:mask",
    Type.SYNC: "",
    Type.RING: "",
    Type.PONG: "",
    Type.HELLO_REPLY: "4s:magic H:version H:max_lines:1:64 I:max_payload:4100:16384 I:session "
                      "Q:features H:name_length:0:64 str:name",
    Type.ATTACHED: "H:count:1:64 2x Line:entries",
    Type.LINES: "H:count:1:64 2x Line:entries",
    Type.VALUES: "Q:mask Q:bits Q:timestamp_ns I:lost_edges B:reason 3x",
    Type.SYNCED: "",
    Type.EDGES: "H:count:1:512 6x Edge:entries",
    Type.LOST: "Q:mask H:text_length:0:512 str:text",
    Type.RESTORED: "Q:mask",
    Type.ROOM: "",
    Type.PING: "",
    Type.ERROR: "Q:mask H:code H:errno H:text_length:0:2048 str:text",
    Line: "H:size H:vgpio I:offset I:flags I:debounce_us I:poll_us B:bias:1:4 B:drive:1:3 "
          "B:edges:0:3 B:name_length:0:64 B:chip_length:0:64 3x str:name str:chip",
    Edge: "H:line:0:63 B:level:0:1 1x I:line_seqno Q:timestamp_ns",
}
_NESTED = {"Line": Line, "Edge": Edge}


def _columns(table):
    for column in _TABLES[table].split():
        kind, name, low, high = (column.split(":") + ["", "", ""])[:4]
        yield kind, name, int(low or 0), int(high or 1 << 64)


def _pack(table, values):
    """Encode a table; lengths, counts, the magic and what is not given are filled in."""
    out, values = b"", {"magic": MAGIC, "count": len(values.get("entries", ())), **values}
    for text in ("name", "chip", "text"):
        if isinstance(values.get(text), str):
            values[text] = values[text].encode()
        values.setdefault(text + "_length", len(values.get(text, b"")))
    values.setdefault("size", 28 + values["name_length"] + values["chip_length"])
    for kind, name, _, _ in _columns(table):
        if kind == "str":
            out += values.get(name, b"")
        elif kind in _NESTED:
            out += b"".join(_pack(_NESTED[kind], vars(entry)) for entry in values[name])
        else:
            out += struct.pack("<" + kind, *([values.get(name, 0)] if name else []))
    return out


def _unpack(table, data, faults):
    """Decode a table. A wrong size is raised at once, wrong values are added to `faults`."""
    values, at = {}, 0

    def take(size):
        nonlocal at
        at += size
        if at > len(data):
            raise ProtocolError("bad-length", f"{len(data)} bytes are too few")
        return data[at - size:at]

    for kind, name, low, high in _columns(table):
        if kind == "str":
            raw = take(values[name + "_length"])
            values[name] = raw.decode(errors="replace")
            if values[name].encode() != raw:
                faults.append(f"{name} is not UTF-8")
        elif kind == "Edge":
            values[name] = [_unpack(Edge, take(16), faults) for _ in range(values["count"])]
        elif kind == "Line":                     # an entry states its own size
            values[name] = [_unpack(Line, take(int.from_bytes(data[at:at + 2], "little")), faults)
                            for _ in range(values["count"])]
        elif not name:
            if any(take(int(kind[:-1]))):
                faults.append("reserved bytes are not zero")
        else:
            values[name], = struct.unpack("<" + kind, take(struct.calcsize("<" + kind)))
            if kind == "4s":
                if values[name] != MAGIC:
                    faults.append("wrong magic")
            elif not low <= values[name] <= high:
                faults.append(f"{name} is {values[name]}")
    if table in _NESTED.values():                # what a later version appends is skipped
        return table(**{f.name: values[f.name] for f in dataclass_fields(table)})
    if at != len(data):
        raise ProtocolError("bad-length", f"{len(data)} bytes instead of {at}")
    return values


def _check(kind, m, faults):
    """The rules that concern more than one field."""
    if kind in (Type.SET, Type.VALUES) and m["bits"] & ~m["mask"]:
        faults.append("bits outside mask")
    if kind == Type.HELLO and m["version_max"] < m["version_min"]:
        faults.append("version_max below version_min")
    if kind == Type.CONFIGURE:
        if m["outputs"] & ~(m["mask"] if m["fields"] & 1 else 0) or m["bits"] & ~m["outputs"]:
            faults.append("outputs that are not to be changed, or bits outside outputs")
        for bit, name in enumerate(("bias", "drive", "active_low", "edges", "debounce_us"), 1):
            if not m["fields"] >> bit & 1 and m[name]:
                faults.append(f"{name} without bit {bit} of fields")
            if m["fields"] >> bit & 1 and name in ("bias", "drive") and not m[name]:
                faults.append(f"{name} is 0")


def decode_header(data, sender):
    """(type, flags, length, seq) of a message of the "frontend" or the "backend".

    type is None for one that is to be skipped: of a type not known, and OPTIONAL.
    """
    kind, flags, length, seq = HEADER.unpack_from(data)
    if length > MAX_PAYLOAD:
        raise ProtocolError("too-long", f"{length} bytes of payload")
    if flags & ~OPTIONAL:
        raise ProtocolError("bad-value", f"flags are {flags:#x}")
    if sender == "frontend" and seq == 0:
        raise ProtocolError("bad-sequence", "seq is 0")
    if kind not in list(Type) or (kind < 0x8000) != (sender == "frontend"):
        if not flags & OPTIONAL:
            raise ProtocolError("unknown-type", f"type {kind:#06x}")
        return None, flags, length, seq
    return Type(kind), flags, length, seq


def decode(data, sender):
    """The first message in `data`: (its size in bytes, Message), or (0, None) when its rest has
    not come. What can be refused is refused as soon as the header is there. The Message of one
    that is to be skipped has type None."""
    if len(data) < HEADER.size:
        return 0, None
    kind, flags, length, seq = decode_header(data, sender)
    size = HEADER.size + length
    if len(data) < size:
        return 0, None
    if kind is None:
        return size, Message(type=None, seq=seq, flags=flags)
    faults = []
    values = _unpack(kind, bytes(data[HEADER.size:size]), faults)
    _check(kind, values, faults)
    if faults:
        raise ProtocolError("bad-value", f"{kind.name}: {', '.join(faults)}")
    return size, Message(type=kind, seq=seq, flags=flags, **values)


def encode(kind, seq, /, flags=0, **values):
    """The bytes of a message, held to the rules that incoming ones are held to."""
    try:
        payload = _pack(kind, values)
        data = HEADER.pack(kind, flags, len(payload), seq) + payload
    except struct.error as error:
        raise ProtocolError("bad-value", str(error)) from None
    decode(data, "backend" if kind & 0x8000 else "frontend")
    return data
