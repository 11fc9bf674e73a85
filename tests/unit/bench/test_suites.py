"""Suites follow from the folders of workloads, and travel whole."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from dockwright.errors import NothingSelectedError
from dockwright.spec import manifest
from dockwright.stages.bench import suites
from dockwright.stages.bench.progress import Progress
from sample import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

WORKLOADS = REPOSITORY / "tests" / "workloads"


@pytest.fixture
def workloads(tmp_path: Path) -> Path:
    for name, text in {
        "kit/lines.py": "x = 1",
        "common/readiness.py": "",
        "training/steps.py": 'MODELS = ("vit", "bert")',
        "inference/latency.py": 'MODELS = ("vit",)',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_an_image_has_the_suites_of_its_traits(workloads: Path) -> None:
    found = suites.discover(workloads, ("common", "pytorch", "training", "cpu"))
    assert [suite.name for suite in found] == ["readiness", "steps/vit", "steps/bert"]
    assert found[1].argv == ("python3", "/bench/training/steps.py", "vit")


@pytest.mark.parametrize(
    ("globs", "names"),
    [
        ((), ["readiness", "steps/vit", "steps/bert"]),
        (("steps",), ["steps/vit", "steps/bert"]),
        (("*/bert", "readiness"), ["readiness", "steps/bert"]),
    ],
)
def test_globs_pick_suites(globs: tuple[str, ...], names: list[str], workloads: Path) -> None:
    found = suites.pick(suites.discover(workloads, ("common", "training")), globs)
    assert [suite.name for suite in found] == names


def test_a_suite_that_is_not_there_is_refused(workloads: Path) -> None:
    with pytest.raises(NothingSelectedError, match=r"readiness, steps/vit"):
        suites.pick(suites.discover(workloads, ("common", "training")), ("latency",))


def test_workloads_travel_with_their_kit(workloads: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(suites.pack(workloads))) as archive:
        assert "bench/kit/lines.py" in archive.getnames()
        assert "bench/training/steps.py" in archive.getnames()


def test_every_image_of_the_manifest_has_suites_and_every_folder_an_image() -> None:
    variants = manifest.load(REPOSITORY / "buildspec").variants
    for variant in variants:
        assert len(suites.discover(WORKLOADS, variant.traits)) > 1, variant.identifier
    traits = {trait for variant in variants for trait in variant.traits}
    folders = {path.parent.name for path in WORKLOADS.glob("*/*.py")}
    assert folders <= traits | {suites.KIT}


def test_the_time_left_follows_from_the_starts_so_far() -> None:
    progress = Progress({("image", "quick"): 3, ("image", "slow"): 2})
    progress.done(("image", "quick"), 10.0)
    assert progress.left_s() == 2 * 10 + 2 * 10
    progress.done(("image", "slow"), 100.0)
    assert progress.left_s() == 2 * 10 + 1 * 100
    progress.drop(("image", "slow"))
    assert progress.left_s() == 2 * 10
