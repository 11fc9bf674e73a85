"""Text as it grows: nothing shown is taken back, and the pieces are the whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dockwright_serving.generation.text_stream import TextStream


def decode(tokens: list[int]) -> str:
    """Decode as byte-level tokenizers do: a token is a byte."""
    return bytes(tokens).decode("utf-8", errors="replace")


def decode_with_fallback(tokens: list[int]) -> str:
    """Decode as SentencePiece falls back to bytes: a run that is no UTF-8 is none of it readable."""
    try:
        return bytes(tokens).decode("utf-8")
    except UnicodeDecodeError:
        return "\ufffd" * len(tokens)


def pieces(stream: TextStream, tokens: bytes) -> list[str]:
    shown = []
    for token in tokens:
        shown.append(stream.push(token))
        if stream.stopped:
            break
    return [*shown, stream.finish()]


def test_a_character_of_several_tokens_is_shown_whole() -> None:
    shown = pieces(TextStream(decode), "a€😀b".encode())
    assert [piece for piece in shown if piece] == ["a", "€", "😀", "b"]


@given(st.text())
def test_pieces_are_the_text_and_hold_no_broken_character(text: str) -> None:
    shown = pieces(TextStream(decode), text.encode("utf-8", errors="replace"))
    assert "".join(shown) == text.encode("utf-8", errors="replace").decode()


@given(st.binary(max_size=60))
def test_pieces_of_any_bytes_are_what_decoding_all_gives(data: bytes) -> None:
    assert "".join(pieces(TextStream(decode), data)) == decode(list(data))


def test_a_character_after_another_from_single_bytes_is_not_repeated() -> None:
    assert "".join(pieces(TextStream(decode_with_fallback), "€€a".encode())) == "€€a"


def test_bytes_that_never_make_a_character_do_not_hold_the_stream_for_ever() -> None:
    stream = TextStream(decode)
    shown = "".join(stream.push(0xFF) for _ in range(20))
    assert len(shown) >= 16


def test_a_text_ends_with_its_stop_string_or_before_it() -> None:
    kept, cut = (TextStream(decode, stops=["END"], keep_stop=keep) for keep in (True, False))
    assert "".join(pieces(kept, b"one END two")) == "one END"
    assert "".join(pieces(cut, b"one END two")) == "one "
    assert kept.stopped
    assert cut.stopped


def test_what_may_begin_a_stop_string_is_held_back_until_it_is_certain() -> None:
    stream = TextStream(decode, stops=["STOP"], keep_stop=False)
    assert [stream.push(token) for token in b"aSTx"] == ["a", "", "", "STx"]


def test_what_was_held_back_is_shown_at_the_end() -> None:
    stream = TextStream(decode, stops=["STOP"])
    shown = [stream.push(token) for token in b"aSTO"]
    assert ["".join(shown), stream.finish()] == ["a", "STO"]
    assert stream.text == "aSTO"


@given(
    st.text(alphabet="ab€", max_size=30),
    st.lists(st.text(alphabet="ab€", min_size=1, max_size=4), max_size=3),
)
def test_the_first_stop_string_ends_the_text_wherever_the_tokens_part(
    text: str, stops: list[str]
) -> None:
    stream = TextStream(decode, stops=stops, keep_stop=False)
    shown = "".join(pieces(stream, text.encode()))
    assert text.startswith(shown)
    assert not any(stop in shown for stop in stops)
    assert stream.stopped == any(stop in text for stop in stops)
    assert stream.stopped or shown == text
