"""The subject in; its layers read from the registry, checked, and what their files are, out."""

from __future__ import annotations

import re
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import blob_stream
from dockwright.composition import layer_content
from dockwright.composition.assemble import scaffold
from dockwright.composition.layer_content import Wanted
from dockwright.composition.render import VENV
from dockwright.errors import DockwrightError, HashMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.composition.assemble.install import Target
    from dockwright.composition.assemble.scaffold import LayerScaffold
    from dockwright.composition.layer_content import Entry
    from dockwright.stages.verify.subject import Subject

DPKG_STATUS = "var/lib/dpkg/status"
OS_RELEASE = "usr/lib/os-release"
ROOT = VENV.strip("/") + "/"
DISTRIBUTION = re.compile(
    rf"{re.escape(ROOT)}lib/python3\.[0-9]+/site-packages/[^/]+\.dist-info/(METADATA|RECORD)"
)

Scaffolds = dict[str, tuple["LayerScaffold", bytes]]
"""By the digest of the layer that each is of, with its glue."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """What the image's layers hold together."""

    entries: dict[str, Entry] = field(default_factory=dict)
    """Files of the virtual environment, and those that tell what is installed, by path."""
    rebuilt: dict[str, str] = field(default_factory=dict)
    """The sha256 of every wheel that was made again from its layer, by file name."""
    problems: list[str] = field(default_factory=list)
    """Of wheels that could not be made again."""
    size_bytes: int = 0


WANTED = Wanted(
    is_hashed=lambda path: path.startswith(ROOT),
    is_kept=lambda path: path in {DPKG_STATUS, OS_RELEASE} or bool(DISTRIBUTION.fullmatch(path)),
)


def read(subject: Subject, scaffolds: Scaffolds, *, target: Target, scratch_path: Path) -> Files:
    """Read every layer once, holding none; HashMismatchError when one is not what is named.

    A layer with a scaffold is kept below `scratch_path` until its wheels are made again.
    """
    layers, diff_ids = subject.layers, subject.config["rootfs"]["diff_ids"]
    if len(layers) != len(diff_ids):
        msg = f"the manifest names {len(layers)} layers, the config {len(diff_ids)}"
        raise HashMismatchError(msg)
    files = Files(size_bytes=sum(layer["size"] for layer in layers))
    scratch_path.mkdir(parents=True, exist_ok=True)
    with console.transfer(f"read {subject.repository}", files.size_bytes) as transfer:
        for layer, diff_id in zip(layers, diff_ids, strict=True):
            started, digest, size = time.monotonic(), layer["digest"], layer["size"]
            pieces = blob_stream.pieces(subject.repository, digest, size, on_bytes=transfer.advance)
            if digest in scaffolds:
                with tempfile.TemporaryDirectory(dir=scratch_path) as folder:
                    _content(_kept(pieces, Path(folder, "blob")), digest, diff_id, files)
                    _rebuild(Path(folder), *scaffolds[digest], target, files)
            else:
                _content(pieces, digest, diff_id, files)
            seconds = time.monotonic() - started
            transfer.finished(digest[7:19], size_bytes=size, seconds=seconds)
    return files


def _kept(pieces: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """Pass pieces on, and leave them in a file."""
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
            yield piece


def _content(pieces: Iterator[bytes], digest: str, diff_id: str, files: Files) -> None:
    content = layer_content.read(pieces, WANTED, name=f"layer {digest}")
    if content.diff_id != diff_id:
        msg = f"layer {digest} unpacks to {content.diff_id}, the config says {diff_id}"
        raise HashMismatchError(msg)
    files.entries.update(content.entries)


def _rebuild(folder: Path, layer: LayerScaffold, glue: bytes, target: Target, files: Files) -> None:
    try:
        with Path(folder, "blob").open("rb") as blob:
            made = scaffold.rebuilt(blob, layer, glue, into=folder, target=target)
    except DockwrightError as e:
        files.problems.append(f"layer {layer.digest[:19]}: {e}")
        return
    files.rebuilt.update(made)
