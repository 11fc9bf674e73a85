"""What the user calls an image in; the one that the engine has, and how it describes itself, out."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dockwright.errors import NothingSelectedError, RecordError
from dockwright.spec import records, selector

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from docker import DockerClient

    from dockwright.spec.axes import Job
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image in the engine."""

    reference: str
    labels: Mapping[str, str]


def find(
    ws: Workspace, variants: Sequence[Variant], asked: str, client: DockerClient, *, job: Job
) -> Image:
    """Return the image for a job that a glob over identifiers, or else a reference, names.

    Raises:
        NothingSelectedError: the glob matches no image for the job, or several that are built.
        RecordError: the image is not built, or the engine does not have it.
    """
    from docker.errors import ImageNotFound  # noqa: PLC0415 - slow to import

    fitting = [v for v in variants if v.job is job]
    matching = [v for v in fitting if fnmatchcase(v.identifier, asked)]
    if not matching and any(mark in asked for mark in "*?["):
        selector.pick(fitting, [asked])
    reference = _built(ws, matching) if matching else asked
    try:
        labels = client.images.get(reference).labels
    except ImageNotFound:
        way_out = (
            f"run `dockwright build '{asked}'`"
            if matching
            else f"pull it, or name one that `dockwright list '*{job}*'` shows"
        )
        msg = f"the engine has no image {reference}; {way_out}"
        raise RecordError(msg) from None
    return Image(reference=reference, labels=labels)


def _built(ws: Workspace, matching: Sequence[Variant]) -> str:
    found = {
        v.identifier: records.read(ws.out_path, v.identifier, "build", records.BuildRecord)
        for v in matching
    }
    built = {identifier: record for identifier, record in found.items() if record is not None}
    if not built:
        names = "".join(f"\n- dockwright build {identifier}" for identifier in found)
        msg = f"not built yet; run{' one of' if len(found) > 1 else ''}:{names}"
        raise RecordError(msg)
    if len(built) > 1:
        names = "".join(f"\n- {identifier}" for identifier in built)
        msg = f"several images are built; choose one with --image:{names}"
        raise NothingSelectedError(msg)
    return next(iter(built.values())).reference
