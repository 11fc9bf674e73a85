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
    hashes: dict[Identity, str] = {}
    for path in fnmatch.filter(rootfs.nodes, INDEXES):
        if (index := rootfs.open(path)) is not None:
            hashes |= _hashes(index, identities)
    if unknown := sorted(identities - hashes.keys()):
        msg = (
            "installed, but in none of the archive's indexes: "
            f"{', '.join(f'{name} {version}' for name, version, _ in unknown)}"
        )
        raise BaseImageError(msg)
    return tuple(
        DebianPackage(name=name, version=version, architecture=architecture, sha256=sha256)
        for (name, version, architecture), sha256 in sorted(hashes.items())
    )


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


def _hashes(index: Iterable[bytes], wanted: set[Identity]) -> dict[Identity, str]:
    return {_identity(s): s["SHA256"] for s in stanzas(index) if _identity(s) in wanted}


def _identity(stanza: dict[str, str]) -> Identity:
    return stanza["Package"], stanza["Version"], stanza["Architecture"]
