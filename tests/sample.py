"""The small workspace that unit and golden tests share, as a copy that a test may spoil."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import workspace
from dockwright.spec import manifest

if TYPE_CHECKING:
    from dockwright.spec.manifest import Manifest
    from dockwright.workspace import Workspace

REPOSITORY = Path(__file__).parents[1]
SAMPLE = REPOSITORY / "tests" / "golden" / "sample"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A copy of the sample, with the repository's own templates."""

    ws: Workspace

    def manifest(self) -> Manifest:
        """Return the manifest as it is now."""
        return manifest.load(self.ws.buildspec_path)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands exactly once in a file of buildspec/."""
        path = self.ws.buildspec_path / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8", newline="")

    def tree(self) -> dict[str, bytes]:
        """Return every file below the checkout: path -> content."""
        root = self.ws.root
        files = (path for path in root.rglob("*") if path.is_file())
        return {str(path.relative_to(root)): path.read_bytes() for path in files}


def copy(folder: Path) -> Sample:
    """Copy the sample's checkout into `folder`; its home is beside it and empty."""
    root = folder / "checkout"
    shutil.copytree(SAMPLE, root)
    shutil.copytree(REPOSITORY / "images" / "_templates", root / "images" / "_templates")
    return Sample(ws=workspace.Workspace(root=root, home=folder / "home"))
