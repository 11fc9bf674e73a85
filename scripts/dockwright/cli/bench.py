"""`dockwright bench`: images measured on a host, compared, reported, and held to it."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from dockwright import ci, console
from dockwright.cli.common import Globs, Json, here, load
from dockwright.cli.recall import ProvenIn, recall
from dockwright.errors import BenchError, RecordError
from dockwright.spec import records, selector
from dockwright.spec.bench_records import BenchRecord, SuiteStatus
from dockwright.spec.evidence import Kind


class WithDefault(TyperGroup):
    """A group in which what is no command's name goes to `run`: `bench GLOB` is `bench run GLOB`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put the default command's name before its arguments."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


bench_app = typer.Typer(
    cls=WithDefault,
    help="Measure images on a host; `bench GLOB` is `bench run GLOB`.",
)
Suites = Annotated[
    list[str] | None,
    typer.Option("--suite", metavar="GLOB", help="Suites, such as 'latency/*'; all without one."),
]
History = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Keep samples here instead of out/bench/history.jsonl."),
]


@bench_app.command()
def run(
    globs: Globs = None,
    *,
    host: Annotated[
        str,
        typer.Option(metavar="NAME", help="A host of buildspec/hosts.yml, or whose FILE it is."),
    ] = "local",
    suite: Suites = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="REFERENCE|GLOB",
            help="Measure in turns with this image, and compare; with itself for the noise.",
        ),
    ] = None,
    runs: Annotated[
        int, typer.Option(min=1, max=30, help="Container starts of each image and suite.")
    ] = 6,
    unless_measured: Annotated[
        bool,
        typer.Option("--unless-measured", help="Pass over images that these suites have measured."),
    ] = False,
    proven_in: ProvenIn = None,
    history: History = None,
    print_command: Annotated[
        bool,
        typer.Option("--print", help="Run nothing; print a command that another scheduler can."),
    ] = False,
    imported: Annotated[
        Path | None,
        typer.Option("--import", metavar="FILE", help="Take in what such commands have printed."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure built images by digest, alone or in turns with others, and record what was found."""
    from dockwright.stages.bench import prepare  # noqa: PLC0415 - slow to import
    from dockwright.stages.bench import run as stage  # noqa: PLC0415 - likewise

    ws = here()
    every = load(ws).variants
    asked = prepare.Asked(
        picked=selector.pick(every, globs or []),
        every=every,
        suites=tuple(suite or ()),
        against=against,
        host=host,
        starts=runs,
        history_path=history or ws.bench_path / "history.jsonl",
        unless_measured=unless_measured or proven_in is not None,
    )
    if print_command:
        for line in prepare.commands(ws, asked):
            console.out(line)
        return
    if imported is not None:
        _show(prepare.taken(ws, asked, imported, now=datetime.now(UTC)), as_json=as_json)
        return
    recall(ws, asked.picked, proven_in, Kind.BENCH)
    with ExitStack() as stack:
        ready, tasks = prepare.opened(ws, asked, stack, clock=lambda: datetime.now(UTC))
        found = stage.bench(ready, tasks)
    _show(found, as_json=as_json)


@bench_app.command()
def report(
    globs: Globs = None,
    *,
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Instead of out/bench/report.")
    ] = None,
    history: History = None,
) -> None:
    """Draw what was measured: comparisons and history as SVG files, and a page of all of them."""
    from dockwright.stages.bench import history as histories  # noqa: PLC0415 - slow to import
    from dockwright.stages.bench import report as stage  # noqa: PLC0415 - likewise

    ws = here()
    picked = selector.pick(load(ws).variants, globs or [])
    read = (records.read(ws.out_path, v.identifier, "bench", BenchRecord) for v in picked)
    found = [record for record in read if record is not None]
    if not found:
        msg = "nothing was measured yet; run `dockwright bench`"
        raise RecordError(msg)
    sets = histories.read(history or ws.bench_path / "history.jsonl")
    for path in stage.write(to or ws.bench_path / "report", found, sets):
        console.out(str(path))


@bench_app.command()
def gate(globs: Globs = None, *, suite: Suites = None) -> None:
    """Fail unless each image is known to be no slower than the one it was compared with."""
    from dockwright.stages.bench import gate as stage  # noqa: PLC0415 - slow to import
    from dockwright.stages.bench import suites  # noqa: PLC0415 - likewise

    ws = here()
    picked = selector.pick(load(ws).variants, globs or [])
    required = [
        (
            variant.identifier,
            [
                s.name
                for s in suites.pick(
                    suites.discover(ws.workloads_path, variant.traits), tuple(suite or ())
                )
            ],
        )
        for variant in picked
    ]
    stage.require(ws.out_path, required)
    for identifier, names in required:
        console.out(f"{identifier}  {len(names)} suites, none worse")


HEADER = ("IDENTIFIER", "SUITE", "METRIC", "VALUE", "CHANGE", "VERDICT")


def _show(found: tuple[BenchRecord, ...], *, as_json: bool) -> None:
    """Print the records; BenchError when a suite came to no result."""
    if as_json:
        console.out_json([record.model_dump(mode="json") for record in found])
    else:
        console.table(HEADER, [row for record in found for row in _rows(record)])
    ci.summarize(_markdown(found))
    failed = [
        f"{record.identifier}: {suite.name}: {suite.detail.partition(chr(10))[0]}"
        for record in found
        for suite in record.suites
        if suite.status in {SuiteStatus.FAILED, SuiteStatus.UNFINISHED}
    ]
    if failed:
        raise BenchError(f"{len(failed)} suites gave no result:\n" + "\n".join(failed))


def _rows(record: BenchRecord) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for suite in record.suites:
        if suite.status is not SuiteStatus.MEASURED:
            word = suite.detail.partition("\n")[0]
            rows.append((record.identifier, suite.name, suite.status.value, word, "", ""))
        for metric in suite.metrics:
            change = "" if metric.cost is None else f"{metric.cost.median - 1:+.1%}"
            verdict = metric.verdict.value if record.against else ""
            value = console.human_value(metric.value.median, metric.unit)
            rows.append((record.identifier, suite.name, metric.name, value, change, verdict))
    return rows


def _markdown(found: tuple[BenchRecord, ...]) -> str:
    rows = [HEADER, ("---",) * len(HEADER), *(row for record in found for row in _rows(record))]
    return "### Bench\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)
