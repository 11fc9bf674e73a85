"""The subject in; its layers read from the registry, checked, and what their files are, out."""

from __future__ import annotations

import errno
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
from dockwright.composition.assemble.layer_store import DEFAULT_TARGET
from dockwright.composition.layer_content import Wanted
from dockwright.composition.render import VENV
from dockwright.errors import DockwrightError, HashMismatchError, NoSpaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Makings:
    """How the wheels of assembled layers are made again."""

    target: Target = DEFAULT_TARGET
    scaffolds: Mapping[str, tuple[LayerScaffold, bytes]] = field(default_factory=dict)
    """By the digest of the layer that each is of, with its glue."""
    note: str = ""
    """What is to be said of them."""
    problem: str = ""
    """Why they cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """What the image's layers hold together."""

    entries: dict[str, Entry] = field(default_factory=dict)
    """By path: all files but the base's, and of these those that tell what is installed."""
    rebuilt: dict[str, str] = field(default_factory=dict)
    """The sha256 of every wheel that was made again from its layer, by file name."""
    problems: list[str] = field(default_factory=list)
    """Of wheels that could not be made again."""
    size_bytes: int = 0


def _is_kept(path: str) -> bool:
    return path in {DPKG_STATUS, OS_RELEASE} or bool(DISTRIBUTION.fullmatch(path))


# The base's own layers are known by their digests; of the others every file is looked at.
OF_BASE = Wanted(is_hashed=lambda path: path.startswith(ROOT), is_kept=_is_kept)
OF_OTHERS = Wanted(is_hashed=lambda _: True, is_kept=_is_kept)


def read(subject: Subject, makings: Makings, *, scratch_path: Path) -> Files:
    """Read every layer once, holding none; HashMismatchError when one is not what is named.

    A layer with a scaffold is kept below `scratch_path` until its wheels are made again.
    """
    layers, diff_ids = subject.layers, subject.config["rootfs"]["diff_ids"]
    if len(layers) != len(diff_ids):
        msg = f"the manifest names {len(layers)} layers, the config {len(diff_ids)}"
        raise HashMismatchError(msg)
    files = Files(size_bytes=sum(layer["size"] for layer in layers))
    files.problems.extend(filter(None, [makings.problem]))
    of_base = set(subject.base_layers)
    scratch_path.mkdir(parents=True, exist_ok=True)
    with console.transfer(f"read {subject.repository}", files.size_bytes) as transfer:
        for layer, diff_id in zip(layers, diff_ids, strict=True):
            started, digest, size = time.monotonic(), layer["digest"], layer["size"]
            pieces = blob_stream.pieces(subject.repository, digest, size, on_bytes=transfer.advance)
            wanted = OF_BASE if digest in of_base else OF_OTHERS
            if digest in makings.scaffolds:
                with tempfile.TemporaryDirectory(dir=scratch_path) as folder:
                    kept = _kept(pieces, Path(folder, "blob"))
                    files.entries.update(_entries(kept, wanted, digest, diff_id))
                    _rebuild(Path(folder), makings, digest, files)
            else:
                files.entries.update(_entries(pieces, wanted, digest, diff_id))
            seconds = time.monotonic() - started
            transfer.finished(digest[7:19], size_bytes=size, seconds=seconds)
    return files


def _kept(pieces: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """Pass pieces on, and leave them in a file."""
    with path.open("wb") as file:
        for piece in pieces:
            try:
                file.write(piece)
            except OSError as e:
                if e.errno != errno.ENOSPC:
                    raise
                msg = f"no room for a layer in {path.parent.parent}; make some, or set DOCKWRIGHT_HOME"
                raise NoSpaceError(msg) from None
            yield piece


def _entries(
    pieces: Iterator[bytes], wanted: Wanted, digest: str, diff_id: str
) -> dict[str, Entry]:
    content = layer_content.read(pieces, wanted, name=f"layer {digest}")
    if content.diff_id != diff_id:
        msg = f"layer {digest} unpacks to {content.diff_id}, the config says {diff_id}"
        raise HashMismatchError(msg)
    return content.entries


def _rebuild(folder: Path, makings: Makings, digest: str, files: Files) -> None:
    layer, glue = makings.scaffolds[digest]
    try:
        with Path(folder, "blob").open("rb") as blob:
            made = scaffold.rebuilt(blob, layer, glue, into=folder, target=makings.target)
    except DockwrightError as e:
        files.problems.append(f"layer {digest[:19]}: {e}")
        return
    files.rebuilt.update(made)
