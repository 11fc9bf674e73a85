"""Answers become bytes of the type that the caller accepts, or the caller learns why not."""

from __future__ import annotations

import base64
import collections
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dockwright_serving.content import media_types
from dockwright_serving.content.decode import decode
from dockwright_serving.content.encode import encode, negotiate
from dockwright_serving.errors import NotAcceptableError, ServingError

if TYPE_CHECKING:
    from collections.abc import Sequence

JSON, CSV, TEXT, NPY = media_types.JSON, media_types.CSV, media_types.TEXT, media_types.NPY
LINES = "application/jsonlines"
LABELS = [{"label": "A", "score": 0.75}, {"label": "B", "score": 0.25}]


class Tensor:
    """What is known of a tensor without importing torch."""

    def tolist(self) -> list[float]:
        return [1.0, float("nan")]


def image(mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (4, 3))


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        (" , ", JSON),
        ("*/*", JSON),
        ("*", JSON),
        ("application/*", JSON),
        ("text/csv", CSV),
        ("TEXT/CSV; charset=utf-8", CSV),
        ("text/csv, application/json", CSV),
        ("text/csv;q=0.5, application/json", JSON),
        ("text/csv; q=0.9, application/json;q=0.8", CSV),
        ("*/*, text/csv", CSV),
        ("text/csv;q=0.2, */*;q=0.1", CSV),
        ("application/json;q=0, */*", LINES),
        ("application/x-ndjson", "application/x-ndjson"),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        ("image/*", "image/png"),
        ("text/*", CSV),
        ("video/mp4, application/x-npy;q=0.001", NPY),
        ("text/csv;q=nonsense", CSV),
        ("text/event-stream, application/json;q=0.5", JSON),
    ],
)
def test_the_type_the_caller_likes_best_is_chosen(accept: str | None, chosen: str) -> None:
    assert negotiate(accept, JSON) == chosen


def test_the_default_is_what_any_type_means() -> None:
    assert [negotiate(a, CSV) for a in (None, "*/*", "text/*", "*/*;q=0.1")] == [CSV] * 4
    assert negotiate("application/*", CSV) == JSON


def test_an_event_stream_is_chosen_where_there_is_one() -> None:
    assert negotiate("text/event-stream", JSON, streams=True) == "text/event-stream"
    assert negotiate("*/*", JSON, streams=True) == JSON


@pytest.mark.parametrize("accept", ["video/mp4", "application/json;q=0", "text/event-stream", "x"])
def test_types_that_are_not_written_are_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match="application/json"):
        negotiate(accept, JSON)


@given(st.text(alphabet="*/,;=q.01 \tapplicationjs", max_size=60))
def test_any_accept_is_a_known_type_or_not_acceptable(accept: str) -> None:
    try:
        assert negotiate(accept, JSON) in {JSON, *media_types.JSON_LINES, CSV, TEXT, NPY} | set(
            media_types.IMAGE_FORMATS
        )
    except NotAcceptableError as e:
        assert "known are" in str(e)  # noqa: PT017


@pytest.mark.parametrize(
    ("answer", "written"),
    [
        (LABELS, LABELS),
        ("é", "é"),
        (float("nan"), None),
        ([float("inf"), -1.5], [None, -1.5]),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.5, np.nan]], np.float32), [[1.5, None]]),
        (np.array([[1, 2], [3, 4]]).T, [[1, 3], [2, 4]]),
        (np.array(["a"]), ["a"]),
        (np.array(1), 1),
        ({"scores": Tensor()}, {"scores": [1.0, None]}),
        ((1, (2,)), [1, [2]]),
        ({"only"}, ["only"]),
        (frozenset({1}), [1]),
        ({1: "a", None: "b"}, {"1": "a", "null": "b"}),
        (collections.UserDict(a=1), {"a": 1}),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (b"\xff\0", base64.b64encode(b"\xff\0").decode()),
        (bytearray(b"a"), "YQ=="),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_json_holds_what_models_return(answer: object, written: object) -> None:
    assert json.loads(encode(answer, JSON)) == written


def test_images_in_json_are_base64_of_png() -> None:
    (answer,) = json.loads(encode([{"label": "cat", "mask": image("L")}], JSON))
    mask = Image.open(io.BytesIO(base64.b64decode(answer["mask"])))
    assert (mask.format, mask.size, answer["label"]) == ("PNG", (4, 3), "cat")


