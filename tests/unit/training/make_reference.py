"""sagemaker-training's answers to the reference cases in; the file the tests compare with, out.

    python -m venv v && v/bin/pip install sagemaker-training==5.1.4
    PYTHONPATH=tests v/bin/python tests/unit/training/make_reference.py

It needs a C compiler to install. The folder it works in is told as /opt/ml.
"""

from __future__ import annotations

import json
import os
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unit.training.reference_cases import CASES

if TYPE_CHECKING:
    from unit.training.reference_cases import Case

PATH = Path(__file__).with_name("reference.json")
SET_BY_IT = ("CURRENT_HOST", "SAGEMAKER_JOB_NAME", "SAGEMAKER_REGION")


def main() -> None:
    """Write the answers to all cases."""
    made_with = {"sagemaker-training": metadata.version("sagemaker-training")}
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder, "ml")
        (base / "input/config").mkdir(parents=True)
        os.environ["SAGEMAKER_BASE_DIR"] = str(base)
        answers = {case.name: _answer(case, base) for case in CASES}
        assert len(answers) == len(CASES), "two cases of one name"
        lines = [f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in answers.items()]
        text = ",\n".join([f'"made_with": {json.dumps(made_with)}', *lines])
        PATH.write_text(f"{{\n{text}\n}}\n".replace(str(base), "/opt/ml"), encoding="utf-8")


def _answer(case: Case, base: Path) -> dict[str, Any]:
    from sagemaker_training import environment  # noqa: PLC0415 - it reads the folder's name once

    for name, content in (
        ("hyperparameters", case.hyperparameters),
        ("resourceconfig", case.resources),
        ("inputdataconfig", case.channels),
    ):
        (base / f"input/config/{name}.json").write_text(json.dumps(content))
    before = dict(os.environ)
    try:
        os.environ.update(case.environment)
        asked = environment.Environment()
        variables = asked.to_env_vars() | {name: os.environ[name] for name in SET_BY_IT}
        return {"variables": variables, "arguments": asked.to_cmd_args()}
    finally:
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    main()
