"""A wheel's RECORD in; its rows, checked against the members, and the installed RECORD out."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.composition.assemble.refusal import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from hashlib import _Hash as Hash

    from dockwright.composition.assemble.zip_directory import Member

STRONG = re.compile(r"(sha256=[\w-]{43}=?|sha384=[\w-]{64}|sha512=[\w-]{86}(==)?)", re.ASCII)
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
    if not STRONG.fullmatch(row.hash):
        return "has no strong hash of"
    if row.size and int(row.size) != member.size_bytes:
        return "lies about the size of"
    return None


def told(rows: Iterable[Row]) -> dict[str, str]:
    """Return the hash of each file that has one, by path."""
    return {row.path: row.hash.rstrip("=") for row in rows if row.hash}


def new_hash(told: str) -> Hash:
    """Return a hash object of the algorithm that RECORD used."""
    return hashlib.new(told.partition("=")[0])


def text_of(digest: Hash) -> str:
    """Return a hash as RECORD writes it."""
    raw = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=")
    return f"{digest.name}={raw.decode()}"


def written(rows: Iterable[Row]) -> bytes:
    """Return a RECORD as uv writes it: sorted, quoted only where needed, Unix lines."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows((row.path, row.hash, row.size) for row in sorted(rows))
    return text.getvalue().encode()


def hash_of(content: bytes, *, like: str = "sha256") -> str:
    """Return a content's hash as RECORD writes it."""
    digest = new_hash(like)
    digest.update(content)
    return text_of(digest)
