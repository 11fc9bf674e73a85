"""BuildKit's progress, as buildx 0.13 and as later ones write it, becomes steps and lines."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from dockwright.builders.progress import LOG_LINES, Progress, Step, line_of, running_lines

# Recorded from a bake of one image by buildx 0.13.1, cut down to some of its steps.
RECORDING = (Path(__file__).parent / "data" / "bake-progress-buildx-0.13.1.txt").read_text("utf-8")
# A long step, cut; of its options only where it copies from is told.
UV = "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19 /wheels/uv-0.13.9-p…"


def documents(text: str) -> list[object]:
    """Return the JSON documents that stand one after the other in a text."""
    found, position = [], 0
    while position < len(text.rstrip()):
        document, position = json.JSONDecoder().raw_decode(text, position)
        found.append(document)
        position += 1
    return found


ONE_LINE_EACH = "".join(json.dumps(document) + "\n" for document in documents(RECORDING))


def follow(text: str) -> tuple[Progress, list[Step]]:
    """Feed a text line by line; return the progress and the steps in the order they ended."""
    progress = Progress()
    ended = [step for line in text.splitlines(keepends=True) for step in progress.feed(line)]
    return progress, ended


def vertex(name: str, **facts: object) -> str:
    """Return a document about one vertex whose digest is its name."""
    return json.dumps({"vertexes": [{"digest": name, "name": name, **facts}]}) + "\n"


def log(name: str, data: bytes) -> str:
    entry = {"vertex": name, "stream": 2, "data": base64.b64encode(data).decode()}
    return json.dumps({"logs": [entry]}) + "\n"


START, END = "2026-11-23T00:31:23.854779764Z", "2026-11-23T00:31:25.354779764Z"


@pytest.mark.parametrize("text", [RECORDING, ONE_LINE_EACH], ids=["indented", "a line each"])
def test_a_real_build_is_followed_to_the_end_of_every_step(text: str) -> None:
    progress, _ = follow(text)
    assert [f"{step.target} | {step.title}" for step in progress.steps.values()] == [
        "internal | load local bake definitions",
        f'builder | 2/3: RUN echo "{UV}',
        "stage-6 | 3/7: LINK COPY --from=layer-torch /out/ /",
        "internal | load build context",
        "layer-torch | 1/1: RUN install-wheels",
        "context | base: OCI load from client",
        "stage-6 | 3/7: COPY --from=layer-torch /out/ /",
        "- | exporting to image",
    ]
    assert progress.running == ()
    assert progress.strangers == []


def test_both_forms_tell_the_same() -> None:
    indented, ended = follow(RECORDING)
    lines, ended_too = follow(ONE_LINE_EACH)
    assert indented.steps == lines.steps
    assert ended == ended_too
    assert {step.title for step in ended} == {step.title for step in indented.steps.values()}


def test_only_what_cost_time_is_told() -> None:
    progress, ended = follow(RECORDING)
    cached = [step for step in ended if step.is_cached]
    assert cached
    assert all(line_of(step) is None for step in cached)
    told = [line for step in progress.steps.values() if (line := line_of(step))]
    assert told == []


def test_a_step_that_took_time_is_a_line_with_its_seconds_and_bytes() -> None:
    status = {"vertex": "[a layer-torch 1/1] RUN x", "id": "sha256:1", "current": 5_000_000}
    _, ended = follow(
        vertex("[a layer-torch 1/1] RUN x", started=START)
        + json.dumps({"statuses": [status]})
        + "\n"
        + vertex("[a layer-torch 1/1] RUN x", started=START, completed=END)
    )
    assert [line_of(step) for step in ended] == ["  a: layer-torch 1/1: RUN x (1.5 s, 5 MB)"]


def test_running_steps_are_shown_with_their_image() -> None:
    progress, ended = follow(vertex("[a layer-torch 1/1] RUN x", started=START))
    assert ended == []
    head, line = running_lines(progress)
    assert head.endswith(", 1 steps known")
    assert line.startswith("  a: layer-torch 1/1: RUN x ")


def test_a_step_ends_once_however_often_it_is_told() -> None:
    end = vertex("[a 1/1] RUN x", started=START, completed=END)
    _, ended = follow(vertex("[a 1/1] RUN x") + end + end)
    assert len(ended) == 1


def test_a_failed_step_is_told_with_the_end_of_its_log_and_cancelled_ones_are_not() -> None:
    name = "[a layer-torch 1/1] RUN install-wheels"
    many = b"".join(b"line %d\n" % n for n in range(2 * LOG_LINES))
    progress, _ = follow(
        vertex(name, started=START)
        + vertex("[b 1/1] RUN y", started=START)
        + log(name, many)
        + log(name, b"no such wh\xff\n")
        + vertex(name, started=START, completed=END, error="process did not complete: 1")
        + vertex("[b 1/1] RUN y", started=START, completed=END, error="context canceled")
    )
    lines = progress.failure().split("\n")
    assert lines[0] == "a: layer-torch 1/1: RUN install-wheels"
    assert lines[1:-2] == [f"line {n}" for n in range(LOG_LINES + 1, 2 * LOG_LINES)]
    assert lines[-2:] == ["no such wh\N{REPLACEMENT CHARACTER}", "process did not complete: 1"]


@pytest.mark.parametrize("text", [RECORDING, ONE_LINE_EACH], ids=["indented", "a line each"])
def test_buildx_s_own_words_are_the_reason_when_no_step_failed(text: str) -> None:
    progress, _ = follow("WARNING: odd\n" + text + "ERROR: no builder found\n[1]\n")
    assert progress.failure() == "WARNING: odd\nERROR: no builder found\n[1]"


def test_what_is_told_of_unknown_steps_or_is_empty_is_passed_over() -> None:
    strange = {"statuses": [{"vertex": "?", "id": "x"}], "logs": [{"vertex": "?"}]}
    text = json.dumps(strange) + '\n{"vertexes": null}\n\n' + vertex("[a 1/1] RUN x")
    progress, ended = follow(text + json.dumps({"logs": [{"vertex": "[a 1/1] RUN x"}]}) + "\n")
    assert list(progress.steps) == ["[a 1/1] RUN x"]
    assert (ended, progress.strangers) == ([], [])
