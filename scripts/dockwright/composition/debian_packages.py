"""A bootstrapped root file system in; the packages installed in it, with their files' hashes, out."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from dockwright.errors import BaseImageError
from dockwright.spec.base_lock import DebianPackage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockwright.composition.rootfs import Rootfs

STATUS_PATH = "var/lib/dpkg/status"
INDEXES = "var/lib/apt/lists/*_Packages"

Identity = tuple[str, str, str]
"""Name, version, architecture."""


def installed(rootfs: Rootfs) -> tuple[DebianPackage, ...]:
    """Return every package of dpkg's status, with the hash that apt's signed indexes give it."""
    identities = {_identity(s) for s in stanzas(rootfs.read(STATUS_PATH).splitlines())}
    found: dict[Identity, DebianPackage] = {}
    for path in fnmatch.filter(rootfs.nodes, INDEXES):
        if (index := rootfs.open(path)) is not None:
            found |= _packages(index, identities)
    if unknown := sorted(identities - found.keys()):
        msg = (
            "installed, but in none of the archive's indexes: "
            f"{', '.join(f'{name} {version}' for name, version, _ in unknown)}"
        )
        raise BaseImageError(msg)
    return tuple(package for _, package in sorted(found.items()))


def added(
    base: Iterable[DebianPackage], full: Iterable[DebianPackage]
) -> tuple[DebianPackage, ...]:
    """Return the packages that are new or another version in `full`."""
    return tuple(sorted(set(full) - set(base)))


def stanzas(lines: Iterable[bytes]) -> Iterator[dict[str, str]]:
    """Yield the one-line fields of each paragraph of a Debian control file."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line.strip():
            if fields:
                yield fields
            fields = {}
        elif not line.startswith((b" ", b"\t")):
            key, _, value = line.decode("utf-8", "replace").partition(":")
            fields[key] = value.strip()
    if fields:
        yield fields


def _packages(index: Iterable[bytes], wanted: set[Identity]) -> dict[Identity, DebianPackage]:
    return {_identity(s): _package(s) for s in stanzas(index) if _identity(s) in wanted}


def _package(stanza: dict[str, str]) -> DebianPackage:
    name, version, architecture = _identity(stanza)
    source, source_version = source_of(stanza)
    return DebianPackage(
        name=name,
        version=version,
        architecture=architecture,
        sha256=stanza["SHA256"],
        source=source,
        source_version=source_version,
    )


def source_of(stanza: dict[str, str]) -> tuple[str, str]:
    """Return a package's source and its version, which the index leaves out where they are its own.

    >>> source_of({"Package": "bash", "Version": "5.2-2+b1", "Source": "bash (5.2-2)"})
    ('bash', '5.2-2')
    >>> source_of({"Package": "libc6", "Version": "2.36-9", "Source": "glibc"})
    ('glibc', '2.36-9')
    """
    name, _, version = stanza.get("Source", stanza["Package"]).partition(" ")
    return name, version.strip("()") or stanza["Version"]


def _identity(stanza: dict[str, str]) -> Identity:
    return stanza["Package"], stanza["Version"], stanza["Architecture"]
