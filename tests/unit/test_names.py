"""Whatever a manifest says, identifiers and tags are unique, valid and select exactly themselves."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from dockwright.errors import NothingSelectedError
from dockwright.spec import naming
from dockwright.spec.axes import Accelerator
from dockwright.spec.selector import pick

if TYPE_CHECKING:
    from sample import Sample

# The OCI distribution specification's.
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
REPOSITORY = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
# The bake file reference's.
TARGET = re.compile(r"[a-zA-Z0-9_-]+")


@given(strategies.frameworks(), strategies.frameworks())
def test_every_name_is_unique_valid_and_selects_exactly_its_variant(
    pytorch: dict[str, Any], tensorflow: dict[str, Any]
) -> None:
    variants = strategies.load(pytorch=pytorch, tensorflow=tensorflow).variants
    expected = (
        len(r["jobs"]) * len(r["accelerators"])
        for r in (*pytorch["releases"], *tensorflow["releases"])
    )
    assert len(variants) == sum(expected)
    for names in (
        [v.identifier for v in variants],
        [v.reference for v in variants],
        [naming.bake_target(v.identifier) for v in variants],
        [f"{v.release.folder}/{v.folder}" for v in variants],
    ):
        assert len(set(names)) == len(variants)
    for variant in variants:
        assert TAG.fullmatch(variant.tag)
        assert REPOSITORY.fullmatch(variant.repository)
        assert TARGET.fullmatch(naming.bake_target(variant.identifier))
        assert pick(variants, [variant.identifier]) == (variant,)


@given(strategies.frameworks(), strategies.frameworks(), st.data())
def test_an_exclude_takes_out_what_it_matches_and_nothing_else(
    pytorch: dict[str, Any], tensorflow: dict[str, Any], data: st.DataObject
) -> None:
    every = [v.identifier for v in strategies.load(pytorch=pytorch, tensorflow=tensorflow).variants]
    own = [name for name in every if name.startswith("pytorch-")]
    name, cut = data.draw(st.sampled_from(own)), data.draw(st.integers(0, 20))
    match = data.draw(st.sampled_from([name, f"{name[:cut]}*", f"*{name[cut:]}", "*-cpu"]))
    if not any(fnmatchcase(name, match) for name in own):
        return  # `*-cpu` where there is none: refused, as test_manifest_references.py has it
    pytorch = pytorch | {"exclude": [{"match": match, "reason": "none"}]}
    left = [v.identifier for v in strategies.load(pytorch=pytorch, tensorflow=tensorflow).variants]
    assert left == [name for name in every if name not in own or not fnmatchcase(name, match)]


def test_the_longest_names_that_a_manifest_may_hold_are_within_a_tag_s_limit() -> None:
    tag = naming.tag(
        version="9" * 32,
        transformers="9" * 32,
        accelerator=Accelerator("cu999"),
        python="3.99",
        base="a" * 20,
    )
    assert TAG.fullmatch(tag)


def test_globs_pick_in_the_manifest_s_order_and_each_variant_once(good: Sample) -> None:
    variants = good.manifest().variants
    picked = pick(variants, ["*-cpu", "pytorch-*", "*-cpu"])
    assert picked == tuple(
        v for v in variants if v.accelerator.name == "cpu" or v.release.framework == "pytorch"
    )
    assert pick(variants, []) == variants


@pytest.mark.parametrize(
    ("globs", "told"),
    [
        (["nothing"], "no variant matches 'nothing'; `dockwright list` shows them all"),
        (["*-cpu", "nothing"], "no variant matches 'nothing'; `dockwright list` shows them all"),
        (["training-cpu"], "no variant matches 'training-cpu'; '*training-cpu*' matches 2; "),
        (
            ["pytorch-9.1.0-transformers7.8.0-py311-debian12-training-cup"],
            "did you mean 'pytorch-9.1.0-transformers7.8.0-py311-debian12-training-cpu'?",
        ),
        ([""], "no variant matches ''"),
    ],
)
def test_a_glob_that_matches_nothing_is_an_error_with_a_hint(
    good: Sample, globs: list[str], told: str
) -> None:
    with pytest.raises(NothingSelectedError, match=re.escape(told)):
        pick(good.manifest().variants, globs)


def test_an_empty_matrix_is_an_error() -> None:
    with pytest.raises(NothingSelectedError, match="no variant matches"):
        pick([], [])


def test_every_combination_of_job_and_accelerator_is_a_variant_in_order(good: Sample) -> None:
    variants = good.manifest().variants
    found = [
        (v.job.value, v.accelerator.name) for v in variants if v.release.framework == "pytorch"
    ]
    assert found == list(product(("inference", "training"), ("cpu", "cu999")))
