"""Jobs in; an error before anything is built where the disk has too little room for them, out."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.composition.prediction import predict
from dockwright.errors import NoSpaceError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dockwright.builders.job import Job
    from dockwright.workspace import Workspace

PER_WHEEL_BYTE = 8
"""What BuildKit needs: unpacked thrice over (install stage, layer, image) and the gzip layers."""
PER_ASSEMBLED_BYTE = 2
"""Layers in the store, and copies of them where links cannot be."""
PER_LOADED_BYTE = 4
"""What assembling into an engine needs: a layer in the store, in the engine, and unpacked."""


def require(
    ws: Workspace, jobs: Sequence[Job], per_byte: int, *, there: Collection[str] = ()
) -> None:
    """Raise NoSpaceError unless the disk has room for the jobs' wheels, so often over.

    `there` are digests of assembled layers that need no room any more.
    """
    distinct = {wheel for job in jobs for wheel in job.wheels}
    needed = per_byte * max(0, sum(wheel.size_bytes for wheel in distinct) - _known(jobs, there))
    free = shutil.disk_usage(ws.home).free
    if free < needed:
        msg = (
            f"{ws.home} has {console.human_bytes(free)} free, the build needs about "
            f"{console.human_bytes(needed)}; run `dockwright clean`, or set DOCKWRIGHT_HOME"
        )
        raise NoSpaceError(msg)


def _known(jobs: Sequence[Job], there: Collection[str]) -> int:
    """Return the bytes of those of the jobs' layers that are there, as the layer lock tells."""
    layers = {
        layer
        for job in jobs
        if there
        for layer in predict(
            job.variant, job.lock, job.base.lock, job.runtime, job.layers
        ).layers.values()
    }
    return sum(layer.size_bytes for layer in layers if layer.digest in there)
