"""The files of a virtual environment in; where they are not what their RECORDs tell out."""

from __future__ import annotations

import base64
import posixpath
import re
from typing import TYPE_CHECKING

from dockwright.composition.assemble import record
from dockwright.stages.verify.layers import DISTRIBUTION, DPKG_STATUS, OS_RELEASE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dockwright.composition.assemble.record import Row
    from dockwright.composition.layer_content import Entry

# What makes the environment, before any wheel.
OWN = re.compile(re.escape(ROOT) + r"(pyvenv\.cfg|bin/python[0-9.]*|lib64)")
COMPILED = re.compile(r"(?P<folder>.*/)__pycache__/(?P<name>[^/]+)\.cpython-[0-9]+\.pyc")


def problems(
    entries: Mapping[str, Entry], records: Mapping[str, str], folders: Iterable[str]
) -> Iterator[str]:
    """Yield every difference, and every file that is nobody's.

    `records` are the sha256 of the RECORDs that there must be, by path; what is in `folders` is no
    wheel's.
    """
    listed = set(records)
    found = {path for path in entries if DISTRIBUTION.fullmatch(path) and path.endswith("/RECORD")}
    for path in sorted(found | records.keys()):
        entry = entries.get(path)
        if entry is None or entry.sha256 != records.get(path):
            yield f"/{path} is {'not there' if entry is None else 'that of no locked wheel'}"
            continue
        if path not in found:
            continue  # of a package inside another, whose files are the outer one's
        site = posixpath.dirname(posixpath.dirname(path))
        for row in record.parse(path, entry.content or b""):
            where = posixpath.normpath(f"{site}/{row.path}")
            listed.add(where)
            if where not in records and (problem := _problem(entries.get(where), row)):
                yield f"/{where} {problem}"
    others = tuple(folder.strip("/") + "/" for folder in folders)
    yield from _unlisted(entries, listed, others)


def _problem(entry: Entry | None, row: Row) -> str | None:
    if entry is None:
        return "is not there"
    algorithm, _, encoded = row.hash.partition("=")
    if algorithm != "sha256":
        return f"has no sha256 in RECORD, but {row.hash or 'no hash'}"
    told = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).hex()
    return None if told == entry.sha256 else "is not the file that RECORD tells of"


def _unlisted(
    entries: Mapping[str, Entry], listed: set[str], others: tuple[str, ...]
) -> Iterator[str]:
    for path in sorted(entries.keys() - listed - {DPKG_STATUS, OS_RELEASE}):
        if path.startswith(others) or OWN.fullmatch(path):
            continue
        compiled = COMPILED.fullmatch(path)
        if compiled is None or f"{compiled['folder']}{compiled['name']}.py" not in listed:
            yield f"/{path} is of no wheel"


def compiled_count(entries: Mapping[str, Entry]) -> int:
    """Return how many files are compiled modules."""
    return sum(bool(COMPILED.fullmatch(path)) for path in entries)
