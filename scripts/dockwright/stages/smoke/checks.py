"""The folders of tests/smoke in; the checks that an image must pass, and the tar they travel in, out."""

from __future__ import annotations

import ast
import io
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockwright.errors import SmokeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PLACE = "/smoke"
"""Where the checks are inside an image."""


class CheckFailedError(Exception):
    """What a check found wrong, for its record."""


class CheckDeferredError(Exception):
    """Why a check could not run here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A script that runs inside an image."""

    name: str
    """`<trait>/<script>` without its ending."""
    needs_gpu: bool
    is_pristine: bool
    """It looks at the image as built, so it runs before the checks that leave traces."""

    @property
    def path(self) -> str:
        """The script inside the image."""
        return f"{PLACE}/{self.name}.py"


def discover(smoke_path: Path, traits: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks of the traits; SmokeError for a trait that none speaks for."""
    found = {trait: sorted((smoke_path / trait).glob("check_*.py")) for trait in traits}
    if silent := [trait for trait, scripts in found.items() if not scripts]:
        places = ", ".join(f"tests/smoke/{trait}" for trait in silent)
        msg = f"no check in {places}: write a check_*.py there that says what such images promise"
        raise SmokeError(msg)
    return tuple(_check(trait, path) for trait, paths in found.items() for path in paths)


def declares(source: str, name: str) -> bool:
    """Tell whether a script says `NAME = True` at its top level; it is read, never run.

    >>> declares("import torch\\nNEEDS_GPU = True\\n", "NEEDS_GPU")
    True
    """
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        and isinstance(node.value, ast.Constant)
        and node.value.value is True
        for node in ast.parse(source).body
    )


def require_gpu(check: Check, *, has_gpu: bool) -> None:
    """Defer a check that needs a GPU where there is none."""
    if check.needs_gpu and not has_gpu:
        msg = "needs gpu"
        raise CheckDeferredError(msg)


def pack(smoke_path: Path, traits: Sequence[str], facts: dict[str, Any]) -> bytes:
    """Return a tar of the traits' folders and facts.json, to be unpacked at the image's root."""
    contents = {
        f"{trait}/{path.name}": path.read_bytes()
        for trait in traits
        for path in sorted((smoke_path / trait).iterdir())
        if path.is_file()
    }
    contents["facts.json"] = json.dumps(facts, indent=2).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("", *traits):
            archive.addfile(_folder(folder))
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{PLACE}/{name}".lstrip("/"))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _check(trait: str, path: Path) -> Check:
    source = path.read_text(encoding="utf-8")
    return Check(
        name=f"{trait}/{path.stem}",
        needs_gpu=declares(source, "NEEDS_GPU"),
        is_pristine=declares(source, "PRISTINE"),
    )


def _folder(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"{PLACE}/{name}".strip("/"))
    member.type = tarfile.DIRTYPE
    member.mode = 0o755
    return member
