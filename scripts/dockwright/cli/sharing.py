"""What `dockwright plan` shows of images that share layers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.composition.sharing import shares, stored_once_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.composition.sharing import Stack


def show(stacks: Sequence[Stack], *, as_json: bool) -> None:
    """Show what of each image is its own, and what all of them weigh when stored once."""
    found = shares(stacks)
    total_bytes, once_bytes = sum(s.size_bytes for s in stacks), stored_once_bytes(stacks)
    if as_json:
        images = [
            {
                "identifier": share.stack.identifier,
                "size_bytes": share.stack.size_bytes,
                "own_bytes": share.own_bytes,
                "shared_bytes": share.shared_bytes,
            }
            for share in found
        ]
        facts = {"size_bytes": total_bytes, "stored_once_bytes": once_bytes, "images": images}
        console.out_json(facts)
        return
    console.table(
        ("IDENTIFIER", "SIZE", "ITS OWN", "SHARED"),
        [
            (
                share.stack.identifier,
                *map(
                    console.human_bytes,
                    (share.stack.size_bytes, share.own_bytes, share.shared_bytes),
                ),
            )
            for share in found
        ],
    )
    console.out(
        f"{len(stacks)} images of {console.human_bytes(total_bytes)}, "
        f"{console.human_bytes(once_bytes)} when every layer is stored once: "
        f"{once_bytes / total_bytes:.1%}"
    )


def show_fetching(stacks: Sequence[Stack], had: Stack, *, as_json: bool) -> None:
    """Show what of each image someone fetches who has one already."""
    lacking = {stack.identifier: stack.lacking(had.layers) for stack in stacks}
    fetched = {name: sum(layer.size_bytes for layer in lacking[name]) for name in lacking}
    if as_json:
        images = [
            {
                "identifier": stack.identifier,
                "size_bytes": stack.size_bytes,
                "fetched_bytes": fetched[stack.identifier],
                "layers": [asdict(layer) for layer in lacking[stack.identifier]],
            }
            for stack in stacks
        ]
        console.out_json({"from": had.identifier, "images": images})
        return
    console.out(f"with {had.identifier}:")
    console.table(
        ("IDENTIFIER", "SIZE", "TO FETCH", "LAYERS"),
        [
            (
                stack.identifier,
                console.human_bytes(stack.size_bytes),
                console.human_bytes(fetched[stack.identifier]),
                f"{len(lacking[stack.identifier])} of {len(stack.layers)}",
            )
            for stack in stacks
        ],
    )
