"""Minutes of saturation with good and bad requests and killed workers: nothing wrong, nothing lost.

`SOAK_SECONDS` sets how long (600), `SOAK_JSON` where the figures go.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from http_caller import Caller

if TYPE_CHECKING:
    from serving_container import Files, ServingContainer, ServingImage

CALLERS = 32
KILLS = 2
AFTER_KILL_S = 3.0
WORDS = [
    "images",
    "are",
    "built",
    "well",
    "and",
    "badly",
    "here",
    "once",
    "again",
    "for",
    "everyone",
    "who",
    "asks",
]
BAD = (
    (b'{"inputs": ', "application/json", 400),
    (b'{"inputs": 7}', "application/json", 400),
    (b'{"inputs": "x", "parameters": {"nonsense": 1}}', "application/json", 400),
    (b"\xff\xfe", "application/json", 400),
    (b"x", "application/x-tar", 415),
)
PROCESSES = """
import pathlib, sys
total = 0
for path in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        if b"dockwright_serving" in (path / "cmdline").read_bytes() or b"serve" in (path / "cmdline").read_bytes():
            lines = (path / "smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except OSError:
        pass
print(total // 1024)
"""
KILL = """
import os, pathlib, signal
workers = {}
for path in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        if b"dockwright_serving.worker" in (path / "cmdline").read_bytes():
            workers[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        pass
forks = [pid for pid, parent in workers.items() if parent in workers]
os.kill(forks[0], signal.SIGKILL)
print(forks[0])
"""


@dataclass(slots=True)
class Tally:
    """What came of the requests."""

    right: int = 0
    refused_as_due: int = 0
    unavailable: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    late_unavailable: int = 0
    """503s that no killed worker explains."""


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_saturation_with_kills_loses_and_mistakes_nothing(image: ServingImage, bert: Files) -> None:
    seconds = float(os.environ.get("SOAK_SECONDS", "600"))
    with image.running(model=bert) as site:
        site.wait_for_ping()
        texts = [" ".join(random.Random(n).choices(WORDS, k=3 + n % 20)) for n in range(40)]
        expected = {
            text: site.client.post("/invocations", json={"inputs": text}).json() for text in texts
        }
        tally, memory = asyncio.run(_soak(site, expected, seconds))
    figures = {"date": datetime.now(UTC).date().isoformat(), "seconds": seconds, "pss_mib": memory}
    figures |= asdict(tally)
    if path := os.environ.get("SOAK_JSON"):
        Path(path).write_text(json.dumps(figures, indent=1) + "\n")
    assert tally.wrong == []
    assert tally.lost == []
    assert tally.late_unavailable == 0
    assert tally.right > 100 * seconds
    assert tally.refused_as_due > 0
    assert memory[-1] < 1.1 * memory[0] + 20, "memory stays flat"


async def _soak(
    site: ServingContainer, expected: dict[str, object], seconds: float
) -> tuple[Tally, list[int]]:
    """Call for so long; return what came of it and the memory before each kill and at the end."""
    tally, killed, end = Tally(), [float("-inf")], time.monotonic() + seconds
    calls = [_call(site, expected, tally, killed, end, number) for number in range(CALLERS)]
    disturbance = asyncio.create_task(_disturb(site, killed, seconds))
    await asyncio.gather(*calls)
    return tally, [*await disturbance, int(site.run("python3", "-c", PROCESSES))]


async def _disturb(site: ServingContainer, killed: list[float], seconds: float) -> list[int]:
    """Kill workers on the way and look at the memory."""
    memory = []
    for number in range(KILLS):
        await asyncio.sleep(seconds / (KILLS + 1))
        memory.append(int(await asyncio.to_thread(site.run, "python3", "-c", PROCESSES)))
        killed.append(time.monotonic())
        await asyncio.to_thread(site.run, "python3", "-c", KILL)
        killed[-1] = time.monotonic()
        assert number < KILLS
    return memory


async def _call(
    site: ServingContainer,
    expected: dict[str, object],
    tally: Tally,
    killed: list[float],
    end: float,
    number: int,
) -> None:
    """Ask again and again, one time in ten for something bad."""
    url = site.client.base_url
    caller, chance = Caller(url.host, url.port or 80), random.Random(number)
    while time.monotonic() < end:
        if chance.random() < 0.1:
            await _ask_badly(caller, chance, tally)
            continue
        text = chance.choice(list(expected))
        try:
            status, body = await caller.post(json.dumps({"inputs": text}).encode())
        except (ConnectionError, TimeoutError) as error:
            tally.lost.append(repr(error))
            continue
        if status == 200 and _alike(json.loads(body), expected[text]):
            tally.right += 1
        elif status == 503:
            tally.unavailable += 1
            tally.late_unavailable += time.monotonic() - killed[-1] > AFTER_KILL_S
            await asyncio.sleep(0.05)
        else:
            tally.wrong.append(f"{status} {body[:200]!r}")
    caller.close()


async def _ask_badly(caller: Caller, chance: random.Random, tally: Tally) -> None:
    if chance.random() < 0.2:
        await caller.leave_in_the_middle()
        return
    body, content_type, due = chance.choice(BAD)
    status, answer = await caller.post(body, content_type)
    if status in {due, 503}:
        tally.refused_as_due += 1
    else:
        tally.wrong.append(f"{status} instead of {due}: {answer[:200]!r}")


def _alike(answer: object, expected: object) -> bool:
    """Whether an answer is that of the same text alone: same label, score within 1e-4."""
    assert isinstance(answer, list)
    assert isinstance(expected, list)
    (one,), (other,) = answer, expected
    return bool(one["label"] == other["label"] and abs(one["score"] - other["score"]) < 1e-4)
