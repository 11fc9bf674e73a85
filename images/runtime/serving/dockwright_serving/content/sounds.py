"""Bytes of a recording in; its samples as one channel and their rate out, if it is not hours."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from dockwright_serving.errors import BadRequestError, PayloadTooLargeError, ServingError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SECONDS = 60 * 60
MAX_SAMPLES = 30 * 60 * 48_000
"""Of one channel: 330 MiB."""
MIN_RATE, MAX_RATE = 1_000, 384_000
"""Samples per second; at a rate of 1, a small file would be days of sound when resampled."""
_BLOCK = 1 << 20
_UNKNOWN_LENGTH = 1 << 62
"""libsndfile's answer for FLAC that was written as a stream is just above."""


class _Stream(soundfile.SoundFile):  # type: ignore[misc]
    """Audio read from start to end: without a seek after each block, which such FLAC refuses."""

    def seekable(self) -> bool:
        return False


def decode_audio(body: bytes) -> dict[str, object]:
    """Return {"array": samples as float32, "sampling_rate": samples per second}."""
    if not _is_known(body[:12]):
        msg = "the body is no WAV, FLAC, OGG or MP3 audio"
        raise BadRequestError(msg)
    try:
        with _Stream(io.BytesIO(body)) as sound:
            return {"array": _samples(sound), "sampling_rate": sound.samplerate}
    except ServingError:
        raise
    except Exception as e:
        msg = f"the audio is broken: {e}"
        raise BadRequestError(msg) from e


def _is_known(start: bytes) -> bool:
    """Tell the formats by their first bytes: libsndfile would try twenty more readers."""
    if start[:4] in {b"RIFF", b"RIFX", b"RF64"}:
        return start[8:12] == b"WAVE"
    is_mpeg_frame = len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0
    return start[:4] in {b"fLaC", b"OggS"} or start[:3] == b"ID3" or is_mpeg_frame


def _samples(sound: _Stream) -> np.ndarray[Any, Any]:
    rate = sound.samplerate
    if not MIN_RATE <= rate <= MAX_RATE:
        msg = f"the audio's rate of {rate} per second is outside {MIN_RATE} to {MAX_RATE}"
        raise BadRequestError(msg)
    limit = min(MAX_SAMPLES, MAX_SECONDS * rate)
    if limit < sound.frames < _UNKNOWN_LENGTH:
        raise _too_long(sound.frames, rate, limit)
    blocks: list[np.ndarray[Any, Any]] = []
    for block in _blocks(sound):
        blocks.append(block)
        # Headers lie: what comes is counted as well.
        if sum(map(len, blocks)) > limit:
            raise _too_long(limit + 1, rate, limit)
    samples = np.concatenate(blocks) if blocks else np.empty(0, np.float32)
    if not (len(samples) and np.isfinite(samples).all()):
        msg = "the audio holds no samples, or some that are no finite numbers"
        raise BadRequestError(msg)
    return samples


def _blocks(sound: _Stream) -> Iterator[np.ndarray[Any, Any]]:
    size = max(1, _BLOCK // sound.channels)
    while len(block := sound.read(size, dtype="float32", always_2d=True)):
        yield block[:, 0] if sound.channels == 1 else block.mean(axis=1)


def _too_long(samples: int, rate: int, limit: int) -> PayloadTooLargeError:
    said = f"more than {samples - 1:,}" if samples == limit + 1 else f"{samples:,}"
    msg = f"the audio has {said} samples at {rate} per second; at most {limit:,} are read"
    return PayloadTooLargeError(msg)
