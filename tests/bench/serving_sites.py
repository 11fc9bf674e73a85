"""This host's package clients in; the two servers and the load generator, ready to start, out.

Everything lies below one folder and is kept for the next run; the host gets nothing installed.
"""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bench import serving_load, serving_models, serving_room, serving_venvs
from bench.serving_load import Wrk
from dockwright import process
from dockwright.clients import apt
from dockwright.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.workspace import Workspace

PEER_REQUIREMENTS = """\
multi-model-server==1.1.11
numpy<2
sagemaker-huggingface-inference-toolkit==2.6.0
sagemaker-inference==1.10.1
setuptools==81.0.0
torch==2.13.0+cpu
transformers==4.57.6
"""
SUITE = "bookworm"
JAVA_PACKAGES = ("openjdk-17-jre-headless",)
SOUND_PACKAGES = (
    *("libflac12", "libmp3lame0", "libmpg123-0", "libogg0"),
    *("libopus0", "libsndfile1", "libvorbis0a", "libvorbisenc2"),
)
"""For soundfile, whose wheel does not carry its library on every index."""
WRK_PACKAGES = ("libluajit-5.1-2", "libluajit-5.1-common", "libssl3", "wrk")
PORTS = range(18080, 18180)
"""The Java server refuses the high ones that the kernel would give."""


class Side(StrEnum):
    """Who is measured."""

    PEER = "peer"
    OURS = "ours"


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where the programs and models of the comparison are."""

    folder: Path

    @property
    def wrk(self) -> Wrk:
        return Wrk(prefix=self.folder / "wrk")

    @property
    def bodies_path(self) -> Path:
        return self.folder / "bodies.txt"

    def model_path(self, model: str) -> Path:
        return self.folder / "models" / model

    def venv_path(self, side: Side) -> Path:
        return self.folder / side

    def log_path(self, side: Side) -> Path:
        return self.folder / f"{side}.log"

    @property
    def sound_path(self) -> Path:
        """The folder of libsndfile."""
        return next((self.folder / "sound" / "usr" / "lib").glob("*/libsndfile.so.1")).parent

    def search_path(self, side: Side) -> str:
        java = [self.folder / "java/usr/lib/jvm/java-17-openjdk-amd64/bin"]
        parts = [self.venv_path(side) / "bin", *(java if side is Side.PEER else [])]
        return ":".join((*map(str, parts), "/usr/bin", "/bin"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """One running server."""

    room: serving_room.Room
    url: str
    started: float
    """By the monotonic clock."""


def obtain(ws: Workspace, folder: Path, sides: tuple[Side, ...]) -> Site:
    """Set up what is not there yet; ours is installed anew from the checkout every time."""
    site = Site(folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    _packages(ws, site, "wrk", WRK_PACKAGES)
    _packages(ws, site, "java", JAVA_PACKAGES)
    _packages(ws, site, "sound", SOUND_PACKAGES)
    link = site.sound_path / "libsndfile.so"  # the one name that soundfile tries
    if not link.exists():
        link.symlink_to("libsndfile.so.1")
    peer = serving_venvs.Venv(path=site.venv_path(Side.PEER), ws=ws)
    peer.obtain(PEER_REQUIREMENTS)
    if Side.OURS in sides:
        serving_venvs.obtain_images(serving_venvs.Venv(path=site.venv_path(Side.OURS), ws=ws))
    script = Path(serving_models.__file__)
    env = {"LD_LIBRARY_PATH": str(site.sound_path)}
    process.run([peer.python_path, script, folder / "models"], env=env, timeout_s=300)
    serving_load.write_bodies(site.bodies_path)
    return site


@contextmanager
def serving(site: Site, side: Side, model: str) -> Iterator[Server]:
    """Run one side's `serve` at its defaults for the length of a block."""
    port = _free_port()
    env = {
        "PATH": site.search_path(side),
        "LD_LIBRARY_PATH": str(site.sound_path),
        "HF_TASK": "text-classification",
        "SAGEMAKER_BIND_TO_PORT": str(port),
    }
    log_path = site.log_path(side)
    log_path.unlink(missing_ok=True)
    started = time.monotonic()
    with serving_room.room(
        [site.venv_path(side) / "bin" / "serve", "serve"],
        env=env,
        model_path=site.model_path(model),
        room_path=site.folder / f"room-{side}",
        log_path=log_path,
        etc_path=site.folder / "java" / "etc" if side is Side.PEER else None,
    ) as room:
        yield Server(room=room, url=f"http://127.0.0.1:{port}", started=started)


def _packages(ws: Workspace, site: Site, name: str, packages: tuple[str, ...]) -> None:
    state_path = ws.home / "apt"
    apt.fetch(packages, suite=SUITE, state_path=state_path, into=site.folder / name)


def _free_port() -> int:
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    msg = f"no free port in {PORTS}"
    raise NetworkError(msg)
