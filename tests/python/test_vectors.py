#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The client's encoder and decoder against protocol/vectors/messages.json."""
import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "..", "protocol", "vectors", "messages.json")
sys.path.insert(0, HERE)
from vgpio_wire import (CODES, Bias, Drive, Edge, Edges, Line, ProtocolError, Reason,  # noqa: E402
                        Type, decode, encode)


def words(enum):
    return {member.value: member.name.lower().replace("_", "-") for member in enum}


HEX = {"mask", "outputs", "bits", "features", "timestamp_ns"}
WORDS = {"bias": words(Bias), "drive": words(Drive), "edges": words(Edges), "code": CODES,
         "reason": words(Reason), "kind": {0: "export", 1: "map"},
         "active_low": {0: False, 1: True}}
NUMBERS = {key: {word: number for number, word in table.items()} for key, table in WORDS.items()}
FRAME = {"magic", "flags", "count", "fields", "name_length", "text_length"}  # not in vectors
SETTINGS = ("outputs", "bias", "drive", "active_low", "edges", "debounce_us")  # bits of `fields`


def to_vector(key, value):
    """A field as the vectors write it."""
    if key == "entries":
        return [{k: to_vector(k, v) for k, v in vars(entry).items()} for entry in value]
    if key in HEX:
        return hex(value)
    return WORDS.get(key, {}).get(value, value)


def from_vector(key, value):
    """A field of a vector as encode() wants it."""
    if key == "entries":
        return [(Edge if "line" in entry else Line)(**{k: from_vector(k, v)
                                                       for k, v in entry.items()})
                for entry in value]
    if key in HEX:
        return int(value, 16)
    return NUMBERS[key].get(value, value) if key in NUMBERS else value


def describe(message):
    """A decoded Message as the object that a vector has under "message"."""
    if message.type is None:
        return {"type": "skipped", "seq": message.seq}
    found = {key: to_vector(key, value) for key, value in vars(message).items()
             if key not in FRAME | {"type"}}
    if message.type == Type.CONFIGURE:
        for bit, name in enumerate(SETTINGS):
            if not message.fields >> bit & 1:
                for key in (name, "bits") if name == "outputs" else (name,):
                    del found[key]
    return {"type": message.type.name.replace("HELLO_REPLY", "HELLO reply"), **found}


class VectorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(VECTORS, encoding="utf-8") as file:  # a missing file is a failure
            cls.vectors = json.load(file)["vectors"]

    def test_there_are_vectors_of_every_type(self):
        types = {v["message"]["type"] for v in self.vectors if "message" in v}
        self.assertEqual(types, {t.name.replace("HELLO_REPLY", "HELLO reply") for t in Type}
                         | {"skipped"})
        names = [v["name"] for v in self.vectors]
        self.assertEqual(len(names), len(set(names)))

    def test_every_vector_is_one_of_the_two_kinds(self):
        for v in self.vectors:
            with self.subTest(v["name"]):
                self.assertTrue(("message" in v) != ("error" in v))
                self.assertIn(v["from"], ("frontend", "backend"))

    def test_decode(self):
        for v in self.vectors:
            with self.subTest(v["name"], meaning=v["meaning"]):
                data = bytes.fromhex(v["hex"])
                if v.get("error") == "incomplete":
                    self.assertEqual(decode(data, v["from"]), (0, None))
                elif "error" in v:
                    with self.assertRaises(ProtocolError) as caught:
                        decode(data, v["from"])
                    self.assertEqual(caught.exception.code, v["error"], caught.exception)
                else:
                    size, message = decode(data, v["from"])
                    self.assertEqual((size, describe(message)), (len(data), v["message"]))

    def test_messages_are_incomplete_until_their_last_byte(self):
        for v in self.vectors:
            data = bytes.fromhex(v["hex"])
            for size in range(min(len(data), 200)) if "message" in v else ():
                self.assertEqual(decode(data[:size], v["from"]), (0, None), v["name"])

    def test_encode(self):
        for v in self.vectors:
            if "message" in v and v.get("canonical", True):
                with self.subTest(v["name"], meaning=v["meaning"]):
                    values = {key: from_vector(key, x) for key, x in v["message"].items()}
                    kind = Type[values.pop("type").upper().replace(" ", "_")]
                    if kind == Type.CONFIGURE:
                        values["fields"] = sum(1 << bit for bit, key in enumerate(SETTINGS)
                                               if key in values)
                    self.assertEqual(encode(kind, values.pop("seq"), **values).hex(" "), v["hex"])


if __name__ == "__main__":
    unittest.main()
