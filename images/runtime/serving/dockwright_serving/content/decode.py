"""A request's body and Content-Type in; the value a model gets, out.

The value is what Hugging Face's toolkit hands to `predict_fn`: an object as it was sent, usually
`{"inputs": ..., "parameters": {...}}`; `{"inputs": image}` for a picture, `{"inputs": {"array",
"sampling_rate"}}` for sound, `{"inputs": [...]}` for the rows of CSV and JSON lines; and the bare
array for npy. Without "inputs" the whole value is the input. Whatever the bytes are, the only
errors are ServingErrors.
"""

from __future__ import annotations

from dockwright_serving.content import media_types, tables, texts
from dockwright_serving.errors import BadRequestError, UnsupportedMediaTypeError


def decode(body: bytes, content_type: str | None) -> object:
    """Return the value of a body.

    Raises:
        BadRequestError: the body is not what its type says.
        UnsupportedMediaTypeError: nothing here reads that type or charset.
        PayloadTooLargeError: the body unpacks to more than a limit.
    """
    media = media_types.parse(content_type)
    if not body:
        msg = 'the body is empty; send a request such as {"inputs": ...}'
        raise BadRequestError(msg)
    match media.name:
        case media_types.JSON:
            return texts.decode_json(body, media.charset)
        case media_types.CSV:
            return tables.decode_csv(texts.decode_text(body, media.charset))
        case media_types.TEXT:
            return {"inputs": texts.decode_text(body, media.charset)}
        case media_types.UNKNOWN:
            return _sniff(body, media.charset)
        case name if name in media_types.JSON_LINES:
            return tables.decode_lines(body, media.charset)
        case name:
            return _decode_binary(body, name)


def _sniff(body: bytes, charset: str | None) -> object:
    try:
        return texts.decode_json(body, charset)
    except BadRequestError:
        return {"inputs": texts.decode_text(body, charset)}


def _decode_binary(body: bytes, name: str) -> object:
    # Imported when first needed: they bring numpy, Pillow and libsndfile.
    if name == media_types.NPY:
        from dockwright_serving.content.arrays import decode_npy

        return decode_npy(body)
    if name in media_types.IMAGE_FORMATS:
        from dockwright_serving.content.images import decode_image

        return {"inputs": decode_image(body)}
    if name in media_types.AUDIO:
        from dockwright_serving.content.sounds import decode_audio

        return {"inputs": decode_audio(body)}
    msg = (
        f"content type {name[:80]!r} is not supported; send {media_types.JSON}, JSON lines, "
        f"{media_types.CSV}, {media_types.TEXT}, {media_types.NPY}, a PNG, JPEG, TIFF, BMP, GIF or "
        "WebP image, or WAV, FLAC, OGG or MP3 audio"
    )
    raise UnsupportedMediaTypeError(msg)
