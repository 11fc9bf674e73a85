"""A variant, or what the user calls another image, in; the image by digest on the host out."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import images
from dockwright.errors import NothingSelectedError, RecordError
from dockwright.spec import records
from dockwright.stages.bench.task import Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

COPY_TIMEOUT_S = 3600


def of_variant(ws: Workspace, variant: Variant) -> Side:
    """Return a built image, by the digest that its record speaks of."""
    record = records.require_build(ws.out_path, variant.identifier)
    return Side(
        identifier=variant.identifier,
        digest=record.digest,
        driver=variant.spec.driver,
        lock_sha256=record.inputs_sha256,
    )


def of_other(
    ws: Workspace,
    variants: Sequence[Variant],
    asked: str,
    new: Variant,
    client: DockerClient | None,
) -> Side:
    """Return the image to compare with: a built one by its identifier, or one by a reference.

    Of several that a glob names it is the one of the same framework, job and accelerator. A
    reference needs an engine that knows its digest.
    """
    matching = [v for v in variants if fnmatchcase(v.identifier, asked)]
    like = matching if len(matching) == 1 else [v for v in matching if _kind(v) == _kind(new)]
    if len(like) == 1:
        return of_variant(ws, like[0])
    if matching:
        names = "".join(f"\n- {v.identifier}" for v in like or matching)
        msg = f"--against {asked!r} names not just one image for {new.identifier}:{names}"
        raise NothingSelectedError(msg)
    if client is None:
        msg = f"--against {asked!r} names no image of the manifest; name one by its identifier"
        raise NothingSelectedError(msg)
    digest = images.digest_of(client, asked) or _pulled(client, asked)
    return Side(identifier=asked, digest=digest, driver=new.spec.driver, lock_sha256=None)


def _kind(variant: Variant) -> tuple[str, str, str]:
    return variant.release.framework, variant.job, variant.accelerator.name


def require(side: Side, client: DockerClient, local: DockerClient | None, host: str) -> None:
    """See to it that the host's engine has the image; what only this machine has is sent there."""
    if images.digest_of(client, side.digest) is not None:
        return
    if local is None or images.digest_of(local, side.digest) is None:
        msg = (
            f"{side.identifier}: no engine here has {side.digest}; "
            f"run `dockwright build {side.identifier}`"
        )
        raise RecordError(msg)
    with console.step(f"send {side.identifier} to {host}"):
        _send(local, client, side)


def _send(local: DockerClient, client: DockerClient, side: Side) -> None:
    """Copy an image from engine to engine, by a name of its own: a load without one is lost."""
    repository, tag = "dockwright-bench", side.digest.partition(":")[2]
    local.api.tag(side.digest, repository, tag)
    timeout_s, client.api.timeout = client.api.timeout, COPY_TIMEOUT_S
    try:
        export = local.api.get_image(f"{repository}:{tag}", chunk_size=1 << 20)
        for _ in client.api.load_image(export, quiet=True):  # type: ignore[no-untyped-call]
            pass
    finally:
        client.api.timeout = timeout_s
        local.api.remove_image(f"{repository}:{tag}")
    if images.digest_of(client, side.digest) is None:
        msg = f"{side.identifier}: it did not arrive as {side.digest}; push it and pull it there"
        raise RecordError(msg)


def _pulled(client: DockerClient, reference: str) -> str:
    from docker.errors import APIError  # noqa: PLC0415 - slow to import

    try:
        with console.step(f"pull {reference}"):
            digest = client.images.pull(reference).id
    except APIError as e:
        msg = f"{reference} is no built image, and the engine cannot pull it: {e.explanation}"
        raise RecordError(msg) from None
    assert digest is not None
    return digest
