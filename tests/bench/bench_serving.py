"""Our server beside Hugging Face's SageMaker toolkit on its Java server, interleaved in one run.

    PYTHONPATH=tests python -m bench.bench_serving [--quick] [--rounds N] [--json FILE]

Both at their defaults on two CPUs, with the same two random classifiers, in rooms of their own.
Starts are with a warm page cache. Servers and wrk go before whatever else the machine does. wrk
shares the CPUs and, as it always does, adds what a stalled loop would have sent to its percentiles;
what it uses counts among the CPUs of others. Leaves with 1 when a target is missed. Needs root on
Debian, as building does; see serving_sites.py for what is fetched.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bench import serving_load, serving_report, serving_room, serving_sites
from bench.serving_models import SHAPES
from bench.serving_report import Kind, Sample
from bench.serving_sites import Side
from dockwright import console, workspace
from dockwright.clients import daemons
from dockwright.errors import DockwrightError, ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.serving_sites import Server, Site

CPUS = 2
CONNECTIONS = (1, 8, 32)
START_S = 120
COMPARED = 50
"""Sentences whose answers must be the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How much is measured."""

    sides: tuple[Side, ...]
    rounds: int = 5
    starts: int = 3
    cell_s: float = 8.0
    warm_up_s: float = 4.0


@dataclass(kw_only=True, slots=True)
class Bench:
    """One run: it collects samples."""

    site: Site
    plan: Plan
    samples: list[Sample] = field(default_factory=list)

    def measure(self, model: str) -> None:
        """Start both sides a few times, then load the last ones in turns."""
        for number in range(1, self.plan.starts):
            for side in self.plan.sides:
                with serving_sites.serving(self.site, side, model) as server:
                    self._start(server, side, model, number)
        with ExitStack() as stack:
            servers = {}
            for side in self.plan.sides:
                server = stack.enter_context(serving_sites.serving(self.site, side, model))
                self._start(server, side, model, self.plan.starts)
                servers[side] = server
                self._memory(server, side, model, (Kind.IDLE_PSS, Kind.IDLE_RSS))
            self._compare(servers, model)
            for side, server in servers.items():
                console.say(f"{model}: warm up {side}")
                self._load(server, max(CONNECTIONS), self.plan.warm_up_s)
            for number in range(1, self.plan.rounds + 1):
                for connections in CONNECTIONS:
                    # In turns: what others do to the machine falls on both.
                    order = list(servers) if number % 2 else list(reversed(servers))
                    for side in order:
                        self._cell(servers[side], side, model, number, connections)
            for side, server in servers.items():
                self._memory(server, side, model, (Kind.LOADED_PSS, Kind.LOADED_RSS))

    def _start(self, server: Server, side: Side, model: str, number: int) -> None:
        """Wait for the first 200 on /ping, then for the first answer, from the process's start."""
        body = {"inputs": serving_load.sentences(1)[0]}
        with httpx.Client(base_url=server.url, timeout=START_S, trust_env=False) as client:
            ping_s = self._until(server, side, lambda: client.get("/ping", timeout=2))
            answer_s = self._until(server, side, lambda: client.post("/invocations", json=body))
        console.say(f"{model}: {side} /ping {ping_s:.1f} s, first answer {answer_s:.1f} s")
        self._add(side, model, Kind.PING, ping_s, number)
        self._add(side, model, Kind.ANSWER, answer_s, number)

    def _until(self, server: Server, side: Side, ask: Callable[[], httpx.Response]) -> float:
        while (seconds := time.monotonic() - server.started) < START_S:
            try:
                if ask().status_code == httpx.codes.OK:
                    return time.monotonic() - server.started
            except httpx.HTTPError:
                pass
            if not server.room.is_running():
                break
            time.sleep(0.02)
        log = daemons.tail(self.site.log_path(side))
        msg = f"{side} did not answer within {seconds:.0f} s; the end of its log:\n{log}"
        raise ProcessError(msg)

    def _load(self, server: Server, connections: int, seconds: float) -> serving_load.Load:
        return self.site.wrk.run(
            f"{server.url}/invocations",
            bodies_path=self.site.bodies_path,
            connections=connections,
            seconds=seconds,
        )

    def _cell(self, server: Server, side: Side, model: str, number: int, connections: int) -> None:
        before, busy_before = server.room.usage().cpu_s, serving_room.busy_s()
        load = self._load(server, connections, self.plan.cell_s)
        cpu_s = server.room.usage().cpu_s - before
        others_s = serving_room.busy_s() - busy_before - cpu_s
        console.say(
            f"{model}: round {number}, {connections} connections, {side}: "
            f"{load.requests_per_s:.0f}/s, p99 {load.p99_ms:.1f} ms"
        )
        values = {
            Kind.RATE: load.requests_per_s,
            Kind.P50: load.p50_ms,
            Kind.P99: load.p99_ms,
            Kind.CPU: cpu_s / max(load.requests, 1) * 1000,
            Kind.OTHERS: max(others_s, 0) / self.plan.cell_s,
            Kind.ERRORS: load.errors,
        }
        for kind, value in values.items():
            self._add(side, model, kind, value, number, connections)

    def _memory(self, server: Server, side: Side, model: str, kinds: tuple[Kind, Kind]) -> None:
        usage = server.room.usage(memory=True)
        console.say(f"{model}: {side} {usage.pss_mib:.0f} MiB in {usage.processes} processes")
        for kind, value in zip(kinds, (usage.pss_mib, usage.rss_mib), strict=True):
            self._add(side, model, kind, value, 1)

    def _compare(self, servers: dict[Side, Server], model: str) -> None:
        if len(servers) < len(Side):
            return
        texts = serving_load.sentences(COMPARED)
        peer, ours = (
            [
                (a.label, a.score)
                for a in serving_load.answers(f"{servers[side].url}/invocations", texts)
            ]
            for side in (Side.PEER, Side.OURS)
        )
        unlike = serving_report.different(peer, ours)
        for position in unlike[:5]:
            console.warn(f"{model}: {peer[position]} of the peer is {ours[position]} of ours")
        self._add(Side.OURS, model, Kind.DIFFERENT, len(unlike), 1)

    def _add(
        self,
        side: Side,
        model: str,
        kind: Kind,
        value: float,
        number: int,
        connections: int | None = None,
    ) -> None:
        self.samples.append(
            Sample(
                side=side,
                model=model,
                kind=kind,
                value=value,
                round=number,
                connections=connections,
            )
        )


