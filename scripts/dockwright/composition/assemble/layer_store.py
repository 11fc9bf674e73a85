"""Wheel layers in; their blobs in the local store, written once, out.

`<home>/layers/<key>/`: `blob`, `facts.json` beside it, `.lock`. The key tells the wheels, where
they go and how layers are laid out, so that a blob never goes stale.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import filelock, hashing
from dockwright.composition import wheels
from dockwright.composition.assemble import keys, wheel_layer
from dockwright.composition.assemble.install import Target
from dockwright.errors import HashMismatchError, NoSpaceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dockwright.clients.hashing import OnBytes
    from dockwright.composition.assemble.wheel_layer import Written
    from dockwright.composition.layers import WheelLayer
    from dockwright.workspace import Workspace

MEND = (
    "remove its line from the release's .layers.json in buildspec/locks and run "
    "`dockwright lock --layers`; if no layer was meant to change, report it"
)
LOCK_WAIT_S = 3600.0
PARALLEL = 4
FACTS_NAME = "facts.json"
DEFAULT_TARGET = Target()


class _StoppedError(Exception):
    """Ends a layer whose run is over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerBlob:
    """A layer as a gzip tar in the store."""

    path: Path
    digest: str
    diff_id: str
    size_bytes: int
    unpacked_bytes: int
    """Of all its files."""


def layer_blob(
    ws: Workspace,
    layer: WheelLayer,
    *,
    known_diff_id: str | None,
    target: Target = DEFAULT_TARGET,
    on_bytes: OnBytes = hashing.ignore,
) -> LayerBlob:
    """Return a layer's blob, written now unless the store has it.

    With `known_diff_id`, from a lock made of these very wheels, nothing is inflated: the wheels'
    sha256 stand for their content. HashMismatchError where the store knows another diff_id.
    """
    wheels.verify(ws.wheels_path, layer.wheels)
    folder = ws.layers_path / keys.wheels_key(layer, target)
    doing = f"assembling layer {layer.name}"
    with filelock.exclusive(folder / ".lock", doing=doing, wait_s=LOCK_WAIT_S):
        stored = _stored(folder)
        if stored is not None and stored.diff_id is not None:
            return _blob(folder, stored, known_diff_id, layer)
        if stored is None or known_diff_id is None:
            inflate = known_diff_id is None
            stored = _write(ws, folder, layer, target=target, inflate=inflate, on_bytes=on_bytes)
        return _blob(folder, stored, known_diff_id, layer)


def layer_blobs(
    ws: Workspace,
    layers: Sequence[WheelLayer],
    *,
    known_diff_ids: Mapping[str, str],
    target: Target = DEFAULT_TARGET,
) -> tuple[LayerBlob, ...]:
    """Return the blobs of many layers, written side by side; `known_diff_ids` by layer key.

    The first failure, or Ctrl-C, ends all of them within a chunk; no partial blob stays.
    """
    stop = threading.Event()

    def on_bytes(_count: int) -> None:
        if stop.is_set():
            raise _StoppedError

    def one(layer: WheelLayer) -> LayerBlob:
        known = known_diff_ids.get(layer.key)
        return layer_blob(ws, layer, known_diff_id=known, target=target, on_bytes=on_bytes)

    largest_first = sorted(layers, key=lambda layer: layer.size_bytes, reverse=True)
    workers = max(1, min(PARALLEL, os.cpu_count() or 1, len(layers)))
    with ThreadPoolExecutor(workers) as pool:
        futures = {layer: pool.submit(one, layer) for layer in largest_first}
        try:
            done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
            failures = [error for future in done if (error := future.exception()) is not None]
            if failures:
                raise failures[0]
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    return tuple(futures[layer].result() for layer in layers)


def forget(ws: Workspace, keys: Iterable[str]) -> None:
    """Have the layers of these keys made anew; their blobs stay until then, for who reads them now."""
    for key in keys:
        (ws.layers_path / key / FACTS_NAME).unlink(missing_ok=True)


def _write(
    ws: Workspace,
    folder: Path,
    layer: WheelLayer,
    *,
    target: Target,
    inflate: bool,
    on_bytes: OnBytes,
) -> Written:
    paths = [wheels.path_of(ws.wheels_path, wheel) for wheel in layer.wheels]
    part = folder / ".blob.part"
    try:
        with part.open("wb") as blob:
            written = wheel_layer.write(
                paths,
                blob,
                target=target,
                left_out=layer.left_out,
                inflate=inflate,
                on_bytes=on_bytes,
            )
        part.replace(folder / "blob")
        _remember(folder, written)
    except OSError as e:
        if e.errno != errno.ENOSPC:
            raise
        need = console.human_bytes(layer.size_bytes)
        msg = f"layer {layer.name} needs {need} in {folder}; make room, or set DOCKWRIGHT_HOME"
        raise NoSpaceError(msg) from None
    finally:
        part.unlink(missing_ok=True)
    return written


def _remember(folder: Path, written: Written) -> None:
    facts = {
        "digest": written.digest,
        "diff_id": written.diff_id,
        "size_bytes": written.size_bytes,
        "unpacked_bytes": written.unpacked_bytes,
        "looks": hashing.looks(folder / "blob"),
    }
    part = folder / ".facts.part"
    part.write_text(console.as_json(facts), encoding="utf-8")
    part.replace(folder / FACTS_NAME)


def _stored(folder: Path) -> Written | None:
    """Return what the store has; None when it is absent or not as it was written."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        facts = json.loads((folder / FACTS_NAME).read_bytes())
        if facts.pop("looks") == hashing.looks(folder / "blob"):
            return wheel_layer.Written(**facts)
    return None


def _blob(folder: Path, written: Written, known: str | None, layer: WheelLayer) -> LayerBlob:
    """Return a stored layer under its diff_id, the one found if there are two."""
    if None not in {known, written.diff_id} and known != written.diff_id:
        msg = (
            f"layer {layer.name} has diff_id {written.diff_id}, the layer lock says {known}; {MEND}"
        )
        raise HashMismatchError(msg)
    diff_id = written.diff_id or known
    assert diff_id is not None
    return LayerBlob(
        path=folder / "blob",
        digest=written.digest,
        diff_id=diff_id,
        size_bytes=written.size_bytes,
        unpacked_bytes=written.unpacked_bytes,
    )
