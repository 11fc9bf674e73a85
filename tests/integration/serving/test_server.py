"""The server as a program, with a model of plain Python: what every caller and platform relies on."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from serving_site import ServingSite, serving, user_model

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = """
import os, time

def model_fn(model_dir):
    return {"pid": os.getpid()}

def predict_fn(data, model):
    if data == "crash":
        os._exit(3)
    if data == "gpu":
        raise RuntimeError("CUDA error: device-side assert triggered")
    if data == "raise":
        raise ValueError("the secret is 42")
    if isinstance(data, dict) and "sleep" in data:
        time.sleep(data["sleep"])
    return {"echo": data, "pid": os.getpid()}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingSite]:
    """A server with two workers."""
    folder = tmp_path_factory.mktemp("serving")
    with serving(user_model(folder / "model", CODE), folder / "log") as running:
        running.wait_until_ready()
        yield running


def test_a_request_is_answered(site: ServingSite) -> None:
    answer = site.client.post("/invocations", json={"text": "hello"})
    assert answer.status_code == 200
    assert answer.json()["echo"] == {"text": "hello"}
    assert answer.headers["content-type"] == "application/json"


def test_the_callers_request_id_comes_back_and_is_in_the_log(site: ServingSite) -> None:
    answer = site.client.post("/invocations", json=1, headers={"X-Request-Id": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"
    deadline = time.monotonic() + 5
    while "abc-1" not in site.log_path.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    lines = [line for line in site.events("invocation") if line["request_id"] == "abc-1"]
    assert [line["status"] for line in lines] == [200]


def test_a_fault_of_the_model_is_a_500_without_its_insides(site: ServingSite) -> None:
    answer = site.client.post("/invocations", json="raise")
    assert answer.status_code == 500
    assert "ValueError" in answer.json()["error"]
    assert "secret" not in answer.text
    assert "the secret is 42" in site.log_path.read_text(), "the log has the whole story"


def test_bad_json_is_a_400_with_the_reason(site: ServingSite) -> None:
    answer = site.client.post(
        "/invocations", content=b'{"inputs": ', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]


def test_an_unknown_page_is_a_404_and_another_method_a_405(site: ServingSite) -> None:
    assert site.client.get("/nowhere").status_code == 404
    answer = site.client.get("/invocations")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_crashed_worker_costs_its_request_a_503_and_is_replaced(site: ServingSite) -> None:
    before = set(site.descendants())
    answer = site.client.post("/invocations", json="crash")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert site.wait_until_ready(within_s=2) < 2
    deadline = time.monotonic() + 2
    after = set(site.descendants())
    while (after == before or len(after) != len(before)) and time.monotonic() < deadline:
        time.sleep(0.01)
        after = set(site.descendants())
    assert len(after) == len(before), "as many processes as before"
    assert after != before, "one of them is new"


def test_a_worker_whose_gpu_has_failed_answers_nothing_more(site: ServingSite) -> None:
    before = set(site.descendants())
    assert site.client.post("/invocations", json="gpu").status_code == 503
    site.wait_until_ready(within_s=5)
    assert site.client.post("/invocations", json=1).status_code == 200
    assert before - set(site.descendants()), "one worker is gone"
    assert "device-side assert" in site.log_path.read_text()


def test_a_crash_leaves_the_other_workers_requests_alone(site: ServingSite) -> None:
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(site.client.post, "/invocations", json={"sleep": 1.0})
        time.sleep(0.3)
        crash = pool.submit(site.client.post, "/invocations", json="crash")
        assert crash.result().status_code == 503
        assert slow.result().status_code == 200


def test_a_worker_that_is_killed_is_replaced(site: ServingSite) -> None:
    pid = site.client.post("/invocations", json=1).json()["pid"]
    os.kill(pid, signal.SIGKILL)
    while pid in site.descendants():
        time.sleep(0.01)
    site.wait_until_ready(within_s=2)
    assert site.client.post("/invocations", json=1).status_code == 200


def test_ping_answers_at_once_while_every_worker_is_busy(site: ServingSite) -> None:
    site.wait_until_ready()
    with ThreadPoolExecutor(4) as pool:
        busy = [
            pool.submit(site.client.post, "/invocations", json={"sleep": 1.0}) for _ in range(4)
        ]
        time.sleep(0.3)
        started = time.monotonic()
        assert site.client.get("/ping").status_code == 200
        assert time.monotonic() - started < 0.5
        assert [future.result().status_code for future in busy] == [200] * 4


def test_150_callers_at_once_are_all_answered(site: ServingSite) -> None:
    with ThreadPoolExecutor(150) as pool:
        asked = [pool.submit(site.client.post, "/invocations", json=n) for n in range(150)]
        answers = [job.result() for job in asked]
    assert [answer.status_code for answer in answers] == [200] * 150
    assert [answer.json()["echo"] for answer in answers] == list(range(150))


def test_the_metrics_count_what_was_answered(site: ServingSite) -> None:
    site.client.post("/invocations", json=1)
    page = site.client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    assert 'serving_requests_total{status="200"}' in page.text
    assert "serving_workers 2.0" in page.text


def test_the_pages_tell_what_the_endpoint_takes_without_a_network(site: ServingSite) -> None:
    document = site.client.get("/openapi.json").json()
    assert document["paths"].keys() >= {"/invocations", "/ping", "/metrics"}
    page = site.client.get("/docs").text
    assert "<title>" in page
    assert "//" not in re.sub(r"(?m)^.*xmlns.*$", "", page.replace("</", "")), (
        "nothing from outside"
    )


def test_a_batch_transform_job_is_told_how_to_ask(site: ServingSite) -> None:
    assert site.client.get("/execution-parameters").json() == {
        "MaxConcurrentTransforms": 32,
        "BatchStrategy": "SINGLE_RECORD",
        "MaxPayloadInMB": 25,
    }


def test_a_body_over_the_limit_is_refused_in_words(tmp_path: Path) -> None:
    model = user_model(tmp_path / "model", CODE)
    with serving(model, tmp_path / "log", SAGEMAKER_MAX_PAYLOAD_IN_MB="1") as site:
        site.wait_until_ready()
        answer = site.client.post("/invocations", content=b"x" * 1_100_000)
        assert answer.status_code == 413
        assert "SAGEMAKER_MAX_PAYLOAD_IN_MB" in answer.json()["error"]
        assert site.client.post("/invocations", json="y").status_code == 200


def test_callers_beyond_the_queue_are_told_to_come_back(tmp_path: Path) -> None:
    model = user_model(tmp_path / "model", CODE)
    env = {"SERVING_QUEUE_SIZE": "2", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    with serving(model, tmp_path / "log", **env) as site, ThreadPoolExecutor(8) as pool:
        site.wait_until_ready()
        jobs = [
            pool.submit(site.client.post, "/invocations", json={"sleep": 0.5}) for _ in range(8)
        ]
        answers = [job.result() for job in jobs]
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [503] * 5
    refused = [answer for answer in answers if answer.status_code == 503]
    assert all("retry-after" in answer.headers for answer in refused)


def test_a_request_that_takes_too_long_ends_and_so_does_its_worker(tmp_path: Path) -> None:
    model = user_model(tmp_path / "model", CODE)
    with serving(model, tmp_path / "log", SAGEMAKER_MODEL_SERVER_TIMEOUT="0.5") as site:
        site.wait_until_ready()
        assert site.client.post("/invocations", json={"sleep": 30}).status_code == 504
        assert site.client.post("/invocations", json=1).status_code == 200


def test_ping_is_red_and_says_why_when_model_fn_raises(tmp_path: Path) -> None:
    code = "def model_fn(model_dir):\n    raise RuntimeError('no weights')\n"
    with serving(user_model(tmp_path / "model", code), tmp_path / "log") as site:
        site.wait_for_ping(503)
        deadline = time.monotonic() + 20
        while (
            "starting" in (answer := site.client.get("/ping")).text and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        assert answer.status_code == 503
        assert "RuntimeError" in answer.json()["error"]
        assert site.client.post("/invocations", json=1).status_code == 500
        assert "no weights" in site.log_path.read_text()


def test_sigterm_answers_what_is_in_flight_and_ends_every_process(tmp_path: Path) -> None:
    with serving(user_model(tmp_path / "model", CODE), tmp_path / "log") as site:
        site.wait_until_ready()
        processes = site.descendants()
        answers = []
        slow = threading.Thread(
            target=lambda: answers.append(site.client.post("/invocations", json={"sleep": 1.5}))
        )
        slow.start()
        time.sleep(0.3)
        site.terminate()
        slow.join()
        assert [answer.status_code for answer in answers] == [200]
        assert site.wait_for_end(within_s=10) == 0
        assert not any(is_running_after(pid, 2) for pid in processes)


def test_a_variable_that_makes_no_sense_is_named_at_the_start(tmp_path: Path) -> None:
    model = user_model(tmp_path / "model", CODE)
    with serving(model, tmp_path / "log", SAGEMAKER_MODEL_SERVER_WORKERS="two") as site:
        assert site.wait_for_end() == 2
        assert "SAGEMAKER_MODEL_SERVER_WORKERS=two" in site.log_path.read_text()


def is_running_after(pid: int, seconds: float) -> bool:
    """Whether a process is still there after that time; one that nobody has waited for is not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.02)
    return True
