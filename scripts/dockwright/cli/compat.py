"""`dockwright compat`: what images go with, and which of them run on a host with its GPUs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Json, here, load
from dockwright.errors import DockwrightError
from dockwright.spec import gpu, host
from dockwright.spec.host import Host
from dockwright.spec.parsing import near

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.composition.compat import Row, Verdict
    from dockwright.spec.gpu import Gpu
    from dockwright.spec.model import Common

CAPABILITY = (
    "`nvidia-smi --query-gpu=compute_cap --format=csv` prints its number, 8.6, for --gpu sm_86"
)


def compat(
    smi: Annotated[
        typer.FileText | None,
        typer.Argument(
            metavar="FILE",
            help="What `nvidia-smi` has printed on the host; - reads it from a pipe.",
        ),
    ] = None,
    *,
    driver: Annotated[str | None, typer.Option(help="The NVIDIA driver of the host.")] = None,
    gpus: Annotated[
        list[str] | None,
        typer.Option("--gpu", metavar="NAME|sm_XY", help="A GPU of the host; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell which images run on a GPU host, why others do not, and what to take instead.

    Without a host: the CUDA, driver, GPUs, Python and Transformers that each image goes with.
    """
    from dockwright.composition import compat as composed  # noqa: PLC0415 - slow to import

    ws = here()
    manifest = load(ws)
    rows = composed.rows(ws.buildspec_path, manifest.variants)
    on = _host(manifest.common, smi, driver, gpus or [])
    if on is None:
        _show_table(rows, as_json=as_json)
        return
    _warn(on, rows)
    _show(composed.verdicts(rows, on), as_json=as_json)


def _host(
    common: Common, smi: typer.FileText | None, driver: str | None, names: list[str]
) -> Host | None:
    if smi is not None:
        if driver or names:
            msg = "give either what `nvidia-smi` has printed, or --driver and --gpu"
            raise DockwrightError(msg)
        return host.read(smi.read(), common)
    if driver is None and not names:
        return None
    return Host(driver=driver, gpus=_typed(common, names))


def _typed(common: Common, names: list[str]) -> tuple[Gpu, ...]:
    """Return the GPUs of these names; an error names those that no table knows."""
    gpus = tuple(gpu.gpu(common, name) for name in names)
    if strangers := [one.name for one in gpus if one.capability is None]:
        known = [name for row in common.gpus for name in row.names]
        msg = f"no GPU is called {', '.join(strangers)}{near(strangers[0], known)}; {CAPABILITY}"
        raise DockwrightError(msg)
    return gpus


def _warn(on: Host, rows: Sequence[Row]) -> None:
    """Tell what was not compared."""
    for one in on.gpus:
        if one.capability is None:
            console.warn(f"{one.name} is in no table, only the driver is compared; {CAPABILITY}")
    for row in rows:
        if row.cuda is not None and on.gpus and not row.targets:
            why = (
                "its wheel does not say" if row.targets == () else "run `dockwright lock --layers`"
            )
            console.warn(f"{row.offer.identifier}: it is not known what GPUs it is for; {why}")


def _show_table(rows: Sequence[Row], *, as_json: bool) -> None:
    if as_json:
        console.out_json([_facts(row) for row in rows])
        return
    lines = (
        (
            f"{row.offer.framework} {row.offer.version}",
            row.offer.transformers,
            row.offer.python,
            row.offer.accelerator,
            row.cuda or "-",
            row.offer.driver or "-",
            _told(row),
        )
        for row in rows
    )
    header = ("FRAMEWORK", "TRANSFORMERS", "PYTHON", "ON", "CUDA", "DRIVER", "COMPILED FOR")
    console.table(header, dict.fromkeys(lines))  # jobs differ in none of it


def _told(row: Row) -> str:
    if row.cuda is None:
        return "-"
    return " ".join(row.targets) if row.targets else "unknown"


def _show(found: Sequence[Verdict], *, as_json: bool) -> None:
    if as_json:
        console.out_json(
            [
                {
                    **_facts(verdict.row),
                    "runs": not verdict.objections,
                    "objections": list(verdict.objections),
                    "instead": verdict.instead,
                }
                for verdict in found
            ]
        )
        return
    console.table(
        ("IDENTIFIER", "RUNS", "WHY NOT", "INSTEAD"),
        (
            (
                verdict.row.offer.identifier,
                _runs(verdict),
                "; ".join(verdict.objections),
                verdict.instead or "",
            )
            for verdict in found
        ),
    )


def _runs(verdict: Verdict) -> str:
    if verdict.objections:
        return "no"
    return "yes" if verdict.row.offer.kind == "gpu" else "on the CPU"


def _facts(row: Row) -> dict[str, object]:
    offer = asdict(row.offer)
    names = ("identifier", "framework", "version", "transformers", "python", "job", "accelerator")
    return {
        **{name: offer[name] for name in names},
        "cuda": row.cuda,
        "driver": row.offer.driver,
        "targets": list(row.targets) if row.targets is not None else None,
        "sources": row.sources,
    }