def main() -> None:
    """Measure, print, and leave with 1 when a target is missed, or with the code of an error."""
    try:
        sys.exit(_run(_arguments()))
    except DockwrightError as e:
        console.error(str(e))
        sys.exit(e.exit_code)


def _run(arguments: argparse.Namespace) -> bool:
    """Return whether a target was missed."""
    cpus = sorted(os.sched_getaffinity(0))[:CPUS]
    os.sched_setaffinity(0, cpus)  # what we start inherits it
    ws = workspace.find(Path(__file__).parent)
    plan = _plan(arguments)
    folder = arguments.folder or ws.home / "bench-serving"
    site = serving_sites.obtain(ws, folder, plan.sides)
    bench = Bench(site=site, plan=plan)
    for model in arguments.model or SHAPES:
        bench.measure(model)
    judged = serving_report.verdicts(bench.samples)
    console.table(serving_report.HEADER, map(serving_report.row, judged))
    if serving_report.is_busy(judged):
        console.warn("other programs took much of the CPUs: compare ratios, believe no figure")
    if arguments.json:
        data = {
            "day": f"{datetime.now(UTC):%Y-%m-%d}",
            "cpus": len(cpus),
            "kernel": platform.release(),
            **serving_report.as_data(bench.samples, judged),
        }
        arguments.json.write_text(console.as_json(data), encoding="utf-8")
    return any(verdict.missed for verdict in judged)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one start, two rounds of 3 s a cell")
    parser.add_argument("--rounds", type=int, help="how often each cell is measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    parser.add_argument("--model", choices=SHAPES, action="append", help="leave out the other")
    parser.add_argument("--only", type=Side, choices=list(Side), help="measure one side alone")
    parser.add_argument("--folder", type=Path, help="where to set up what is compared")
    return parser.parse_args()


def _plan(arguments: argparse.Namespace) -> Plan:
    sides = (arguments.only,) if arguments.only else tuple(Side)
    plan = Plan(sides=sides)
    if arguments.quick:
        plan = Plan(sides=sides, rounds=2, starts=1, cell_s=3.0, warm_up_s=2.0)
    return replace(plan, rounds=arguments.rounds) if arguments.rounds else plan


if __name__ == "__main__":
    main()