def _endless() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(Ellipsis, "holds a ellipsis"), ([{"a": 1j}], "holds a complex"), (_endless(), "ecursion")],
)
def test_what_json_cannot_hold_is_the_models_fault(answer: object, reason: str) -> None:
    with pytest.raises(ServingError, match=reason) as failure:
        encode(answer, JSON)
    assert failure.value.status == 500


@pytest.mark.parametrize("media_type", media_types.JSON_LINES)
def test_json_lines_are_an_answer_a_line(media_type: str) -> None:
    body = encode(LABELS, media_type)
    assert [json.loads(line) for line in body.decode().splitlines()] == LABELS
    assert encode(np.array([[1], [2]]), media_type) == b"[1]\n[2]\n"
    assert encode({"a": 1}, media_type) == b'{"a":1}\n'


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (LABELS, "label,score\r\nA,0.75\r\nB,0.25\r\n"),
        (LABELS[0], "label,score\r\nA,0.75\r\n"),
        ([[LABELS[0]], [LABELS[1]]], "label,score\r\nA,0.75\r\nB,0.25\r\n"),
        ([{"a": 1}, {"b": 'x,"'}], 'a,b\r\n1,\r\n,"x,"""\r\n'),
        ([[1, 2], [3, 4]], "1,2\r\n3,4\r\n"),
        (np.array([[0.5, np.nan]]), "0.5,\r\n"),
        ([1, 2], "1\r\n2\r\n"),
        ("é", "é\r\n"),
        ([], ""),
        ([{"a": np.float32(0.5)}], "a\r\n0.5\r\n"),
    ],
)
def test_csv_has_a_row_per_answer(answer: object, text: str) -> None:
    assert encode(answer, CSV).decode() == text


@pytest.mark.parametrize("answer", ["a", {"generated_text": "a"}, [{"text": "a"}], [[["a"]]]])
def test_one_text_is_plain_text(answer: object) -> None:
    assert encode(answer, TEXT) == b"a"


@pytest.mark.parametrize("answer", [[1.5, 2], np.array([[1], [2]], np.int8), Tensor(), 3, ["é"]])
def test_arrays_are_npy(answer: object) -> None:
    back = decode(encode(answer, NPY), NPY)
    assert isinstance(back, np.ndarray)
    plain = answer.tolist() if hasattr(answer, "tolist") else answer
    np.testing.assert_array_equal(back, np.asarray(plain))


@pytest.mark.parametrize("media_type", media_types.IMAGE_FORMATS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "F"])
def test_an_image_is_an_image(media_type: str, mode: str) -> None:
    body = encode([{"depth": image(mode)}], media_type)
    read = Image.open(io.BytesIO(body))
    assert read.format == media_types.IMAGE_FORMATS[media_type]
    assert read.size == (4, 3)


@pytest.mark.parametrize(
    ("answer", "media_type"),
    [
        ([{"label": "A", "boxes": [1, 2]}], CSV),
        ([LABELS, LABELS], CSV),
        ([{"a": 1}, 2], CSV),
        ([Ellipsis], CSV),
        (LABELS, TEXT),
        (1.5, TEXT),
        ({"text": "a", "chunks": []}, TEXT),
        (LABELS, NPY),
        ([[1], [1, 2]], NPY),
        (LABELS, "image/png"),
        ([image(), image()], "image/png"),
        (LABELS, "text/event-stream"),
        (LABELS, "video/mp4"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_an_answer_without_such_a_form_is_not_acceptable(answer: object, media_type: str) -> None:
    with pytest.raises(NotAcceptableError):
        encode(answer, media_type)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES, st.sampled_from([JSON, LINES, CSV, TEXT, NPY, "image/png"]))
def test_every_plain_answer_is_written_or_not_acceptable(answer: object, media_type: str) -> None:
    try:
        encode(answer, media_type)
    except NotAcceptableError:
        assert media_type not in {JSON, LINES}


@given(st.lists(st.integers(-(2**53), 2**53) | st.text() | st.none(), min_size=1))
def test_json_lines_come_back_as_they_went(answers: Sequence[object]) -> None:
    assert decode(encode(answers, LINES), LINES) == {"inputs": answers}
