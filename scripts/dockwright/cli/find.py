"""`dockwright uri` and `dockwright pull`: the image for a few words, by name or in the engine."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Globs, Json, here, load
from dockwright.spec import offer, selector
from dockwright.spec.axes import Framework, Job
from dockwright.spec.offer import Wanted
from dockwright.spec.records import Status
from dockwright.spec.support import support

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from dockwright.clients.registry import Repository
    from dockwright.clients.trust import Trust
    from dockwright.spec.registries import Target
    from dockwright.stages.pull import Pulled, Wish
    from dockwright.workspace import Workspace

FrameworkOption = Annotated[Framework | None, typer.Option("--framework", help="The library.")]
JobOption = Annotated[Job | None, typer.Option("--job", help="What the image is for.")]
Accelerator = Annotated[str | None, typer.Option(metavar="cpu|gpu|cuXYZ", help="What it runs on.")]
FrameworkVersion = Annotated[
    str | None,
    typer.Option("--version", help="Of the framework; 2.13 means its newest patch release."),
]
Transformers = Annotated[str | None, typer.Option(help="Version of Transformers.")]
Python = Annotated[str | None, typer.Option(help="Version of Python, such as 3.11.")]
Driver = Annotated[
    str | None, typer.Option(help="The NVIDIA driver of the host that it shall run on.")
]
Flavor = Annotated[
    str | None, typer.Option(help="The word of the overlay's image; ours without it.")
]


def uri(
    *,
    framework: FrameworkOption = None,
    job: JobOption = None,
    accelerator: Accelerator = None,
    version: FrameworkVersion = None,
    transformers: Transformers = None,
    python: Python = None,
    driver: Driver = None,
    flavor: Flavor = None,
    registry: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|HOST[/PATH]",
            help="Where it is: what is not there, or was yanked there, is passed over.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the name of the newest image that is all that is asked for.

    Without --registry, and without a catalogue of one in DOCKWRIGHT_CATALOG, that is its name in an
    engine.
    """
    from dockwright.stages import choose  # noqa: PLC0415 - slow to import

    wanted = Wanted(
        framework=framework,
        job=job,
        accelerator=accelerator,
        version=version,
        transformers=transformers,
        python=python,
        driver=driver,
        flavor=flavor,
    )
    found = choose.choose(wanted, registry=registry, find=here)
    if as_json:
        facts = {
            "uri": found.reference,
            "digest": found.digest,
            "identifier": found.offer.identifier,
            "driver": found.offer.driver,
        }
        console.out_json(facts)
    else:
        console.out(found.reference)


def pull(
    globs: Globs = None,
    *,
    from_: Annotated[str, typer.Option("--from", metavar="NAME|HOST[/PATH]", help="The registry.")],
    framework: FrameworkOption = None,
    job: JobOption = None,
    accelerator: Accelerator = None,
    version: FrameworkVersion = None,
    transformers: Transformers = None,
    python: Python = None,
    driver: Driver = None,
    flavor: Flavor = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The public key that must have signed the image; that of registries.yml "
            "without it.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Pull images by digest into the engine: the GLOBs', or the newest that is all that is asked for.

    A yanked image is refused; what was never checked, or is no longer patched, is said.
    """
    from dockwright.clients import docker, engine  # noqa: PLC0415 - slow to import
    from dockwright.stages import pull as stage  # noqa: PLC0415 - likewise

    wanted = Wanted(
        framework=framework,
        job=job,
        accelerator=accelerator,
        version=version,
        transformers=transformers,
        python=python,
        driver=driver,
        flavor=flavor,
    )
    is_asked = any(getattr(wanted, field.name) is not None for field in fields(Wanted))
    if bool(globs) == is_asked:
        msg = "name images by GLOB, or say what they must be, such as --framework pytorch"
        raise typer.BadParameter(msg)
    ws = here()
    today = datetime.now(UTC).date()
    with _registry(ws, from_) as (its, open_):
        wishes = _wishes(ws, globs or [], wanted, its, open_)
        verifies = _trust(ws, its, key)
        with docker.connect(engine.find(ws)) as client:
            found = [stage.pull(client, wish, verifies, today=today) for wish in wishes]
    _show(found, today, as_json=as_json)


@contextmanager
def _registry(ws: Workspace, text: str) -> Iterator[tuple[Target, Callable[[str], Repository]]]:
    """Yield the registry, and what opens a repository there by its name below the registry's path."""
    from dockwright.clients import registry  # noqa: PLC0415 - slow to import
    from dockwright.spec import registries  # noqa: PLC0415 - likewise

    its = registries.find(ws.buildspec_path, text)
    with registry.session(its.host) as session:
        yield its, lambda name: registry.Repository(session=session, name=its.repository(name))


def _wishes(
    ws: Workspace,
    globs: list[str],
    wanted: Wanted,
    its: Target,
    open_: Callable[[str], Repository],
) -> tuple[Wish, ...]:
    from dockwright.stages import choose  # noqa: PLC0415 - slow to import
    from dockwright.stages import pull as stage  # noqa: PLC0415 - likewise

    variants = load(ws).variants
    if globs:
        offers = [offer.of_variant(variant) for variant in selector.pick(variants, globs)]
    else:
        every = [offer.of_variant(variant) for variant in variants]
        offers = [choose.in_registry(every, wanted, its.place, open_).offer]
    return stage.wishes(offers, lambda one: open_(one.repository))


def _trust(ws: Workspace, its: Target, key: str | None) -> Trust | None:
    """Return what checks signatures, where a key is named here or in registries.yml."""
    from dockwright.clients import cosign  # noqa: PLC0415 - slow to import

    path = key or (str(ws.buildspec_path / its.registry.key) if its.registry.key else None)
    return partial(cosign.problem, cosign.verifier(ws.home, path)) if path else None


def _show(found: list[Pulled], today: date, *, as_json: bool) -> None:
    facts = [_facts(one, today) for one in found]
    if as_json:
        console.out_json(facts)
        return
    for one in facts:
        for name, value in one.items():
            console.out(f"{name:<10}  {value}")
        console.out("")


def _facts(one: Pulled, today: date) -> dict[str, str]:
    wish, end, smoke = one.wish, one.end_of_patch, one.smoke
    counts = ", ".join(f"{smoke.count(status)} {status}" for status in Status) if smoke else ""
    return {
        "image": wish.offer.identifier,
        "reference": wish.reference,
        "digest": wish.digest,
        "size": console.human_bytes(one.size_bytes),
        "support": f"{support(end, today)}, until {end}" if end else "unknown",
        "checked": f"{counts} on {smoke.finished_at}" if smoke else "unknown",
        "signed": "yes" if one.is_signed else "not checked: no key was named",
    }
