"""What SageMaker hands over is read as it is, and refused in a sentence where it makes no sense."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dockwright_training.contract import request
from dockwright_training.errors import ConfigError
from dockwright_training.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty one."""
    made = Layout(tmp_path / "ml")
    made.config.mkdir(parents=True)
    return made


def write(layout: Layout, name: str, content: object) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (layout.config / f"{name}.json").write_text(text, "utf-8")


def test_without_any_file_it_is_a_job_of_one_host_with_the_folders_as_channels(
    layout: Layout,
) -> None:
    for name in ("train", "test"):
        (layout.data / name).mkdir(parents=True)
    asked = request.read(layout)
    assert asked.hosts.all == (asked.hosts.current,)
    assert asked.hosts.is_master
    assert asked.hosts.rank == 0
    assert list(asked.channels) == ["test", "train"]
    assert asked.hyperparameters == {}


def test_a_byte_order_mark_is_no_fault(layout: Layout) -> None:
    write(layout, "hyperparameters", '\ufeff{"a": "1"}')
    assert request.read(layout).hyperparameters == {"a": 1}


@pytest.mark.parametrize("name", ["hyperparameters", "resourceconfig", "inputdataconfig"])
def test_malformed_json_is_named_with_its_line(layout: Layout, name: str) -> None:
    write(layout, name, '{\n  "a": 1,\n}')
    with pytest.raises(ConfigError, match=rf"{name}\.json:3:1: malformed JSON"):
        request.read(layout)


@pytest.mark.parametrize("name", ["hyperparameters", "resourceconfig", "inputdataconfig"])
@pytest.mark.parametrize("content", ["[1]", '"text"', "null", "3"])
def test_what_is_no_object_is_refused(layout: Layout, name: str, content: str) -> None:
    write(layout, name, content)
    with pytest.raises(ConfigError, match=rf"{name}\.json must be a JSON object, not"):
        request.read(layout)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"hosts": "algo-1"}, "hosts must be a list of names, not 'algo-1'"),
        ({"hosts": [1]}, "hosts must be a list of names"),
        ({"hosts": []}, "hosts must be different names, one at least"),
        ({"hosts": ["algo-1", "algo-1"]}, "hosts must be different names"),
        ({"current_host": "algo-9"}, "'algo-9' is none of the hosts algo-1, algo-2"),
        ({"current_host": 1}, "current_host must be a string, not 1"),
        ({"network_interface_name": 7}, "network_interface_name must be a string"),
        ({"instance_groups": {}}, "instance_groups must be a list of objects"),
        ({"instance_groups": [{"instance_group_name": "a"}]}, "hosts of an instance group"),
    ],
)
def test_hosts_that_make_no_sense_are_refused(
    layout: Layout, changed: dict[str, object], told: str
) -> None:
    write(layout, "resourceconfig", HOSTS | changed)
    with pytest.raises(ConfigError, match=told):
        request.read(layout)


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        ({"train": "File"}, "the channel train must be described by an object, not 'File'"),
        ({"../up": {}}, "'../up' can't be the name of a channel"),
        ({"": {}}, "'' can't be the name of a channel"),
    ],
)
def test_channels_that_make_no_sense_are_refused(
    layout: Layout, channels: dict[str, object], told: str
) -> None:
    write(layout, "inputdataconfig", channels)
    with pytest.raises(ConfigError, match=told):
        request.read(layout)


@pytest.mark.parametrize("hyperparameters", [{"a\0": "1"}, {"a": '"\\u0000"'}, {"a=b": "1"}])
def test_what_no_process_can_be_given_is_refused(
    layout: Layout, hyperparameters: dict[str, str]
) -> None:
    write(layout, "hyperparameters", hyperparameters)
    with pytest.raises(ConfigError, match="can't be an environment variable"):
        request.read(layout)


def test_a_lone_half_of_a_character_is_refused(layout: Layout) -> None:
    write(layout, "hyperparameters", {"a": '"\\ud800"'})
    with pytest.raises(ConfigError, match="hyperparameter 'a' can't be an environment variable"):
        request.read(layout)


def test_settings_are_checked_when_they_are_asked_for(layout: Layout) -> None:
    write(
        layout,
        "hyperparameters",
        {"sagemaker_program": "3", "sagemaker_container_log_level": "loud", "sagemaker_region": ""},
    )
    asked = request.read(layout)
    assert asked.setting("sagemaker_region") is None
    with pytest.raises(ConfigError, match="sagemaker_program must be a string, not 3"):
        asked.setting("sagemaker_program")
    with pytest.raises(ConfigError, match="sagemaker_container_log_level must be a number"):
        _ = asked.log_level
