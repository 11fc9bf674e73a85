"""Built images and a registry in; what a key has signed of these very digests, as records here, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import trust
from dockwright.errors import RecordError
from dockwright.spec import records
from dockwright.spec.bench_records import BenchRecord
from dockwright.spec.evidence import Kind
from dockwright.spec.records import BuildRecord, SmokeRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dockwright.clients.registry import Repository
    from dockwright.clients.trust import Trust
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

# Never a scan: what is known of vulnerabilities changes while the image is the same.
MODELS: dict[Kind, type[SmokeRecord | BenchRecord]] = {
    Kind.SMOKE: SmokeRecord,
    Kind.BENCH: BenchRecord,
}


def recall(
    ws: Workspace,
    variants: Sequence[Variant],
    repository: Callable[[Variant], Repository],
    kind: Kind,
    verifies: Trust,
) -> None:
    """Write the newest record of each image that has none here; whoever reads it, judges it.

    What the key has not signed counts as absent: it would be signed by us from then on.
    """
    for variant in variants:
        built = records.read(ws.out_path, variant.identifier, "build", BuildRecord)
        if built is None or records.content_of(ws.out_path, built, kind) is not None:
            continue
        place = repository(variant)
        piece = trust.newest(place, built.digest, kind, verifies).piece
        if piece is None:
            continue
        try:
            record = records.loads(piece.content, MODELS[kind], of=built.digest)
        except RecordError as e:
            console.warn(f"{variant.identifier}: {kind} record in {place}: {e}")
            continue
        if record.identifier == variant.identifier:
            records.write(ws.out_path, kind, record)
            console.say(f"{variant.identifier}: {kind} record of {record.finished_at}, by {place}")
