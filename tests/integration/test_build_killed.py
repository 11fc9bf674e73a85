"""What a killed build leaves: nothing that runs, nothing half recorded, nothing in the way."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockwright import process
from dockwright.spec import records

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockwright.spec.records import BuildRecord
    from dockwright.workspace import Workspace

pytestmark = pytest.mark.full
GONE_S = 20


BUILDKIT = ("--builder", "buildkit")


@pytest.fixture(params=["build 1 images", "layer-python", "layer-torch", "LINK COPY"])
def moment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_killed_build_leaves_no_process_and_the_next_one_recovers(
    moment: str,
    checkout: Workspace,
    program: tuple[str, ...],
    dockwright: Callable[..., str],
    inference: BuildRecord,
) -> None:
    record_path = records.record_path(checkout.out_path, inference.identifier, "build")
    record_path.unlink()
    argv = (*program, "build", inference.identifier, *BUILDKIT, "--no-cache")
    with process.streaming(argv, cwd=checkout.root, env={"CI": "true"}) as (building, lines):
        for line in lines:
            if moment in line:
                break
        building.send_signal(signal.SIGKILL)
        building.wait(10)
    assert not record_path.exists()
    deadline = time.monotonic() + GONE_S
    while baking := _bakes():
        assert time.monotonic() < deadline, f"still running: {baking}"
        time.sleep(0.2)
    (again,) = json.loads(dockwright("build", inference.identifier, *BUILDKIT, "--json"))
    assert again["digest"] == inference.digest


def _bakes() -> list[str]:
    """Return the command lines of builds that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it ended while we looked
            continue
        if "bake" in words and any(word.endswith("buildx") for word in words):
            found.append(" ".join(words))
    return found
