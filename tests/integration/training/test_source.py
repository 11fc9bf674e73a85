"""Code comes from S3, from an archive, from a mounted folder or from a channel."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import s3_server
from serving_container import tar
from training_container import Job, TrainingContainer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training_container import TrainingImage

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "not-really-secret"}
SCRIPT = "import os, sys, helper\nprint(os.getcwd(), os.environ['SM_MODULE_DIR'], sys.argv[1:])\n"
CODE = {"train.py": SCRIPT.encode(), "helper.py": b""}


@pytest.fixture(scope="module")
def s3(image: TrainingImage) -> Iterator[tuple[str, str]]:
    """The name of a network and the address of S3 in it."""
    served = {
        "code.tar.gz": tar(CODE, mode="w:gz"),
        "evil.tar.gz": tar({"../../evil.py": b""}, mode="w:gz"),
    }
    objects = {f"s3/bucket/job/{name}": content for name, content in served.items()}
    server = Path(s3_server.__file__).read_bytes()
    network = image.docker.networks.create(f"dockwright-test-{uuid.uuid4().hex}")
    command = ["python3", "/s3_server.py", "/s3"]
    container = image.docker.containers.create(image.digest, command, network=network.name)
    try:
        assert container.put_archive("/", tar({"s3_server.py": server, **objects}))
        container.start()
        port = _port(TrainingContainer(container=container))
        container.reload()
        address = container.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
        assert network.name is not None
        yield network.name, f"http://{address}:{port}"
    finally:
        container.remove(force=True, v=True)
        network.remove()


def _port(server: TrainingContainer) -> str:
    deadline = time.monotonic() + 30
    while "\n" not in server.log():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return server.log().strip()


def test_an_archive_in_s3_is_unpacked(image: TrainingImage, s3: tuple[str, str]) -> None:
    network, endpoint = s3
    address = "s3://bucket/job/code.tar.gz"
    job = Job(hyperparameters={"sagemaker_submit_directory": address, "epochs": 1})
    env = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": endpoint}
    with image.running(job, env=env, network=network) as run:
        assert run.wait() == 0, run.log()
        assert f"/opt/ml/code {address} ['--epochs', '1']" in run.log()
        assert CODE.items() <= run.files("code").items()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            "s3://bucket/job/gone.tar.gz",
            (
                "the object job/gone.tar.gz of the S3 bucket bucket can't be fetched: there is no such"
                " object"
            ),
        ),
        (
            f"s3://{s3_server.FORBIDDEN}/x.tar.gz",
            (
                f"the object x.tar.gz of the S3 bucket {s3_server.FORBIDDEN} can't be fetched: access is"
                " denied; the job's role must allow s3:GetObject there"
            ),
        ),
        ("s3://bucket", "'s3://bucket' names no object in S3: s3://bucket/key.tar.gz is meant"),
        ("s3://bucket/job/evil.tar.gz", "../../evil.py: a name that leads out of the archive"),
    ],
)
def test_what_s3_does_not_give_is_told(
    image: TrainingImage, s3: tuple[str, str], address: str, told: str
) -> None:
    network, endpoint = s3
    job = Job(hyperparameters={"sagemaker_submit_directory": address})
    env = {**CREDENTIALS, "S3_ENDPOINT_URL": endpoint}
    with image.running(job, env=env, network=network) as run:
        assert run.wait() == 66, run.log()
        assert told in run.failure()


def test_without_a_network_the_object_is_named(image: TrainingImage) -> None:
    job = Job(hyperparameters={"sagemaker_submit_directory": "s3://bucket/job/code.tar.gz"})
    env = {**CREDENTIALS, "AWS_REGION": "eu-central-1"}
    with image.running(job, env=env, network_mode="none") as run:
        assert run.wait() == 66, run.log()
        told = (
            "the object job/code.tar.gz of the S3 bucket bucket can't be fetched: Could not connect"
        )
        assert told in run.failure()


def test_code_in_a_channel_runs_where_it_is(image: TrainingImage) -> None:
    job = Job(channels={"code": CODE})
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert "/opt/ml/input/data/code /opt/ml/code []" in run.log()


def test_mounted_code_wins_and_may_be_read_only(image: TrainingImage) -> None:
    volume = image.docker.volumes.create(f"dockwright-test-{uuid.uuid4().hex}")
    mounted = {volume.name: {"bind": "/opt/ml/code", "mode": "rw"}}
    filler = image.docker.containers.create(image.digest, volumes=mounted)
    job = Job(hyperparameters={"sagemaker_submit_directory": "s3://bucket/not-asked-for.tar.gz"})
    try:
        assert filler.put_archive("/opt/ml/code", tar(CODE))
        mounted[volume.name]["mode"] = "ro"
        with image.running(job, volumes=mounted, network_mode="none") as run:
            assert run.wait() == 0, run.log()
            assert "/opt/ml/code s3://bucket/not-asked-for.tar.gz []" in run.log()
    finally:
        filler.remove(force=True)
        volume.remove(force=True)
