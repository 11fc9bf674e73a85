"""`dockwright promote`: proven images of a registry under the names that users know."""

from __future__ import annotations

import getpass
import socket
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli import places
from dockwright.cli.common import Globs, Json, here, load
from dockwright.spec import journal, registries, selector
from dockwright.spec.registries import Requirement, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.clients.registry_session import Session
    from dockwright.spec.records import PromoteRecord
    from dockwright.stages.promote.proof import Proven
    from dockwright.stages.promote.records import Trusted
    from dockwright.stages.promote.releases import Route
    from dockwright.workspace import Workspace


def promote(
    globs: Globs = None,
    *,
    from_: Annotated[
        str, typer.Option("--from", metavar="NAME|HOST[/PATH]", help="Where the images are.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="NAME|HOST[/PATH]", help="Where users shall find them.")
    ],
    waive: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHECK=REASON",
            help="Let a deferred check pass, such as 'cuda/*=no GPU in CI yet'; repeatable, "
            "recorded beside the image.",
        ),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who answers for what is waived.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check, and show which tags would move.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring proven images, by digest and never rebuilt, under the names that users know.

    All images of a release or none. After a cut the same command goes on where it stopped.
    """
    from dockwright.clients import ecr  # noqa: PLC0415 - slow to import
    from dockwright.stages.promote import proof, releases  # noqa: PLC0415 - likewise

    ws = here()
    source, target = (registries.find(ws.buildspec_path, text) for text in (from_, to))
    every = load(ws).variants
    variants = selector.pick(every, globs or [])
    releases.require_whole(variants, every)
    waivers = proof.Waivers(reasons=_reasons(waive or [], owner), owner=owner)
    policy = proof.Policy(registry=target.registry, waivers=waivers, trusted=_trusted(ws, target))
    with ExitStack() as stack:
        there = stack.enter_context(places.opened(target))
        is_one = source.host == target.host
        start = there if is_one else stack.enter_context(places.opened(source))
        route = _route(ws, source, target, there, owner)
        ecr.require(
            (*(route.repository(v) for v in variants), route.journal),
            target.registry.retention_days,
        )
        proven = proof.prove(
            variants,
            every,
            lambda variant: places.at(start, source, variant.repository),
            route.repository,
            policy,
        )
        for each in proven:
            if each.bench:
                console.say(f"{each.variant.identifier}: {each.bench}")
        if dry_run:
            _show(proven, *releases.planned(proven, every, route), target, as_json=as_json)
            return
        promoted = releases.promote(ws, proven, every, route)
    _report(promoted, as_json=as_json)


def _reasons(waive: Sequence[str], owner: str | None) -> dict[str, str]:
    reasons = {}
    for text in waive:
        check, _, reason = text.partition("=")
        if not check or not reason.strip():
            msg = f"{text!r}: write CHECK=REASON, such as 'cuda/*=no GPU in CI yet'"
            raise typer.BadParameter(msg)
        reasons[check] = reason.strip()
    if bool(reasons) != bool(owner):
        msg = "--waive and --owner go together: somebody has to answer for what was not checked"
        raise typer.BadParameter(msg)
    return reasons


def _route(
    ws: Workspace, source: Target, target: Target, session: Session, owner: str | None
) -> Route:
    from dockwright.stages.promote.releases import Route  # noqa: PLC0415 - slow to import

    return Route(
        source=source.place,
        target=target.place,
        repository=lambda variant: places.at(session, target, variant.repository),
        journal=places.at(session, target, journal.REPOSITORY),
        by=f"{getpass.getuser()}@{socket.gethostname()}",
        owner=owner,
        sign=places.signs(ws),
        clock=lambda: datetime.now(UTC),
    )


def _trusted(ws: Workspace, target: Target) -> Trusted:
    """Return what tells whether something is signed as the registry wants it; all counts without."""
    from dockwright.clients import cosign  # noqa: PLC0415 - slow to import

    trusted = target.registry.trusted
    if Requirement.SIGNATURE not in target.registry.requires:
        return lambda _repository, _digest: True
    assert trusted is not None, "a registry that requires signatures says whose"
    if isinstance(trusted, str):
        trusted = str(ws.buildspec_path / trusted)
    verifier = cosign.verifier(ws.home, trusted)
    return lambda repository, digest: cosign.problem(verifier, repository, digest) is None


def _show(
    proven: Sequence[Proven],
    changes: Sequence[journal.Change],
    stay: dict[tuple[str, str], str],
    target: Target,
    *,
    as_json: bool,
) -> None:
    if as_json:
        console.out_json([change.model_dump(mode="json") for change in changes])
        return
    for (name, tag), why in stay.items():
        console.warn(f"{target.place}/{name}:{tag} {why}")
    rows = [(f"{target.place}/{c.repository}:{c.tag}", c.before or "-", c.after) for c in changes]
    rows += [
        (f"{target.place}/{p.variant.repository}:{p.standing.tag}", "", p.digest) for p in proven
    ]
    console.table(("WOULD BE", "BEFORE", "AFTER"), rows)


def _report(promoted: Sequence[PromoteRecord], *, as_json: bool) -> None:
    if as_json:
        console.out_json([record.model_dump(mode="json") for record in promoted])
        return
    rows = [
        (f"{r.repository}:{tag}", r.digest, console.human_bytes(r.sent_bytes), f"{r.seconds:.1f}")
        for r in promoted
        for tag in (r.immutable_tag, *r.tags)
    ]
    console.table(("REFERENCE", "DIGEST", "SENT", "SECONDS"), rows)
