"""Bodies made to exhaust or to fool the reader are refused, with the reason and cheaply."""

from __future__ import annotations

import io
import pickle
import struct
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dockwright_serving.content import media_types, sounds
from dockwright_serving.content.decode import decode
from dockwright_serving.errors import BadRequestError, PayloadTooLargeError, ServingError

if TYPE_CHECKING:
    from pathlib import Path

TYPES = (
    *(media_types.JSON, media_types.CSV, media_types.TEXT, media_types.NPY),
    *media_types.JSON_LINES,
    *media_types.IMAGE_FORMATS,
    *sorted(media_types.AUDIO),
    *("application/json; charset=utf-16", "text/csv; charset=latin-1", "text/plain; charset=ascii"),
)


def npy(header: str, data: bytes = b"", *, magic: bytes = b"\x93NUMPY\x01\x00") -> bytes:
    """Return an npy file of a header as its author likes it."""
    text = header.encode() + b"\n"
    return magic + struct.pack("<H", len(text)) + text + data


def png(width: int, height: int, *, data: bytes = b"") -> bytes:
    """Return a PNG that claims a size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    size = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + size + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def wav(*, rate: int = 16_000, data_bytes: int = 0xFFFFFFF0, data: bytes = b"\0\0") -> bytes:
    """Return a WAV file whose header claims a rate and a length."""
    fmt = struct.pack("<HHIIHH", 1, 1, rate, min(rate * 2, 2**32 - 1), 2, 16)
    return (
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + fmt + b"data" + struct.pack("<I", data_bytes)
    ) + data


def wav_of(samples: np.ndarray[tuple[int], np.dtype[np.float32]], rate: int) -> bytes:
    """Return an honest WAV file of floats."""
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="WAV", subtype="FLOAT")
    return out.getvalue()


def shaped(shape: str, data: bytes = b"", *, descr: str = "<f8") -> bytes:
    """Return an npy file that claims a shape."""
    return npy(f"{{'descr':'{descr}','fortran_order':False,'shape':{shape}}}", data)


BROKEN: dict[str, tuple[bytes, str | None]] = {
    "empty": (b"", "application/json"),
    "empty, of no type": (b"", None),
    "deep lists": (b"[" * 100_000, "application/json"),
    "deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "application/json"),
    "truncated JSON": (b'{"inputs": "a', "application/json"),
    "broken UTF-16": (b"\xff\xfe\xff", "application/json"),
    "broken UTF-8": (b'{"inputs": "\xff"}', "application/json"),
    "NaN": (b'{"inputs": NaN}', "application/json"),
    "infinity": (b"[-Infinity]", "application/json"),
    "half a surrogate": (b'"\\ud800"', "application/json"),
    "a huge integer": (b"1" * 10_000, "application/json"),
    "binary of no type": (b"\xff\xff", None),
    "binary as text": (b"\xff\xff", "text/plain"),
    "binary as CSV": (b"\xff", "text/csv"),
    "odd UTF-16": (b"odd", "text/plain; charset=utf-16"),
    "blank lines": (b"\n \n", "application/jsonlines"),
    "no npy": (b"no npy", media_types.NPY),
    "npy of code": (shaped("(10**12,)"), media_types.NPY),
    "npy of terabytes": (shaped("(1000000000000,)"), media_types.NPY),
    "npy cut short": (shaped("(2,)", b"\0" * 15), media_types.NPY),
    "npy with more": (shaped("(2,)", b"\0" * 17), media_types.NPY),
    "npy below zero": (shaped("(-1,-1)", b"8bytes.."), media_types.NPY),
    "npy of many nothings": (shaped("(999999999999,0)"), media_types.NPY),
    "npy of empty items": (shaped("(999999999999,)", descr="|V0"), media_types.NPY),
    "npy of brackets": (npy("(" * 5000), media_types.NPY),
    "no image": (b"no image", "image/png"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "image/x-image"),
    "PNG cut short": (png(4, 4, data=b"short"), "image/png"),
    "no audio": (b"no audio", "audio/wav"),
    "a film": (b"RIFF\xff\xff\xff\xffAVI LIST", "audio/wav"),
    "no samples": (wav(data=b""), "audio/wav"),
    "one sample a second": (wav(rate=1, data=b"\0" * 4000), "audio/wav"),
    "no sample a second": (wav(rate=0, data=b"\0" * 4000), "audio/wav"),
    "too many a second": (wav(rate=4_000_000_000, data=b"\0" * 4000), "audio/wav"),
    "NaN in audio": (wav_of(np.array([0, np.nan], np.float32), 16_000), "audio/wav"),
    "infinity in audio": (wav_of(np.array([0, np.inf], np.float32), 16_000), "audio/wav"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_bodies_are_bad_requests(case: str) -> None:
    with pytest.raises(BadRequestError):
        decode(*BROKEN[case])


@pytest.mark.parametrize("content_type", [media_types.NPY, None, "application/json"])
def test_a_pickle_is_never_loaded(content_type: str | None, tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, ...]:
            return (tmp_path.joinpath("ran").touch, ())

    out = io.BytesIO()
    np.save(out, np.array([Attack()], dtype=object), allow_pickle=True)
    for body in (out.getvalue(), pickle.dumps(Attack())):
        with pytest.raises(BadRequestError):
            decode(body, content_type)
    assert list(tmp_path.iterdir()) == []


def test_a_pickled_array_is_refused_by_name() -> None:
    out = io.BytesIO()
    np.save(out, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BadRequestError, match="pickled objects"):
        decode(out.getvalue(), media_types.NPY)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"[" + b"[]," * 1_000_001 + b"[]]", "application/json"),
        (b'{"a":' + b"{}," * 1_000_001 + b"{}}", None),
        (b"1\n" * 1_000_001, "application/jsonlines"),
        (b"inputs\n" + b"," * 1_000_001, "text/csv"),
        (b"inputs\n" + b"a\n" * 1_000_001, "text/csv"),
        (b'inputs\n"' + b"a" * 200_000 + b'"\n', "text/csv"),
        (png(100_000, 100_000), "image/png"),
        (png(10_000, 10_000), "image/png"),
        (png(2**31 - 1, 2**31 - 1), "image/x-image"),
    ],
    ids=["lists", "objects", "lines", "cells", "rows", "field", "png", "wide", "widest"],
)
def test_bombs_are_too_large_before_they_unpack(body: bytes, content_type: str | None) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLargeError):
            decode(body, content_type)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * len(body) + 1_000_000


def test_a_bmp_of_a_hundred_bytes_may_not_claim_a_wall() -> None:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "BMP")
    body = bytearray(out.getvalue())
    struct.pack_into("<ii", body, 18, 100_000, 100_000)
    with pytest.raises(PayloadTooLargeError):
        decode(bytes(body), "image/bmp")


def test_hours_of_silence_in_a_small_flac_are_too_large() -> None:
    out = io.BytesIO()
    silence = np.zeros(1_000_000, np.int16)
    with soundfile.SoundFile(out, "w", 8_000, 1, format="FLAC") as sound:
        for _ in range(30):
            sound.write(silence)
    body = out.getvalue()
    assert len(body) < 1_000_000
    with pytest.raises(PayloadTooLargeError, match="30,000,000 samples"):
        decode(body, "audio/flac")


def test_samples_that_the_header_denies_are_counted_as_they_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sounds, "MAX_SAMPLES", 50_000)
    out = io.BytesIO()
    soundfile.write(out, np.zeros(100_000, np.int16), 16_000, format="FLAC")
    body = bytearray(out.getvalue())
    # STREAMINFO: 36 bits of the number of samples end at byte 26; 0 means unknown.
    assert int.from_bytes(body[18:26]) & (2**36 - 1) == 100_000
    body[22:26] = bytes(4)
    with pytest.raises(PayloadTooLargeError, match="more than 50,000"):
        decode(bytes(body), "audio/flac")


def test_a_header_that_claims_hours_which_do_not_follow_costs_nothing() -> None:
    sound = decode(wav(data=b"\1\0" * 4000), "audio/wav")
    assert isinstance(sound, dict)
    assert len(sound["inputs"]["array"]) == 4000


def test_a_reason_holds_no_content_of_the_request() -> None:
    with pytest.raises(BadRequestError) as failure:
        decode(b'{"password": "hunter2" ', "application/json")
    assert "hunter2" not in str(failure.value)


def decode_or_refuse(body: bytes, content_type: str | None) -> None:
    """Decode what may be wrong; the caller must be told so, with a reason, and nothing else."""
    try:
        decode(body, content_type)
    except ServingError as e:
        if not (400 <= e.status < 500 and str(e)):
            raise AssertionError from e


@given(st.binary(max_size=200), st.sampled_from(TYPES) | st.none() | st.text(max_size=40))
def test_any_bytes_are_a_value_or_a_serving_error(body: bytes, content_type: str | None) -> None:
    decode_or_refuse(body, content_type)


def _samples() -> list[tuple[str, bytes]]:
    found = [
        (
            "application/x-npy",
            npy("{'descr':'<f8','fortran_order':False,'shape':(1,)}", b"8bytes.."),
        )
    ]
    for content_type, form in media_types.IMAGE_FORMATS.items():
        out = io.BytesIO()
        Image.effect_noise((9, 9), 9).save(out, form)
        found.append((content_type, out.getvalue()))
    for form in ("WAV", "FLAC", "OGG", "MP3"):
        out = io.BytesIO()
        soundfile.write(out, np.zeros(800), 16_000, format=form)
        found.append((f"audio/{form.lower()}", out.getvalue()))
    return found


@given(st.sampled_from(_samples()), st.data())
def test_damaged_files_are_a_value_or_a_serving_error(
    sample: tuple[str, bytes], data: st.DataObject
) -> None:
    content_type, whole = sample
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for place in data.draw(st.lists(st.integers(0, max(0, len(damaged) - 1)), max_size=8)):
        if damaged:
            damaged[place] = data.draw(st.integers(0, 255))
    decode_or_refuse(bytes(damaged), content_type)
