"""Bumps leave the manifest that a person would have written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import sample
from dockwright.composition import manifest_edit
from dockwright.composition.moves import Move
from dockwright.spec import pins

FILES = ("common.yml", "pytorch.yml", "tensorflow.yml")
number = st.integers(0, 999)
versions = st.builds("{}.{}.{}".format, number, number, number)
bumps = st.lists(st.tuples(st.integers(0, 999), versions), min_size=100, max_size=100)


@settings(max_examples=2)
@given(bumps)
def test_a_hundred_bumps_give_the_manifest_that_is_written_by_hand(
    some: list[tuple[int, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        good = sample.copy(Path(folder))
        path = good.ws.buildspec_path
        by_hand = {name: (path / name).read_text(encoding="utf-8") for name in FILES}
        for number_of_pin, version in some:
            releases = {v.release.key: v.release for v in good.manifest().variants}.values()
            every = [(release, pin) for release in releases for pin in pins.pins(release)]
            release, pin = every[number_of_pin % len(every)]
            manifest_edit.move(path, [Move(release=release, pin=pin, to=version)])
            by_hand[pin.file] = rewritten(by_hand[pin.file], pin.name, pin.version, version)
        assert {name: (path / name).read_text(encoding="utf-8") for name in FILES} == by_hand
        good.manifest()


def rewritten(text: str, name: str, old: str, new: str) -> str:
    """Return the file after an editor's find and replace."""
    key = "version" if name in {"pytorch", "tensorflow"} else name
    text = text.replace(f'{key}: "{old}"', f'{key}: "{new}"')
    return text.replace(f"{name} {old} requires", f"{name} {new} requires")
