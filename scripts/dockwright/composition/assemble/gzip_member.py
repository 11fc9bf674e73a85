"""Bytes in; gzip members out, the same on every machine: no compression library has a say.

A gzip file is one or more members, read as one stream (RFC 1952). Bytes that a wheel has
deflated already become a member by a header and a trailer; the little that is ours (tar headers,
padding, generated files) is deflated here, since libraries and their versions differ in output.
"""

from __future__ import annotations

import re
import zlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no flags, no time, no extra flags, operating system unknown."""
STORED_BYTES = 65535
"""The most that one stored block of DEFLATE holds."""

# Blocks of DEFLATE (RFC 1951), lowest bit first: final, of fixed Huffman codes; its end.
_FIXED_BLOCK = (0b011, 3)
_END_OF_BLOCK = (0, 7)
_MAX_MATCH = 258
# Fixed codes of 0..143 are the 8 bits of 0x30 + byte, highest bit first: a table turns them.
_LITERALS = bytes(int(f"{(0x30 + min(byte, 143)) & 0xFF:08b}"[::-1], 2) for byte in range(256))
_RUNS = re.compile(rb"(\x00{4,})")


def trailer(crc32: int, size_bytes: int) -> bytes:
    """Return what ends a member after its deflated bytes; sizes beyond 4 GB are kept modulo 2**32, as RFC 1952 has it."""
    return crc32.to_bytes(4, "little") + (size_bytes & 0xFFFFFFFF).to_bytes(4, "little")


def member(data: bytes) -> bytes:
    """Return the gzip member of bytes of our own: runs of zeros vanish, the rest stays as long."""
    body = _deflated(data) if data.isascii() else b"".join(stored((data,), size_bytes=len(data)))
    return HEADER + body + trailer(zlib.crc32(data), len(data))


def stored(chunks: Iterable[bytes], *, size_bytes: int) -> Iterator[bytes]:
    """Yield a DEFLATE stream that holds the bytes as they are."""
    left_bytes = size_bytes
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= STORED_BYTES or (buffer and len(buffer) == left_bytes):
            block = bytes(buffer[:STORED_BYTES])
            del buffer[:STORED_BYTES]
            left_bytes -= len(block)
            yield _stored_block(block, is_final=left_bytes == 0)
    if size_bytes == 0:
        yield _stored_block(b"", is_final=True)


def _stored_block(block: bytes, *, is_final: bool) -> bytes:
    length = len(block)
    return b"".join(
        (
            bytes((is_final,)),
            length.to_bytes(2, "little"),
            (length ^ 0xFFFF).to_bytes(2, "little"),
            block,
        )
    )


def _deflated(data: bytes) -> bytes:
    """Deflate ASCII: text byte by byte, a run of zeros as matches of the zero before."""
    bits, length = _FIXED_BLOCK
    for part in _RUNS.split(data):
        # One literal zero may open a part of a run; other parts hold text only.
        if part[:4] == b"\x00\x00\x00\x00":
            more, count = _run(len(part))
        else:
            more, count = int.from_bytes(part.translate(_LITERALS), "little"), 8 * len(part)
        bits |= more << length
        length += count
    more, count = _END_OF_BLOCK
    return (bits | more << length).to_bytes((length + count + 7) // 8, "little")


@cache
def _run(zeros: int) -> tuple[int, int]:
    """Return the bits of a run of zeros and how many they are."""
    bits, length = _LITERALS[0], 8
    left = zeros - 1
    while left:
        match = min(left, _MAX_MATCH)
        if left - match in {1, 2}:  # too short for a match of their own
            match -= 3
        more, count = _match(match)
        bits |= more << length
        length += count
        left -= match
    return bits, length


@cache
def _match(length: int) -> tuple[int, int]:
    """Return the bits that repeat the last byte `length` times (distance 1 is five zero bits)."""
    symbol, extra, extra_bits = _length_code(length)
    if symbol < 280:
        code, code_bits = symbol - 256, 7
    else:
        code, code_bits = 0xC0 + symbol - 280, 8
    turned = int(f"{code:0{code_bits}b}"[::-1], 2)
    return turned | extra << code_bits, code_bits + extra_bits + 5


def _length_code(length: int) -> tuple[int, int, int]:
    """Return the symbol of a match length with its extra bits' value and count (RFC 1951, 3.2.5).

    >>> _length_code(3), _length_code(10), _length_code(12), _length_code(257), _length_code(258)
    ((257, 0, 0), (264, 0, 0), (265, 1, 1), (284, 30, 5), (285, 0, 0))
    """
    if length == _MAX_MATCH:
        return 285, 0, 0
    if length <= 10:
        return 254 + length, 0, 0
    extra_bits = (length - 3).bit_length() - 3
    place = (length - 3) >> extra_bits
    return 257 + 4 * extra_bits + place, (length - 3) & ((1 << extra_bits) - 1), extra_bits
