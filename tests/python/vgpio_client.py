# SPDX-License-Identifier: MIT OR Apache-2.0
"""A client of the vgpio wire protocol, version 1, written from docs/protocol.md alone.

    with connect("/run/vgpio/vgpiod.sock", "doorbell") as gpio:
        gpio.attach("leds")                      # or gpio.attach(line_map="0,gpios=3:4")
        gpio.configure(0b01, outputs=0b01)       # line 0 becomes an output, inactive
        gpio.set(0b01, 0b01)
        gpio.sync()                              # raises what CONFIGURE or SET was refused for
        for event in gpio.events(timeout=5):     # Edge, or a VALUES, LOST, RESTORED message
            print(event, bin(gpio.levels))

Lines are bits of an integer: bit i is line i. Nothing waits for ever: a call that has no
answer within the client's `timeout` closes the session and raises TimeoutError. A backend
that breaks the protocol raises ProtocolError, an ERROR message VgpioError, the end of the
stream ConnectionError. PINGs are answered within calls: where the lines have a watchdog, wait()
must be called again and again.
"""
import collections
import os
import selectors
import socket
import time

from vgpio_wire import (PING, VERSION, Bias, Drive, Edge, Edges, Line, Message,  # noqa: F401
                        ProtocolError, Reason, Type, VgpioError, decode, encode)


def default_path():
    """Where the backend listens when nobody says otherwise."""
    folder = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/run")
    return os.environ.get("VGPIO_SOCKET") or os.path.join(folder, "vgpio", "vgpiod.sock")


