"""Answers of our tasks are those of Transformers 4.57's pipelines on the same weights."""

from __future__ import annotations

import base64
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dockwright_serving.tasks.load import load
from runtime.serving import tiny_models
from runtime.serving.reference_cases import CASES, Case, as_json, with_pictures

TOLERANCE = 1e-4
REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text(encoding="utf-8"))


def test_answers_equal_those_of_4_57() -> None:
    problems = [problem for case in CASES for problem in _compare(case)]
    assert not problems, "\n".join(problems)


def _compare(case: Case) -> list[str]:
    """Return what differs from the reference, asked one by one and all at once."""
    wanted = REFERENCE[case.name]
    with tiny_models.model(case.kind, **case.options) as path:
        task = load(case.task, path, device="cpu", trust_remote_code=False)
        problems = []
        for (drawn, parameters), want in zip(case.requests, wanted, strict=True):
            inputs = with_pictures(drawn)
            answers = [task.call(inputs, **parameters)]
            if task.batch is not None:
                answers += task.batch([inputs, inputs], parameters)
            problems += [
                f"{case.name} {str(inputs)[:80]} {parameters}: {difference}"
                for answer in answers
                for difference in differences(as_json(answer), want)
            ]
    return problems


def differences(got: Any, want: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return where two answers differ; scores may by what the order of sums makes."""
    if isinstance(want, dict) and "png" in want:
        return [] if _alike(got["png"], want["png"]) else ["another picture"]
    if isinstance(want, dict) and isinstance(got, dict) and got.keys() == want.keys():
        return [d for key in want for d in differences(got[key], want[key])]
    if isinstance(want, list) and isinstance(got, list) and len(got) == len(want):
        return [d for a, b in zip(got, want, strict=True) for d in differences(a, b)]
    if isinstance(want, float) and isinstance(got, float | int):
        close = math.isclose(got, want, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        return [] if close else [f"{got} is not {want}"]
    return [] if got == want else [f"{str(got)[:200]} is not {str(want)[:200]}"]


def _alike(got: str, want: str) -> bool:
    """Whether two pictures differ by a step of colour at most."""
    one, other = (np.array(Image.open(io.BytesIO(base64.b64decode(x))), int) for x in (got, want))
    return one.shape == other.shape and bool(np.abs(one - other).max() <= 1)
