"""Models come from a hub: what is needed of them, and with a sentence where they do not."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_mirror import hub_mirror

if TYPE_CHECKING:
    from collections.abc import Iterator

HAS_TORCH = importlib.util.find_spec("torch") is not None
BEST = "model.safetensors" if HAS_TORCH else "tf_model.h5"
SECOND = "pytorch_model.bin" if HAS_TORCH else "model.safetensors"
WEIGHTS = {"model.safetensors", "pytorch_model.bin", "tf_model.h5", "onnx/model.onnx"}
NOWHERE = "http://127.0.0.1:9"
CONTENT = {
    "config.json": "{}",
    "model.safetensors": "weights",
    "pytorch_model.bin": "pickle",
    "tf_model.h5": "keras",
    "onnx/model.onnx": "onnx",
    "code/inference.py": "raise SystemExit",
    "code/requirements.txt": "no-such-package-at-all",
}


@contextmanager
def hub(content: dict[str, str] | None = None) -> Iterator[Path]:
    """Yield a room with a hub's folder, `hub`, that holds one model, and place for a cache."""
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        for file, text in (CONTENT if content is None else content).items():
            path = room / "hub/someone/model" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        yield room


def fetch(room: Path, endpoint: str, **variables: str) -> dict[str, Any]:
    """Fetch as `serve` does, in a process of its own, and return its answer."""
    environ = {
        **{
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("HF_", "SAGEMAKER_", "SERVING_"))
        },
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(room / "cache"),
        "HF_MODEL_ID": "someone/model",
        "TMPDIR": str(room),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", "dockwright_serving.models", str(room)],
        env=environ,
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def files(answer: dict[str, Any]) -> set[str]:
    folder = Path(answer["path"])
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_only_what_is_needed_is_downloaded() -> None:
    seen: list[str] = []
    with hub() as room, hub_mirror(room / "hub", seen=seen) as endpoint:
        answer = fetch(room, endpoint)
        got = files(answer)
        assert Path(answer["path"]).is_relative_to(room / "cache")
    assert got & {"config.json", *WEIGHTS} == {"config.json", BEST}
    assert not [line for line in seen if line.endswith(tuple(WEIGHTS - {BEST}))]


def test_the_next_best_weights_are_taken_where_the_best_are_missing() -> None:
    content = {k: v for k, v in CONTENT.items() if k != BEST}
    with hub(content) as room, hub_mirror(room / "hub") as endpoint:
        assert files(fetch(room, endpoint)) & WEIGHTS == {SECOND}


def test_requirements_of_a_stranger_are_not_installed() -> None:
    with hub() as room, hub_mirror(room / "hub") as endpoint:
        assert not fetch(room, endpoint)["python_path"]


def test_a_revision_is_taken_and_an_unknown_one_named() -> None:
    with hub() as room, hub_mirror(room / "hub") as endpoint:
        assert "config.json" in files(fetch(room, endpoint, HF_MODEL_REVISION="v1.0"))
        error = fetch(room, endpoint, HF_MODEL_REVISION="v9")["error"]
    assert error == "HF_MODEL_ID=someone/model, HF_MODEL_REVISION=v9: it has no such revision"


def test_a_token_opens_a_private_model() -> None:
    with hub() as room, hub_mirror(room / "hub", token="secret") as endpoint:  # noqa: S106
        error = fetch(room, endpoint)["error"]
        assert "HF_API_TOKEN, which is not set" in error
        assert "secret" not in fetch(room, endpoint, HF_API_TOKEN="wrong")["error"]  # noqa: S106
        assert "config.json" in files(fetch(room, endpoint, HF_API_TOKEN="secret"))  # noqa: S106


def test_a_gated_model_says_so() -> None:
    with hub() as room, hub_mirror(room / "hub", gated=["someone/model"]) as endpoint:
        assert "gated: accept its terms" in fetch(room, endpoint)["error"]


def test_a_model_that_is_none_is_said_to_be() -> None:
    with hub() as room, hub_mirror(room / "hub") as endpoint:
        error = fetch(room, endpoint, HF_MODEL_ID="someone/other")["error"]
        assert f"no such model at {endpoint}" in error
        assert "no name on the hub" in fetch(room, endpoint, HF_MODEL_ID="a/b/c")["error"]


def test_a_busy_hub_is_asked_again() -> None:
    with hub() as room, hub_mirror(room / "hub", busy=2) as endpoint:
        assert "config.json" in files(fetch(room, endpoint))


def test_without_a_network_the_reason_comes_soon() -> None:
    with hub() as room:
        started = time.monotonic()
        answer = fetch(room, NOWHERE)
        assert time.monotonic() - started < 20
    assert f"{NOWHERE} can't be reached" in answer["error"]
    assert "/opt/ml/model" in answer["error"]


def test_what_was_fetched_once_needs_no_network() -> None:
    with hub() as room, hub_mirror(room / "hub") as endpoint:
        first = fetch(room, endpoint)
        assert fetch(room, NOWHERE) == first
        assert fetch(room, NOWHERE, HF_HUB_OFFLINE="1") == first


def test_a_cache_that_cannot_be_written_is_replaced() -> None:
    with hub() as room, hub_mirror(room / "hub") as endpoint:
        answer = fetch(room, endpoint, HF_HOME="/proc/cache")
        assert BEST in files(answer)
        assert Path(answer["path"]).is_relative_to(room)


def test_more_than_the_disk_holds_is_insufficient_storage() -> None:
    with hub() as room, hub_mirror(room / "hub") as endpoint:
        os.truncate(room / f"hub/someone/model/{BEST}", 8 << 40)
        answer = fetch(room, endpoint)
    assert answer["status"] == 507
    assert "8,796,093,022,2" in answer["error"]
