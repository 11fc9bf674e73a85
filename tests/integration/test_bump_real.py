"""A security bump of a real release on a real base: from packages of last year to mended ones."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dockwright import process

if TYPE_CHECKING:
    from pathlib import Path


IMAGE = "pytorch-*-transformers5*-inference-cpu"
LOCK = "buildspec/locks/pytorch-2.13.0-transformers5.23.0-py311-debian12.json"
BASE = "buildspec/locks/base-debian12.json"
NOW = datetime.now(UTC).isoformat()


@dataclass(frozen=True, kw_only=True, slots=True)
class Clone:
    """A clone of the checkout, to commit in."""

    path: Path

    def git(self, *args: str) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test@test.example")
        return process.run(("git", *identity, *args), cwd=self.path, timeout_s=120)

    def run(self, *args: str, **env: str) -> str:
        argv = (sys.executable, "-m", "dockwright", *args)
        return process.run(argv, cwd=self.path, env=env, timeout_s=3000)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=x")

    def locked(self, name: str) -> dict[str, str]:
        """Return the versions that the release's lock or the base's has."""
        lock = json.loads((self.path / name).read_bytes())
        wheels = {one["wheel"]["name"]: one["wheel"]["version"] for one in lock.get("wheels", ())}
        packages = [p for image in lock.get("images", ()) for p in image["packages"]]
        return wheels | {package["name"]: package["version"] for package in packages}
