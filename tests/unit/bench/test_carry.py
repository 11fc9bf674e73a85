"""One command carries everything a suite needs; what it printed is taken in whole or not at all."""

from __future__ import annotations

import base64
import io
import json
import shlex
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dockwright.errors import RecordError
from dockwright.spec.bench_records import SuiteStatus
from dockwright.stages.bench import carry, suites
from dockwright.stages.bench.suites import Suite
from dockwright.stages.bench.task import Side, Task
from sample import REPOSITORY
from unit.bench.material import ENDED, HOST, HOST_PRINTED, IDENTIFIER, NEW, OLD, printed, result

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.bench_records import SuiteRecord

SUITE = Suite(script="training/training", model="vit")
SIDES = tuple(
    Side(identifier=name, digest=digest, driver=None, lock_sha256=None)
    for name, digest in ((IDENTIFIER, NEW), ("pytorch-1", OLD))
)
WORKLOADS = REPOSITORY / "tests" / "workloads"


def block(digest: str, start: int, text: str, workloads: str = "e" * 64) -> str:
    of = {"digest": digest, "suite": SUITE.name, "start": start, "workloads_sha256": workloads}
    return printed("of", **of) + text


def whole(digest: str, values: tuple[float, ...]) -> str:
    return "".join(
        block(digest, n, HOST_PRINTED + result((value,)) + ENDED) for n, value in enumerate(values)
    )


def taken(folder: Path, text: str, *, needs_gpu: bool = False) -> SuiteRecord:
    task = Task(new=SIDES[0], old=SIDES[1], suites=(SUITE,), needs_gpu=needs_gpu)
    now = datetime(2026, 11, 26, tzinfo=UTC)
    (record,) = carry.take(text, [task], "slurm", folder, folder / "history.jsonl", now=now)
    assert record.host == "slurm"
    return record.suites[0]


def test_a_command_holds_the_workloads_and_fits_a_command_line() -> None:
    archive = suites.pack(WORKLOADS)
    command = carry.command("repo@sha256:1", SIDES[0], [SUITE], archive, starts=3, has_gpu=True)
    program, *arguments = shlex.split(command)
    assert program == "docker"
    assert arguments[: arguments.index("repo@sha256:1")][-2:] == ["--gpus", "all"]
    code, asked = arguments[-2:]
    assert max(map(len, arguments)) < 128 * 1024  # Linux takes no longer argument
    compile(code, "command", "exec")
    packed = base64.b64decode(code.partition("b64decode('")[2].partition("'")[0])
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        assert "bench/kit/elsewhere.py" in files.getnames()
    assert json.loads(asked) == {
        "workloads_sha256": suites.sha256(archive),
        "digest": NEW,
        "starts": 3,
        "suites": {"training/vit": ["training/training.py", "vit"]},
    }


def test_both_images_results_are_compared(tmp_path: Path) -> None:
    text = whole(OLD, (1.0, 1.01, 0.99, 1.0)) + "noise\n" + whole(NEW, (2.0, 2.01, 2.0, 1.99))
    suite = taken(tmp_path, text)
    assert [metric.verdict.value for metric in suite.metrics] == ["worse"]
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (block(NEW, 0, HOST_PRINTED + result()), "break off"),
        (block(NEW, 0, HOST_PRINTED), "printed no result"),
        (block(NEW, 0, result() + ENDED), "facts are missing"),
        (block(NEW, 0, HOST_PRINTED + printed("failed", detail="exit code 1")), "exit code 1"),
    ],
)
def test_what_is_not_whole_is_a_failed_suite(text: str, why: str, tmp_path: Path) -> None:
    suite = taken(tmp_path, text + whole(OLD, (1.0,)))
    assert suite.status is SuiteStatus.FAILED
    assert why in suite.detail
    assert not (tmp_path / "history.jsonl").exists()


def test_a_cuda_image_that_ran_without_a_gpu_is_deferred(tmp_path: Path) -> None:
    suite = taken(tmp_path, whole(NEW, (1.0,)) + whole(OLD, (1.0,)), needs_gpu=True)
    assert (suite.status, suite.detail) == (SuiteStatus.DEFERRED, "needs gpu")
    assert HOST.gpus == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", f"no line is of {NEW}"),
        (whole(NEW, (1.0,)), f"no line is of {OLD}"),
        (whole(NEW, (1.0,)) * 2 + whole(OLD, (1.0,)), "is there twice"),
        (whole(OLD, (1.0,)) + block(NEW, 0, ENDED, "f" * 64), "printed by different workloads"),
        ('{"dockwright": 2, "kind": "of"}\n', "cannot be read"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=why):
        taken(tmp_path, text)
