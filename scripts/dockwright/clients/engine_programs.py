"""The private engine's programs: Debian packages in, a private prefix and a search path out."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import process
from dockwright.clients import apt
from dockwright.errors import ProcessError

if TYPE_CHECKING:
    from pathlib import Path

ENGINE_SUITE = "trixie"
"""The first Debian suite whose engine is fit."""
ENGINE_PACKAGES = ("containerd", "docker-buildx", "docker-cli", "docker.io", "tini")
IPTABLES_PACKAGES = (
    "iptables",
    "libip4tc2",
    "libip6tc2",
    "libmnl0",
    "libnftnl11",
    "libxtables12",
)
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Programs:
    """Where the private engine's programs are."""

    path: Path

    @property
    def docker_path(self) -> Path:
        return self.path / "docker" / "usr" / "bin" / "docker"

    @property
    def buildx_path(self) -> Path:
        return self.path / "docker" / "usr" / "libexec" / "docker" / "cli-plugins" / "docker-buildx"

    @property
    def dockerd_path(self) -> Path:
        return self.path / "docker" / "usr" / "sbin" / "dockerd"

    @property
    def init_path(self) -> Path:
        """The init of containers; the package's `docker-init` links into the host's /usr."""
        return self.path / "docker" / "usr" / "bin" / "tini-static"

    @property
    def search_path(self) -> str:
        """The daemon's PATH: ours first, then the host's."""
        own = ("wrappers", "docker/usr/bin", "docker/usr/sbin", "host/usr/sbin")
        return ":".join((*(str(self.path / part) for part in own), SYSTEM_PATH))


def obtain(path: Path, *, apt_state_path: Path) -> Programs:
    """Fetch what the host lacks into `path`; a second call finds everything there."""
    programs = Programs(path=path)
    apt.fetch(ENGINE_PACKAGES, suite=ENGINE_SUITE, state_path=apt_state_path, into=path / "docker")
    if not _has_hosts_suite(programs):
        _obtain_hosts_suite(programs, apt_state_path=apt_state_path)
    return programs


def _has_hosts_suite(programs: Programs) -> bool:
    has_iptables = shutil.which("iptables", path=programs.search_path) is not None
    return has_iptables and (programs.path / "host" / "usr" / "sbin" / "runc").exists()


def _obtain_hosts_suite(programs: Programs, *, apt_state_path: Path) -> None:
    """Fetch what leans on the host's C libraries, and so comes from its own suite.

    runc is ours even where the host has one: its processes are then known as ours.
    """
    lacks_iptables = shutil.which("iptables", path=SYSTEM_PATH) is None
    packages = ("runc", *(IPTABLES_PACKAGES if lacks_iptables else ()))
    into = programs.path / "host"
    apt.fetch(packages, suite=apt.host_suite(), state_path=apt_state_path, into=into)
    if lacks_iptables:
        _wrap_iptables(into, wrappers_path=programs.path / "wrappers")


def _wrap_iptables(prefix: Path, *, wrappers_path: Path) -> None:
    """Write launchers that find the private libraries, of the variant that this kernel knows.

    dockerd runs it inside each container's own network for the names of other containers.
    """
    libraries = next((prefix / "usr" / "lib").glob("*/libxtables.so.*")).parent
    program = prefix / "usr" / "sbin"
    wrappers_path.mkdir(exist_ok=True)
    for variant in ("xtables-nft-multi", "xtables-legacy-multi"):
        for name in ("ip6tables", "iptables"):
            target = wrappers_path / name
            target.write_text(_launcher(program / variant, name, libraries), encoding="utf-8")
            target.chmod(0o755)
        if _works(wrappers_path / "iptables"):
            return
    msg = "this kernel knows neither nftables nor iptables: containers need one of them"
    raise ProcessError(msg)


def _launcher(program: Path, name: str, libraries: Path) -> str:
    path = os.fspath(libraries)
    return (
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH={shlex.quote(path)} XTABLES_LIBDIR={shlex.quote(path)}/xtables\n"
        f'exec {shlex.quote(os.fspath(program))} {name} "$@"\n'
    )


def _works(iptables: Path) -> bool:
    # In a network namespace of its own, so that the host's rules are not even read.
    try:
        process.run(("unshare", "--net", iptables, "-t", "nat", "-S"), timeout_s=30)
    except ProcessError:
        return False
    return True
