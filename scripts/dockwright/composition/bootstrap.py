"""A suite and lists of Debian packages in; one tar of a root file system per list out.

mmdebstrap does the work. It is fetched privately and takes mirror, proxy and trust from the
host's apt, and nothing else from the host: no environment, no apt preferences.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console, process
from dockwright.clients import apt, archives
from dockwright.errors import (
    BaseImageError,
    DockwrightError,
    NetworkError,
    NoSpaceError,
    NotRootError,
    ProcessError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockwright.workspace import Workspace

NEEDED_BYTES = 1_000_000_000
"""Free disk that one bootstrap takes at its height: tree, tar and package indexes."""
WORK_PREFIX = ".bootstrap-"
TIMEOUT_S = 1800.0
TAIL_LINES = 20
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The host's own variables would reach maintainer scripts, except these, which reach the mirror.
KEPT_VARIABLES = frozenset({"http_proxy", "https_proxy", "no_proxy", "ALL_PROXY", "APT_CONFIG"})
# How to reach a mirror is the host's business; what is taken from it, and trusted, is ours.
CONNECTION = re.compile(
    r"Acquire::(http|https|ftp|Retries|ForceIPv|Check-Valid-Until|Check-Date|Max-|Proxy|Queue-)"
)
MISSING = re.compile(
    r"Unable to locate package (\S+)|Package '(\S+)' has no installation candidate"
)
UNREACHABLE = re.compile(
    r"Failed to fetch|Could not (?:resolve|connect)|Unable to connect|Temporary failure"
    r"|Connection (?:failed|timed out|refused|reset)|Some index files failed to download"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One root file system to bootstrap."""

    name: str
    packages: tuple[str, ...]


def work_parent(workspace: Workspace) -> Path:
    """Return where bootstraps find room: the store's own disk if possible."""
    # Without root the tree belongs to a subordinate user, who cannot reach into the home.
    return workspace.bases_path if os.geteuid() == 0 else Path(tempfile.gettempdir())


