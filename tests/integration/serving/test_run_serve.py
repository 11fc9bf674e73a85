"""`dockwright run serve`: a folder with a model in, an endpoint until Ctrl-C, nothing left after."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import httpx
import pytest

from dockwright import process
from dockwright.clients import docker
from dockwright.errors import INTERRUPTED, ProcessError
from dockwright.stages.run.serve import NAME
from dockwright.stages.run.site import LABEL

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord

READY = re.compile(r"ready: (http://127\.0\.0\.1:\d+)/invocations")
ECHOES = """
def model_fn(model_dir):
    return open(f"{model_dir}/words.txt").read()

def predict_fn(data, model):
    return {"said": model, "of": data["inputs"]}
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "inference.py").write_text(ECHOES, encoding="utf-8")
    (folder / "words.txt").write_text("hello", encoding="utf-8")
    return folder


def serve(program: tuple[str, ...], image: BuildRecord, model: Path, *args: str) -> tuple[str, ...]:
    return (*program, "run", "serve", "--image", image.reference, "--model", str(model), *args)


def test_a_model_is_served_until_ctrl_c_and_nothing_is_left(
    program: tuple[str, ...], inference: BuildRecord, engine: Engine, model: Path
) -> None:
    argv = serve(program, inference, model, "--port", "0")
    said: list[str] = []
    answers: list[object] = []
    with process.streaming(argv, cwd=model.parent) as (running, talk):
        for line in talk:
            said.append(line)
            if found := READY.search(line):
                answer = httpx.post(f"{found[1]}/invocations", json={"inputs": "whom"}, timeout=30)
                answers.append(answer.json())
                running.send_signal(signal.SIGINT)
        code = running.wait(60)
    assert code == INTERRUPTED, said
    assert answers == [{"said": "hello", "of": "whom"}]
    assert any("requests that are under way" in line for line in said)
    with docker.connect(engine) as client:
        assert client.containers.list(all=True, filters={"label": f"{LABEL}={NAME}"}) == []


def test_a_model_that_is_not_there_is_told_before_anything_starts(
    program: tuple[str, ...], inference: BuildRecord, tmp_path: Path
) -> None:
    argv = serve(program, inference, tmp_path / "none")
    with pytest.raises(ProcessError, match="none is not a folder"):
        process.run(argv, cwd=tmp_path, timeout_s=60)
