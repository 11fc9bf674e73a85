"""This host's package clients in; the two servers and the load generator, ready to start, out.

Everything lies below one folder and is kept for the next run; the host gets nothing installed.
"""

from __future__ import annotations

import hashlib
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import uv
from packaging.version import Version

from bench import serving_load, serving_models, serving_room
from bench.serving_load import Wrk
from dockwright import console, process
from dockwright.clients import apt, index_config
from dockwright.clients.index_session import session
from dockwright.errors import NetworkError
from dockwright.spec import manifest
from dockwright.spec.axes import Accelerator, Framework, Job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.spec.variants import Variant
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
INSTALL_S = 1800.0
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
    _environment(ws, site, Side.PEER, PEER_REQUIREMENTS)
    if Side.OURS in sides:
        _environment(ws, site, Side.OURS, image_requirements(ws))
        _pip(ws, site, Side.OURS, "--reinstall-package=dockwright-serving", serving_path(ws))
    script = Path(serving_models.__file__)
    python = site.venv_path(Side.PEER) / "bin" / "python"
    env = {"LD_LIBRARY_PATH": str(site.sound_path)}
    process.run([python, script, folder / "models"], env=env, timeout_s=300)
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


def newest_image(ws: Workspace) -> Variant:
    """Return the inference image of the newest PyTorch release."""
    images = [
        variant
        for variant in manifest.load(ws.buildspec_path).variants
        if variant.release.framework is Framework.PYTORCH
        and variant.job is Job.INFERENCE
        and variant.accelerator == Accelerator("cpu")
    ]
    return max(images, key=lambda variant: Version(variant.release.spec.version))


def image_requirements(ws: Workspace) -> str:
    """Return all lines of the image's requirement files, hashes included."""
    image = newest_image(ws)
    release_path = ws.images_path / image.release.folder
    dockerfile = (release_path / image.folder / "Dockerfile").read_text(encoding="utf-8")
    paths = (release_path / "requirements").glob("*.txt")
    used = [path for path in sorted(paths) if f"requirements/{path.name}" in dockerfile]
    return "".join(path.read_text(encoding="utf-8") for path in used)


def serving_path(ws: Workspace) -> Path:
    """Return the project of our serving package."""
    return ws.images_path / "runtime" / "serving"


def _packages(ws: Workspace, site: Site, name: str, packages: tuple[str, ...]) -> None:
    state_path = ws.home / "apt"
    apt.fetch(packages, suite=SUITE, state_path=state_path, into=site.folder / name)


def _environment(ws: Workspace, site: Site, side: Side, requirements: str) -> None:
    """Make a virtual environment of the requirements unless it is one of them already."""
    path = site.venv_path(side)
    stamp_path = path / "requirements.sha256"
    stamp = hashlib.sha256(requirements.encode()).hexdigest()
    if stamp_path.exists() and stamp_path.read_text(encoding="utf-8") == stamp:
        return
    with console.step(f"install the {side}'s packages"):
        process.run(
            [uv.find_uv_bin(), "venv", "--clear", "--python", sys.executable, path], timeout_s=60
        )
        requirements_path = path / "requirements.txt"
        requirements_path.write_text(requirements, encoding="utf-8")
        checked = ["--require-hashes", "--no-deps"] if "--hash=" in requirements else []
        _pip(ws, site, side, *checked, "--requirements", requirements_path)
    stamp_path.write_text(stamp, encoding="utf-8")


def _pip(ws: Workspace, site: Site, side: Side, *arguments: str | Path) -> None:
    indexes = manifest.load(ws.buildspec_path).common.indexes
    with session(index_config.read(indexes)) as opened:  # leaves out what does not answer
        config = opened.config
    # Copies, for links into uv's cache would let the two sides share memory; bytecode, for a
    # server's start is measured.
    process.run(
        [
            *(uv.find_uv_bin(), "pip", "install", "--link-mode=copy", "--compile-bytecode"),
            *("--python", site.venv_path(side) / "bin" / "python", *arguments),
        ],
        env=index_config.uv_environment(config),
        timeout_s=INSTALL_S,
    )


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
