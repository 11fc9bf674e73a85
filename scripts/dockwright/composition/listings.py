"""The listings of some of an image's layers in; the packages in them, and whose each file is, out."""

from __future__ import annotations

import csv
import re
from enum import StrEnum
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from dockwright.clients.layer_files import File, Listing
from dockwright.composition.debian_packages import STATUS_PATH, stanzas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DIST_INFO = re.compile(
    r"(?P<site>.*/site-packages)/(?P<name>[^/]+)-(?P<version>[^/-]+)\.dist-info/"
)
RECORD = re.compile(DIST_INFO.pattern + r"RECORD")
DPKG_LIST = re.compile(r"var/lib/dpkg/info/(?P<name>[^/:]+)(?::[^/]+)?\.list")
BYTECODE = re.compile(r"(?P<folder>(?:.*/)?)__pycache__/(?P<stem>[^/]+)\.[^./]+\.pyc")
NOBODY = "(no package)"


class PackageKind(StrEnum):
    """Who installs a package."""

    PYTHON = "python"
    DEBIAN = "debian"


Name = tuple[PackageKind, str]


def tells(path: str) -> bool:
    """Tell whether a file's content is needed to know what is installed."""
    return bool(path == STATUS_PATH or RECORD.fullmatch(path) or DPKG_LIST.fullmatch(path))


def merged(listings: Iterable[Listing]) -> Listing:
    """Return what layers bring together, given from the bottom up."""
    files: dict[str, File] = {}
    kept: dict[str, bytes] = {}
    removed: set[str] = set()
    for listing in listings:
        for gone in listing.removed:
            for path in [p for p in files if p == gone or p.startswith(f"{gone}/")]:
                del files[path]
                kept.pop(path, None)
        removed |= listing.removed
        files |= listing.files
        kept |= listing.kept
    return Listing(files=files, removed=frozenset(removed), kept=kept)


def packages(listing: Listing) -> dict[Name, str]:
    """Return the version of each package that files tell of."""
    found: dict[Name, str] = {}
    for path in listing.files:
        if path.endswith("/METADATA") and (match := DIST_INFO.match(path)):
            found[PackageKind.PYTHON, canonicalize_name(match["name"])] = match["version"]
    for stanza in stanzas(listing.kept.get(STATUS_PATH, b"").splitlines()):
        found[PackageKind.DEBIAN, stanza["Package"]] = stanza["Version"]
    return found


def owners(listing: Listing) -> dict[str, str]:
    """Return the package of each file that one lists."""
    found: dict[str, str] = {}
    for path, content in listing.kept.items():
        if match := RECORD.fullmatch(path):
            name, site = canonicalize_name(match["name"]), match["site"]
            for row in csv.reader(content.decode("utf-8", "replace").splitlines()):
                if row:
                    found[_normal(f"{site}/{row[0]}")] = name
        elif match := DPKG_LIST.fullmatch(path):
            for line in content.decode("utf-8", "replace").splitlines():
                found[line.lstrip("/")] = match["name"]
            found[path] = match["name"]
    return found


def owner_of(path: str, known: Mapping[str, str]) -> str:
    """Return whose a file is; compiled modules are their sources'."""
    if match := BYTECODE.fullmatch(path):
        path = f"{match['folder']}{match['stem']}.py"
    return known.get(path, NOBODY)


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
