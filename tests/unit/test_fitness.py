"""An engine is used only when it is fit, and an unfit one is told why."""

from __future__ import annotations

import json

import pytest

from dockwright.clients import fitness
from dockwright.clients.fitness import CONTAINERD_STORE, EngineFacts

FIT = EngineFacts(
    server_version="26.1.5+dfsg1", image_store=CONTAINERD_STORE, buildx_version="0.13.1+ds1"
)


def info(*, driver_type: str | None, version: str = "28.2.2") -> str:
    status = [["Backing Filesystem", "extfs"]]
    if driver_type:
        status.append(["driver-type", driver_type])
    return json.dumps({"ServerVersion": version, "Driver": "overlay2", "DriverStatus": status})


def test_debians_engine_with_the_containerd_store_is_fit() -> None:
    assert fitness.reasons_against(FIT) == ()


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "24.0.9", "dev"])
def test_an_older_or_unknown_server_is_unfit(version: str) -> None:
    facts = EngineFacts(
        server_version=version, image_store=CONTAINERD_STORE, buildx_version="0.13.1"
    )
    (reason,) = fitness.reasons_against(facts)
    assert version in reason
    assert "install Docker 25" in reason


def test_the_older_image_store_is_unfit_and_the_switch_is_named() -> None:
    version, store = fitness.parse_info(info(driver_type=None))
    facts = EngineFacts(server_version=version, image_store=store, buildx_version="v0.24.0")
    (reason,) = fitness.reasons_against(facts)
    assert "overlay2" in reason
    assert "containerd-snapshotter" in reason


@pytest.mark.parametrize(("version", "word"), [(None, "no buildx"), ("0.12.5", "0.12.5")])
def test_missing_or_old_buildx_is_unfit(version: str | None, word: str) -> None:
    facts = EngineFacts(
        server_version="29.0.0", image_store=CONTAINERD_STORE, buildx_version=version
    )
    (reason,) = fitness.reasons_against(facts)
    assert word in reason


def test_every_reason_is_told_at_once() -> None:
    facts = EngineFacts(server_version="20.10.24", image_store="overlay2", buildx_version=None)
    assert len(fitness.reasons_against(facts)) == 3


def test_the_containerd_store_is_read_from_docker_info() -> None:
    assert fitness.parse_info(info(driver_type=CONTAINERD_STORE)) == ("28.2.2", CONTAINERD_STORE)


@pytest.mark.parametrize(
    "text",
    [
        '{"ServerErrors": ["Cannot connect to the Docker daemon"], "ServerVersion": ""}',
        '{"host": {"arch": "amd64"}, "version": {"Version": "4.3.1"}}',
        "[]",
        "not json",
        "",
    ],
)
def test_what_does_not_answer_as_docker_does_is_no_engine(text: str) -> None:
    assert fitness.parse_info(text) == (None, None)
