"""Layers: every wheel once, heavy ones alone, what is shared shared whole, in a stable order."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

import strategies
from dockwright.composition.layers import (
    HEAVY_BYTES,
    layers_of_release,
    layers_of_variant,
)
from dockwright.spec.lock import FORMAT, Group, LockedWheel, ReleaseLock


def folders(lock: ReleaseLock) -> list[str]:
    return sorted({folder for locked in lock.wheels for folder in locked.used_by})


@given(strategies.locks())
def test_an_image_s_layers_hold_each_of_its_wheels_once_and_no_other(lock: ReleaseLock) -> None:
    for folder in folders(lock):
        laid = Counter(w for layer in layers_of_variant(lock, folder) for w in layer.wheels)
        assert laid == Counter(locked.wheel for locked in lock.of(folder))


@given(strategies.locks())
def test_every_wheel_of_a_release_is_in_one_layer_build_tools_included(lock: ReleaseLock) -> None:
    laid = Counter(w for layer in layers_of_release(lock) for w in layer.wheels)
    assert laid == Counter(locked.wheel for locked in lock.wheels)


@given(strategies.locks())
def test_a_heavy_wheel_is_alone_in_its_layer(lock: ReleaseLock) -> None:
    for layer in layers_of_release(lock):
        assert len(layer.wheels) == 1 or all(w.size_bytes < HEAVY_BYTES for w in layer.wheels)


@given(strategies.locks(), st.data())
def test_the_order_of_the_lock_does_not_matter(lock: ReleaseLock, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(lock.wheels))
    assert layers_of_release(replace(lock, wheels=tuple(shuffled))) == layers_of_release(lock)


@given(strategies.locks())
def test_what_two_images_share_is_in_the_very_same_layers_in_the_same_order(
    lock: ReleaseLock,
) -> None:
    for one in folders(lock):
        for other in folders(lock):
            mine, theirs = layers_of_variant(lock, one), layers_of_variant(lock, other)
            shared = {w.wheel for w in lock.of(one)} & {w.wheel for w in lock.of(other)}
            holding = [layer for layer in mine if shared & set(layer.wheels)]
            assert holding == [layer for layer in theirs if shared & set(layer.wheels)]
            assert {w for layer in holding for w in layer.wheels} == shared


@given(strategies.locks())
def test_what_all_jobs_have_is_laid_before_what_one_job_adds(lock: ReleaseLock) -> None:
    for folder in folders(lock):
        own = [layer.is_own for layer in layers_of_variant(lock, folder)]
        assert own == sorted(own)


@given(strategies.locks())
def test_a_layer_s_name_is_its_own_and_fit_for_a_stage_and_a_file(lock: ReleaseLock) -> None:
    names = [layer.name for layer in layers_of_release(lock)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) for name in names)


@given(strategies.locks())
def test_layers_of_equal_content_have_equal_keys_and_others_have_not(lock: ReleaseLock) -> None:
    layers = layers_of_release(lock)
    assert len({layer.key for layer in layers}) == len({layer.wheels for layer in layers})
    again = layers_of_release(replace(lock, requirements_sha256="f" * 64))
    assert [layer.key for layer in again] == [layer.key for layer in layers]


EVERY = ("inference/cpu", "inference/cu999", "training/cpu", "training/cu999")
GPU, TRAINING = EVERY[1::2], EVERY[2:]
HEAVY = HEAVY_BYTES
# name, size, group, used by -> the name of its layer
NAMED = (
    ("pip", 1, Group.PYTHON, EVERY, "python"),
    ("torch", HEAVY, Group.FRAMEWORK, GPU, "torch-cu999"),
    ("nvtx", 1, Group.FRAMEWORK, GPU, "framework-cu999"),
    ("sympy", 1, Group.FRAMEWORK, EVERY, "framework"),
    ("transformers", 1, Group.HUGGINGFACE, EVERY, "huggingface"),
    ("peft", 1, Group.HUGGINGFACE, TRAINING, "huggingface-training"),
    ("numpy", 1, Group.COMMON, EVERY, "common"),
    ("pyarrow", HEAVY, Group.COMMON, TRAINING, "pyarrow"),
    ("datasets", 1, Group.COMMON, TRAINING, "training"),
    ("sox", 1, Group.COMMON, EVERY[:1], "inference-cpu"),
    # In all GPU images and, for another reason, in the CPU image for training.
    (
        "setuptools",
        1,
        Group.COMMON,
        EVERY[1:],
        "common-inference-cu999-training-cpu-training-cu999",
    ),
)


def test_layers_are_named_by_what_they_hold_and_who_has_them() -> None:
    wheels = tuple(
        LockedWheel(wheel=strategies.wheel(name, size_bytes=size), group=group, used_by=used_by)
        for name, size, group, used_by, _ in NAMED
    )
    lock = ReleaseLock(format=FORMAT, requirements_sha256="0" * 64, wheels=wheels)
    found = {layer.wheels[0].name: layer.name for layer in layers_of_release(lock)}
    assert found == {name: expected for name, *_, expected in NAMED}
