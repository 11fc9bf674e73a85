"""Shared objects for tests: what the dynamic linker would read of them, and nothing to run."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DYNAMIC_AT, STRINGS_AT = 0x100, 0x800


def write(
    path: Path,
    *,
    needed: tuple[str, ...] = (),
    soname: str | None = None,
    rpath: str | None = None,
    runpath: str | None = None,
    machine: int = 62,
) -> str:
    """Write a 64-bit shared object that has nothing but a dynamic section; return its path."""
    strings, tags = b"\0", []
    named = ((1, name) for name in needed)
    for tag, text in (*named, (14, soname), (15, rpath), (29, runpath)):
        if text is not None:
            tags.append((tag, len(strings)))
            strings += text.encode() + b"\0"
    address = 0x400000  # strings are addressed in memory, 0x400000 above their place in the file
    tags += [(5, address + STRINGS_AT), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    head = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0,
                       3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)  # fmt: skip
    size = STRINGS_AT + len(strings)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, address, address, size, size, 0x1000)
    place = address + DYNAMIC_AT
    segment = struct.pack("<IIQQQQQQ", 2, 4, DYNAMIC_AT, place, place, len(dynamic), 0, 8)
    content = (head + load + segment).ljust(DYNAMIC_AT, b"\0") + dynamic
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.ljust(STRINGS_AT, b"\0") + strings)
    return str(path)
