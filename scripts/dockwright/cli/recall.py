"""`--proven-in`: records that a registry has of the very images that were built here count, too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright.errors import PolicyError
from dockwright.spec import registries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.evidence import Kind
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

ProvenIn = Annotated[
    str | None,
    typer.Option(
        "--proven-in",
        metavar="NAME",
        help="A registry of buildspec/registries.yml whose records count, too, where its key has "
        "signed them.",
    ),
]


def recall(ws: Workspace, variants: Sequence[Variant], name: str | None, kind: Kind) -> None:
    """Take over what the registry knows of the images; nothing when none is named."""
    if name is None:
        return
    from dockwright.clients import cosign, registry  # noqa: PLC0415 - slow to import
    from dockwright.stages import recall as stage  # noqa: PLC0415 - likewise

    target = registries.find(ws.buildspec_path, name)
    key = target.registry.key
    if key is None:
        msg = f"{name} has no key in buildspec/{registries.FILE}, so nothing it says counts"
        raise PolicyError(msg)
    verifies = partial(cosign.problem, cosign.verifier(ws.home, str(ws.buildspec_path / key)))
    with registry.session(target.host) as session:
        stage.recall(
            ws,
            variants,
            lambda variant: registry.Repository(
                session=session, name=target.repository(variant.repository)
            ),
            kind,
            verifies,
        )
