"""A wheel's RECORD in; its rows, checked against the members, and the installed RECORD out."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.composition.assemble.wheel_archive import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dockwright.composition.assemble.wheel_archive import Member

ALGORITHMS = {"sha256": 32, "sha384": 48, "sha512": 64}
HASH = re.compile(r"(sha256|sha384|sha512)=([A-Za-z0-9_-]+)=*")
SIGNATURES = ("RECORD.jws", "RECORD.p7s")


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One line: `hash` is `sha256=…`, as it stands there, or empty; `size` likewise."""

    path: str
    hash: str = ""
    size: str = ""


def parse(filename: str, content: bytes) -> list[Row]:
    """Return the rows of a RECORD."""
    try:
        lines = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as e:
        raise refuse(filename, f"its RECORD is not what a RECORD is ({e})") from None
    rows = []
    for line in filter(None, lines):
        if len(line) != 3 or not re.fullmatch(r"[0-9]*", line[2], re.ASCII):
            raise refuse(filename, f"its RECORD has the line {','.join(line)!r}")
        path, digest, size = line
        # As uv has it: absolute paths are taken as relative ones, sizes as numbers.
        rows.append(Row(path.lstrip("/"), digest, str(int(size)) if size else ""))
    return rows


def checked(filename: str, rows: Iterable[Row], files: Mapping[str, Member], own: str) -> list[Row]:
    """Return the rows of files that are there; raise unless RECORD (`own`) tells true of all.

    Lines of absent files go, as uv has it; signatures need no line and no hash.
    """
    by_path: dict[str, Row] = {}
    for row in rows:
        if by_path.setdefault(row.path, row) != row:
            raise refuse(filename, f"its RECORD says two things of {row.path}")
    signatures = {own.removesuffix("RECORD") + name for name in SIGNATURES}
    for path, member in files.items():
        if path in signatures:
            by_path.setdefault(path, Row(path, "", str(member.size_bytes)))
        elif path == own:
            if by_path.get(own) != Row(own):
                raise refuse(filename, "its RECORD does not list itself, without hash and size")
        elif problem := _problem(by_path.get(path), member):
            raise refuse(filename, f"its RECORD {problem} {path}")
    return [row for row in by_path.values() if row.path in files]


def _problem(row: Row | None, member: Member) -> str | None:
    if row is None:
        return "does not list"
    if digest(row.hash) is None:
        return "has no strong hash of"
    if row.size and int(row.size) != member.size_bytes:
        return "lies about the size of"
    return None


def digest(text: str) -> tuple[str, bytes] | None:
    """Return algorithm and bytes of a RECORD's hash; None when it is not one to trust.

    >>> digest("md5=1B2M2Y8AsgTpgAmY7PhCfg") is None
    True
    """
    known = HASH.fullmatch(text)
    if known is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(known[2] + "=" * (-len(known[2]) % 4))
    except ValueError:
        return None
    return (known[1], raw) if ALGORITHMS[known[1]] == len(raw) else None


def digests(rows: Iterable[Row]) -> dict[str, tuple[str, bytes]]:
    """Return the hashes of those files that have one, by path."""
    return {row.path: known for row in rows if (known := digest(row.hash)) is not None}


def written(rows: Iterable[Row]) -> bytes:
    """Return a RECORD as uv writes it: sorted, quoted only where needed, Unix lines."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows((row.path, row.hash, row.size) for row in sorted(rows))
    return text.getvalue().encode()


def hash_of(content: bytes) -> str:
    """Return a content's hash as RECORD writes it."""
    raw = hashlib.sha256(content).digest()
    return "sha256=" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
