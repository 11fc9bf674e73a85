"""Bodies of every promised content type become the value Hugging Face's toolkit would hand on."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from dockwright_serving.content import media_types
from dockwright_serving.content.decode import decode
from dockwright_serving.errors import BadRequestError, UnsupportedMediaTypeError

REQUEST = {"inputs": ["é", "b"], "parameters": {"top_k": 2}}
JSON_TEXT = '{"inputs": ["é", "b"], "parameters": {"top_k": 2}}'


def picture(form: str = "PNG", mode: str = "RGB") -> bytes:
    """Return a picture of 4 x 3 pixels, red where there is colour."""
    out = io.BytesIO()
    Image.new(mode, (4, 3), "red").save(out, form)
    return out.getvalue()


def recording(form: str = "WAV", channels: int = 1, rate: int = 16_000) -> bytes:
    """Return a tenth of a second of a 440 Hz tone; the second channel is silent."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate // 10) / rate)
    sound = np.stack([tone, *[np.zeros_like(tone)] * (channels - 1)], axis=1)
    out = io.BytesIO()
    soundfile.write(out, sound, rate, format=form)
    return out.getvalue()


def inputs_of(value: object) -> Any:  # noqa: ANN401
    """Return the inputs of a decoded request."""
    assert isinstance(value, dict)
    assert set(value) == {"inputs"}
    return value["inputs"]


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        ("application/json", "utf-8"),
        ("Application/JSON ; charset=UTF-8", "utf-8"),
        ('application/json; charset="utf8"', "utf-8"),
        ("application/json; charset=utf-16", "utf-16"),
        ("application/json; boundary=x; Charset=latin-1", "latin-1"),
        ("application/json", "utf-8-sig"),
        ("application/json", "utf-16"),
        ("application/vnd.example+json", "utf-8"),
        ("text/json", "utf-8"),
        ("application/json;", "utf-8"),
        (None, "utf-8"),
        ("", "utf-8"),
        ("application/octet-stream", "utf-8"),
    ],
)
def test_json_is_read_in_the_charset_it_comes_in(content_type: str | None, charset: str) -> None:
    assert decode(JSON_TEXT.encode(charset), content_type) == REQUEST


def test_json_without_inputs_is_itself_the_input() -> None:
    assert decode(b'{"question": "q", "context": "c"}', "application/json") == {
        "question": "q",
        "context": "c",
    }


def test_a_body_of_no_type_that_is_no_json_is_text() -> None:
    assert decode("déjà vu".encode(), None) == {"inputs": "déjà vu"}


def test_text_is_read_in_its_charset() -> None:
    assert decode("déjà".encode("latin-1"), "text/plain; charset=iso-8859-1") == {"inputs": "déjà"}


@pytest.mark.parametrize("content_type", media_types.JSON_LINES)
def test_json_lines_are_a_batch(content_type: str) -> None:
    body = b'{"inputs": "a"}\n\n{"inputs": "b"}\r\n'
    assert decode(body, content_type) == {"inputs": ["a", "b"]}


def test_json_lines_share_their_parameters() -> None:
    line = b'{"inputs": "a", "parameters": {"top_k": 2}}\n'
    assert decode(line * 2, "application/jsonlines") == {
        "inputs": ["a", "a"],
        "parameters": {"top_k": 2},
    }


def test_json_lines_of_other_parameters_are_refused_with_their_number() -> None:
    lines = b'{"inputs": "a", "parameters": {"top_k": 2}}\n{"inputs": "b"}\n'
    with pytest.raises(BadRequestError, match="line 2"):
        decode(lines, "application/jsonlines")


def test_a_broken_json_line_is_named() -> None:
    with pytest.raises(BadRequestError, match=r"line 3.*no JSON"):
        decode(b"1\n2\n{]\n", "application/x-ndjson")


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("inputs\na\nb\n", ["a", "b"]),
        ('inputs\r\n"a, with ""quotes"""\r\n', ['a, with "quotes"']),
        (" Inputs \na", ["a"]),
        ("id,inputs\n1,a\n", ["a"]),
        ("question,context\nq,c\n", [{"question": "q", "context": "c"}]),
        ("text,text_pair,note\na,b,c\n", [{"text": "a", "text_pair": "b", "note": "c"}]),
    ],
)
def test_csv_is_a_batch_of_its_rows(text: str, inputs: object) -> None:
    assert decode(text.encode(), "text/csv; charset=utf-8") == {"inputs": inputs}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "must name its columns"),
        ("inputs\n", "no rows"),
        ("\n\n", "must name its columns"),
        ("question,context\nq\n", "row 2 of the CSV has 1 cells"),
        ("inputs,inputs\na,b\n", "twice"),
        ('inputs\n"a', "line 2"),
    ],
)
def test_csv_that_would_be_misread_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadRequestError, match=reason):
        decode(text.encode(), "text/csv")


@pytest.mark.parametrize("dtype", ["float32", "int64", "<U3", "bool"])
def test_npy_is_the_bare_array(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    out = io.BytesIO()
    np.save(out, array)
    decoded = decode(out.getvalue(), "application/x-npy")
    assert isinstance(decoded, np.ndarray)
    assert decoded.dtype == array.dtype
    assert decoded.tolist() == array.tolist()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("named", [True, False])
def test_an_image_is_read_in_rgb(form: str, *, named: bool) -> None:
    mode = "RGB" if form in {"JPEG", "BMP"} else "P" if form == "GIF" else "RGBA"
    content_type = f"image/{form.lower()}" if named else "image/x-image"
    image = inputs_of(decode(picture(form, mode), content_type))
    assert (image.mode, image.size) == ("RGB", (4, 3))
    red, green, blue = image.getpixel((0, 0))
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("audio/wave", "WAV"),
        ("audio/x-wav", "WAV"),
        ("audio/x-flac", "FLAC"),
        ("audio/flac", "FLAC"),
        ("audio/ogg", "OGG"),
        ("audio/mpeg", "MP3"),
        ("audio/x-audio", "MP3"),
    ],
)
def test_audio_is_samples_of_one_channel(content_type: str, form: str) -> None:
    sound = inputs_of(decode(recording(form, channels=2), content_type))
    assert sound["sampling_rate"] == 16_000
    assert sound["array"].dtype == np.float32
    assert sound["array"].ndim == 1
    # Half of the tone's loudness: the other channel is silent.
    assert 0.2 < np.abs(sound["array"]).max() < 0.3


def test_one_channel_is_as_it_was_recorded() -> None:
    sound = inputs_of(decode(recording(), "audio/wav"))
    assert len(sound["array"]) == 1600
    assert np.abs(sound["array"]).max() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    "content_type",
    ["application/pdf", "image/svg+xml", "audio/aac", "video/mp4", "nonsense"],
)
def test_an_unknown_type_is_refused_by_naming_the_known(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError, match="application/json"):
        decode(b"1", content_type)


@pytest.mark.parametrize(
    "charset", ["klingon", "utf-7", "zlib", "rot13", "idna", "utf\0", "x" * 99]
)
def test_a_charset_that_is_none_is_refused(charset: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError, match="charset"):
        decode(b"1", f"application/json; charset={charset}")
