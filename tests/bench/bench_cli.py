"""How long `dockwright list`, `plan` and `generate --check` take, today and with 1,000 variants.

    python tests/bench/bench_cli.py [--json]

Medians of five runs of the installed program as a process, with its start. Fails when a target is
missed.
"""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from dockwright import console, process, workspace
from dockwright.spec import lock as locks
from dockwright.spec import manifest
from dockwright.spec.axes import Framework
from dockwright.stages.generate import generate
from dockwright.stages.lock import releases_of
from dockwright.workspace import Workspace

RUNS = 5
RELEASES = 250  # of two jobs on two accelerators each
COMMANDS = ("list", "plan", "generate --check")
TODAY_S, THOUSAND_S = 0.5, 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One command on one manifest."""

    variants: int
    command: str
    seconds: float
    """The median."""
    cpu_s: float
    """Of the processor, also the median: on a busy machine it tells more."""
    target_s: float


def thousand(today: Workspace, folder: Path) -> Workspace:
    """Return a workspace of 1,000 variants: the manifest's first PyTorch release many times over.

    Their locks hold the same wheels as that one's.
    """
    ws = Workspace(root=folder / "checkout", home=folder / "home")
    shutil.copytree(today.buildspec_path, ws.buildspec_path)
    for name in ("_templates", "runtime"):
        ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
        shutil.copytree(today.images_path / name, ws.images_path / name, ignore=ignored)
    model = next(
        release
        for release in releases_of(manifest.load(today.buildspec_path).variants)
        if release.framework is Framework.PYTORCH
    )
    wheels = locks.load(today.buildspec_path, model).wheels
    _substitute(ws.buildspec_path / "common.yml", r"^frameworks: .*$", "frameworks: [pytorch]")
    path = ws.buildspec_path / "pytorch.yml"
    head, start, releases = path.read_text(encoding="utf-8").partition("releases:\n")
    first = re.split(r"^(?=  - version:)", releases, flags=re.MULTILINE)[1]
    copies = (
        first.replace(f'version: "{model.spec.version}"', f'version: "{number}.0.0"')
        for number in range(1, RELEASES + 1)
    )
    path.write_text(head + start + "".join(copies), encoding="utf-8")
    shutil.rmtree(ws.buildspec_path / "locks")
    (ws.buildspec_path / "locks").mkdir()
    for release_of_many in releases_of(manifest.load(ws.buildspec_path).variants):
        lock = locks.ReleaseLock(
            format=locks.FORMAT,
            requirements_sha256=locks.requirements_sha256(release_of_many),
            wheels=wheels,
        )
        locks.lock_path(ws.buildspec_path, release_of_many).write_text(locks.dumps(lock), "utf-8")
    loaded = manifest.load(ws.buildspec_path)
    assert len(loaded.variants) == 4 * RELEASES
    generate(ws, loaded.variants, tuple(Framework))
    return ws


def _substitute(path: Path, pattern: str, replacement: str) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(pattern, replacement, text, flags=re.MULTILINE), encoding="utf-8")


def measure(ws: Workspace, *, target_s: float) -> list[Measurement]:
    """Run every command RUNS times in the workspace."""
    program = Path(sys.executable).with_name("dockwright")
    variants = len(manifest.load(ws.buildspec_path).variants)
    found = []
    for command in COMMANDS:
        times, processor_times = [], []
        for _ in range(RUNS):
            started, used = time.perf_counter(), _children_s()
            process.run([program, *command.split()], timeout_s=120, cwd=ws.root)
            times.append(time.perf_counter() - started)
            processor_times.append(_children_s() - used)
        found.append(
            Measurement(
                variants=variants,
                command=command,
                seconds=round(statistics.median(times), 3),
                cpu_s=round(statistics.median(processor_times), 3),
                target_s=target_s,
            )
        )
    return found


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure, print, and leave with 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    as_json = parser.parse_args().json
    today = workspace.find(Path(__file__).parent)
    with tempfile.TemporaryDirectory(prefix="dockwright-bench-") as folder:
        many = thousand(today, Path(folder))
        found = measure(today, target_s=TODAY_S) + measure(many, target_s=THOUSAND_S)
    if as_json:
        console.out_json([asdict(measurement) for measurement in found])
    else:
        rows = (
            (str(m.variants), m.command, f"{m.seconds:.2f}", f"{m.cpu_s:.2f}", f"{m.target_s}")
            for m in found
        )
        console.table(("VARIANTS", "COMMAND", "MEDIAN S", "CPU S", "TARGET S"), rows)
    sys.exit(any(m.seconds > m.target_s for m in found))


if __name__ == "__main__":
    main()
