"""`dockwright promote`, `rollback` and `yank`: what users find in a registry under which name."""

from __future__ import annotations

import getpass
import socket
from contextlib import ExitStack
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Globs, Json, here, load
from dockwright.errors import NothingSelectedError
from dockwright.spec import journal, registries, selector
from dockwright.spec.registries import Requirement, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dockwright.clients.registry import Repository
    from dockwright.clients.registry_session import Session
    from dockwright.spec.records import PromoteRecord
    from dockwright.spec.variants import Variant
    from dockwright.stages.promote.proof import Proven, Trusted
    from dockwright.stages.promote.releases import Route
    from dockwright.stages.yank import Marked
    from dockwright.workspace import Workspace

Place = Annotated[
    str,
    typer.Option("--in", metavar="NAME|HOST[/PATH]", help="The registry."),
]


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
    with ExitStack() as stack:
        there = _session(stack, target)
        start = there if source.host == target.host else _session(stack, source)
        route = _route(ws, source, target, there, owner)
        ecr.require(
            (*(route.repository(v) for v in variants), route.journal),
            target.registry.retention_days,
        )
        proven = proof.prove(
            variants,
            lambda variant: _at(start, source, variant.repository),
            route.repository,
            target.registry,
            waivers,
            _trusted(ws, target),
        )
        if dry_run:
            _show(proven, *releases.planned(proven, every, route), target, as_json=as_json)
            return
        promoted = releases.promote(ws, proven, every, route)
    _report(promoted, as_json=as_json)


def rollback(
    globs: Annotated[
        list[str],
        typer.Argument(metavar="RELEASE|GLOB", help="Releases, or identifiers of their images."),
    ],
    *,
    in_: Place,
) -> None:
    """Give the names of releases back to the images that had them before the last promotion."""
    from dockwright.stages import rollback as stage  # noqa: PLC0415 - slow to import

    ws = here()
    target = registries.find(ws.buildspec_path, in_)
    names = _releases(load(ws).variants, globs)
    with ExitStack() as stack:
        session = _session(stack, target)
        book = _at(session, target, journal.REPOSITORY)

        def open_(name: str) -> Repository:
            return _at(session, target, name)

        undoings = stage.prepare(names, book, open_)
        stage.rollback(undoings, book, open_)
    rows = [
        (f"{target.place}/{change.repository}:{change.tag}", change.before or "removed")
        for undoing in undoings
        for change in undoing.changes
    ]
    console.table(("REFERENCE", "DIGEST"), rows)


def yank(
    what: Annotated[
        str,
        typer.Argument(
            metavar="REF|GLOB", help="NAME:TAG or NAME@DIGEST in the registry; or identifiers."
        ),
    ],
    *,
    in_: Place,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why nobody shall use it.")],
    replacement: Annotated[
        str | None, typer.Option(metavar="TAG", help="What to use instead.")
    ] = None,
) -> None:
    """Mark images as not to be used: they are neither promoted nor named again."""
    from dockwright.stages import yank as stage  # noqa: PLC0415 - slow to import

    ws = here()
    target = registries.find(ws.buildspec_path, in_)
    with ExitStack() as stack:
        session = _session(stack, target)
        if ":" in what or "@" in what:
            one = stage.of_reference(what, target.place, lambda name: _named(session, name))
            marked: tuple[Marked, ...] = (one,)
        else:
            variants = selector.pick(load(ws).variants, [what])
            marked = stage.of_variants(variants, lambda v: _at(session, target, v.repository))
        stage.yank(marked, reason=reason, replacement=replacement, now=_now(), sign=_sign(ws))
    console.table(("YANKED",), [(f"{each.repository}@{each.digest}",) for each in marked])


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


def _session(stack: ExitStack, target: Target) -> Session:
    from dockwright.clients import registry  # noqa: PLC0415 - slow to import

    return stack.enter_context(registry.session(target.host))


def _at(session: Session, target: Target, name: str) -> Repository:
    return _named(session, target.repository(name))


def _named(session: Session, name: str) -> Repository:
    from dockwright.clients.registry import Repository  # noqa: PLC0415 - slow to import

    return Repository(session=session, name=name)


def _route(
    ws: Workspace, source: Target, target: Target, session: Session, owner: str | None
) -> Route:
    from dockwright.stages.promote.releases import Route  # noqa: PLC0415 - slow to import

    return Route(
        source=source.place,
        target=target.place,
        repository=lambda variant: _at(session, target, variant.repository),
        journal=_at(session, target, journal.REPOSITORY),
        by=f"{getpass.getuser()}@{socket.gethostname()}",
        owner=owner,
        sign=_sign(ws),
        clock=lambda: datetime.now(UTC),
    )


def _trusted(ws: Workspace, target: Target) -> Trusted:
    """Return what tells whether the registry's key has signed something; all counts without one."""
    from dockwright.clients import cosign  # noqa: PLC0415 - slow to import

    registry = target.registry
    if Requirement.SIGNATURE not in registry.requires:
        return lambda _repository, _digest: True
    verifier = cosign.verifier(ws.home, str(ws.buildspec_path / str(registry.key)))
    return lambda repository, digest: cosign.problem(verifier, repository, digest) is None


def _sign(ws: Workspace) -> Callable[[Repository, Sequence[str]], None]:
    """Return what signs, where this process may; without a key, notes stay unsigned."""
    from dockwright.clients import cosign  # noqa: PLC0415 - slow to import

    signer = cosign.signer(ws.home)
    if signer is None:
        return lambda _repository, _digests: None
    return lambda repository, digests: cosign.sign(signer, repository, digests)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _releases(every: Sequence[Variant], globs: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of the releases that are named, or have images that are."""
    keys = dict.fromkeys(v.release.key for v in every)
    named = [key for key in keys if any(fnmatchcase(key, glob) for glob in globs)]
    rest = [glob for glob in globs if not any(fnmatchcase(key, glob) for key in keys)]
    if rest:
        named += [variant.release.key for variant in selector.pick(every, rest)]
    if not named:
        msg = "name the releases whose promotion shall be taken back"
        raise NothingSelectedError(msg)
    return tuple(dict.fromkeys(named))


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
