"""The running image with a classifier: content types, errors, and the platform's ways of asking."""

from __future__ import annotations

import csv
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from serving_container import Files, ServingContainer, ServingImage

TEXT = "the water is hot"
LINES = [f"the water is {word} now" for word in ("hot", "long", "up", "down", "new", "no") * 8]
JSON_LINES = "application/jsonlines"


@pytest.fixture(scope="module")
def site(image: ServingImage, bert: Files) -> Iterator[ServingContainer]:
    """A classifier, with a small limit for bodies."""
    with image.running(model=bert, env={"SAGEMAKER_MAX_PAYLOAD_IN_MB": "1"}) as running:
        running.wait_for_ping()
        yield running


def post(
    site: ServingContainer, body: str | bytes, content_type: str | None, accept: str = ""
) -> httpx.Response:
    """Ask with these headers."""
    headers = {"content-type": content_type} if content_type else {}
    if accept:
        headers["accept"] = accept
    return site.client.post("/invocations", content=body, headers=headers)


def scores(rows: list[dict[str, object]]) -> list[tuple[object, float]]:
    """Return labels with scores as far as batches agree on them."""
    return [(row["label"], round(float(str(row["score"])), 4)) for row in rows]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", json.dumps({"inputs": TEXT})),
        ("application/json; charset=utf-8", json.dumps({"inputs": [TEXT], "parameters": {}})),
        ("application/json; charset=utf-16", json.dumps({"inputs": TEXT}).encode("utf-16")),
        (JSON_LINES, json.dumps({"inputs": TEXT}) + "\n"),
        ("text/csv", f"inputs\n{TEXT}\n"),
        ("text/plain", TEXT),
        (None, json.dumps({"inputs": TEXT})),
    ],
)
def test_what_may_be_sent_is_understood_alike(
    site: ServingContainer, content_type: str | None, body: str | bytes
) -> None:
    (want,) = scores(post(site, json.dumps({"inputs": TEXT}), "application/json").json())
    answer = post(site, body, content_type, "application/json")
    assert answer.status_code == 200, answer.text
    assert scores(answer.json()) == [want]
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        (JSON_LINES, JSON_LINES),
        ("text/csv", "text/csv"),
        ("text/csv;q=0.2, application/json", "application/json"),
        ("application/foo, text/csv", "text/csv"),
    ],
)
def test_answers_come_in_the_type_the_caller_accepts(
    site: ServingContainer, accept: str, given: str
) -> None:
    body = json.dumps({"inputs": [TEXT, "it is up"]})
    answer = post(site, body, "application/json", accept)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == given
    rows = rows_of(answer)
    assert scores(rows) == scores(post(site, body, "application/json").json())


def rows_of(answer: httpx.Response) -> list[dict[str, object]]:
    """Return the rows of an answer, whatever its type."""
    kind = answer.headers["content-type"]
    if kind.startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(answer.text)))
    if kind == JSON_LINES:
        return [json.loads(line) for line in answer.text.splitlines()]
    return list(answer.json())


@pytest.mark.parametrize(
    ("path", "body", "content_type", "accept", "status", "said"),
    [
        ("/invocations", b'{"inputs": ', "application/json", "", 400, "JSON"),
        ("/invocations", b'{"inputs": "\xff"}', "application/json", "", 400, "UTF-8"),
        ("/invocations", b'{"inputs": 7}', "application/json", "", 400, "inputs"),
        (
            "/invocations",
            b'{"inputs": "a", "parameters": {"top": 1}}',
            "application/json",
            "",
            400,
            "top",
        ),
        ("/invocations", b"a,b\n1,2\n", "text/csv", "", 400, "columns"),
        ("/invocations", b"x" * 1_100_000, "text/plain", "", 413, "SAGEMAKER_MAX_PAYLOAD_IN_MB"),
        ("/invocations", b"x", "application/x-strange", "", 415, "application/x-strange"),
        ("/invocations", b"x", "text/plain; charset=nonsense", "", 415, "nonsense"),
        ("/invocations", b"x", "text/plain", "application/pdf", 406, "application/pdf"),
        ("/models/other/invoke", b"x", "text/plain", "", 404, "/invocations"),
    ],
)
def test_what_is_wrong_is_said_with_its_status(
    site: ServingContainer,
    path: str,
    body: bytes,
    content_type: str,
    accept: str,
    status: int,
    said: str,
) -> None:
    headers = {"content-type": content_type, "accept": accept or "*/*"}
    answer = site.client.post(path, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]
    assert "Traceback" not in answer.text
    assert site.client.get("/ping").status_code == 200


def test_nobody_can_manage_the_one_model(site: ServingContainer) -> None:
    assert site.client.get("/models").status_code == 404
    assert site.client.delete("/models/model").status_code == 404
    order = {"model_name": "evil", "url": "/opt/ml/model"}
    assert site.client.post("/models", json=order).status_code == 404
    assert site.client.get("/ping").status_code == 200


@pytest.mark.parametrize("per_request", [1, 6], ids=["SingleRecord", "MultiRecord"])
def test_batch_transform_with_json_lines_gets_a_line_for_each(
    site: ServingContainer, per_request: int
) -> None:
    def ask(lines: list[str]) -> str:
        body = "".join(json.dumps({"inputs": line}) + "\n" for line in lines)
        answer = post(site, body, JSON_LINES)  # lines are answered with lines
        assert answer.status_code == 200, answer.text
        return answer.text

    assert scores(transformed(ask, per_request)) == scores(alone(site))


def test_batch_transform_with_csv_gets_a_row_for_each(site: ServingContainer) -> None:
    def ask(lines: list[str]) -> str:
        answer = post(site, "\n".join(["inputs", *lines]), "text/csv", JSON_LINES)
        assert answer.status_code == 200, answer.text
        return answer.text

    assert scores(transformed(ask, 6)) == scores(alone(site))


def alone(site: ServingContainer) -> list[dict[str, object]]:
    """Return the answers to requests that come one after the other."""
    answers = {line: post(site, line, "text/plain").json()[0] for line in set(LINES)}
    return [answers[line] for line in LINES]


def transformed(ask: Callable[[list[str]], str], per_request: int) -> list[dict[str, object]]:
    """Ask as a transform job with MaxConcurrentTransforms=8 does; return the lines, assembled."""
    splits = [LINES[i : i + per_request] for i in range(0, len(LINES), per_request)]
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(ask, splits))
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_requests_at_once_share_batches_and_ping_stays_quick(site: ServingContainer) -> None:
    body = json.dumps({"inputs": [" ".join(LINES)] * 8, "parameters": {"truncation": True}})
    with ThreadPoolExecutor(16) as pool:
        jobs = [pool.submit(post, site, body, "application/json") for _ in range(64)]
        waits = []
        while not all(job.done() for job in jobs):
            started = time.monotonic()
            assert site.client.get("/ping").status_code == 200
            waits.append(time.monotonic() - started)
            time.sleep(0.02)
        assert {job.result().status_code for job in jobs} == {200}
    assert max(waits) < 2
    assert site.metric("serving_batch_size_count") < site.metric("serving_batch_size_sum")


def test_the_pages_for_people_and_machines_are_there(site: ServingContainer) -> None:
    assert "<title>" in site.client.get("/docs").text
    assert "/invocations" in site.client.get("/openapi.json").json()["paths"]
    assert 'serving_requests_total{status="200"}' in site.client.get("/metrics").text
