"""A change of the manifest touches the characters of what it names, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockwright.spec import manifest_text, yamlfile
from sample import REPOSITORY

WRITTEN_BY_HAND = """\
# yaml-language-server: $schema=schema.json
title: PyTorch   # a name
releases:
  # The newest.
  - version: "{0}"
    ga: {1}   # unquoted
    huggingface: {{tokenizers: '{2}', transformers: "{3}"}}  # on one line
    extras:
      training:
        # why so old
        rouge-score: "{4}"  # the last one with a wheel

        trl:   "{5}"


  # For old code. \u00e9\u00e8, \U0001f600
  - {{version: "{6}", huggingface: {{transformers: '{7}'}}}}
"""
PLACES: tuple[yamlfile.Keys, ...] = (
    ("releases", 0, "version"),
    ("releases", 0, "ga"),
    ("releases", 0, "huggingface", "tokenizers"),
    ("releases", 0, "huggingface", "transformers"),
    ("releases", 0, "extras", "training", "rouge-score"),
    ("releases", 0, "extras", "training", "trl"),
    ("releases", 1, "version"),
    ("releases", 1, "huggingface", "transformers"),
)
FIRST = ["2.13.0", "2026-11-22", "0.23.3", "5.23.0", "0.0.4", "1.16.0", "2.10.0", "4.57.6"]
part = st.integers(0, 999)
versions = st.one_of(
    st.builds("{}.{}".format, part, part),
    st.builds("{}.{}.{}".format, part, part, part),
    st.builds("{}.{}.{}rc{}".format, part, part, part, part),
    st.builds("{}.{}.post{}".format, part, part, part),
)
dates = st.dates().map(lambda day: day.isoformat())
bumps = st.lists(
    st.integers(0, len(PLACES) - 1).flatmap(
        lambda place: st.tuples(st.just(place), dates if place == 1 else versions)
    ),
    min_size=100,
    max_size=100,
)


@settings(max_examples=5)
@given(bumps)
def test_a_hundred_bumps_leave_what_a_person_would_have_written(
    some: list[tuple[int, str]],
) -> None:
    text, now = WRITTEN_BY_HAND.format(*FIRST), list(FIRST)
    for place, version in some:
        text = manifest_text.replaced(text, {PLACES[place]: version})
        now[place] = version
    assert text == WRITTEN_BY_HAND.format(*now)


@pytest.mark.parametrize("name", ["common.yml", "pytorch.yml", "tensorflow.yml"])
def test_writing_what_is_there_already_changes_no_byte_of_our_manifest(name: str) -> None:
    raw = (REPOSITORY / "buildspec" / name).read_bytes()
    document = yamlfile.read(REPOSITORY / "buildspec" / name, name=name)
    pinned = {
        keys: value for keys in document.lines if isinstance(value := _at(document.data, keys), str)
    }
    assert len(pinned) > 5
    for text in (raw.decode(), raw.decode().replace("\n", "\r\n")):
        assert manifest_text.replaced(text, pinned) == text


def test_a_scalar_without_quotes_gets_them_where_it_would_be_a_number() -> None:
    text = "a: 1.2.3  # x\nb: 2.0.0\n"
    changed = manifest_text.replaced(text, {("a",): "1.3", ("b",): "2.0.1"})
    assert changed == 'a: "1.3"  # x\nb: 2.0.1\n'


def test_a_place_that_is_not_there_is_an_error() -> None:
    for keys in (("b",), ("a", "b"), ("a", 0)):
        with pytest.raises(KeyError):
            manifest_text.replaced("a: x\n", {keys: "1"})


def test_a_key_is_renamed_and_what_it_leads_to_stays() -> None:
    text = "on:\n  cu130:  # CUDA 13\n    driver: cu130\n"
    renamed = manifest_text.renamed(text, ("on", "cu130"), "cu132")
    assert renamed == "on:\n  cu132:  # CUDA 13\n    driver: cu130\n"


def test_a_copy_comes_right_after_its_model_with_the_comments_inside_it() -> None:
    text = 'releases:\n  # Old.\n  - version: "1"\n    # why\n    ga: x  # y\n\n  # New.\n  - version: "2"'
    first = '  - version: "1"\n    # why\n    ga: x  # y\n'
    copied = manifest_text.copied(text, ("releases", 0))
    assert copied == text.replace(first, f"{first}\n{first}")
    last = manifest_text.copied(text, ("releases", 1))
    assert last == f'{text}\n\n  - version: "2"\n'


def _at(data: object, keys: yamlfile.Keys) -> object:
    for key in keys:
        data = data[key]  # type: ignore[index]
    return data


@pytest.mark.parametrize(
    ("text", "keys", "written"),
    [
        (
            'a:\n  - b: "1"  # why\n    c: 2\n',
            ("a", 0, "b"),
            'a:\n  - b: "1"  # why\n    image: "1.1"\n    c: 2\n',
        ),
        ("a:\n  - b: 1", ("a", 0, "b"), 'a:\n  - b: 1\n    image: "1.1"'),
        ("a: [{b: 1, c: 2}]\n", ("a", 0, "b"), 'a: [{b: 1, image: "1.1", c: 2}]\n'),
    ],
)
def test_a_key_is_added_in_the_layout_of_its_neighbour(
    text: str, keys: yamlfile.Keys, written: str
) -> None:
    assert manifest_text.added(text, keys, "image", "1.1") == written
