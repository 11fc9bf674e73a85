"""Scripts written for sagemaker-training find the same variables and arguments here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dockwright_training.contract import hyperparameters, request, variables
from dockwright_training.layout import Layout
from unit.training.reference_cases import CASES, Case

REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text("utf-8"))
OURS_ONLY = {"MASTER_ADDR", "MASTER_PORT"}
"""PyTorch's toolkit sets them, beside sagemaker-training."""
OF_THE_MACHINE = {"num_cpus", "num_gpus"}
"""Ours know the container's limits; sagemaker-training counts the machine's."""


def described(case: Case, folder: Path) -> Layout:
    """Write a case's files as SageMaker does."""
    layout = Layout(folder / "ml")
    layout.config.mkdir(parents=True)
    for name, content in (
        ("hyperparameters", case.hyperparameters),
        ("resourceconfig", case.resources),
        ("inputdataconfig", case.channels),
    ):
        (layout.config / f"{name}.json").write_text(json.dumps(content))
    return layout


def ours(case: Case, folder: Path) -> dict[str, Any]:
    """Return what our container makes of a case."""
    layout = described(case, folder)
    asked = request.read(layout)
    program = case.environment.get("SAGEMAKER_PROGRAM") or asked.setting("sagemaker_program")
    assert program is not None
    found = variables.variables(asked, layout, program, case.environment)
    return {
        "variables": {
            name: value.replace(str(layout.base), "/opt/ml") for name, value in found.items()
        },
        "arguments": hyperparameters.arguments(asked.hyperparameters),
    }


def comparable(found: dict[str, str]) -> dict[str, Any]:
    """Return variables without what differs by the machine."""
    whole = json.loads(found["SM_TRAINING_ENV"])
    left_out = OURS_ONLY | {"SM_TRAINING_ENV"} | {f"SM_{name.upper()}" for name in OF_THE_MACHINE}
    known = {name: value for name, value in found.items() if name not in left_out}
    return known | {"training_env": {k: v for k, v in whole.items() if k not in OF_THE_MACHINE}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_variables_and_arguments_are_sagemaker_training_s(case: Case, tmp_path: Path) -> None:
    expected, found = REFERENCE[case.name], ours(case, tmp_path)
    assert found["arguments"] == expected["arguments"]
    assert comparable(found["variables"]) == comparable(expected["variables"])


@pytest.mark.parametrize("case", CASES[:4], ids=lambda case: case.name)
def test_json_in_variables_is_written_alike(case: Case, tmp_path: Path) -> None:
    expected, found = REFERENCE[case.name]["variables"], ours(case, tmp_path)["variables"]
    numbers = {"SM_TRAINING_ENV"} if expected["SM_NUM_CPUS"] != found["SM_NUM_CPUS"] else set()
    numbers |= {"SM_NUM_CPUS", "SM_NUM_GPUS"}
    for name in expected.keys() - numbers:
        assert found[name] == expected[name], name


def test_the_others_meet_at_the_first_host(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "two hosts")
    found = ours(case, tmp_path)["variables"]
    assert (found["MASTER_ADDR"], found["MASTER_PORT"]) == ("algo-1", "7777")


def test_the_reference_has_every_case() -> None:
    assert set(REFERENCE) == {"made_with", *(case.name for case in CASES)}
