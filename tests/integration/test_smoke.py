"""Promises of `dockwright smoke`: a real image, a real engine, and an end that leaves nothing."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from dockwright import process
from dockwright.clients import docker
from dockwright.errors import ProcessError
from dockwright.spec import records
from dockwright.spec.records import SmokeRecord
from dockwright.stages.smoke.launcher import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

GONE_S = 10


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[DockerClient]:
    with docker.connect(engine) as connected:
        yield connected


def containers(client: DockerClient, identifier: str) -> list[str]:
    """Return the smoke containers of a variant, running or not."""
    filters = {"label": f"{LABEL}={identifier}"}
    return [c["Id"] for c in client.api.containers(all=True, quiet=True, filters=filters)]


def test_a_good_image_passes_every_check_and_leaves_no_container(
    checkout: Workspace,
    inference: BuildRecord,
    variant: Variant,
    dockwright: Callable[..., str],
    client: DockerClient,
    tmp_path: Path,
) -> None:
    junit_path = tmp_path / "smoke.xml"
    (told,) = json.loads(
        dockwright("smoke", inference.identifier, "--json", "--junit", str(junit_path))
    )
    assert {check["status"] for check in told["checks"]} == {"passed"}
    seen = {check["name"].partition("/")[0] for check in told["checks"]}
    assert seen == {"outside", *variant.traits}
    record = records.read(checkout.out_path, inference.identifier, "smoke", SmokeRecord)
    assert record is not None
    assert record.model_dump(mode="json") == told
    assert record.digest == inference.digest
    report = ET.parse(junit_path)  # noqa: S314 - our own
    assert len(report.findall(".//testcase")) == len(told["checks"])
    assert containers(client, inference.identifier) == []


def test_an_image_that_is_not_the_recorded_one_is_refused(
    checkout: Workspace, inference: BuildRecord, dockwright: Callable[..., str]
) -> None:
    other = inference.model_copy(update={"digest": "sha256:" + "0" * 64})
    records.write(checkout.out_path, "build", other)
    try:
        with pytest.raises(ProcessError, match="run `dockwright build"):
            dockwright("smoke", inference.identifier)
    finally:
        records.write(checkout.out_path, "build", inference)


@pytest.mark.full
@pytest.mark.parametrize("moment", ["common/check_clean", "outside/zombies", "pytorch/check"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_smoke_run_that_is_ended_leaves_no_container_and_no_record(
    how: signal.Signals,
    moment: str,
    checkout: Workspace,
    program: tuple[str, ...],
    inference: BuildRecord,
    client: DockerClient,
) -> None:
    record_path = records.record_path(checkout.out_path, inference.identifier, "smoke")
    record_path.unlink(missing_ok=True)
    argv = (*program, "smoke", inference.identifier)
    with process.streaming(argv, cwd=checkout.root) as (running, lines):
        for line in lines:
            if moment in line:
                break
        assert containers(client, inference.identifier)
        running.send_signal(how)
        running.wait(GONE_S)
    deadline = time.monotonic() + GONE_S
    while left := containers(client, inference.identifier):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.2)
    assert not record_path.exists()


@pytest.mark.full
def test_a_record_of_another_image_is_removed_and_one_of_the_same_image_stays(
    checkout: Workspace, program: tuple[str, ...], inference: BuildRecord
) -> None:
    record_path = records.record_path(checkout.out_path, inference.identifier, "smoke")
    for digest, stays in ((inference.digest, True), ("sha256:" + "0" * 64, False)):
        record = SmokeRecord(
            identifier=inference.identifier,
            digest=digest,
            finished_at="2026-11-22T12:00:00+00:00",
            seconds=1.0,
            checks=(),
        )
        records.write(checkout.out_path, "smoke", record)
        argv = (*program, "smoke", inference.identifier)
        with process.streaming(argv, cwd=checkout.root) as (running, lines):
            assert next(lines).startswith("PASS")
            running.send_signal(signal.SIGKILL)
            running.wait(GONE_S)
        assert record_path.exists() is stays
    record_path.unlink(missing_ok=True)
