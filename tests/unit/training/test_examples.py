"""The examples by their names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dockwright_training import examples
from dockwright_training.errors import InputError

NOT_STARTED = {"__init__", "data", "trainer_job"}


def test_every_script_has_a_name_and_every_name_a_script() -> None:
    scripts = {path.stem for path in Path(examples.__file__).parent.glob("*.py")} - NOT_STARTED
    assert {examples.path_of(name).stem for name in examples.names()} == scripts


@pytest.mark.parametrize("name", examples.names())
def test_a_script_is_short_and_says_what_its_channels_hold(name: str) -> None:
    source = examples.path_of(name).read_text()
    assert len(source.splitlines()) <= 150
    assert "Channels: `train`" in (ast.get_docstring(ast.parse(source)) or "")


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    with pytest.raises(InputError, match="no example 'nothing'; there are causal-lm-peft, image"):
        examples.path_of("nothing")
