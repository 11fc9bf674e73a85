"""The subject's files in; lines on layers, bill of materials and wheels out."""

from __future__ import annotations

import json
import re
from email.parser import BytesHeaderParser
from itertools import islice
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from dockwright import console
from dockwright.composition.assemble import keys, scaffold
from dockwright.composition.assemble.install import Target
from dockwright.composition.debian_packages import stanzas
from dockwright.errors import DockwrightError, RecordError
from dockwright.spec import purl
from dockwright.spec.evidence import Kind
from dockwright.stages.verify import python_files
from dockwright.stages.verify.layers import DISTRIBUTION, DPKG_STATUS, OS_RELEASE, Makings
from dockwright.stages.verify.verdict import absent, failed, passed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dockwright.composition.layer_content import Entry
    from dockwright.stages.verify.layers import Files
    from dockwright.stages.verify.subject import Subject
    from dockwright.stages.verify.verdict import Line

SUITE = re.compile(rb"^VERSION_CODENAME=([a-z]+)$", re.MULTILINE)
TOLD = 5
"""Differences that are named one by one."""


def makings(subject: Subject) -> Makings:
    """Return what makes wheels of layers again."""
    try:
        return _makings(subject)
    except DockwrightError as e:
        return Makings(problem=f"the scaffold: {e}")


def _makings(subject: Subject) -> Makings:
    signed = subject.signed(Kind.SCAFFOLD)
    if signed.piece is None:
        return Makings(note=signed.note)
    read = scaffold.loads(signed.piece.content)
    if read.layer_version != keys.LAYER_VERSION:
        note = f"assembled by layout {read.layer_version}, which this dockwright cannot make again"
        return Makings(note=note)
    target = Target(python=subject.statement.predicate.definition.internal.python)
    layers = {layer.digest: (layer, glue) for layer, glue in read.layers}
    return Makings(target=target, scaffolds=layers, note=signed.note)


def layers(files: Files, subject: Subject) -> Line:
    """Tell that all layers were read and are what the image names."""
    size = console.human_bytes(files.size_bytes)
    return passed("layers", f"{len(subject.layers)} layers, {size}, are what the image names")


def sbom(files: Files, subject: Subject) -> Line:
    """Tell whether the signed bill names just the packages that are in the image."""
    signed = subject.signed(Kind.SBOM)
    if signed.piece is None:
        return absent("sbom", signed.note or "none is attached")
    named = _named(signed.piece.content, of=subject.digest)
    found = {*_distributions(files.entries), *_debian(files.entries)}
    differences = [f"{name} is not in the image" for name in sorted(named - found)]
    differences += [f"{name} is in the image only" for name in sorted(found - named)]
    if differences:
        return failed("sbom", *_some(differences), signed.note)
    count = len(found)
    return passed("sbom", f"{count} packages are in the image, no more and no less", signed.note)


def wheels(files: Files, subject: Subject, makings: Makings) -> Line:
    """Tell whether the image's Python files are those of the locked wheels, and how that is known."""
    if subject.signed(Kind.PROVENANCE).piece is None:
        return absent("wheels", "no signed provenance says which they are")
    statement = subject.statement
    problems = [
        *files.problems,
        *(
            f"{name} made again is {sha256}, locked is {statement.wheels.get(name, 'none of it')}"
            for name, sha256 in files.rebuilt.items()
            if statement.wheels.get(name) != sha256
        ),
        *python_files.problems(files.entries, statement.records, statement.folders),
    ]
    if problems:
        return failed("wheels", *_some(problems), makings.note)
    return passed("wheels", *_ways(files, len(statement.wheels)), makings.note)


def _ways(files: Files, locked: int) -> Iterator[str]:
    """Yield how the wheels were found to be the locked ones."""
    if files.rebuilt:
        yield (
            f"{len(files.rebuilt)} of {locked} wheels, made again from the layers, have their "
            "locked sha256 and give these layers"
        )
    compiled = python_files.compiled_count(files.entries)
    yield (
        f"each file is as the RECORDs of {locked} locked wheels tell, {compiled} compiled modules "
        "aside"
    )


def _named(content: bytes, *, of: str) -> frozenset[str]:
    """Return the packages that a bill names; RecordError when it is not one of the image."""
    try:
        bill = json.loads(content)
        image = bill["metadata"]["component"]["hashes"][0]["content"]
        names = frozenset(str(component["purl"]) for component in bill["components"])
    except (ValueError, KeyError, TypeError, IndexError) as e:
        msg = f"it is no bill of materials ({type(e).__name__}: {e})"
        raise RecordError(msg) from None
    if f"sha256:{image}" != of:
        msg = f"it is the bill of sha256:{image}, another image"
        raise RecordError(msg)
    # Archives leave nothing by which they could be found.
    return frozenset(name for name in names if not name.startswith("pkg:generic/"))


def _distributions(entries: Mapping[str, Entry]) -> Iterator[str]:
    for path, entry in entries.items():
        if DISTRIBUTION.fullmatch(path) and path.endswith("/METADATA"):
            fields = BytesHeaderParser().parsebytes(entry.content or b"")
            name = canonicalize_name(fields.get("Name", ""))
            yield purl.of_python(name, fields.get("Version", ""))


def _debian(entries: Mapping[str, Entry]) -> Iterator[str]:
    release, status = (
        entries[path].content if path in entries else None for path in (OS_RELEASE, DPKG_STATUS)
    )
    suite = SUITE.search(release or b"")
    if suite is None or status is None:
        msg = f"the image has no /{OS_RELEASE} and /{DPKG_STATUS} as Debian's have them"
        raise RecordError(msg)
    for stanza in stanzas(status.splitlines()):
        name, version, architecture = (
            stanza.get(field, "") for field in ("Package", "Version", "Architecture")
        )
        yield purl.of_debian(name, version, architecture, suite=suite[1].decode())


def _some(problems: list[str]) -> Iterable[str]:
    rest = len(problems) - TOLD
    return (*islice(problems, TOLD), f"and {rest} more" if rest > 0 else "")