def connect(path=None, name="python", timeout=5.0):
    """Connect to the backend and say HELLO; a Client in state READY."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(path or default_path())
        return Client(sock, timeout).hello(name)
    except socket.timeout:                       # Python 3.9: not yet a TimeoutError
        sock.close()
        raise TimeoutError("the backend did not take the connection in time") from None
    except BaseException:
        sock.close()
        raise


class Client:
    """One session.

    server  the HELLO reply
    lines   as of the last attach() or info()
    levels  mirror of the inputs' levels, from every VALUES and EDGES received so far
    known   the lines for which the mirror holds
    stale   lines of which edges were lost, until the VALUES comes that must follow
    closed  nothing more can be sent; events that came before can still be had
    """

    def __init__(self, sock, timeout=5.0):
        sock.setblocking(False)
        self._sock, self.timeout, self.closed = sock, timeout, False
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)
        self._in, self._out, self._seq = bytearray(), bytearray(), 0
        self._awaited = self._reply = None       # (seq, Type) asked for; its Message or VgpioError
        self._events, self._errors = collections.deque(), collections.deque()
        self._values_due = False                 # ATTACHED came, its VALUES did not yet
        self._seqno = {}                         # line: last line_seqno, None when it may restart
        self.server, self.lines, self.levels, self.known, self.stale = None, [], 0, 0, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Detach: the backend takes the outputs to their safe state."""
        if not self.closed:
            self.closed = True
            self._selector.close()
            self._sock.close()

    def hello(self, name, features=PING):
        """Agree on the version (connect() does it); `server` is the HELLO reply."""
        self._ask(Type.HELLO, Type.HELLO_REPLY, name=name, features=features,
                  version_min=VERSION, version_max=VERSION)
        if self.server.version != VERSION or self.server.features & ~features:
            raise self._violation("bad-value", "HELLO reply grants what was not offered")
        return self

    def attach(self, export=None, *, line_map=None):
        """Take the lines of an export or of a line map; returns them."""
        if (export is None) == (line_map is None):
            raise TypeError("either an export or a line_map")
        self._ask(Type.ATTACH, Type.ATTACHED, kind=int(export is None), text=export or line_map)
        deadline = time.monotonic() + self.timeout
        while self._values_due:
            self._turn(deadline)
        return self.lines

    def info(self):
        """The lines with their present settings."""
        self._ask(Type.INFO, Type.LINES)
        return self.lines

    def configure(self, mask, *, outputs=None, bits=0, bias=None, drive=None, active_low=None,
                  edges=None, debounce_us=None):
        """Post a change of those settings that are given, for the lines in mask; the seq."""
        given = dict(outputs=outputs, bias=bias, drive=drive, active_low=active_low,
                     edges=edges, debounce_us=debounce_us)
        order = ("outputs", "bias", "drive", "active_low", "edges", "debounce_us")
        changed = sum(1 << i for i, key in enumerate(order) if given[key] is not None)
        return self._post(Type.CONFIGURE, mask=mask, bits=bits, fields=changed,
                          **{key: int(value or 0) for key, value in given.items()})

    def set(self, mask, bits):
        """Post new levels of the outputs in mask; the seq an error will carry."""
        return self._post(Type.SET, mask=mask, bits=bits)

    def get(self, mask):
        """VALUES message: levels read from the host now."""
        return self._ask(Type.GET, Type.VALUES, mask=mask)

    def sync(self):
        """Return when all before is carried out; raise the first posted error not yet raised."""
        self._ask(Type.SYNC, Type.SYNCED)
        if self._errors:
            raise self._errors.popleft()

    def wait(self, timeout=None):
        """The next event, None when there is none in time: an Edge, or the Message of VALUES
        (no reply), LOST or RESTORED. A posted error that came is raised."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self._events and not self._errors:
            try:
                self._turn(deadline)
            except TimeoutError:
                return None
        if self._errors:
            raise self._errors.popleft()
        return self._events.popleft()

    def events(self, timeout=None):
        """Events one by one until none has come for `timeout` seconds."""
        return iter(lambda: self.wait(timeout), None)

    # ---- below: how it is done

    def _violation(self, code, text):
        self.close()
        return ProtocolError(code, text)

    def _post(self, kind, reply=None, /, **values):
        seq = self._seq + 1
        self._out += encode(kind, seq, **values)
        self._seq = seq                          # the answer to a PING may follow
        self._awaited, self._reply = (seq, reply) if reply else None, None
        self._finish(lambda: not self._out)
        return seq

    def _ask(self, kind, reply, /, **values):
        self._post(kind, reply, **values)
        self._finish(lambda: self._reply is not None)
        if isinstance(self._reply, VgpioError):
            raise self._reply
        return self._reply

    def _finish(self, done):
        deadline = time.monotonic() + self.timeout
        try:
            while not done():
                self._turn(deadline)
        except TimeoutError:                     # a reply that comes later would fit nothing
            self.close()
            raise

    def _turn(self, deadline):
        """Wait until the socket moves. What is sent never keeps us from reading: a backend
        whose queue for us is full does not read on before it has drained."""
        if self.closed:
            raise ConnectionError("the session is closed")
        both = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
        self._selector.modify(self._sock, both)
        ready = self._selector.select(max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError("no answer from the backend in time")
        if ready[0][1] & selectors.EVENT_WRITE:
            self._send()
        if ready[0][1] & selectors.EVENT_READ:
            try:
                data = self._sock.recv(65536)
            except ConnectionResetError:
                data = b""
            self._in += data
            self._digest()
            if self._out:                        # the answer to a PING
                self._send()
            if not data:
                self.close()
                raise ConnectionError("the backend closed the session"
                                      + (" inside a message" if self._in else ""))

    def _send(self):
        try:
            del self._out[:self._sock.send(self._out)]
        except BlockingIOError:
            pass
        except ConnectionError:
            self._out.clear()                    # it closed; its last ERROR may be there to read

    def _digest(self):
        """Take the whole messages out of the input."""
        try:
            while True:
                size, message = decode(self._in, "backend")
                if not size:
                    return
                del self._in[:size]
                if message.type is not None:
                    self._receive(message)
        except ProtocolError:
            self.close()
            raise

    def _receive(self, m):
        if self._values_due and not (m.type == Type.VALUES and m.reason == Reason.ATTACHED):
            raise ProtocolError("bad-state", f"{m.type.name} between ATTACHED and its VALUES")
        awaited = self._awaited is not None and m.seq == self._awaited[0]
        if m.type == Type.ERROR:
            error = VgpioError(m)
            if error.fatal:
                self.close()
                raise error
            if m.seq > self._seq:
                raise ProtocolError("bad-sequence", f"ERROR for message {m.seq}, never sent")
            if awaited:
                self._reply = error
                self._awaited = None
            else:
                self._errors.append(error)
            return
        if m.type == Type.PING:
            if self.server is None or not self.server.features & PING:
                raise ProtocolError("bad-state", "PING, which is not in force")
            self._seq += 1
            self._out += encode(Type.PONG, self._seq)
            return
        if self.server is None and m.type != Type.HELLO_REPLY:
            raise ProtocolError("bad-state", f"{m.type.name} before the HELLO reply")
        beyond = getattr(m, "mask", 0) >> len(self.lines)
        if m.type == Type.VALUES and m.reason != Reason.REPLY or m.type >= 0xC000:
            if m.seq and not self._values_due:   # the first VALUES may count as a reply to ATTACH
                raise ProtocolError("bad-sequence", f"{m.type.name} with seq {m.seq}")
        elif awaited and m.type == self._awaited[1]:
            self._reply, self._awaited = m, None
            self.server = m if m.type == Type.HELLO_REPLY else self.server
        else:
            raise ProtocolError("bad-sequence", f"{m.type.name} {m.seq} was not asked for")
        if m.type in (Type.ATTACHED, Type.LINES):
            if m.type == Type.LINES and len(m.entries) != len(self.lines):
                raise ProtocolError("bad-value", "LINES of another number of lines")
            self.lines, self._values_due = m.entries, m.type == Type.ATTACHED
            return
        if beyond:
            raise ProtocolError("bad-value", f"{m.type.name} for a line beyond the attachment")
        if m.type == Type.VALUES:
            self._values_due = False
            self.levels = self.levels & ~m.mask | m.bits
            self.known, self.stale = self.known | m.mask, self.stale & ~m.mask
            if m.reason in (Reason.ATTACHED, Reason.RESTORED, Reason.CONFIGURED):
                fresh = None if m.reason == Reason.CONFIGURED else 0
                self._seqno.update((i, fresh) for i in range(64) if m.mask >> i & 1)
        elif m.type == Type.LOST:
            self.known &= ~m.mask
        for edge in m.entries if m.type == Type.EDGES else ():
            self._edge(edge)
        if m.type in (Type.LOST, Type.RESTORED) or m.type == Type.VALUES and m.reason:
            self._events.append(m)

    def _edge(self, edge):
        if edge.line >= len(self.lines):
            raise ProtocolError("bad-value", f"edge of line {edge.line} beyond the attachment")
        bit, last = 1 << edge.line, self._seqno.get(edge.line)
        step = 1 if last is None else (edge.line_seqno - last) % (1 << 32)
        if not 0 < step < 1 << 31:
            raise ProtocolError("bad-value", f"line_seqno {edge.line_seqno} after {last}")
        if step > 1:
            self.stale |= bit
        self._seqno[edge.line] = edge.line_seqno
        self.levels = self.levels | bit if edge.level else self.levels & ~bit
        self._events.append(edge)
