"""Gzip members of our own: every reader gets the bytes back, every machine writes the same."""

from __future__ import annotations

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from dockwright.composition.assemble import gzip_member

ZEROS_AND_TEXT = st.lists(
    st.one_of(st.integers(0, 1200).map(bytes), st.text(max_size=40).map(str.encode))
).map(b"".join)


@given(ZEROS_AND_TEXT)
def test_a_member_reads_back_as_what_was_given(data: bytes) -> None:
    assert gzip.decompress(gzip_member.member(data)) == data


def test_a_run_of_zeros_of_any_length_reads_back_and_vanishes() -> None:
    for count in range(2000):
        data = b"a" + bytes(count) + b"b"
        packed = gzip_member.member(data)
        assert gzip.decompress(packed) == data
        assert len(packed) < 50


@given(st.binary(max_size=300), st.integers(1, 1000), st.integers(1, 70_000))
def test_stored_bytes_read_back_however_they_came(seed: bytes, times: int, step: int) -> None:
    data = seed * times
    chunks = (data[at : at + step] for at in range(0, len(data), step))
    stream = b"".join(gzip_member.stored(chunks, size_bytes=len(data)))
    assert zlib.decompress(stream, wbits=-15) == data


def test_header_and_trailer_make_deflated_bytes_a_member() -> None:
    data = b"tensor" * 1000
    deflated = zlib.compress(data, wbits=-15)
    trailer = gzip_member.trailer(zlib.crc32(data), len(data))
    assert gzip.decompress(gzip_member.HEADER + deflated + trailer) == data


def test_sizes_beyond_four_gigabytes_are_kept_modulo_two_to_the_32() -> None:
    assert gzip_member.trailer(7, (1 << 32) + 5)[4:] == (5).to_bytes(4, "little")


def test_the_bytes_do_not_depend_on_any_library() -> None:
    header = b"opt/venv/".ljust(100, b"\0") + b"0000755\0" + bytes(404)
    expected = (
        "1f8b08000000000000ffcb2f28d12f4bcd2bd367a01d30303030303735651805830f0000d307a76e00020000"
    )
    assert gzip_member.member(header).hex() == expected