@contextmanager
def work_folder(parent: Path, *, roots: int) -> Iterator[Path]:
    """Yield a folder for that many bootstraps at once; it is gone afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent)
    free = shutil.disk_usage(parent).free
    if free < roots * NEEDED_BYTES:
        need = console.human_bytes(roots * NEEDED_BYTES)
        msg = (
            f"{parent}: {console.human_bytes(free)} free, {roots} bootstraps at once need {need}; "
            "make room or set DOCKWRIGHT_HOME to a folder on a larger disk"
        )
        raise NoSpaceError(msg)
    prefix = f"{WORK_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(dir=parent, prefix=prefix) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def bootstrap(
    wanted: Sequence[Wanted], *, suite: str, architecture: str, epoch: int, work: Path, home: Path
) -> Mapping[str, Path]:
    """Bootstrap all root file systems side by side and return their tars by name."""
    mode = _mode()
    tools = apt.fetch(
        ("mmdebstrap",),
        suite=suite,
        state_path=home / "apt",
        into=home / "tools" / f"mmdebstrap-{suite}",
    )
    sources_path, options_path = work / "sources.list", work / "apt.conf"
    sources_path.write_text("\n".join(apt.sources(suite)) + "\n", encoding="utf-8")
    options = connection_options(_apt_config("dump")) + _credentials()
    options_path.write_text(options, encoding="utf-8")
    program: tuple[str, ...] = (
        *_clean_environment(epoch, work),
        *(_isolation() if mode == "root" else ()),
        *("perl", str(tools.path / "usr/bin/mmdebstrap"), "--format=tar", f"--mode={mode}"),
        *("--variant=essential", f"--architectures={architecture}", f"--aptopt={options_path}"),
        # Without it bookworm would bring in usrmerge, and with it 50 MB of perl.
        f"--hook-dir={tools.path / 'usr/share/mmdebstrap/hooks/maybe-merged-usr'}",
        # The signed indexes tell the hash of every package; they leave with the cleaning.
        "--skip=cleanup/apt/lists",
    )
    tars = {root.name: work / f"{root.name}.tar" for root in wanted}
    argvs: list[tuple[str | Path, ...]] = [
        (*program, f"--include={','.join(root.packages)}", suite, tars[root.name], sources_path)
        for root in wanted
    ]
    try:
        process.run_together(argvs, timeout_s=TIMEOUT_S)
    except ProcessError as e:
        raise explain(e, suite=suite) from None
    return tars


def connection_options(config: str) -> str:
    """Keep the lines of `apt-config dump` that say how to reach a mirror."""
    return "".join(f"{line}\n" for line in config.splitlines() if CONNECTION.match(line))


def explain(failure: ProcessError, *, suite: str) -> DockwrightError:
    """Return the error whose way out fits what mmdebstrap said."""
    text = archives.redact(failure.stderr or str(failure))
    tail = "\n".join(text.strip().splitlines()[-TAIL_LINES:])
    if missing := MISSING.findall(text):
        names = ", ".join(sorted({one or other for one, other in missing}))
        msg = f"Debian {suite} has no package {names}; correct the lists in buildspec/common.yml"
        return BaseImageError(msg)
    if "No space left on device" in text:
        msg = f"the disk filled up while {suite} was bootstrapped; set DOCKWRIGHT_HOME elsewhere"
        return NoSpaceError(msg)
    if UNREACHABLE.search(text):
        msg = f"the Debian mirror of apt's configuration broke off, try again:\n{tail}"
        return NetworkError(msg)
    return BaseImageError(f"Debian {suite} could not be bootstrapped:\n{tail}")


def _sweep(parent: Path) -> None:
    """Delete what killed processes have left: no mount outlives them, see _isolation."""
    for leftover in parent.glob(f"{WORK_PREFIX}*"):
        pid = leftover.name.removeprefix(WORK_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(leftover, ignore_errors=True)


def _mode() -> str:
    if os.geteuid() == 0:
        return "root"
    if shutil.which("newuidmap") is None:
        msg = (
            "bootstrapping a base image needs root, or the package uidmap with entries for you in "
            "/etc/subuid and /etc/subgid; run as root, or install that"
        )
        raise NotRootError(msg)
    return "unshare"


def _apt_config(*arguments: str) -> str:
    return process.run(("apt-config", *arguments), timeout_s=60, env={"LC_ALL": "C"})


def _credentials() -> str:
    """Point mmdebstrap's apt at the host's passwords for mirrors, which stay where they are."""
    names = {"netrc": "Dir::Etc::netrc/f", "netrcparts": "Dir::Etc::netrcparts/d"}
    paths = {
        name: shlex.split(_apt_config("shell", "path", key).partition("=")[2])
        for name, key in names.items()
    }
    return "".join(f'Dir::Etc::{name} "{path[0]}";\n' for name, path in paths.items() if path)


def _clean_environment(epoch: int, work: Path) -> tuple[str, ...]:
    """Return an env(1) prefix; it drops by name, so that no proxy's password is an argument."""
    dropped = [name for name in os.environ if name not in KEPT_VARIABLES and "=" not in name]
    return (
        "env",
        *(f"--unset={name}" for name in sorted(dropped)),
        *(f"SOURCE_DATE_EPOCH={epoch}", f"TMPDIR={work}", f"PATH={PATH}", "LC_ALL=C.UTF-8"),
    )


def _isolation() -> tuple[str, ...]:
    """Return a prefix under which no mount and no process outlives us, even if we are killed.

    Where that is not allowed, as in a plain container, mmdebstrap cannot mount anything either.
    """
    with_us = ("setpriv", "--pdeathsig", "KILL")
    prefix = (*with_us, "unshare", "--mount", "--pid", "--fork", "--kill-child")
    try:
        process.run((*prefix, "true"), timeout_s=60)
    except ProcessError:
        return ()
    return prefix
