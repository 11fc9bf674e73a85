"""Facts for the checks follow from the manifest and the lock alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockwright.composition import render
from dockwright.spec import lock as locks
from dockwright.spec import manifest, naming
from dockwright.stages.smoke.facts import facts, pins

if TYPE_CHECKING:
    from dockwright.spec.variants import Variant

BUILDSPEC = Path(__file__).parents[2] / "buildspec"
VARIANTS = {variant.identifier: variant for variant in manifest.load(BUILDSPEC).variants}


each_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())


@each_variant
def test_every_pin_of_the_manifest_is_a_fact_and_is_locked(variant: Variant) -> None:
    known = facts(variant, locks.load(BUILDSPEC, variant.release))
    spec = variant.release.spec
    named = {**spec.companions, **spec.huggingface, **spec.extras.get(variant.job, {})}
    distribution = variant.release.distribution(variant.accelerator)
    assert named.items() <= known["pins"].items()
    assert known["pins"][distribution.name].partition("+")[0] == spec.version
    assert known["pins"]["pip"] == variant.release.common.tools.pip
    assert known["pins"].items() <= known["wheels"].items()


@each_variant
def test_build_tools_and_replaced_distributions_are_not_expected(variant: Variant) -> None:
    known = facts(variant, locks.load(BUILDSPEC, variant.release))
    assert "uv" not in known["wheels"]
    assert not known["wheels"].keys() & set(known["dropped"])


@each_variant
def test_what_the_image_says_of_itself_is_a_fact(variant: Variant) -> None:
    known = facts(variant, locks.load(BUILDSPEC, variant.release))
    assert known["labels"] == naming.labels(variant)
    assert known["environment"] == render.environment(variant)
    assert known["budget_bytes"] == variant.budget_bytes
    assert json.loads(json.dumps(known)) == known


def test_a_conflict_is_allowed_where_the_manifest_says_so() -> None:
    lines = {
        variant.accelerator.kind: facts(variant, locks.load(BUILDSPEC, variant.release))[
            "pip_check"
        ]
        for variant in VARIANTS.values()
        if variant.release.framework == "tensorflow"
    }
    only_on_cpu = {"tf-keras 2.21.0 requires tensorflow, which is not installed."}
    assert only_on_cpu <= set(lines["cpu"])
    assert not only_on_cpu & set(lines["gpu"])


def test_what_is_left_out_is_told_to_the_images_that_have_the_wheel() -> None:
    told = {
        name: facts(variant, locks.load(BUILDSPEC, variant.release))
        for name, variant in VARIANTS.items()
    }
    for name, known in told.items():
        has_it = "nvidia/*/lib/libcusolverMg.so.*" in known["left_out"]
        assert has_it == ("pytorch" in name and not name.endswith("-cpu")), name
        assert (
            "cuda/pathfinder/_dynamic_libs/*descriptor_catalog*" in known["left_out_named_in"]
        ) == (has_it)
        serves_ssh = name.startswith("pytorch") and "-training-" in name
        assert ("openssh-server" in known["os_packages"]) == serves_ssh, name


def test_extras_and_local_versions_are_told_apart() -> None:
    assert pins(["tensorflow[and-cuda]==2.21.0", "torch==2.13.0+cpu"]) == {
        "tensorflow": "2.21.0",
        "torch": "2.13.0+cpu",
    }
