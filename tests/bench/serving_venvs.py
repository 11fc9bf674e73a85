"""Requirements in; a virtual environment that holds them, made by the host's own uv, out."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uv
from packaging.version import Version

from dockwright import console, process
from dockwright.clients import index_config
from dockwright.clients.index_session import session
from dockwright.composition import runtime, wheels
from dockwright.spec import lock as locks
from dockwright.spec import manifest
from dockwright.spec.axes import Framework, Job
from dockwright.stages.fetch import fetch

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

INSTALL_S = 1800.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Venv:
    """A virtual environment, made where it does not exist."""

    path: Path
    ws: Workspace

    @property
    def python_path(self) -> Path:
        return self.path / "bin" / "python"

    def obtain(self, requirements: str, *, wheels_path: Path | None = None) -> None:
        """Make the environment of these requirements unless it is that already.

        `wheels_path` is a folder that holds them all: then no index is asked.
        """
        stamp_path = self.path / "requirements.sha256"
        stamp = hashlib.sha256(requirements.encode()).hexdigest()
        if stamp_path.exists() and stamp_path.read_text(encoding="utf-8") == stamp:
            return
        with console.step(f"install what {self.path.name} consists of"):
            program = uv.find_uv_bin()
            process.run(
                [program, "venv", "--clear", "--python", sys.executable, self.path], timeout_s=60
            )
            requirements_path = self.path / "requirements.txt"
            requirements_path.write_text(requirements, encoding="utf-8")
            where = ("--no-index", "--no-deps", "--find-links", wheels_path)
            self.install(*(where if wheels_path else ()), "--requirements", requirements_path)
        stamp_path.write_text(stamp, encoding="utf-8")

    def install(self, *arguments: str | Path) -> None:
        """Run `uv pip install` with the host's own settings."""
        indexes = manifest.load(self.ws.buildspec_path).common.indexes
        with session(index_config.read(indexes)) as opened:  # leaves out what does not answer
            environment = index_config.uv_environment(opened.config)
        # Copies, for links into uv's cache would let the two sides share memory; bytecode, for
        # a server's start is measured.
        options = ("--link-mode=copy", "--compile-bytecode", "--python", self.python_path)
        process.run(
            [uv.find_uv_bin(), "pip", "install", *options, *arguments],
            env=environment,
            timeout_s=INSTALL_S,
        )


def obtain_images(venv: Venv) -> None:
    """Make the environment of the newest PyTorch inference image, with our package as it is now."""
    ws, image = venv.ws, newest_image(venv.ws)
    fetch(ws, [image])
    lock = locks.load(ws.buildspec_path, image.release)
    locked = [w.wheel for w in lock.wheels if image.folder in w.used_by]
    wheels_path = venv.path.with_name(f"{venv.path.name}-wheels")
    wheels.stage(ws.wheels_path, locked, wheels_path)
    lines = [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in locked]
    venv.obtain("\n".join(sorted(lines)) + "\n", wheels_path=wheels_path)
    for built in runtime.stock(ws, [image]).values():
        wheel = built.wheel
        # Its dependencies are locked, but for those that are being added right now.
        again = f"--reinstall-package={wheel.name}"
        venv.install("--find-links", wheels_path, again, wheels.path_of(ws.wheels_path, wheel))


def newest_image(ws: Workspace) -> Variant:
    """Return the CPU inference image of the newest PyTorch release."""
    images = [
        variant
        for variant in manifest.load(ws.buildspec_path).variants
        if variant.release.framework is Framework.PYTORCH
        and variant.job is Job.INFERENCE
        and variant.accelerator.kind == "cpu"
    ]
    return max(images, key=lambda variant: Version(variant.release.spec.version))
