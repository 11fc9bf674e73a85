"""Debian packages in, their programs out, ready to run and not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.clients import apt
from dockwright.clients.engine_programs import ENGINE_SUITE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dockwright.workspace import Workspace

# With the libraries that a bare Debian lacks.
SKOPEO = ("skopeo", "libassuan0", "libdevmapper1.02.1", "libgpgme11")
BUILDAH = ("buildah", "libassuan0", "libdevmapper1.02.1", "libgpgme11", "libseccomp2")
UMOCI = ("umoci",)
FAKETIME = ("libfaketime",)


def fetched(ws: Workspace, into: Path, packages: Iterable[str]) -> tuple[Path, dict[str, str]]:
    """Return the folder of the packages' programs, and the environment that they need."""
    suite = apt.host_suite()
    apt.fetch(packages, suite=suite, state_path=ws.home / "apt", into=into)
    # Bookworm still has libraries in /lib, too.
    library_path = ":".join(str(path) for path in into.glob("**/lib/*-linux-gnu"))
    return into / "usr" / "bin", {"LD_LIBRARY_PATH": library_path}


def skopeo(ws: Workspace, folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return skopeo's command line, and its environment."""
    programs, env = fetched(ws, folder / "programs", SKOPEO)
    # As for a user who is not root: its cache of blobs stays out of the host's /var.
    own = {"_CONTAINERS_ROOTLESS_UID": "1", "XDG_DATA_HOME": str(folder / "data")}
    return (str(programs / "skopeo"), "--insecure-policy"), {**env, **own}


def another_day(ws: Workspace, folder: Path, when: str) -> dict[str, str]:
    """Return the environment in which programs believe that it is another day, such as `+9d`."""
    fetched(ws, folder, FAKETIME)
    (library,) = folder.glob("usr/lib/*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": when}


def oras(ws: Workspace, folder: Path) -> str:
    """Return oras's path; older suites have none."""
    into = folder / "oras"
    apt.fetch(["oras"], suite=ENGINE_SUITE, state_path=ws.home / "apt", into=into)
    return str(into / "usr" / "bin" / "oras")
