"""Moves of pins in; a draft's manifest that says so, with nothing else changed, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.spec import manifest_text, pins
from dockwright.spec.pins import Place
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from dockwright.composition.moves import Move
    from dockwright.spec.variants import Release
    from dockwright.spec.yamlfile import Keys


def move(buildspec_path: Path, moves: Iterable[Move]) -> None:
    """Write the versions that pins move to where the pins stand."""
    values: dict[str, dict[Keys, str]] = {}
    for one in moves:
        of_file = values.setdefault(one.pin.file, {})
        of_file |= dict.fromkeys(one.pin.keys, one.to) | dict(_allowed_lines(one))
    for file, of_file in values.items():
        _edit(buildspec_path / file, of_file)


def add(buildspec_path: Path, like: Release, moves: Iterable[Move], today: date) -> None:
    """Write a release after another, of which it is a copy but for what moves and its dates."""
    path = buildspec_path / f"{like.framework}.yml"
    at = pins.position(like)
    path_text = manifest_text.copied(path.read_bytes().decode(), ("releases", at))
    write_atomically(path, path_text)
    supported = like.spec.end_of_patch - like.spec.ga
    values: dict[Keys, str] = {
        ("releases", at, "ga"): today.isoformat(),
        ("releases", at, "end_of_patch"): (today + supported).isoformat(),
    }
    for one in moves:
        values |= dict.fromkeys(one.pin.keys, one.to) | dict(_allowed_lines(one))
    _edit(path, {("releases", at + 1, *keys[2:]): value for keys, value in values.items()})


def set_image_version(buildspec_path: Path, release: Release, version: str) -> None:
    """Write a release's image version, after its framework's where it has stood nowhere yet."""
    path, entry = buildspec_path / f"{release.framework}.yml", ("releases", pins.position(release))
    text = path.read_bytes().decode()
    try:
        text = manifest_text.replaced(text, {(*entry, "image"): version})
    except KeyError:
        text = manifest_text.added(text, (*entry, "version"), "image", version)
    write_atomically(path, text)


def rename_accelerators(
    buildspec_path: Path, release: Release, at: int, names: Mapping[str, str]
) -> None:
    """Call a release's accelerators by other names, wherever its entry, the `at`-th, has them."""
    path = buildspec_path / f"{release.framework}.yml"
    values: dict[Keys, str] = {}
    spec = release.spec
    for key, entries in (
        ("pip_check", [allowed.accelerators for allowed in spec.pip_check]),
        ("add_ons", [add_on.accelerators or () for add_on in spec.add_ons]),
    ):
        for i, accelerators in enumerate(entries):
            for j, name in enumerate(accelerators):
                if name in names:
                    values["releases", at, key, i, "accelerators", j] = names[name]
    _edit(path, values)
    for old, new in names.items():
        text = path.read_bytes().decode()
        keys: Keys = ("releases", at, "accelerators", old)
        write_atomically(path, manifest_text.renamed(text, keys, new))


def _edit(path: Path, values: Mapping[Keys, str]) -> None:
    if values:
        write_atomically(path, manifest_text.replaced(path.read_bytes().decode(), values))


def _allowed_lines(one: Move) -> Iterator[tuple[Keys, str]]:
    """Yield the lines of `pip check` that the manifest allows, where they tell the version."""
    names = {one.pin.name}
    if one.pin.place is Place.FRAMEWORK:
        names |= {distribution.name for distribution in one.release.file.distributions.values()}
    at = pins.position(one.release)
    for i, allowed in enumerate(one.release.spec.pip_check):
        line = allowed.line
        for name in names:
            line = line.replace(f"{name} {one.pin.version} ", f"{name} {one.to} ")
        if line != allowed.line:
            yield ("releases", at, "pip_check", i, "line"), line
