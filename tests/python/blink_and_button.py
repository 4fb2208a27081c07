#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Blink a line, then wait for a press and a release of a button.

Prints `LED 1` and `LED 0` after each change is on the chip, `READY` when the button may be
pressed, and `EDGE line level seqno timestamp` for its edges until there was a rising and a
falling one. Exit status: 0; 1 when the backend refused, broke the protocol or was too slow.
"""
import argparse
import sys
import time

from vgpio_client import Edge, Edges, ProtocolError, Reason, Type, VgpioError, connect


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--socket", metavar="PATH", help="of the backend")
    lines = parser.add_mutually_exclusive_group(required=True)
    lines.add_argument("--map", metavar="LINEMAP")
    lines.add_argument("--export", metavar="NAME")
    parser.add_argument("--led", type=int, required=True, metavar="LINE", help="0 to 63")
    parser.add_argument("--button", type=int, required=True, metavar="LINE", help="0 to 63")
    parser.add_argument("--blinks", type=int, default=3, metavar="N")
    parser.add_argument("--period", type=float, default=0.1, metavar="SECONDS")
    parser.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS",
                        help="for the press and the release together")
    return parser.parse_args()


def say(*words):
    print(*words, flush=True)


def must(condition, text):
    if not condition:
        raise ProtocolError("bad-value", text)


def prepare(gpio, led, button):
    """The LED an output, inactive; the button an input that reports both edges."""
    if not max(led, button) < len(gpio.lines):
        raise SystemExit(f"there are {len(gpio.lines)} lines only")
    gpio.configure(1 << led, outputs=1 << led)
    if gpio.lines[button].output or gpio.lines[button].edges != Edges.BOTH:
        gpio.configure(1 << button, outputs=0, edges=Edges.BOTH)
    gpio.sync()
    lines = gpio.info()
    must(lines[led].output, "the LED is no output after CONFIGURE")
    must(not lines[button].output and lines[button].edges == Edges.BOTH,
         "the button is no input with both edges after CONFIGURE")
    must(gpio.known >> button & 1, "no VALUES states the button's level")


def blink(gpio, led, count, period):
    for level in (1, 0) * count:
        gpio.set(1 << led, level << led)
        gpio.sync()
        must(gpio.get(1 << led).bits >> led & 1 == level, f"the LED does not read back as {level}")
        say("LED", level)
        time.sleep(period / 2)


def watch(gpio, button, timeout):
    """Print the button's edges until both kinds were seen."""
    for _ in iter(lambda: gpio.wait(0), None):
        pass                                     # of the time before READY
    level, last, seen = gpio.levels >> button & 1, None, set()
    deadline = time.monotonic() + timeout
    say("READY")
    while seen != {0, 1}:
        left = deadline - time.monotonic()
        event = gpio.wait(left) if left > 0 else None
        if event is None:
            raise TimeoutError("no press and release of the button in time")
        if isinstance(event, Edge) and event.line == button:
            say("EDGE", event.line, event.level, event.line_seqno, event.timestamp_ns)
            must(event.level != level, f"two edges to {level} in sequence")
            if last:
                must(event.line_seqno == last.line_seqno + 1, "an edge is missing")
                must(event.timestamp_ns >= last.timestamp_ns, "an edge older than the one before")
            level, last = event.level, event
            seen.add(level)
        elif not isinstance(event, Edge) and event.type == Type.LOST and event.mask >> button & 1:
            raise ConnectionError(f"the button is gone: {event.text}")
        elif not isinstance(event, Edge) and getattr(event, "reason", 0) == Reason.RESYNC:
            raise ConnectionError(f"{event.lost_edges} edges were lost")


def main():
    options = arguments()
    try:
        with connect(options.socket, "blink-and-button") as gpio:
            gpio.attach(options.export, line_map=options.map)
            prepare(gpio, options.led, options.button)
            blink(gpio, options.led, options.blinks, options.period)
            watch(gpio, options.button, options.timeout)
    except (ProtocolError, VgpioError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
