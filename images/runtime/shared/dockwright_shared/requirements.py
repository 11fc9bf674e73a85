"""The user's `code/requirements.txt` in; a folder with what the image lacks of it out.

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
from importlib import metadata
from typing import TYPE_CHECKING, Any

from dockwright_serving.errors import ModelError
from dockwright_serving.models import code_folder

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.requirements import Requirement

    from dockwright_serving.settings import ModelSettings

log = logging.getLogger(__name__)
_TIMEOUT_S = 15 * 60
_WAY_OUT = "change the requirement, or set SERVING_IGNORE_PINS=true to replace the image's packages"
_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ConnectionRefused|ProxyError"
    r"|Failed to establish a new connection|name resolution|Network is unreachable"
)
_INDEX_OPTION = re.compile(
    r"^\s*(-i|--index-url|--extra-index-url|-f|--find-links|--no-index|--trusted-host|--pre)\b"
)


def install(settings: ModelSettings, model_path: Path, scratch: Path) -> tuple[Path, ...]:
    """Install what is missing and return the folders to put on sys.path.

    Raises:
        ModelError: it can't be had: a conflict with the image's pins, no network, no such package.
    """
    folder = code_folder.find(settings, model_path, scratch)
    file = folder and folder / code_folder.REQUIREMENTS
    if file is None or not file.is_file():
        return ()
    lines = _lines(file)
    if not settings.ignore_pins:
        _check_pins(file, lines)
    if all(_is_satisfied(line) for _, line in lines):
        return ()
    started = time.monotonic()
    wanted = _resolve(file, settings, scratch)
    target = scratch / "requirements"
    if wanted:
        options = [line for _, line in lines if _INDEX_OPTION.match(line)]
        (scratch / "missing.txt").write_text("\n".join([*options, *wanted, ""]))
        _pip(file, scratch, "--no-deps", "--target", str(target), "-r", f"{scratch}/missing.txt")
    seconds = round(time.monotonic() - started, 2)
    log.info("requirements installed", extra={"packages": wanted, "seconds": seconds})
    return (target,) if wanted else ()


def _resolve(file: Path, settings: ModelSettings, scratch: Path) -> list[str]:
    """Return what is missing, as exact requirements."""
    report = scratch / "report.json"
    constraints = []
    if not settings.ignore_pins:
        pins = [f"{d.name}=={d.version}" for d in metadata.distributions() if d.name]
        (scratch / "pins.txt").write_text("\n".join([*pins, ""]))
        constraints = ["-c", str(scratch / "pins.txt")]
    _pip(file, scratch, "--dry-run", "--report", str(report), *constraints, "-r", str(file))
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


def _pip(file: Path, scratch: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--no-input", *arguments]
    defaults = {
        "PIP_CACHE_DIR": str(scratch / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        # A container without a network must say so soon.
        "PIP_RETRIES": "1",
        "PIP_DEFAULT_TIMEOUT": "15",
        "TMPDIR": str(scratch),
    }
    try:
        done = subprocess.run(  # noqa: S603 - an argument list, no shell
            command,
            cwd=file.parent,  # relative wheels and folders are relative to the file
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
        msg = f"{file}: pip was not done after {_TIMEOUT_S} s; install it in an image of your own"
        raise ModelError(msg) from None
    except OSError as e:
        msg = f"{file}: pip can't be started: {e}"
        raise ModelError(msg) from e
    if done.returncode:
        log.error("pip failed", extra={"output": done.stdout[-20_000:]})
        msg = f"{file}: {_explained(done.stdout)}"
        raise ModelError(msg)


def _explained(output: str) -> str:
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
        return f"it conflicts with what the image has, {', '.join(dict.fromkeys(pins))}; {_WAY_OUT}"
    return told


def _lines(file: Path) -> list[tuple[int, str]]:
    """Return the lines that say something, with their numbers."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as e:
        msg = f"{file}: can't be read: {e}"
        raise ModelError(msg) from e
    stripped = [re.sub(r"(^|\s+)#.*$", "", line).strip() for line in text.splitlines()]
    return [(number, line) for number, line in enumerate(stripped, 1) if line]


def _check_pins(file: Path, lines: list[tuple[int, str]]) -> None:
    """Refuse at once what pip would refuse after a while."""
    for number, line in lines:
        requirement = _requirement(line)
        if requirement is None or not _applies(requirement) or requirement.url:
            continue
        has = _installed(requirement.name)
        if has is not None and not requirement.specifier.contains(has, prereleases=True):
            msg = f"{file}:{number}: {line}, but the image has {requirement.name} {has}; {_WAY_OUT}"
            raise ModelError(msg)


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
