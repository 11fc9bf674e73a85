"""The small workspace that unit and golden tests share, as a copy that a test may spoil."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import workspace
from dockwright.spec import layer_lock, manifest, selector
from dockwright.spec.image import sha256
from dockwright.spec.layer_lock import LayerLock, LockedLayer
from dockwright.stages.layer_lock import subjects

if TYPE_CHECKING:
    from dockwright.spec.manifest import Manifest
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

REPOSITORY = Path(__file__).parents[1]
SAMPLE = REPOSITORY / "tests" / "golden" / "sample"
OVERLAY = REPOSITORY / "tests" / "golden" / "overlay" / "orchid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A copy of the sample, with the repository's own templates."""

    ws: Workspace

    def manifest(self) -> Manifest:
        """Return the manifest as it is now."""
        return manifest.load(self.ws.buildspec_path, self.ws.overlay)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands exactly once in a file of buildspec/, or of the overlay."""
        path = (self.ws.overlay or self.ws.buildspec_path) / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8", newline="")

    def variant(self, identifier: str) -> Variant:
        """Return a variant of the manifest as it is now."""
        (found,) = selector.pick(self.manifest().variants, [identifier])
        return found

    @property
    def overlay(self) -> Path:
        """The folder that is laid on the checkout; a sample without one must not be asked."""
        assert self.ws.overlay is not None
        return self.ws.overlay

    def tree(self, folder: Path | None = None) -> dict[str, bytes]:
        """Return every file below a folder, without one below the checkout: path -> content."""
        root = folder or self.ws.root
        files = (path for path in root.rglob("*") if path.is_file())
        return {str(path.relative_to(root)): path.read_bytes() for path in files}


def copy(folder: Path) -> Sample:
    """Copy the sample's checkout into `folder`; its home is beside it and empty."""
    root = folder / "checkout"
    shutil.copytree(SAMPLE, root, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / "images" / "_templates", root / "images" / "_templates")
    return Sample(ws=workspace.Workspace(root=root, home=folder / "home"))


def overlaid(good: Sample) -> Sample:
    """Lay a copy of a team's folder, which is beside the checkout, on a copy of the sample."""
    folder = good.ws.root.parent / OVERLAY.name
    shutil.copytree(OVERLAY, folder)
    return Sample(ws=replace(good.ws, overlay=folder))


def lock_layers(ws: Workspace) -> None:
    """Commit layers of the sample, or of its overlay, that nobody has made: no wheel exists."""
    variants = manifest.load(ws.buildspec_path, ws.overlay).variants
    own = [v for v in variants if (v.release.overlay is None) == (ws.overlay is None)]
    for subject in subjects(ws, own):
        layers = tuple(
            LockedLayer(
                name=name,
                key=key,
                digest=sha256(f"blob of {key}".encode()),
                diff_id=sha256(f"tar of {key}".encode()),
                size_bytes=1000 * len(name),
                targets=("sm_80", "compute_90") if name in subject.frameworks else None,
            )
            for key, name in subject.names.items()
            if key not in subject.inherited
        )
        release = subject.release
        path = layer_lock.path_of(release.locks_in(ws.buildspec_path), release.key)
        path.write_text(layer_lock.dumps(LayerLock(layers=layers)), encoding="utf-8")
