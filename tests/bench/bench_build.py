"""Our two builders beside a plain `pip install` Dockerfile, interleaved in one run.

    PYTHONPATH=tests python -m bench.bench_build [GLOB] [--rounds N] [--no-buildkit] [--json FILE]

One image, PyTorch CUDA inference when no GLOB is given, is built and pushed to a registry on the
loopback: from the same wheels, which are there, by every side with nothing else at hand; then once
more with another Transformers, on another base, and unchanged. The peer is one RUN of pip on our base,
with BuildKit's defaults. The processors' time is that of command, engine and everything in it; the
registry's is told apart. Also measured is the floor: what reading, hashing and writing the wheels
takes. All of it is in an engine and a home of its own, ten times the image's size. On a machine that
does other things only the processors' time tells much. Needs root on Debian. Leaves with 1 when a
target is missed.
"""

from __future__ import annotations

import argparse
import platform
import resource
import shutil
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench import build_floor, build_meter, build_report, build_sides, build_site
from bench.build_report import Case, Sample
from bench.build_sides import Side
from dockwright import console, workspace
from dockwright.errors import DockwrightError
from dockwright.spec import base_lock

if TYPE_CHECKING:
    from bench.build_meter import Registry, Spent
    from bench.build_site import Site

K = TypeVar("K")
V = TypeVar("V")
IMAGE = "pytorch-*-transformers5*-inference-cu*"
COLD = {
    Side.PEER: Case.PEER,
    Side.BUILDKIT: Case.BUILDKIT,
    Side.KNOWN: Case.KNOWN,
    Side.UNKNOWN: Case.UNKNOWN,
}
FLOORS = {
    Case.FLOOR: (build_floor.floor, True),
    Case.LAYERS: (build_floor.layers, True),
    Case.FLOOR_UNKNOWN: (build_floor.floor, False),
    Case.LAYERS_UNKNOWN: (build_floor.layers, False),
}
AGAIN = 5
"""How often what takes a second is done in a round."""


@dataclass(kw_only=True, slots=True)
class Bench:
    """One run: it collects samples."""

    site: Site
    rounds: int
    sides: dict[Side, Case]
    samples: list[Sample] = field(default_factory=list)

    def run(self) -> None:
        """Measure everything in turns."""
        build_sides.warm_up(self.site)
        bumped, rebased = build_site.bumped(self.site), build_site.rebased(self.site)
        for number in range(1, self.rounds + 1):
            for case, (measure, known) in _in_turns(FLOORS, number).items():
                self._add(case, number, measure(self.site, known=known))
            for side, case in _in_turns(self.sides, number).items():
                with build_sides.cold(self.site, side) as spent:
                    self._add(case, number, spent)
                    if side is Side.BUILDKIT:
                        self._again_in_engine(number)
            with build_site.registry(self.site) as registry:
                build_sides.assemble(self.site, registry)
                self._again(registry, number)
                self._changed(bumped, registry, Case.BUMP, number)
                self._changed(rebased, registry, Case.REBASE, number)
            build_sides.clear(self.site)

    def _again(self, registry: Registry, number: int) -> None:
        for turn in range(AGAIN):
            with build_meter.metered(self.site.engine_pid, registry) as spent:
                build_sides.assemble(self.site, registry)
            self._add(Case.AGAIN, number * AGAIN + turn, spent)

    def _changed(self, site: Site, registry: Registry, case: Case, number: int) -> None:
        """Build a changed checkout where the unchanged one was built; leave no layer of it."""
        before = set(site.ws.layers_path.iterdir())
        with build_meter.metered(site.engine_pid, registry) as spent:
            build_sides.assemble(site, registry)
        self._add(case, number, spent)
        for path in set(site.ws.layers_path.iterdir()) - before:
            shutil.rmtree(path)

    def _again_in_engine(self, number: int) -> None:
        for turn in range(AGAIN):
            with build_meter.metered(self.site.engine_pid) as spent:
                build_sides.buildkit(self.site)
            self._add(Case.AGAIN_ENGINE, number * AGAIN + turn, spent)

    def _add(self, case: Case, number: int, spent: Spent) -> None:
        told = f"{spent.seconds:.1f} s, {spent.cpu_s:.1f} CPU s"
        console.say(f"round {number}: {case}: {told}, {console.human_bytes(spent.sent_bytes)} sent")
        self.samples.append(
            Sample(
                case=case,
                round=number,
                seconds=round(spent.seconds, 3),
                cpu_s=round(spent.cpu_s, 2),
                registry_cpu_s=round(spent.registry_cpu_s, 2),
                sent_bytes=spent.sent_bytes,
            )
        )


def _in_turns(cases: dict[K, V], number: int) -> dict[K, V]:
    """Return the cases in an order that turns round with every round."""
    return cases if number % 2 else dict(reversed(cases.items()))


def peak_mib() -> int:
    """Return the most memory that a command of ours has taken; what runs in the engine is not one."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


def main() -> None:
    """Measure, print, and leave with 1 when a target is missed, or with the code of an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", nargs="?", default=IMAGE, help="the first that this glob picks")
    parser.add_argument("--rounds", type=int, default=3, help="of everything")
    parser.add_argument(
        "--no-buildkit", action="store_true", help="not ours by BuildKit, which takes the most room"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    arguments = parser.parse_args()
    left_out = Side.BUILDKIT if arguments.no_buildkit else None
    try:
        with build_site.opened(workspace.find(Path(__file__).parent), arguments.image) as site:
            sides = {s: c for s, c in COLD.items() if s is not left_out}
            bench = Bench(site=site, rounds=arguments.rounds, sides=sides)
            bench.run()
            spec = site.variant.release.base
            base = base_lock.load(site.ws.home / "rebased" / "buildspec", spec)
    except DockwrightError as e:
        console.error(str(e))
        sys.exit(e.exit_code)
    judged = build_report.verdicts(bench.samples, base.image(base_lock.BASE).size_bytes)
    console.table(build_report.HEADER, build_report.medians(bench.samples))
    console.table(build_report.VERDICT_HEADER, map(build_report.row, judged))
    console.say(f"no command took more than {peak_mib()} MiB")
    if arguments.json:
        data = {
            "day": f"{datetime.now(UTC):%Y-%m-%d}",
            "kernel": platform.release(),
            "image": site.variant.identifier,
            "peak_mib": peak_mib(),
            "samples": [asdict(sample) for sample in bench.samples],
            "verdicts": [{**asdict(v), "met": v.met} for v in judged],
        }
        arguments.json.write_text(console.as_json(data), encoding="utf-8")
    sys.exit(not all(verdict.met for verdict in judged))


if __name__ == "__main__":
    main()
