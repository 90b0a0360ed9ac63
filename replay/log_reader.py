# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a log file independently of the C reader: the format as docs/log-format says it, standard library and libzstd.

usage: log_reader.py TABLE LOG    (TABLE: the module that events.py makes) prints JSON lines as the C dump does.
"""

import ctypes
import ctypes.util
import importlib.util
import json
import pathlib
import struct
import sys
from typing import Iterator

VERSION = 0x50500002
SEGMENTS = 192
SEGMENT = struct.Struct(">4sIIIQQQQII16s16s")
FIXED = {"U8": ">B", "U16": ">H", "U32": ">I", "U64": ">Q", "I32": ">i", "I64": ">q", "ENUM": ">B"}


class Damaged(Exception):
    """The log cannot be read further."""


def _unpack(packed: bytes, size: int) -> bytes:
    zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    zstd.ZSTD_decompress.restype = ctypes.c_size_t
    zstd.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    out = ctypes.create_string_buffer(max(size, 1))
    if zstd.ZSTD_decompress(out, size, packed, len(packed)) != size:
        raise Damaged("a segment does not unpack")
    return out.raw[:size]


def _segments(data: bytes) -> Iterator[bytes]:
    """The events of each segment. Hashes are not checked: that is the C reader's part."""
    if struct.unpack_from(">I", data)[0] != VERSION:
        raise Damaged(f"version {data[:4].hex()}")
    at, number = SEGMENTS, 0
    while data[at:at + 4] == b"PSEG":
        magic, own, raw, packed, *_rest = SEGMENT.unpack_from(data, at)
        if own != number:
            raise Damaged(f"segment {own} at offset {at} should be {number}")
        at += SEGMENT.size
        yield _unpack(data[at:at + packed], raw)
        at, number = at + packed, number + 1


def _event(table, raw: bytes, at: int):
    """(name, class, arguments, next offset)"""
    name, kind, fields = table.EVENTS[raw[at]]
    at += 1
    arguments = {}
    for field, macro, names in fields:
        if macro == "BYTES":
            size = struct.unpack_from(">I", raw, at)[0]
            at += 4
            if at + size > len(raw):
                raise Damaged(f"{name} is cut short")
            arguments[field] = raw[at:at + size].hex()
            at += size
            continue
        value = struct.unpack_from(FIXED[macro], raw, at)[0]
        at += struct.calcsize(FIXED[macro])
        arguments[field] = table.NAMES[names][value] if names else str(value) if macro in ("U64", "I64") else value
    return name, kind, arguments, at


def read(table, data: bytes) -> Iterator[dict]:
    """Events as dictionaries, in order: number, icount, virtual-ns (if it has one of its own), event, arguments."""
    icount, wake, number = struct.unpack_from(">Q", data, 16)[0], None, 0
    for raw in _segments(data):
        at = 0
        while at < len(raw):
            name, kind, arguments, at = _event(table, raw, at)
            if name == "instruction":
                icount, wake = icount + arguments["count"], None
            elif name == "wake":
                wake = arguments["virtual-ns"]
            else:
                place = {} if wake is None else {"virtual-ns": wake}
                yield {"number": number, "icount": str(icount), **place, "event": name, **arguments}
            number += 1


def load_table(path: pathlib.Path):
    spec = importlib.util.spec_from_file_location("log_events", path)
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    return table


def main() -> None:
    table = load_table(pathlib.Path(sys.argv[1]))
    for event in read(table, pathlib.Path(sys.argv[2]).read_bytes()):
        print(json.dumps(event))


if __name__ == "__main__":
    main()
