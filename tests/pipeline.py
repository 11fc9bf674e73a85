"""CI's own definitions in; their lines of `make`, run one after the other on this machine, out.

The lines, their environments and their order are those of `.github/workflows/`, read from there.
Only what GitHub puts into an expression is given here; an expression that is not known is an error.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from dockwright import console, process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")
# As GitHub runs a step; what it says is read from one stream.
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
NOTHING = {
    f"secrets.{name}": ""
    for name in (
        *("registry-login", "cosign-key", "cosign-password"),
        *("REGISTRY_LOGIN", "COSIGN_KEY", "COSIGN_PASSWORD"),
    )
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a job, with the environment that its step and its job give it."""

    command: str
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """A line that has ended well."""

    command: str
    images: str
    seconds: float
    said: str


def load(root: Path, workflow: str) -> dict[str, Any]:
    """Return a workflow as YAML has it."""
    found: dict[str, Any] = YAML(typ="safe").load(root / ".github" / "workflows" / workflow)
    return found


def steps(workflow: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every step that runs something, with its job's name."""
    for name, job in workflow["jobs"].items():
        for step in job.get("steps", ()):
            if "run" in step:
                yield name, step


def lines(workflow: Mapping[str, Any], job: str, known: Mapping[str, str]) -> tuple[Line, ...]:
    """Return a job's lines of `make`; what else a job does, a login, is the service's affair."""
    own = workflow["jobs"][job].get("env", {})
    return tuple(
        Line(
            command=step["run"].strip(),
            environment={
                name: EXPRESSION.sub(lambda found: known[found[1]], str(value))
                for name, value in {**own, **step.get("env", {})}.items()
            },
        )
        for name, step in steps(workflow)
        if name == job and step["run"].startswith("make ")
    )


def images(root: Path, glob: str, *, since: str) -> tuple[Ran, ...]:
    """Run pipeline.yml: the jobs of what has changed, and each of these one after the other."""
    workflow = load(root, "pipeline.yml")
    known = {
        **NOTHING,
        "inputs.images": glob,
        "inputs.since": since,
        "inputs.publish && 'publish' || 'build'": "publish",
        "inputs.publish && vars.PROVEN || ''": "",
    }
    outputs_path = root / "out" / "github-output"
    outputs_path.unlink(missing_ok=True)
    ran = [_run(root, line, outputs_path) for line in lines(workflow, "changed", known)]
    name, _, value = outputs_path.read_text(encoding="utf-8").strip().partition("=")
    assert name == "jobs", "what the later jobs' matrix is read from"
    for job in json.loads(value)["include"]:
        known["matrix.images"] = job["images"]
        ran += [_run(root, line, outputs_path) for line in lines(workflow, "images", known)]
    return tuple(ran)


def promotion(root: Path, release: str) -> tuple[Ran, ...]:
    """Run promote.yml for a release, given as a glob."""
    known = {
        **NOTHING,
        "inputs.release": release,
        "inputs.waive": "",
        "github.actor": "somebody",
    }
    workflow = load(root, "promote.yml")
    return tuple(_run(root, line, Path(os.devnull)) for line in lines(workflow, "promote", known))


def _run(root: Path, line: Line, outputs_path: Path) -> Ran:
    told = line.environment.get("IMAGE", "")
    console.say(f"$ {line.command}  # {told}")
    outputs_path.parent.mkdir(exist_ok=True)
    env = {**line.environment, "CI": "true", "GITHUB_OUTPUT": str(outputs_path)}
    started = time.monotonic()
    said = []
    argv = (*SHELL, f"exec >&2\n{line.command}")
    with process.streaming(argv, cwd=root, env=env) as (running, spoken):
        for text in spoken:
            console.say(f"  {text.rstrip()}")
            said.append(text)
        code = running.wait()
    seconds = time.monotonic() - started
    assert code == 0, f"{line.command} ended with {code}:\n{''.join(said[-30:])}"
    console.say(f"{line.command}: {seconds:.1f} s")
    return Ran(command=line.command, images=told, seconds=seconds, said="".join(said))
