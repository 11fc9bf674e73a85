"""An address in; what its server did under load, and what it answers, out."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bench.serving_models import SEED, WORDS
from bench.serving_room import HURRY
from dockwright import process
from dockwright.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT_PATH = Path(__file__).with_name("serving_load.lua")
ANSWER_S = 30
"""How long wrk waits for an answer before it counts it as late."""
BODIES = 200
SHORTEST, LONGEST = 14, 30
"""Words of a sentence: with the two tokens around them 16 to 32."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What wrk saw: a closed loop of so many connections, each with one request at a time."""

    requests: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    """Statuses above 399, broken connections and answers that took too long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrk:
    """The load generator, from a Debian package that is not installed."""

    prefix: Path

    def run(self, url: str, *, bodies_path: Path, connections: int, seconds: float) -> Load:
        """POST the bodies of a file, one a line, in turn."""
        (library,) = (self.prefix / "usr" / "lib").glob("*/libluajit-5.1.so.2")
        options = [f"-c{connections}", "-t1", f"-d{seconds:.0f}s", f"--timeout={ANSWER_S}s"]
        hurried = ("setsid", "--wait", "sh", "-ec", f'{HURRY}\nexec "$@"', "wrk")
        script = ("-s", SCRIPT_PATH, url, "--", bodies_path)
        output = process.run(
            [*hurried, self.prefix / "usr" / "bin" / "wrk", *options, *script],
            env={"LD_LIBRARY_PATH": str(library.parent)},
            timeout_s=seconds + 2 * ANSWER_S,
        )
        return parse(output)


def parse(output: str) -> Load:
    """Read the line of JSON that our script prints at the end of wrk's output."""
    lines = [line for line in output.splitlines() if line.startswith('{"requests"')]
    if not lines:
        msg = f"wrk printed no result:\n{output}"
        raise ProcessError(msg)
    seen = json.loads(lines[-1])
    return Load(
        requests=seen["requests"],
        requests_per_s=seen["requests"] / (seen["duration_us"] / 1e6),
        p50_ms=seen["p50_us"] / 1000,
        p99_ms=seen["p99_us"] / 1000,
        errors=seen["refused"] + seen["broken"] + seen["late"],
    )


def sentences(count: int, *, seed: int = SEED) -> tuple[str, ...]:
    """Return sentences of varied length, the same ones every time."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    return tuple(
        " ".join(chance.choices(WORDS, k=chance.randint(SHORTEST, LONGEST))) for _ in range(count)
    )


def write_bodies(path: Path) -> None:
    """Write the requests that wrk sends."""
    lines = [json.dumps({"inputs": sentence}) for sentence in sentences(BODIES)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A classifier's best label."""

    label: str
    score: float


def answers(url: str, texts: Sequence[str]) -> tuple[Answer, ...]:
    """Ask for each text alone."""
    with httpx.Client(timeout=ANSWER_S, trust_env=False) as client:
        replies = [client.post(url, json={"inputs": text}).raise_for_status() for text in texts]
    found = [reply.json()[0] for reply in replies]
    return tuple(Answer(label=f["label"], score=f["score"]) for f in found)
