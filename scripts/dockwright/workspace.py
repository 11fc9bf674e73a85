"""Where things are: the checkout's folders and this machine's dockwright home."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dockwright.errors import ManifestError


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """The folders a command works on: `root` is the checkout, `home` the machine's store."""

    root: Path
    home: Path
    overlay: Path | None = None
    """The folder of a downstream team: then nothing is written into the checkout."""

    @property
    def committed_path(self) -> Path:
        """Below it is what commands write to be committed: in the checkout or in the overlay."""
        return self.overlay or self.root

    @property
    def buildspec_path(self) -> Path:
        return self.root / "buildspec"

    @property
    def images_path(self) -> Path:
        return self.root / "images"

    @property
    def smoke_path(self) -> Path:
        return self.root / "tests" / "smoke"

    @property
    def out_path(self) -> Path:
        """Records of this working copy."""
        return self.committed_path / "out"

    @property
    def locks_path(self) -> Path:
        """The locks that commands write, those of bases included."""
        return (self.overlay or self.buildspec_path) / "locks"

    def shown(self, path: Path) -> str:
        """Return how messages call a file that is committed: from the checkout, or the overlay, on."""
        if self.overlay is not None and path.is_relative_to(self.overlay):
            return str(path.relative_to(self.overlay.parent))
        return str(path.relative_to(self.root))

    @property
    def workloads_path(self) -> Path:
        return self.root / "tests" / "workloads"

    @property
    def bench_path(self) -> Path:
        """What benchmarks leave besides their records: history and report."""
        return self.out_path / "bench"

    @property
    def wheels_path(self) -> Path:
        """The wheel store: `<sha256>/<filename>`, shared by all working copies."""
        return self.home / "wheels"

    @property
    def staged_path(self) -> Path:
        """Wheels as builds mount them: `<release>/<layer>/`, hard links into the store."""
        return self.home / "staged"

    @property
    def layers_path(self) -> Path:
        """Layers made of wheels: `<key>/blob`, shared by all working copies."""
        return self.home / "layers"

    @property
    def pages_path(self) -> Path:
        """Pages of package indexes, as they were last."""
        return self.home / "pages"

    @property
    def uploads_path(self) -> Path:
        """Uploads to registries that were begun and not ended."""
        return self.home / "uploads"

    @property
    def bases_path(self) -> Path:
        """Base images as OCI layouts."""
        return self.home / "bases"

    @property
    def engine_path(self) -> Path:
        """The private engine: its programs, socket, state and images."""
        return self.home / "engine"


def find(start: Path, overlay: Path | None = None) -> Workspace:
    """Return the workspace whose checkout holds `start`.

    The home is DOCKWRIGHT_HOME, else `dockwright` in the user's cache folder.
    """
    for folder in (start, *start.parents):
        if (folder / "buildspec" / "common.yml").is_file():
            return Workspace(root=folder, home=home(), overlay=overlay)
    msg = f"{start}: no buildspec/common.yml here or above; run dockwright inside its checkout"
    raise ManifestError(msg)


def home() -> Path:
    """Return this machine's store: DOCKWRIGHT_HOME, else a folder of the user's cache."""
    if folder := os.environ.get("DOCKWRIGHT_HOME"):
        return Path(folder).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache).absolute() / "dockwright"


def overlay(named: Path | None = None) -> Path | None:
    """Return the overlay's folder: the one that is named, else DOCKWRIGHT_SPEC, else none."""
    setting = os.environ.get("DOCKWRIGHT_SPEC")
    folder = named or (Path(setting) if setting else None)
    if folder is not None and not folder.is_dir():
        msg = f"{folder} is no folder: an overlay (--spec, DOCKWRIGHT_SPEC) is one with manifests"
        raise ManifestError(msg)
    return folder.resolve() if folder else None
