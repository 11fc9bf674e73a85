"""The running image at its limits: shared memory, workers killed for memory, full queues, long requests."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from serving_container import tar

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from serving_container import Files, ServingContainer, ServingImage

WIDE = """
import sys
sys.path.insert(0, "/tests")
from pathlib import Path
from runtime.serving import tiny_models
sizes = {"hidden_size": 768, "num_hidden_layers": 6, "num_attention_heads": 12}
tiny_models.SIZES.update(sizes, intermediate_size=3072)
tiny_models.make("bert-classifier", Path("/opt/ml/model"))
"""
PSS = """
from pathlib import Path
total = 0
for rollup in Path("/proc").glob("[0-9]*/smaps_rollup"):
    try:
        fields = dict(line.split(":", 1) for line in rollup.read_text().splitlines()[1:])
    except OSError:
        continue  # it has ended
    if b"serv" in rollup.with_name("cmdline").read_bytes():
        total += int(fields["Pss"].split()[0])
print(total * 1024)
"""
CODE = b"""
import os, time
def model_fn(model_dir):
    return None
def predict_fn(data, model, context):
    if "bytes" in data:
        return len(b"x" * data["bytes"])
    time.sleep(data.get("sleep", 0))
    return {"pid": os.getpid(), "id": context.headers.get("x-amzn-sagemaker-inference-id"), "n": len(str(data))}
"""
MODEL = {"code/inference.py": CODE}


def post(site: ServingContainer, order: object, **headers: str) -> httpx.Response:
    """Ask for something."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.client.post("/invocations", json=order, headers=named)


@pytest.fixture(scope="module")
def site(image: ServingImage) -> Iterator[ServingContainer]:
    """Two workers in little memory, which take large bodies and long requests."""
    env = {
        "SAGEMAKER_MODEL_SERVER_WORKERS": "2",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "64",
        "SERVING_QUEUE_SIZE": "2",
    }
    options: dict[str, object] = {"mem_limit": "1500m", "memswap_limit": "1500m"}
    with image.running("serve", model=MODEL, env=env, options=options) as running:
        running.wait_for_ping()
        yield running


def test_a_worker_killed_for_its_memory_costs_its_request_and_is_replaced(
    site: ServingContainer,
) -> None:
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(post, site, {"sleep": 3})
        time.sleep(0.3)
        greedy = post(site, {"bytes": 4 << 30})
        assert (greedy.status_code, "retry-after" in greedy.headers) == (503, True)
        assert site.client.get("/ping").status_code == 200, "the other worker is there"
        assert slow.result().status_code == 200
    deadline = time.monotonic() + 2
    while site.metric("serving_workers") < 2:
        assert time.monotonic() < deadline, site.log()
    assert post(site, {}).status_code == 200
    assert [event["end"] for event in site.events("a process has ended")] == ["signal SIGKILL"]


def test_callers_beyond_the_queue_are_told_to_come_back(site: ServingContainer) -> None:
    with ThreadPoolExecutor(10) as pool:
        jobs = [pool.submit(post, site, {"sleep": 1}) for _ in range(10)]
        answers = [job.result() for job in jobs]
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [503] * 6
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)


def test_an_asynchronous_endpoints_request_may_be_large(site: ServingContainer) -> None:
    order = {"inputs": {"text": "x" * (40 << 20)}}
    answer = post(site, order, x_amzn_sagemaker_inference_id="job-1")
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == "job-1"
    assert answer.json()["n"] > 40 << 20


@pytest.mark.full
def test_an_asynchronous_endpoints_request_may_take_long(site: ServingContainer) -> None:
    answer = site.client.post("/invocations", json={"sleep": 70}, timeout=100)
    assert answer.status_code == 200, answer.text


def test_more_workers_share_the_models_memory(image: ServingImage, runtime_tests: Files) -> None:
    with image.volume({}) as name:
        writable = {name: {"bind": "/opt/ml/model", "mode": "rw"}}
        with image.created("python3", "-c", WIDE, volumes=writable) as maker:
            assert maker.put_archive("/", tar(runtime_tests))
            maker.start()
            assert maker.wait()["StatusCode"] == 0, maker.logs()
        two, four = (used_bytes(image, name, workers) for workers in (2, 4))
    assert four < 1.4 * two, f"{two:,} bytes with two workers, {four:,} with four"


def used_bytes(image: ServingImage, model: str, workers: int) -> int:
    """Return what all processes use after answering, what they share counted once."""
    env = {"SAGEMAKER_MODEL_SERVER_WORKERS": str(workers)}
    with image.running(model=model, env=env) as site:
        site.wait_for_ping()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: post(site, {"inputs": "hot water"}), range(200)))
        assert {answer.status_code for answer in answers} == {200}
        return int(site.run("python3", "-c", PSS))
