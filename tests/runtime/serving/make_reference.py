"""Transformers 4.57's answers to the reference cases in; the file the tests compare with, out.

Run with Transformers 4.57.6, the last version that has all of these pipelines, and PyTorch:

    python -m venv v && v/bin/pip install torch==2.13.0 transformers==4.57.6 pillow
    PYTHONPATH=tests v/bin/python tests/runtime/serving/make_reference.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import transformers

from runtime.serving import tiny_models
from runtime.serving.reference_cases import CASES, Case, as_json, with_pictures

PATH = Path(__file__).with_name("reference.json")


def main() -> None:
    """Write the answers to all cases."""
    assert transformers.__version__.startswith("4.57."), transformers.__version__
    answers = {case.name: _answers(case) for case in CASES}
    assert len(answers) == len(CASES), "two cases of one name"
    made_with = {"transformers": transformers.__version__}
    lines = [f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in answers.items()]
    text = ",\n".join([f'"made_with": {json.dumps(made_with)}', *lines])
    PATH.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


def _answers(case: Case) -> list[Any]:
    with tiny_models.model(case.kind, **case.options) as path:
        pipeline = transformers.pipeline(case.task, model=str(path), device="cpu")
        return [as_json(_ask(pipeline, case, *request)) for request in case.requests]


def _ask(pipeline: Any, case: Case, inputs: Any, parameters: dict[str, Any]) -> Any:  # noqa: ANN401
    """Ask as Hugging Face's toolkit does."""
    inputs = with_pictures(inputs)
    if case.task == "question-answering" and isinstance(inputs, dict):
        return pipeline(**inputs, **parameters)
    return pipeline(inputs, **parameters)


if __name__ == "__main__":
    main()
