"""apt's own configuration in, the Debian archives (addresses, keyring, suite) that it names out."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dockwright import process
from dockwright.errors import NetworkError, ProcessError

FALLBACK_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TARGET_FORMAT = "$(ORIGIN)|$(LABEL)|$(CODENAME)|$(SOURCESENTRY)|$(REPO_URI)"
ROLLING_SUITES = frozenset({"sid", "unstable", "experimental"})


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexTarget:
    """One package index that the host's apt knows."""

    origin: str
    label: str
    codename: str
    entry_path: Path
    """The sources file that names it."""
    uri: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Archives:
    """The Debian archives as the host's apt reaches them."""

    suite: str
    """The host's own suite, such as `bookworm`."""
    main_uri: str
    security_uri: str | None
    keyring_path: Path | None
    """None: apt's default trusted keys."""


def sources(suite: str) -> tuple[str, ...]:
    """Return the one-line deb entries of a suite: release, updates and security."""
    return source_lines(host_archives(), suite)


def source_lines(archives: Archives, suite: str) -> tuple[str, ...]:
    """Return the deb entries of a suite in these archives."""
    keyring = archives.keyring_path
    prefix = f"deb [signed-by={keyring}]" if keyring else "deb"
    lines = [f"{prefix} {archives.main_uri} {suite} main"]
    if suite not in ROLLING_SUITES:
        lines.append(f"{prefix} {archives.main_uri} {suite}-updates main")
        if archives.security_uri:
            lines.append(f"{prefix} {archives.security_uri} {suite}-security main")
    return tuple(lines)


def host_archives() -> Archives:
    """Read the archives from apt's configuration."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        msg = "apt-get or dpkg-deb is not installed: this step needs a Debian host"
        raise ProcessError(msg)
    archives = choose_archives(parse_targets(_indextargets()))
    if archives is None or archives.security_uri is None:
        # apt names only archives whose lists it has: a host's may be those of some archives alone.
        archives = choose_archives(targets_of_fresh_lists())
    if archives is None:
        msg = (
            "apt's configuration names no Debian archive (only indexes of origin Debian count): "
            "this step needs a Debian host with its package mirror in /etc/apt/sources.list.d"
        )
        raise NetworkError(msg)
    return archives


def parse_targets(text: str) -> tuple[IndexTarget, ...]:
    """Parse the lines that `apt-get indextargets` gives for TARGET_FORMAT."""
    targets = []
    for line in dict.fromkeys(text.splitlines()):
        origin, label, codename, entry, uri = line.split("|", 4)
        entry_path = Path(entry.rpartition(":")[0])
        targets.append(
            IndexTarget(
                origin=origin,
                label=label,
                codename=codename,
                entry_path=entry_path,
                uri=uri.rstrip("/"),
            )
        )
    return tuple(targets)


def choose_archives(targets: tuple[IndexTarget, ...]) -> Archives | None:
    """Pick the main and the security archive; backports and other vendors do not count."""
    debian = [target for target in targets if target.origin == "Debian"]
    main = [t for t in debian if t.label == "Debian" and "-" not in t.codename]
    security = [t for t in debian if t.label == "Debian-Security"]
    if not main:
        return None
    return Archives(
        suite=main[0].codename,
        main_uri=main[0].uri,
        security_uri=security[0].uri if security else None,
        keyring_path=_keyring(main[0]),
    )


def find_keyring(sources_text: str, uri: str) -> Path | None:
    """Find the Signed-By file of the entry for `uri`, in either format of apt's sources."""
    for block in re.split(r"\n\s*\n", sources_text):
        lines = [line for line in block.splitlines() if not line.lstrip().startswith("#")]
        if any(line.startswith("deb ") for line in lines):
            found = (re.search(r"signed-by=(/[^\s\],]+)", ln) for ln in lines if uri in ln)
        elif any(uri in line for line in lines):
            found = (re.match(r"(?i)signed-by:\s*(/\S+)", ln) for ln in lines)
        else:
            continue
        for match in found:
            if match:
                return Path(match.group(1))
    return None


def _keyring(target: IndexTarget) -> Path | None:
    if target.entry_path.is_file():
        named = find_keyring(target.entry_path.read_text(encoding="utf-8"), target.uri)
        if named is not None:
            return named
    # An inlined key covers the host's suite only; the distribution's keyring knows the others.
    return FALLBACK_KEYRING if FALLBACK_KEYRING.is_file() else None


def _indextargets(*options: str) -> str:
    argv = ["apt-get", *options, "indextargets", "--format", TARGET_FORMAT, "Created-By: Packages"]
    return process.run(argv, timeout_s=60, env={"LC_ALL": "C"})


def targets_of_fresh_lists() -> tuple[IndexTarget, ...]:
    """Ask again after a private `apt-get update`: images often ship without apt's lists, or with few."""
    with tempfile.TemporaryDirectory(prefix="dockwright-apt-") as folder:
        state_path = Path(folder)
        options = private_options(state_path)
        update(options, timeout_s=300)
        return parse_targets(_indextargets(*options))


def private_options(state_path: Path) -> tuple[str, ...]:
    """Return apt options for a state of our own; sources, proxy and trust stay the host's.

    They are written to a file because only a file can clear the host's update hooks.
    """
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (state_path / folder).mkdir(parents=True, exist_ok=True)
    (state_path / "state" / "status").touch()
    config = f"""\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State "{state_path}/state";
Dir::State::status "{state_path}/state/status";
Dir::Cache "{state_path}/cache";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Update::Error-Mode "any";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
"""
    config_path = state_path / "apt.conf"
    config_path.write_text(config, encoding="utf-8")
    return ("-c", str(config_path))


def reach(suite: str, *, timeout_s: float = 60) -> None:
    """Fetch nothing but the suite's signed Release files, or raise NetworkError."""
    with tempfile.TemporaryDirectory(prefix="dockwright-apt-") as folder:
        options = suite_options(suite, Path(folder))
        no_lists = "Acquire::IndexTargets::deb::Packages::DefaultEnabled=false"
        update((*options, "-o", no_lists), timeout_s=timeout_s)


def suite_options(suite: str, state_path: Path) -> tuple[str, ...]:
    """Return apt options under which only the suite's own archives exist."""
    options = private_options(state_path)
    list_path = state_path / "sources.list"
    list_path.write_text("\n".join(source_lines(host_archives(), suite)) + "\n", encoding="utf-8")
    return (
        *options,
        *("-o", f"Dir::Etc::sourcelist={list_path}"),
        *("-o", "Dir::Etc::sourceparts=/dev/null"),
    )


def update(options: tuple[str, ...], *, timeout_s: float) -> None:
    """Refresh a private state's signed indexes."""
    try:
        process.run(["apt-get", *options, "-q", "update"], timeout_s=timeout_s, env={"LC_ALL": "C"})
    except ProcessError as e:
        msg = (
            "the Debian mirror of apt's configuration did not give its signed package index; "
            f"check that `apt-get update` works on this host:\n{redact(str(e))}"
        )
        raise NetworkError(msg) from None


def redact(text: str) -> str:
    """Hide credentials that an address may carry.

    >>> redact("from https://user:secret@mirror.example/debian")
    'from https://***@mirror.example/debian'
    """
    return re.sub(r"://[^/\s@]+@", "://***@", text)
