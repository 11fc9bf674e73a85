"""A pushed image and what it was made from in; signed evidence beside it in the registry out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright import console
from dockwright.builders import assemble
from dockwright.clients import cosign, evidence
from dockwright.composition import provenance, runtime, sbom, wheels
from dockwright.composition.assemble import keys, scaffold
from dockwright.composition.assemble.install import Target
from dockwright.composition.assemble.scaffold import Scaffold
from dockwright.composition.material import Material
from dockwright.spec import base_lock, records
from dockwright.spec import lock as locks
from dockwright.spec.evidence import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from dockwright.clients.cosign import Signer
    from dockwright.clients.git import Revision
    from dockwright.clients.registry import Repository
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

STAGES = (Kind.BUILD, Kind.SMOKE, Kind.BENCH, Kind.SCAN)
"""Those whose records travel with the image, as far as there are any of it."""


def attach_all(
    ws: Workspace,
    variant: Variant,
    repository: Repository,
    *,
    now: datetime,
    revision: Revision | None,
    overlay: Revision | None = None,
    signer: Signer | None,
    also: Sequence[str] = (),
) -> tuple[str, ...]:
    """Attach everything that is known of a variant's pushed image, and sign it with the image.

    What is attached already is not attached again; `also` names what else is signed. `revision` is
    the checkout's, `overlay` that of a downstream team's folder. Returns the digests of the evidence.
    """
    material = load(ws, variant)
    digest = material.record.digest
    attached = (
        *also,
        *(
            _attach(repository, digest, kind, content, now=now)
            for kind, content in documents(ws, material, revision, overlay)
        ),
    )
    if signer is None:
        console.warn(
            f"{repository}@{digest}: its evidence is not signed, so nobody can rely on it; "
            f"set {cosign.KEY_SETTING} and COSIGN_PASSWORD"
        )
    else:
        with console.step(
            f"sign {repository}@{digest[:19]} and {len(attached)} pieces of evidence"
        ):
            cosign.sign(signer, repository, (digest, *attached))
    return attached


def load(ws: Workspace, variant: Variant) -> Material:
    """Return what the variant's image was made from; StaleError when the locks are others now."""
    return Material(
        variant=variant,
        record=records.require_build(ws.out_path, variant.identifier),
        lock=locks.load(ws.buildspec_path, variant.release),
        base=base_lock.load(ws.buildspec_path, variant.release.base),
        runtime=runtime.layer_of(variant, runtime.stock(ws, [variant])),
    )


def documents(
    ws: Workspace,
    material: Material,
    revision: Revision | None,
    overlay: Revision | None = None,
) -> Iterator[tuple[Kind, bytes]]:
    """Yield every piece of evidence of the image, by kind."""
    wheels.verify(ws.wheels_path, [file for _, file in material.files()])
    for kind in STAGES:
        content = records.content_of(ws.out_path, material.record, kind)
        if content is not None:
            yield kind, content
    yield Kind.SBOM, sbom.document(material, store=ws.wheels_path)
    made_from = sources(ws, material.variant)
    is_overlay = material.variant.release.overlay is not None
    yield (
        Kind.PROVENANCE,
        provenance.document(
            material,
            store=ws.wheels_path,
            sources=made_from,
            revision=revision,
            overlay=overlay if is_overlay else None,
        ),
    )
    if material.record.builder == assemble.NAME:
        yield Kind.SCAFFOLD, _scaffold(ws, material)


def _scaffold(ws: Workspace, material: Material) -> bytes:
    target = Target(python=material.variant.release.base.python)
    layers = []
    for layer in material.wheel_layers:
        if layer.into is not None:
            continue
        paths = [wheels.path_of(ws.wheels_path, wheel) for wheel in layer.wheels]
        made = scaffold.of_layer(paths, target=target, left_out=layer.left_out)
        if made is None:
            console.say(
                f"layer {layer.name}: no wheel can be made of it again, since too much of them is "
                "left out; verify compares its files with RECORD"
            )
        else:
            layers.append(made)
    return scaffold.dumps(Scaffold(layer_version=keys.LAYER_VERSION, layers=tuple(layers)))


def _attach(
    repository: Repository, digest: str, kind: Kind, content: bytes, *, now: datetime
) -> str:
    for piece in evidence.found(repository, digest, kind):
        if piece.content == content:
            return piece.digest
    created_at = now.isoformat(timespec="seconds")
    return evidence.attach(repository, digest, kind, content, created_at=created_at)


def sources(ws: Workspace, variant: Variant) -> dict[str, bytes]:
    """Return the committed files that determine the image, by path from the checkout.

    Those of an overlay are below `overlay/`, whatever its folder is called.
    """
    release = variant.release
    paths = [
        ws.buildspec_path / "common.yml",
        ws.buildspec_path / f"{release.framework}.yml",
        locks.lock_path(ws.buildspec_path, release),
        base_lock.lock_path(ws.buildspec_path, release.base.name),
        release.images_in(ws.images_path) / release.folder / variant.folder / "Dockerfile",
    ]
    if release.overlay is None:
        return {path.relative_to(ws.root).as_posix(): path.read_bytes() for path in paths}
    paths.append(release.overlay.path / f"{release.framework}.yml")
    if release.extends is not None:
        paths.append(locks.lock_path(ws.buildspec_path, release.extends))
    folders = {release.overlay.path: "overlay/", ws.root: ""}
    return {
        next(
            f"{start}{path.relative_to(folder).as_posix()}"
            for folder, start in folders.items()
            if path.is_relative_to(folder)
        ): path.read_bytes()
        for path in paths
    }
