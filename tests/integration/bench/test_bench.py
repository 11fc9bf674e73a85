"""Promises of `dockwright bench` with a real image on a real engine."""

from __future__ import annotations

import json
import os
import shlex
import signal
from typing import TYPE_CHECKING

import pytest

from dockwright import process
from dockwright.spec.bench_records import BenchVerdict, SuiteStatus
from integration.bench.conftest import WAIT_S, Site, lines_of

if TYPE_CHECKING:
    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord

WAITS = """
import time
from kit import lines
with lines.workload():
    time.sleep(120)
"""
BROKEN = {
    "crashes": "import sys; print('half a word', file=sys.stderr); sys.exit(3)",
    "empty": "print('nothing of interest')",
    "falls": "import os, signal, time; os.kill(1, signal.SIGTERM); time.sleep(30)",
    "hungry": "held = []\nwhile True: held.append(b'x' * 10_000_000)",
    "jumps": (
        "from kit import lines\nlines.line('started')\nlines.samples('x', [1.0])\n"
        "lines.line('ended', monotonic_s=5.0, wall_s=-3595.0)"
    ),
}
DETAILS = {
    "crashes": "exit code 3\n  | half a word",
    "empty": "it printed no result",
    "falls": "its container ended under it",
    "hungry": "out of memory",
    "jumps": "the host's clock jumped by -3600.0 s",
}


def test_a_slowed_image_is_caught_by_the_gate_and_the_unchanged_one_is_not(
    site: Site, slowed: BuildRecord, inference: BuildRecord
) -> None:
    site.bench(site.identifier, "--against", inference.reference, "--runs", "6")
    unchanged = {m.name: m.verdict for s in site.record().suites for m in s.metrics}
    assert unchanged["pause"] is BenchVerdict.SAME
    assert site.record().against == inference.digest
    assert "compared with itself" in site.fails("gate", site.identifier)

    site.takes(slowed)
    site.bench(site.identifier, "--against", inference.digest, "--runs", "6")
    record = site.record()
    assert (record.digest, record.against) == (slowed.digest, inference.digest)
    found = {m.name: m for s in record.suites for m in s.metrics}
    assert found["pause"].verdict is BenchVerdict.WORSE
    assert found["sleep"].verdict is BenchVerdict.WORSE
    assert found["pause"].cost is not None
    assert found["pause"].cost.median == pytest.approx(1.5)
    why = site.fails("gate", site.identifier)
    assert "steady: pause: worse: +50.0%" in why
    # Every sample set is kept, each with what the host was like.
    kept = lines_of(site.ws.bench_path / "history.jsonl")
    assert {line["digest"] for line in kept} == {inference.digest, slowed.digest}
    assert all(len(line["starts"]) == 6 for line in kept)  # type: ignore[arg-type]
    assert all(line["facts"]["cpus"] == os.cpu_count() for line in kept)  # type: ignore[index]
    page = site.bench("report", site.identifier).splitlines()[0]
    assert page.endswith("index.html")
    assert site.left() == []


def test_what_was_no_slower_passes_the_gate(
    site: Site, slowed: BuildRecord, inference: BuildRecord
) -> None:
    site.workload("steady", "from kit import lines\nwith lines.workload(): lines.samples('x', [1])")
    site.bench(site.identifier, "--against", slowed.reference, "--runs", "6")
    # Memory is measured, not written down: under load it may be unknown.
    if site.record().count(BenchVerdict.UNKNOWN) == 0:
        assert "1 suites, none worse" in site.bench("gate", site.identifier)
    assert site.record().against == slowed.digest != inference.digest


def test_every_way_to_fail_is_recorded_with_its_reason_and_leaves_no_container(site: Site) -> None:
    site.hosts("hosts:\n  small: {engine: local, memory_mb: 300}\n")
    for name, source in BROKEN.items():
        site.workload(name, source)
    why = site.fails(site.identifier, "--host", "small", "--runs", "1")
    assert f"{len(BROKEN)} suites gave no result" in why
    record = site.record()
    ends = {suite.name: suite for suite in record.suites}
    assert ends.pop("steady").status is SuiteStatus.MEASURED
    assert set(ends) == set(BROKEN)
    for name, suite in ends.items():
        assert suite.status is SuiteStatus.FAILED
        assert DETAILS[name] in suite.detail, name
        assert suite.metrics == ()
    assert site.left() == []


@pytest.mark.parametrize(
    "how",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=pytest.mark.full),
        pytest.param(signal.SIGTERM, marks=pytest.mark.full),
    ],
)
def test_a_run_that_is_ended_leaves_an_unfinished_record_and_no_container(
    how: signal.Signals, site: Site
) -> None:
    site.workload("waits", WAITS)
    argv = site.argv(site.identifier, "--suite", "waits", "--runs", "1")
    with process.streaming(argv, cwd=site.ws.root) as (running, lines):
        assert "waits" in next(lines)
        site.wait_until_running(running.pid)
        running.send_signal(how)
        running.wait(2 * WAIT_S)
    site.wait_until_gone()
    (suite,) = site.record().suites
    assert suite.status is SuiteStatus.UNFINISHED


def test_what_another_scheduler_printed_is_taken_in_and_compared(
    site: Site, slowed: BuildRecord, inference: BuildRecord, engine: Engine
) -> None:
    older = site.identifier.replace("5.23.0", "4.57.6")
    site.takes(slowed)
    site.takes(inference.model_copy(update={"identifier": older}))
    commands = site.bench(site.identifier, "--against", older, "--print", "--runs", "4")
    output = ""
    for command in commands.splitlines():
        program, *arguments = shlex.split(command)
        assert program == "docker"
        output += process.run((*engine.docker, *arguments), timeout_s=300)
    path = site.ws.root / "printed.jsonl"
    path.write_text(output)
    imported = ("--import", str(path), "--host", "slurm", "--json")
    (found,) = json.loads(site.bench(site.identifier, "--against", older, *imported))
    assert (found["host"], found["digest"], found["against"]) == (
        "slurm",
        slowed.digest,
        inference.digest,
    )
    verdicts = {m["name"]: m["verdict"] for s in found["suites"] for m in s["metrics"]}
    assert verdicts["pause"] == "worse"
    path.write_text(output.rpartition('{"dockwright": 2, "kind": "ended"')[0])
    assert "break off" in site.fails(site.identifier, "--against", older, *imported)
