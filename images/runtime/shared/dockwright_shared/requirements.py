"""The user's requirements.txt in; a folder with what the image lacks of it out.

pip resolves against what the image has, with that as constraints, and installs the difference
beside it: the image itself may be read-only and belong to another user. When nothing is missing,
nothing runs.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess  # noqa: TID251 - pip is a program
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from dockwright_shared.errors import ContentError

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.requirements import Requirement

log = logging.getLogger(__name__)
_TIMEOUT_S = 15 * 60
_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ConnectionRefused|ProxyError"
    r"|Failed to establish a new connection|name resolution|Network is unreachable"
)
_INDEX_OPTION = re.compile(
    r"^\s*(-i|--index-url|--extra-index-url|-f|--find-links|--no-index|--trusted-host|--pre)\b"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    file: Path
    scratch: Path
    ignore_pins: bool
    way_out: str


def install(file: Path, scratch: Path, *, ignore_pins: bool, way_out: str) -> tuple[Path, ...]:
    """Install what is missing of a requirements file and return the folders to put on sys.path.

    Args:
        file: the requirements; wheels and folders in it are relative to its own folder.
        scratch: what must be written goes there.
        ignore_pins: whether requirements may replace what the image has.
        way_out: what to do about a conflict with the image, as the end of a sentence.

    Raises:
        ContentError: it can't be had: a conflict with the image's pins, no network, no such package.
    """
    order = _Order(file=file, scratch=scratch, ignore_pins=ignore_pins, way_out=way_out)
    lines = _lines(file)
    if not ignore_pins:
        _check_pins(order, lines)
    if all(_is_satisfied(line) for _, line in lines):
        return ()
    started = time.monotonic()
    wanted = _resolve(order)
    target = scratch / "requirements"
    if wanted:
        options = [line for _, line in lines if _INDEX_OPTION.match(line)]
        (scratch / "missing.txt").write_text("\n".join([*options, *wanted, ""]))
        _pip(order, "--no-deps", "--target", str(target), "-r", f"{scratch}/missing.txt")
    seconds = round(time.monotonic() - started, 2)
    log.info("requirements installed", extra={"packages": wanted, "seconds": seconds})
    return (target,) if wanted else ()


def _resolve(order: _Order) -> list[str]:
    """Return what is missing, as exact requirements."""
    report = order.scratch / "report.json"
    constraints = []
    if not order.ignore_pins:
        pins = [f"{d.name}=={d.version}" for d in metadata.distributions() if d.name]
        (order.scratch / "pins.txt").write_text("\n".join([*pins, ""]))
        constraints = ["-c", str(order.scratch / "pins.txt")]
    _pip(order, "--dry-run", "--report", str(report), *constraints, "-r", str(order.file))
    found = json.loads(report.read_text())["install"]
    hashes = [item["download_info"].get("archive_info", {}).get("hashes") for item in found]
    if not all(hashes):
        return sorted(map(_exactly, found))
    # The second run of pip must get the very files of the first.
    return sorted(
        f"{_exactly(item)} --hash={name}:{digest}"
        for item, of_item in zip(found, hashes, strict=True)
        for name, digest in list(of_item.items())[:1]
    )


def _exactly(item: dict[str, Any]) -> str:
    name, version = item["metadata"]["name"], item["metadata"]["version"]
    if not item["is_direct"]:
        return f"{name}=={version}"
    url, vcs = item["download_info"]["url"], item["download_info"].get("vcs_info")
    return f"{name} @ {vcs['vcs']}+{url}@{vcs['commit_id']}" if vcs else f"{name} @ {url}"


def _pip(order: _Order, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--no-input", *arguments]
    defaults = {
        "PIP_CACHE_DIR": str(order.scratch / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        # A container without a network must say so soon.
        "PIP_RETRIES": "1",
        "PIP_DEFAULT_TIMEOUT": "15",
        "TMPDIR": str(order.scratch),
    }
    try:
        done = subprocess.run(  # noqa: S603 - an argument list, no shell
            command,
            cwd=order.file.parent,  # relative wheels and folders are relative to the file
            env={**defaults, **os.environ, "PIP_USER": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        msg = f"{order.file}: pip was not done after {_TIMEOUT_S} s; install it in an image of your own"
        raise ContentError(msg) from None
    except OSError as e:
        msg = f"{order.file}: pip can't be started: {e}"
        raise ContentError(msg) from e
    if done.returncode:
        log.error("pip failed", extra={"output": done.stdout[-20_000:]})
        msg = f"{order.file}: {_explained(done.stdout, order.way_out)}"
        raise ContentError(msg)


def _explained(output: str, way_out: str) -> str:
    """Return what of pip's talk the reader needs."""
    errors = re.findall(r"^ *ERROR: (.+(?:\n +.+)*)", output, re.MULTILINE)
    told = "; ".join(" ".join(error.split()) for error in dict.fromkeys(errors[:3])) or "pip failed"
    if _NO_NETWORK.search(output):
        return (
            f"{told}. No package index can be reached: without a network, put wheels beside the "
            "file, or install the packages in an image of your own"
        )
    pins = re.findall(r"The user requested \(constraint\) (\S+)", output)
    if pins:
        return f"it conflicts with what the image has, {', '.join(dict.fromkeys(pins))}; {way_out}"
    return told


def _lines(file: Path) -> list[tuple[int, str]]:
    """Return the lines that say something, with their numbers."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as e:
        msg = f"{file}: can't be read: {e}"
        raise ContentError(msg) from e
    stripped = [re.sub(r"(^|\s+)#.*$", "", line).strip() for line in text.splitlines()]
    return [(number, line) for number, line in enumerate(stripped, 1) if line]


def _check_pins(order: _Order, lines: list[tuple[int, str]]) -> None:
    """Refuse at once what pip would refuse after a while."""
    for number, line in lines:
        requirement = _requirement(line)
        if requirement is None or not _applies(requirement) or requirement.url:
            continue
        has = _installed(requirement.name)
        if has is not None and not requirement.specifier.contains(has, prereleases=True):
            image = f"the image has {requirement.name} {has}"
            msg = f"{order.file}:{number}: {line}, but {image}; {order.way_out}"
            raise ContentError(msg)


def _is_satisfied(line: str) -> bool:
    """Tell whether the image has it; where that is not sure, pip decides."""
    requirement = _requirement(line)
    if requirement is None:
        return bool(_INDEX_OPTION.match(line))
    if not _applies(requirement):
        return True
    has = _installed(requirement.name)
    if has is None or requirement.url or requirement.extras:
        return False
    return requirement.specifier.contains(has, prereleases=True)


def _requirement(line: str) -> Requirement | None:
    """Return what a line requires; None for options, paths and addresses."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate()


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
