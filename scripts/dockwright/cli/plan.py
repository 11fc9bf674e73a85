"""`dockwright plan`: what would be built."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Globs, Json, here, load
from dockwright.spec import selector
from dockwright.spec.base_lock import BASE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright.composition.oci_layout import Layer
    from dockwright.composition.plan import PlannedLayer
    from dockwright.composition.sharing import Stack
    from dockwright.spec.variants import Variant
    from dockwright.stages.plan import Forecast


def plan(
    globs: Globs = None,
    *,
    sharing: Annotated[
        bool, typer.Option("--sharing", help="Show what the images share, and what is their own.")
    ] = False,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="GLOB", help="Show what who has this image fetches to get others."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the images' layers, their bytes, who shares them, and what a build would do."""
    from dockwright.cli import sharing as shown  # noqa: PLC0415 - slow to import
    from dockwright.stages.plan import forecast  # noqa: PLC0415 - likewise

    ws = here()
    every = load(ws).variants
    forecasts = forecast(ws, selector.pick(every, globs or []))
    if from_ is not None:
        (had,) = _weighed(forecast(ws, [_only(every, from_)]))
        shown.show_fetching(_weighed(forecasts), had, as_json=as_json)
    elif sharing:
        shown.show(_weighed(forecasts), as_json=as_json)
    else:
        _layers(forecasts, as_json=as_json)


def _layers(forecasts: Sequence[Forecast], *, as_json: bool) -> None:
    from dockwright.composition.plan import sharing, unique_bytes  # noqa: PLC0415 - slow to import

    images = [f.image for f in forecasts]
    shared = sharing(images)
    if as_json:
        console.out_json([_data(f, shared) for f in forecasts])
        return
    for f in forecasts:
        console.out(f"{f.image.variant.identifier}: {f.action}")
        console.table(
            ("  LAYER", "KIND", "SIZE", "IMAGES", "CONTENT"),
            [_row(layer, f.assembled.layers.get(layer.name), shared) for layer in f.image.layers],
        )
        console.out(f"  assembled: {_assembled(f)}")
        console.out("")
    total, unique = sum(image.size_bytes for image in images), unique_bytes(images)
    missing = {wheel for f in forecasts for wheel in f.missing}
    fetching = console.human_bytes(sum(wheel.size_bytes for wheel in missing))
    console.out(
        f"{len(images)} images of {console.human_bytes(total)}, "
        f"{console.human_bytes(unique)} when every layer is stored once; "
        f"{len(missing)} wheels ({fetching}) to fetch"
    )


def _row(
    layer: PlannedLayer, known: Layer | None, shared: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    size_bytes = layer.size_bytes or (known.size_bytes if known else None)
    size = "?" if size_bytes is None else console.human_bytes(size_bytes)
    some = ", ".join(layer.packages[:3])
    more = f" and {len(layer.packages) - 3} more" if len(layer.packages) > 3 else ""
    return (f"  {layer.name}", layer.kind, size, str(len(shared[layer.key])), some + more)


def _assembled(forecast: Forecast) -> str:
    prediction, release = forecast.assembled, forecast.image.variant.release
    if prediction.size_bytes is None:
        is_base = BASE in prediction.unknown
        remedy = "dockwright lock --base" if is_base else release.command("lock --layers")
        return f"unknown until `{remedy}`: {', '.join(prediction.unknown)}"
    return f"{prediction.digest}, {console.human_bytes(prediction.size_bytes)}"


def _data(f: Forecast, shared: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    return {
        "identifier": f.image.variant.identifier,
        "action": f.action,
        "is_current": f.is_current,
        "size_bytes": f.image.size_bytes,
        "assembled": {
            "digest": f.assembled.digest,
            "config_digest": f.assembled.config_digest,
            "size_bytes": f.assembled.size_bytes,
            "unknown": list(f.assembled.unknown),
        },
        "missing_wheels": [wheel.filename for wheel in f.missing],
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind.value,
                "size_bytes": layer.size_bytes,
                "images": list(shared[layer.key]),
                "packages": list(layer.packages),
                "assembled": _layer(f.assembled.layers.get(layer.name)),
            }
            for layer in f.image.layers
        ],
    }


def _layer(known: Layer | None) -> dict[str, object] | None:
    return None if known is None else asdict(known)


def _only(variants: Sequence[Variant], glob: str) -> Variant:
    picked = selector.pick(variants, [glob])
    if len(picked) != 1:
        names = ", ".join(variant.identifier for variant in picked)
        msg = f"--from {glob} is {len(picked)} images, not one: {names}"
        raise typer.BadParameter(msg)
    return picked[0]


def _weighed(forecasts: Sequence[Forecast]) -> tuple[Stack, ...]:
    from dockwright.composition.sharing import weigh  # noqa: PLC0415 - slow to import

    return tuple(weigh(f.image, f.assembled) for f in forecasts)
