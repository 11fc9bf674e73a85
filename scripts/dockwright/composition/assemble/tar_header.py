"""A path with its mode and size in; the header blocks of a tar that every reader knows out."""

from __future__ import annotations

from dockwright.composition.render import MTIME

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
REGULAR, SYMLINK, DIRECTORY, EXTENDED = b"0", b"2", b"5", b"x"
MAX_OCTAL_BYTES = 8**11 - 1
"""The largest size that eleven octal digits hold: 8 GiB."""
EXTENDED_NAME = b"././@PaxHeader"


def header(path: str, *, kind: bytes, mode: int, size_bytes: int = 0, link: str = "") -> bytes:
    """Return a member's header: owner root, time MTIME, PAX only for what ustar cannot say."""
    name = path.encode()
    records = b""
    split = _split(name) if name.isascii() else None
    if split is None:
        records += _record(b"path", name)
        split = (name.decode("utf-8", "replace").encode("ascii", "replace")[:100], b"")
    target = link.encode()
    if len(target) > 100 or not link.isascii():
        records += _record(b"linkpath", target)
        target = b""
    if size_bytes > MAX_OCTAL_BYTES:
        records += _record(b"size", b"%d" % size_bytes)
        size_bytes = 0
    block = _block(*split, kind=kind, mode=mode, size_bytes=size_bytes, link=target)
    if not records:
        return block
    extended = _block(EXTENDED_NAME, b"", kind=EXTENDED, mode=0o644, size_bytes=len(records))
    return extended + records + padding(len(records)) + block


def padding(size_bytes: int) -> bytes:
    """Return the zeros that fill a member's last block.

    >>> len(padding(0)), len(padding(1)), len(padding(512))
    (0, 511, 0)
    """
    return bytes(-size_bytes % BLOCK_BYTES)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Split a path at a slash as ustar wants it: at most 100 bytes behind, 155 before."""
    if len(name) <= 100:
        return name, b""
    # A folder's own slash at the end is no place to split.
    at = name.find(b"/", len(name) - 101, len(name) - 1)
    if at == -1 or at > 155 or at == 0:
        return None
    return name[at + 1 :], name[:at]


def _block(
    name: bytes, prefix: bytes, *, kind: bytes, mode: int, size_bytes: int, link: bytes = b""
) -> bytes:
    head = b"%b%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        name.ljust(100, b"\0"),
        mode,
        0,
        0,
        size_bytes,
        MTIME,
    )
    linked = link.ljust(100, b"\0")
    tail = b"%b%bustar\00000%b%b" % (kind, linked, bytes(80), prefix.ljust(167, b"\0"))
    # The checksum counts its own field as eight blanks.
    checksum = sum(head) + 8 * 0x20 + sum(tail)
    return b"%b%06o\0 %b" % (head, checksum, tail)


def _record(key: bytes, value: bytes) -> bytes:
    """Return a PAX record, whose length counts its own digits."""
    length = len(key) + len(value) + 3
    total = length + len(str(length))
    total = length + len(str(total))
    return b"%d %b=%b\n" % (total, key, value)
