"""Wheel file names and a target platform in, the one file that the target installs out."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging import tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from dockwright.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.tags import Tag

# One path component that no file system, shell or Dockerfile reads anything into.
SAFE_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl")
SAFE_ARCHIVE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.(tar\.gz|tgz)")
SHA256 = re.compile(r"[0-9a-f]{64}")
# PEP 600 gave these manylinux tags their glibc; indexes still carry the older names.
LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
# The platforms that uv knows a name for, by glibc's minor version.
UV_GLIBC_MINORS = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What wheels are installed on: `3.11`, `2.36`, `x86_64`."""

    python: str
    glibc: str
    machine: str = "x86_64"

    @property
    def uv_platform(self) -> str:
        """uv's name for the platform: its newest whose glibc is not newer than ours."""
        minor = max(known for known in UV_GLIBC_MINORS if known <= self.glibc_minor)
        return f"{self.machine}-manylinux_2_{minor}"

    @property
    def glibc_minor(self) -> int:
        return int(self.glibc.split(".")[1])


@cache
def target_tags(target: Target) -> tuple[Tag, ...]:
    """Return every wheel tag that installs on the target, best first."""
    version = tuple(int(part) for part in target.python.split(".")[:2])
    interpreter = f"cp{version[0]}{version[1]}"
    platforms = list(_platforms(target))
    # The ABI is spelled out: packaging would otherwise ask the interpreter that runs us.
    specific = tags.cpython_tags(version, abis=[interpreter], platforms=platforms)
    return (*specific, *tags.compatible_tags(version, interpreter, platforms))


def best(filenames: Iterable[str], supported: tuple[Tag, ...]) -> str | None:
    """Return the file that installers prefer among one distribution's, None when none fits."""
    rank = {tag: place for place, tag in enumerate(supported)}
    choices = []
    for filename in filenames:
        _, _, build, its_tags = parse_wheel_filename(filename)
        places = [rank[tag] for tag in its_tags if tag in rank]
        if places:
            choices.append((-min(places), build, filename))
    return max(choices)[2] if choices else None


def safe_filename(filename: str) -> str:
    """Return the name of a wheel file, or raise when it is anything more than that."""
    if SAFE_FILENAME.fullmatch(filename):
        with suppress(InvalidWheelFilename):
            parse_wheel_filename(filename)
            return filename
    msg = f"{filename!r} is not a wheel's file name: refused"
    raise NetworkError(msg)


def safe_name_in_store(filename: str) -> str:
    """Return the name of a wheel or of an add-on's archive, or raise likewise."""
    return filename if SAFE_ARCHIVE.fullmatch(filename) else safe_filename(filename)


def filename_of(url: str) -> str:
    """Return the file name that an address ends with.

    >>> filename_of("https://files.example/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl#x=1")
    'torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl'
    """
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _platforms(target: Target) -> Iterable[str]:
    yield f"linux_{target.machine}"  # first, as pip has it: built for this very machine
    oldest = 5 if target.machine == "x86_64" else 17
    for minor in range(target.glibc_minor, oldest - 1, -1):
        yield f"manylinux_2_{minor}_{target.machine}"
        if minor in LEGACY_MANYLINUX:
            yield f"{LEGACY_MANYLINUX[minor]}_{target.machine}"
