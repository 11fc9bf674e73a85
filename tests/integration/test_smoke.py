"""Promises of `dockwright smoke`: a real image, a real engine, and an end that leaves nothing."""

from __future__ import annotations

import json
import shutil
import signal
import time
import uuid
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from dockwright import process
from dockwright.clients import docker
from dockwright.errors import ProcessError, SmokeError
from dockwright.spec import records
from dockwright.spec.records import SmokeRecord, Status
from dockwright.stages.smoke.launcher import RUN_LABEL, Launcher
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant

GONE_S = 20
"""Of seconds that an engine under load needs to remove a container."""


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[DockerClient]:
    with docker.connect(engine) as connected:
        yield connected


@pytest.fixture
def scratch(
    checkout: Workspace, inference: BuildRecord, client: DockerClient, tmp_path: Path
) -> Iterator[Workspace]:
    """A working copy with a record and a tag of its own, on the same home and its engine."""
    made = Workspace(root=tmp_path / "copy", home=checkout.home)
    shutil.copytree(checkout.buildspec_path, made.buildspec_path)
    shutil.copytree(checkout.smoke_path, made.smoke_path)
    shutil.copytree(checkout.images_path / "runtime", made.images_path / "runtime")
    repository, tag = "dockwright-smoke-test", uuid.uuid4().hex
    reference = f"{repository}:{tag}"
    client.api.tag(inference.digest, repository, tag)
    records.write(made.out_path, "build", inference.model_copy(update={"reference": reference}))
    yield made
    client.api.remove_image(reference)


def containers(client: DockerClient, pid: int) -> list[str]:
    """Return the containers of a smoke run, ended ones included."""
    found = client.api.containers(all=True, filters={"label": RUN_LABEL})
    return [c["Id"] for c in found if c["Labels"][RUN_LABEL].startswith(f"{pid}-")]


def smoke_record(scratch: Workspace, identifier: str) -> SmokeRecord | None:
    return records.read(scratch.out_path, identifier, "smoke", SmokeRecord)


def test_a_good_image_passes_every_check_and_leaves_no_container(
    scratch: Workspace,
    program: tuple[str, ...],
    inference: BuildRecord,
    variant: Variant,
    client: DockerClient,
    tmp_path: Path,
) -> None:
    junit_path = tmp_path / "smoke.xml"
    argv = (*program, "smoke", inference.identifier, "--junit", str(junit_path))
    with process.streaming(argv, cwd=scratch.root) as (running, lines):
        talk = list(lines)
        assert running.wait() == 0, talk
        assert containers(client, running.pid) == []
    record = smoke_record(scratch, inference.identifier)
    assert record is not None
    assert record.digest == inference.digest
    assert record.count(Status.PASSED) == len(record.checks)
    seen = {check.name.partition("/")[0] for check in record.checks}
    assert seen == {"outside", *variant.traits}
    assert sum(line.startswith("PASS ") for line in talk) == len(record.checks)
    report = ET.parse(junit_path)  # noqa: S314 - our own
    assert len(report.findall(".//testcase")) == len(record.checks)
    # What has passed is passed over, and keeps its record.
    again = (*program, "smoke", inference.identifier, "--unless-passed", "--json")
    (kept,) = json.loads(process.run(again, cwd=scratch.root, timeout_s=60))
    assert SmokeRecord.model_validate_json(json.dumps(kept)) == record


def test_an_image_that_is_not_the_recorded_one_is_refused(
    scratch: Workspace, program: tuple[str, ...], inference: BuildRecord
) -> None:
    other = inference.model_copy(update={"digest": "sha256:" + "0" * 64})
    records.write(scratch.out_path, "build", other)
    with pytest.raises(ProcessError, match="run `dockwright build"):
        process.run((*program, "smoke", inference.identifier), cwd=scratch.root, timeout_s=60)


def test_an_image_that_was_not_built_is_refused(
    scratch: Workspace, program: tuple[str, ...], inference: BuildRecord
) -> None:
    records.record_path(scratch.out_path, inference.identifier, "build").unlink()
    with pytest.raises(ProcessError, match="has no build record; run `dockwright build"):
        process.run((*program, "smoke", inference.identifier), cwd=scratch.root, timeout_s=60)


@pytest.mark.full
def test_a_failed_check_is_recorded_reported_and_ends_in_its_exit_code(
    scratch: Workspace,
    program: tuple[str, ...],
    inference: BuildRecord,
    variant: Variant,
    client: DockerClient,
) -> None:
    for path in scratch.smoke_path.glob("*/check_*.py"):
        path.unlink()
    for trait in variant.traits:
        (scratch.smoke_path / trait / "check_fine.py").write_text("print('fine')")
    failing = scratch.smoke_path / "common" / "check_wrong.py"
    failing.write_text("print('looking')\nassert 1 + 1 == 3, 'not as it was'")
    gpu = scratch.smoke_path / "cpu" / "check_gpu.py"
    gpu.write_text("NEEDS_GPU = True\nprint('a GPU')")
    argv = (*program, "smoke", inference.identifier)
    with process.streaming(argv, cwd=scratch.root) as (running, lines):
        talk = list(lines)
        assert running.wait() == SmokeError.exit_code
    assert talk[-2:] == [
        "error: 1 checks failed:\n",
        f"{inference.identifier}: common/check_wrong\n",
    ]
    record = smoke_record(scratch, inference.identifier)
    assert record is not None
    ends = {check.name: (check.status, check.detail) for check in record.checks}
    assert ends["common/check_fine"] == (Status.PASSED, "fine")
    assert ends["common/check_wrong"] == (Status.FAILED, "not as it was\n  | looking")
    has_gpu = Launcher(client=client).has_gpu()
    assert ends["cpu/check_gpu"][0] is (Status.PASSED if has_gpu else Status.DEFERRED)


@pytest.mark.full
@pytest.mark.parametrize("moment", ["common/check_clean", "outside/zombies", "pytorch/check"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_smoke_run_that_is_ended_leaves_no_container_and_no_record(
    how: signal.Signals,
    moment: str,
    scratch: Workspace,
    program: tuple[str, ...],
    inference: BuildRecord,
    client: DockerClient,
) -> None:
    argv = (*program, "smoke", inference.identifier)
    with process.streaming(argv, cwd=scratch.root) as (running, lines):
        for line in lines:
            if moment in line:
                break
        assert containers(client, running.pid)
        running.send_signal(how)
        running.wait(GONE_S * 3)
    deadline = time.monotonic() + GONE_S
    while left := containers(client, running.pid):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.2)
    assert smoke_record(scratch, inference.identifier) is None


@pytest.mark.full
def test_a_record_of_another_image_is_removed_and_one_of_the_same_image_stays(
    scratch: Workspace, program: tuple[str, ...], inference: BuildRecord
) -> None:
    for digest, stays in ((inference.digest, True), ("sha256:" + "0" * 64, False)):
        record = SmokeRecord(
            checks_sha256="c" * 64,
            identifier=inference.identifier,
            digest=digest,
            finished_at="2026-11-22T12:00:00+00:00",
            seconds=1.0,
            checks=(),
        )
        records.write(scratch.out_path, "smoke", record)
        argv = (*program, "smoke", inference.identifier)
        with process.streaming(argv, cwd=scratch.root) as (running, lines):
            assert next(lines).startswith("PASS")
            running.send_signal(signal.SIGKILL)
            running.wait(GONE_S * 3)
        kept = smoke_record(scratch, inference.identifier)
        assert kept == (record if stays else None)
