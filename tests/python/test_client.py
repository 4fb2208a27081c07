#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The client against a mock backend. The mock packs its bytes by hand, not with the client's
codec, so that a mistake in a table of the client is not made twice."""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from vgpio_client import (Client, Edge, ProtocolError, Type, VgpioError, connect,  # noqa: E402
                          decode, encode)

HERE = os.path.dirname(os.path.abspath(__file__))
HELLO, ATTACH, INFO, CONFIGURE, SET, GET, SYNC = range(1, 8)
PONG = 9


def message(kind, seq, payload=b"", flags=0):
    return struct.pack("<HHIQ", kind, flags, len(payload), seq) + payload


def hello_reply(seq=1, version=1, features=0):
    return message(0x8001, seq, b"VGPI" + struct.pack("<HHIIQH", version, 64, 16384, 7, features, 4)
                   + b"mock")


def line_entry(vgpio, offset, flags, edges, name, chip=b"sim", tail=b""):
    return struct.pack("<HHIIIIBBBBB3x", 28 + len(name + chip + tail), vgpio, offset, flags, 0, 0,
                       1, 1, edges, len(name), len(chip)) + name + chip + tail


def lines(kind, seq, flags=(0, 0), tail=b""):
    return message(kind, seq, struct.pack("<HH", len(flags), 0) + b"".join(
        line_entry(i, 10 + i, f, 3, b"l%d" % i, tail=tail) for i, f in enumerate(flags)))


def values(seq, mask, bits, reason, lost=0):
    return message(0x8006, seq, struct.pack("<QQQIB3x", mask, bits, 1000, lost, reason))


def edges(*entries):
    return message(0xC001, 0, struct.pack("<H6x", len(entries))
                   + b"".join(struct.pack("<HBxIQ", *entry) for entry in entries))


def error(seq, mask, code, text=b"", errno=0):
    return message(0xFFFF, seq, struct.pack("<QHHH", mask, code, errno, len(text)) + text)


class Mock:
    """Two lines, 0 and 1. `extra` maps (type, how often it came) to bytes sent before the
    reply, or to (None, bytes) sent in place of it."""

    def __init__(self, conn, extra=None, chunk=None, on_sync=None):
        self.conn, self.extra, self.chunk, self.on_sync = conn, extra or {}, chunk, on_sync
        self.outputs = self.bits = 0
        self.seen, self.count = [], {}
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.conn.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def send(self, data):
        for i in range(0, len(data), self.chunk or len(data) or 1):
            self.conn.sendall(data[i:i + (self.chunk or len(data))])

    def run(self):
        try:
            while True:
                kind, flags, length, seq = struct.unpack("<HHIQ", self.read(16))
                payload = self.read(length)
                self.seen.append((kind, seq, payload))
                self.count[kind] = self.count.get(kind, 0) + 1
                extra = self.extra.get((kind, self.count[kind]), b"")
                if isinstance(extra, tuple):
                    self.send(extra[1])
                    continue
                self.send(extra + self.reply(kind, seq, payload))
        except (EOFError, OSError):
            pass
        finally:
            self.conn.close()

    def reply(self, kind, seq, payload):
        flags = [self.outputs >> i & 1 for i in (0, 1)]
        if kind == HELLO:
            return hello_reply(seq)
        if kind == ATTACH:
            what, size = struct.unpack_from("<HH", payload)
            if (what, payload[4:4 + size]) not in ((0, b"leds"), (1, b"0,gpios=10:11")):
                return error(seq, 0, 16 + what, b"there is: leds")
            return lines(0x8002, seq, flags) + values(0, 3, self.bits, 1)
        if kind == INFO:
            return lines(0x8003, seq, flags)
        if kind == CONFIGURE:
            mask, outputs, bits, fields = struct.unpack_from("<QQQI", payload)
            if fields & 1:
                self.outputs = self.outputs & ~mask | outputs
                self.bits = self.bits & ~mask | bits
            inputs = mask & ~self.outputs
            return values(0, inputs, self.bits & inputs, 4) if inputs else b""
        if kind == SET:
            mask, bits = struct.unpack("<QQ", payload)
            if mask & ~self.outputs:
                return error(seq, mask & ~self.outputs, 25, b"line 1 is an input")
            self.bits = self.bits & ~mask | bits
            return b""
        if kind == GET:
            mask, = struct.unpack("<Q", payload)
            return values(seq, mask, self.bits & mask, 0)
        if kind == SYNC:
            if self.on_sync:
                self.on_sync(self)
            return message(0x8007, seq)
        if kind == PONG:
            return b""
        raise AssertionError(kind)


class ClientTest(unittest.TestCase):
    def start(self, extra=None, attach=True, timeout=2.0, hello=True, **options):
        ours, theirs = socket.socketpair()
        self.mock = Mock(theirs, extra, **options)
        client = Client(ours, timeout)
        self.addCleanup(client.close)
        if hello:
            client.hello("test")
        if attach and hello:
            client.attach("leds")
        return client

    def test_bytes_of_the_example(self):
        gpio = self.start(hello=False)
        gpio.hello("led", features=0)
        gpio.attach("leds")
        gpio.configure(1, outputs=1)
        gpio.set(1, 1)
        gpio.sync()
        sent = b"".join(message(kind, seq, payload) for kind, seq, payload in self.mock.seen)
        self.assertEqual(sent[:-16].hex(), bytes.fromhex("""
            01 00 00 00  15 00 00 00  01 00 00 00 00 00 00 00
            56 47 50 49  01 00 01 00  00 00 00 00 00 00 00 00
            03 00 6c 65 64
            02 00 00 00  08 00 00 00  02 00 00 00 00 00 00 00
            00 00 04 00 6c 65 64 73
            04 00 00 00  24 00 00 00  03 00 00 00 00 00 00 00
            01 00 00 00 00 00 00 00  01 00 00 00 00 00 00 00
            00 00 00 00 00 00 00 00  01 00 00 00  00 00 00 00
            00 00 00 00
            05 00 00 00  10 00 00 00  04 00 00 00 00 00 00 00
            01 00 00 00 00 00 00 00  01 00 00 00 00 00 00 00""").hex())
        _, reply = decode(bytes.fromhex("""
            01 80 00 00  1a 00 00 00  01 00 00 00 00 00 00 00
            56 47 50 49  01 00 40 00  00 40 00 00
            07 00 00 00  00 00 00 00 00 00 00 00  00 00"""), "backend")
        self.assertEqual((reply.type, reply.seq, reply.version, reply.max_lines, reply.max_payload,
                          reply.session, reply.features, reply.name),
                         (Type.HELLO_REPLY, 1, 1, 64, 16384, 7, 0, ""))

    def test_a_session(self):
        gpio = self.start(chunk=3)
        self.assertEqual((gpio.server.name, gpio.server.session), ("mock", 7))
        self.assertEqual([(x.vgpio, x.offset, x.name, x.chip, x.edges) for x in gpio.lines],
                         [(0, 10, "l0", "sim", 3), (1, 11, "l1", "sim", 3)])
        self.assertEqual(gpio.wait(0).reason, 1)
        gpio.configure(3, outputs=1, bits=1)
        gpio.set(1, 0)
        gpio.set(1, 1)
        gpio.sync()
        event = gpio.wait(0)
        self.assertEqual((event.reason, event.mask), (4, 2))
        self.assertEqual(gpio.get(3).bits, 1)
        self.assertTrue(gpio.info()[0].output)
        self.assertIsNone(gpio.wait(0))
        self.assertFalse(gpio.closed)

    def test_line_map_and_refusal(self):
        gpio = self.start(attach=False)
        with self.assertRaises(VgpioError) as caught:
            gpio.attach("nothing")
        self.assertEqual((caught.exception.name, caught.exception.text),
                         ("no-export", "there is: leds"))
        self.assertEqual(len(gpio.attach(line_map="0,gpios=10:11")), 2)
        self.assertRaises(TypeError, gpio.attach)

    def test_configure_encodes_each_setting(self):
        gpio = self.start()
        for bit, (key, value, offset) in enumerate((
                ("bias", 3, 28), ("drive", 2, 29), ("active_low", True, 30), ("edges", 0, 31),
                ("debounce_us", 0x01020304, 32)), 1):
            gpio.configure(2, **{key: value})
            gpio.sync()
            payload = self.mock.seen[-2][2]
            self.assertEqual(payload[24:28], struct.pack("<I", 1 << bit), key)
            self.assertEqual(payload[offset], int(value) & 0xFF, key)
        for wrong in (dict(outputs=1), dict(bits=2), dict(outputs=2, bits=1), dict(bias=0),
                      dict(bias=5), dict(drive=4), dict(edges=4), dict(debounce_us=1 << 32)):
            with self.assertRaises(ProtocolError, msg=wrong):
                gpio.configure(2, **wrong)
        self.assertRaises(ProtocolError, gpio.set, 1, 2)
        self.assertRaises(ProtocolError, gpio.set, 1 << 64, 0)
        gpio.sync()                              # nothing of that was sent, no seq was lost

    def test_posted_error(self):
        gpio = self.start()
        gpio.set(1, 1)
        seq = gpio.set(2, 2)
        with self.assertRaises(VgpioError) as caught:
            gpio.sync()
        e = caught.exception
        self.assertEqual((e.name, e.mask, e.seq, e.fatal, e.errno, e.text),
                         ("not-output", 1, seq - 1, False, 0, "line 1 is an input"))
        with self.assertRaises(VgpioError) as caught:
            gpio.sync()                          # the second one
        self.assertEqual(caught.exception.seq, seq)
        gpio.sync()

    def test_error_in_place_of_a_reply(self):
        gpio = self.start({(GET, 1): (None, error(3, 4, 26, b"no line 2"))})
        with self.assertRaises(VgpioError) as caught:
            gpio.get(4)
        self.assertEqual(caught.exception.name, "bad-line")
        self.assertEqual(gpio.get(1).mask, 1)

    def test_unknown_error_code_and_reason_and_longer_entries(self):
        gpio = self.start({(ATTACH, 1): (None, lines(0x8002, 2, (0xFFFFFFE0, 0), tail=b"later")
                                         + values(0, 3, 0, 1) + values(0, 3, 2, 200)
                                         + error(0, 0, 999))})
        self.assertEqual([x.name for x in gpio.lines], ["l0", "l1"])
        with self.assertRaisesRegex(VgpioError, "code-999"):
            gpio.sync()
        self.assertEqual(gpio.levels, 2)
        self.assertEqual([gpio.wait(0).reason for _ in "12"], [1, 200])

    def test_edges_loss_and_restoration(self):
        text = "gpiochip sim was removed".encode()
        gpio = self.start({
            (SYNC, 1): edges((1, 1, 1, 50), (0, 1, 1, 60), (1, 0, 2, 70)),
            (SYNC, 2): edges((1, 1, 7, 90)),
            (SYNC, 3): values(0, 2, 0, 2, lost=4),
            (SYNC, 4): message(0xC002, 0, struct.pack("<QH", 3, len(text)) + text),
            (SYNC, 5): message(0xC003, 0, struct.pack("<Q", 3)) + values(0, 3, 2, 3)
            + edges((1, 0, 1, 95)),
        })
        gpio.wait(0)
        gpio.sync()
        self.assertEqual(list(gpio.events(0)),
                         [Edge(1, 1, 1, 50), Edge(0, 1, 1, 60), Edge(1, 0, 2, 70)])
        self.assertEqual((gpio.levels, gpio.known, gpio.stale), (1, 3, 0))
        gpio.sync()
        self.assertEqual((gpio.levels, gpio.stale), (3, 2))
        gpio.sync()
        self.assertEqual((gpio.levels, gpio.stale), (1, 0))
        gpio.sync()
        self.assertEqual(gpio.known, 0)
        gpio.sync()
        self.assertEqual((gpio.known, gpio.levels), (3, 0))
        kinds = [getattr(e, "type", Type.EDGES) for e in gpio.events(0)]
        self.assertEqual(kinds, [Type.EDGES, Type.VALUES, Type.LOST, Type.RESTORED, Type.VALUES,
                                 Type.EDGES])

    def test_optional_message_is_skipped(self):
        gpio = self.start({(SYNC, 1): message(0x9999, 0, b"whatever", flags=1)})
        gpio.sync()

    def test_violations_close_the_session(self):
        for name, data in {
            "unknown-type": message(0x9999, 0),
            "frontend's type": message(SYNC, 3),
            "too-long": struct.pack("<HHIQ", 0x8007, 0, 16385, 3),
            "flags": message(0x8007, 3, flags=2),
            "short": message(0xC003, 0, b"1234567"),
            "long": message(0xC003, 0, b"\0" * 9),
            "optional and long": message(0xC003, 0, b"\0" * 9, flags=1),
            "reserved": values(0, 1, 0, 2)[:-1] + b"\1",
            "bits outside mask": values(0, 1, 2, 2),
            "beyond the attachment": values(0, 4, 0, 2),
            "edge beyond the attachment": edges((2, 1, 1, 1)),
            "level": edges((0, 2, 1, 1)),
            "no edges": edges(),
            "seqno twice": edges((0, 1, 1, 1), (0, 0, 1, 2)),
            "another's reply": message(0x8007, 2),
            "not asked for": lines(0x8003, 3),
            "VALUES of nobody": values(0, 1, 1, 0),
            "event with seq": edges((0, 1, 1, 1))[:8] + struct.pack("<Q", 3)
            + edges((0, 1, 1, 1))[16:],
            "not UTF-8": error(0, 0, 27, b"\xff"),
            "error from the future": error(99, 0, 27),
            "text too short": error(0, 0, 27, b"abc")[:-1],
        }.items():
            with self.subTest(name):
                gpio = self.start({(SYNC, 1): data})
                self.assertRaises((ProtocolError, TimeoutError) if name == "text too short"
                                  else ProtocolError, gpio.sync)
                self.assertTrue(gpio.closed)
                self.assertRaises(ConnectionError, gpio.sync)

    def test_values_must_follow_attached(self):
        gpio = self.start({(ATTACH, 1): (None, lines(0x8002, 2) + edges((0, 1, 1, 1)))},
                          attach=False)
        self.assertRaises(ProtocolError, gpio.attach, "leds")

    def test_features_nobody_offered(self):
        gpio = self.start({(HELLO, 1): (None, hello_reply(features=1))}, hello=False)
        self.assertRaises(ProtocolError, gpio.hello, "x")

    def test_pings_are_answered(self):
        ping = message(0xC005, 0)
        gpio = self.start({(HELLO, 1): (None, hello_reply(features=2)), (SYNC, 1): ping + ping},
                          hello=False)
        gpio.hello("x")
        gpio.attach("leds")
        gpio.sync()
        gpio.sync()
        kinds = [(kind, seq) for kind, seq, _ in self.mock.seen]
        self.assertEqual(kinds[2:], [(SYNC, 3), (PONG, 4), (PONG, 5), (SYNC, 6)])

    def test_a_ping_nobody_agreed_on(self):
        gpio = self.start({(SYNC, 1): message(0xC005, 0)})
        self.assertRaises(ProtocolError, gpio.sync)

    def test_fatal_error(self):
        gpio = self.start({(HELLO, 1): (None, error(0, 0, 8, b"1024 sessions"))}, hello=False)
        with self.assertRaises(VgpioError) as caught:
            gpio.hello("x")
        self.assertEqual((caught.exception.name, caught.exception.fatal),
                         ("too-many-sessions", True))
        self.assertTrue(gpio.closed)

    def test_silence_ends_in_time(self):
        gpio = self.start({(SYNC, 1): (None, b"")}, timeout=0.2)
        begin = time.monotonic()
        self.assertRaises(TimeoutError, gpio.sync)
        self.assertLess(time.monotonic() - begin, 1.5)
        self.assertTrue(gpio.closed)

    def test_error_left_behind_by_a_closed_backend(self):
        ours, theirs = socket.socketpair()
        theirs.sendall(error(0, 0, 9, b"bye"))
        theirs.close()
        self.assertRaisesRegex(VgpioError, "shutting-down", Client(ours).hello, "x")

    def test_end_inside_a_message(self):
        ours, theirs = socket.socketpair()
        theirs.sendall(hello_reply()[:20])
        theirs.shutdown(socket.SHUT_WR)
        self.assertRaisesRegex(ConnectionError, "inside a message", Client(ours).hello, "x")
        theirs.close()

    def test_sending_reads_too(self):
        """The backend floods us and does not read before that is drained."""
        count = 20000

        def flood(mock):
            mock.send(b"".join(edges(*((0, (n + i) % 2, n + i + 1, n + i) for i in range(500)))
                               for n in range(0, count, 500)))

        gpio = self.start(on_sync=flood, timeout=10.0)
        gpio.configure(2, outputs=2)
        gpio._out += message(SYNC, gpio._seq + 1)  # a SYNC whose reply is the flood, not awaited
        gpio._seq += 1
        gpio._awaited = (gpio._seq, Type.SYNCED)
        for n in range(20000):
            gpio._out += encode(Type.SET, gpio._seq + 1, mask=2, bits=n % 2 * 2)
            gpio._seq += 1
        gpio._finish(lambda: not gpio._out and gpio._reply is not None)
        self.mock.on_sync = None
        gpio.sync()
        self.assertEqual(sum(isinstance(e, Edge) for e in gpio.events(0)), count)


class ScriptTest(unittest.TestCase):
    def run_script(self, on_sync=None, led="0"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s")
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                listener.bind(path)
                listener.listen()
                listener.settimeout(10)
                script = subprocess.Popen(
                    [sys.executable, os.path.join(HERE, "blink_and_button.py"), "--socket", path,
                     "--export", "leds", "--led", led, "--button", "1", "--blinks", "2",
                     "--period", "0", "--timeout", "3"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                conn, _ = listener.accept()
                mock, output = Mock(conn), []
                for text in script.stdout:
                    output.append(text.strip())
                    if text == "READY\n":
                        conn.sendall(on_sync)
                problem = script.stderr.read()
                script.stdout.close()
                script.stderr.close()
                status = script.wait(10)
                mock.thread.join(10)
                return status, output, problem

    def test_blink_and_button(self):
        status, output, problem = self.run_script(edges((1, 1, 1, 50), (1, 0, 2, 60)))
        self.assertEqual((status, output, problem), (0, [
            "LED 1", "LED 0", "LED 1", "LED 0", "READY", "EDGE 1 1 1 50", "EDGE 1 0 2 60"], ""))

    def test_violation_exits_with_1(self):
        status, output, problem = self.run_script(edges((1, 1, 1, 50), (1, 0, 1, 60)))
        self.assertEqual((status, output[-1]), (1, "READY"))
        self.assertIn("line_seqno", problem)

    def test_no_press_exits_with_1(self):
        status, _, problem = self.run_script(b"")
        self.assertEqual(status, 1)
        self.assertIn("in time", problem)

    def test_connect_says_what_is_wrong(self):
        self.assertRaises(OSError, connect, os.path.join(HERE, "no-such-socket"))


if __name__ == "__main__":
    unittest.main()
