"""Package names and a Debian suite in, their unpacked files in a private prefix out.

Nothing is installed: apt's signed-index machinery runs on a state of our own.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console, process
from dockwright.clients import archives, filelock
from dockwright.clients.archives import sources
from dockwright.errors import NetworkError, ProcessError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Candidate", "Unpacked", "candidates", "fetch", "host_suite", "sources"]

MAX_AGE_S = 600
STAMP_NAME = ".dockwright-packages.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """Debian packages unpacked under `path`, by name and version."""

    path: Path
    suite: str
    versions: Mapping[str, str]


def host_suite() -> str:
    """Return the suite that the host's own apt follows."""
    return archives.host_archives().suite


def fetch(
    packages: Iterable[str],
    *,
    suite: str,
    state_path: Path,
    into: Path,
    timeout_s: float = 900,
) -> Unpacked:
    """Download exactly these packages of a suite and unpack them; a second call is a no-op.

    Dependencies are not followed. `into` is replaced as a whole, so it must hold nothing else.
    """
    names = tuple(sorted(set(packages)))
    if present := _stamped(names, suite=suite, into=into):
        return present
    lock_path = state_path / f"{suite}.lock"
    with filelock.exclusive(lock_path, doing=f"fetching packages of {suite}", wait_s=timeout_s):
        # Another process may have done the work while we waited.
        if present := _stamped(names, suite=suite, into=into):
            return present
        with console.step(f"fetch {', '.join(names)} of Debian {suite}"):
            return _fetch(names, suite=suite, state_path=state_path, into=into, timeout_s=timeout_s)


def _stamped(names: tuple[str, ...], *, suite: str, into: Path) -> Unpacked | None:
    try:
        stamp = json.loads((into / STAMP_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    versions: dict[str, str] = stamp["versions"]
    if stamp["suite"] != suite or tuple(sorted(versions)) != names:
        return None
    return Unpacked(path=into, suite=suite, versions=versions)


def _fetch(
    names: tuple[str, ...], *, suite: str, state_path: Path, into: Path, timeout_s: float
) -> Unpacked:
    options = archives.suite_options(suite, state_path / suite)
    archives.update(options, timeout_s=timeout_s)
    into.parent.mkdir(parents=True, exist_ok=True)
    for leftover in into.parent.glob(f".{into.name}-*"):  # of a fetch that was killed
        shutil.rmtree(leftover)
    # Beside its destination, so that the last step is a rename within one file system.
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=f".{into.name}-") as folder:
        debs_path, tree_path = Path(folder) / "debs", Path(folder) / "tree"
        debs_path.mkdir()
        _download(names, suite=suite, options=options, into=debs_path, timeout_s=timeout_s)
        versions = _unpack(sorted(debs_path.glob("*.deb")), tree_path, timeout_s=timeout_s)
        stamp = console.as_json({"suite": suite, "versions": versions})
        (tree_path / STAMP_NAME).write_text(stamp, encoding="utf-8")
        if into.exists():
            into.rename(Path(folder) / "old")
        tree_path.rename(into)
    return Unpacked(path=into, suite=suite, versions=versions)


def _download(
    names: tuple[str, ...], *, suite: str, options: tuple[str, ...], into: Path, timeout_s: float
) -> None:
    argv = ["apt-get", *options, "-q", "download", *names]
    try:
        process.run(argv, cwd=into, timeout_s=timeout_s, env={"LC_ALL": "C"})
    except ProcessError as e:
        msg = (
            f"the Debian mirror did not give {', '.join(names)} of {suite}:\n"
            f"{archives.redact(str(e))}"
        )
        raise NetworkError(msg) from None


def _unpack(debs: list[Path], tree_path: Path, *, timeout_s: float) -> dict[str, str]:
    versions = {}
    for deb in debs:
        process.run(("dpkg-deb", "-x", deb, tree_path), timeout_s=timeout_s)
        query = ("dpkg-deb", "--showformat=${Package} ${Version}", "--show", deb)
        name, version = process.run(query, timeout_s=60).split()
        versions[name] = version
    return versions


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """The version of a Debian package that apt would install today."""

    version: str
    is_security: bool
    """Whether the security archive has it."""


def candidates(
    packages: Iterable[str], *, suite: str, state_path: Path, timeout_s: float = 300
) -> dict[str, Candidate]:
    """Return what a suite has of some packages; its indexes are renewed when ten minutes old."""
    lock_path = state_path / f"{suite}.lock"
    with filelock.exclusive(lock_path, doing=f"reading packages of {suite}", wait_s=timeout_s):
        options = archives.suite_options(suite, state_path / suite)
        stamp = state_path / suite / "updated"
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > MAX_AGE_S:
            archives.update(options, timeout_s=timeout_s)
            stamp.touch()
        names = sorted(set(packages))
        argv = ["apt-cache", *options, "policy", *names]
        return parse_policy(process.run(argv, timeout_s=timeout_s, env={"LC_ALL": "C"}))


def parse_policy(text: str) -> dict[str, Candidate]:
    """Return the candidates that `apt-cache policy` tells, by package."""
    found = {}
    for block in re.split(r"\n(?=\S)", text):
        name, _, rest = block.partition(":\n")
        version = re.search(r"^  Candidate: (\S+)$", rest, re.MULTILINE)
        if version is None or version[1] == "(none)":
            continue
        table = rest.partition("Version table:\n")[2]
        places = re.search(
            rf"^ .{{3}} {re.escape(version[1])} \d+\n((?:        .*\n?)*)", table, re.MULTILINE
        )
        is_security = places is not None and "-security/" in places[1]
        found[name] = Candidate(version=version[1], is_security=is_security)
    return found
