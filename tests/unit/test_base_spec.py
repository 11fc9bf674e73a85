"""A BaseSpec refuses what must not reach apt, and its hash follows what shapes the images."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from dockwright.errors import ManifestError
from dockwright.spec.base import BaseSpec, OsLayer

SPEC = BaseSpec(
    name="debian12",
    suite="bookworm",
    architecture="amd64",
    python="3.11",
    packages=("python3", "libstdc++6"),
    epoch=1_767_225_600,
    end_of_support=date(2028, 6, 30),
    os_layers=(OsLayer(name="training", packages=("git",)),),
)

HOSTILE = ("git,vim", "./evil.deb", "~n.*", "?essential", "git=1", "git vim", "-y", "Git", "", "g")


@pytest.mark.parametrize("package", HOSTILE)
def test_hostile_package_names_are_refused_by_name(package: str) -> None:
    with pytest.raises(ManifestError, match=r"bases\.debian12: .* is not a Debian package name"):
        replace(SPEC, packages=(package,))
    with pytest.raises(ManifestError, match="is not a Debian package name"):
        replace(SPEC, os_layers=(OsLayer(name="training", packages=("git", package)),))


@pytest.mark.parametrize("word", ["../x", "a/b", "a b", "-x", "A", ""])
def test_names_that_would_change_a_path_or_an_option_are_refused(word: str) -> None:
    layers = (OsLayer(name=word, packages=()),)
    for change in ({"name": word}, {"suite": word}, {"architecture": word}):
        with pytest.raises(ManifestError, match="is not a name"):
            replace(SPEC, **change)  # type: ignore[arg-type]
    with pytest.raises(ManifestError, match="is not a name"):
        replace(SPEC, os_layers=layers)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ManifestError) as caught:
        replace(SPEC, packages=("a b", "c;d"), python="3", epoch=-1)
    assert str(caught.value).count("\n") == 3


def test_an_os_layer_named_twice_is_refused() -> None:
    with pytest.raises(ManifestError, match="named twice"):
        replace(SPEC, os_layers=(*SPEC.os_layers, *SPEC.os_layers))


def test_a_framework_s_own_packages_stand_for_those_of_the_job() -> None:
    own = OsLayer(name="training-tensorflow", packages=("git",))
    spec = replace(SPEC, os_layers=(*SPEC.os_layers, own))
    assert spec.os_layer("training", "tensorflow") is own
    assert spec.os_layer("training", "pytorch") is SPEC.os_layers[0]
    assert spec.os_layer("inference", "tensorflow") is None


def test_the_hash_ignores_order_repetition_and_end_of_support() -> None:
    same = replace(SPEC, packages=("libstdc++6", "python3", "python3"))
    assert same.sha256 == SPEC.sha256
    assert replace(SPEC, end_of_support=date(2030, 1, 1)).sha256 == SPEC.sha256


def test_the_hash_follows_everything_that_shapes_the_images() -> None:
    changed = (
        replace(SPEC, name="other"),
        replace(SPEC, suite="trixie"),
        replace(SPEC, architecture="arm64"),
        replace(SPEC, python="3.13"),
        replace(SPEC, packages=("python3",)),
        replace(SPEC, epoch=0),
        replace(SPEC, os_layers=()),
        replace(SPEC, os_layers=(OsLayer(name="training", packages=("git", "rsync")),)),
        replace(SPEC, os_layers=(OsLayer(name="inference", packages=("git",)),)),
    )
    assert len({SPEC.sha256, *(spec.sha256 for spec in changed)}) == len(changed) + 1
