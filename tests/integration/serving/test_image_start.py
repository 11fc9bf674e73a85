"""The running image, however a platform starts it: commands, ports, users, limits, its end."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

    from serving_container import Files, ServingContainer, ServingImage

QUESTION = {"inputs": "the water is hot"}
SLOW = b"""
import time
def model_fn(model_dir):
    return None
def predict_fn(data, model):
    time.sleep(data["sleep"])
    return "slept"
"""
STRICT: dict[str, object] = {"read_only": True, "user": "1234:1234", "network_mode": "none"}
ISOLATED: dict[str, dict[str, object]] = {
    "read-only root, any user, no network, no /tmp": STRICT,
    "the same with a /tmp in memory": {**STRICT, "tmpfs": {"/tmp": ""}},  # noqa: S108 - its own
    "no capabilities, no new privileges": {
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "network_mode": "none",
    },
}


def is_classified(answer: httpx.Response) -> bool:
    """Whether an answer is that of a text classifier."""
    return answer.status_code == 200 and answer.json()[0].keys() == {"label", "score"}


def test_the_image_serves_without_a_command(image: ServingImage, bert: Files) -> None:
    # The SageMaker SDK sends the empty variable.
    with image.running(model=bert, env={"SAGEMAKER_PROGRAM": "", "HF_TASK": ""}) as site:
        site.wait_for_ping()
        assert is_classified(site.client.post("/invocations", json=QUESTION))
        started = time.monotonic()
        site.container.stop(timeout=20)
        assert time.monotonic() - started < 5
        assert site.container.wait()["StatusCode"] == 0


def test_serve_listens_on_the_port_the_platform_names(image: ServingImage, bert: Files) -> None:
    env = {"SAGEMAKER_BIND_TO_PORT": "8501", "SAGEMAKER_SAFE_PORT_RANGE": "8500-8599"}
    with image.running("serve", model=bert, env=env, port=8501) as site:
        site.wait_for_ping()
        assert is_classified(site.client.post("/invocations", json=QUESTION))
        assert site.ask_inside("/ping")[0] == 0, "nobody is at the usual port"


def test_until_the_model_can_answer_ping_is_red_and_callers_are_to_come_back(
    image: ServingImage,
) -> None:
    code = SLOW.replace(b"    return None", b"    time.sleep(3)")
    with image.running(model={"code/inference.py": code}) as site:
        while not (answered := site.ask_inside("/ping"))[0]:
            assert site.is_running(), site.log()
        assert answered[0] == 503
        answer = sleeping(site, 0)
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        site.wait_for_ping()
        assert sleeping(site, 0).status_code == 200


def test_a_port_outside_the_safe_range_ends_the_start_with_its_name(image: ServingImage) -> None:
    env = {"SAGEMAKER_BIND_TO_PORT": "80", "SAGEMAKER_SAFE_PORT_RANGE": "8500-8599"}
    with image.running("serve", env=env, options={"network_mode": "none"}) as site:
        assert site.container.wait()["StatusCode"] == 2
        assert "SAGEMAKER_BIND_TO_PORT=80" in site.log()


@pytest.mark.parametrize("limits", ISOLATED.values(), ids=ISOLATED)
def test_an_isolated_container_serves_all_the_same(
    image: ServingImage, bert: Files, limits: dict[str, object]
) -> None:
    with image.running("serve", model=bert, options=limits) as site:
        site.wait_for_ping(inside=True)
        status, answer = site.ask_inside("/invocations", json.dumps(QUESTION))
        assert status == 200, answer
        assert json.loads(answer)[0].keys() == {"label", "score"}
        assert not [line for line in site.log().splitlines() if "Error" in line]


def test_the_end_waits_for_requests_in_flight(image: ServingImage) -> None:
    with image.running(model={"code/inference.py": SLOW}) as site:
        site.wait_for_ping()
        answers: list[httpx.Response] = []
        caller = threading.Thread(target=lambda: answers.append(sleeping(site, 3)))
        caller.start()
        time.sleep(0.5)
        site.container.stop(timeout=20)
        caller.join()
        assert [answer.status_code for answer in answers] == [200]
        assert site.container.wait()["StatusCode"] == 0


def test_the_end_comes_though_a_request_would_take_longer(image: ServingImage) -> None:
    env = {"SERVING_DRAIN_SECONDS": "1"}
    with image.running(model={"code/inference.py": SLOW}, env=env) as site:
        site.wait_for_ping()
        answers: list[httpx.Response] = []
        caller = threading.Thread(target=lambda: answers.append(sleeping(site, 50)))
        caller.start()
        time.sleep(0.5)
        started = time.monotonic()
        site.container.stop(timeout=20)
        assert time.monotonic() - started < 10
        caller.join()
        assert [answer.status_code for answer in answers] == [503]
        assert "stopping" in answers[0].json()["error"]
        assert site.container.wait()["StatusCode"] == 0


def sleeping(site: ServingContainer, seconds: float) -> httpx.Response:
    """Ask for something that takes so long."""
    return site.client.post("/invocations", json={"sleep": seconds})


def test_a_limit_of_one_cpu_means_one_worker(image: ServingImage, bert: Files) -> None:
    with image.running(model=bert, options={"nano_cpus": 10**9}) as site:
        site.wait_for_ping()
        assert site.metric("serving_workers") == 1
        for _ in range(5):
            assert is_classified(site.client.post("/invocations", json=QUESTION))
