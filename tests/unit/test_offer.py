"""One image for a few words: the newest that is all that was asked for, or what there is instead."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockwright.errors import NothingSelectedError
from dockwright.spec.offer import Offer, Wanted, choose

OLD = Offer(
    identifier="pytorch-2.9.0-inference-cpu",
    framework="pytorch",
    version="2.9.0",
    transformers="5.1.0",
    python="3.11",
    base="debian12",
    job="inference",
    accelerator="cpu",
    driver=None,
    repository="huggingface-pytorch-inference",
    tag="2.9.0-cpu",
)
NEW = replace(OLD, version="2.13.0", transformers="5.23.0", tag="2.13.0-cpu")
LEGACY = replace(NEW, transformers="4.57.6", tag="2.13.0-4-cpu")
GPU = replace(NEW, accelerator="cu130", driver="580.65", tag="2.13.0-cu130")
OLDER_GPU = replace(OLD, accelerator="cu128", driver="525.60", tag="2.9.0-cu128")
OFFERS = (OLD, NEW, LEGACY, GPU, OLDER_GPU)


@pytest.mark.parametrize(
    ("wanted", "offer"),
    [
        (Wanted(accelerator="cpu"), NEW),
        (Wanted(accelerator="gpu"), GPU),
        (Wanted(accelerator="cu128"), OLDER_GPU),
        (Wanted(accelerator="gpu", driver="550.54"), OLDER_GPU),
        (Wanted(accelerator="cpu", version="2.9"), OLD),
        (Wanted(accelerator="cpu", transformers="4"), LEGACY),
        (Wanted(accelerator="cpu", transformers="4.57.6"), LEGACY),
    ],
)
def test_the_newest_that_fits_is_taken(wanted: Wanted, offer: Offer) -> None:
    assert choose(OFFERS, wanted) == offer


def test_a_line_is_not_a_prefix_of_letters() -> None:
    with pytest.raises(NothingSelectedError):
        choose(OFFERS, Wanted(version="2.1"))


def test_what_there_is_instead_is_told_for_each_thing_asked_for() -> None:
    wanted = Wanted(framework="pytorch", accelerator="gpu", version="2.13", driver="550.54")
    with pytest.raises(NothingSelectedError) as raised:
        choose(OFFERS, wanted)
    assert str(raised.value) == (
        "there is no image with framework pytorch, accelerator gpu, version 2.13, driver 550.54; "
        "there is: accelerator cpu; version 2.9.0; driver 580.65"
    )


def test_without_any_near_image_the_list_is_pointed_to() -> None:
    with pytest.raises(NothingSelectedError, match="dockwright list"):
        choose(OFFERS, Wanted(framework="jax", job="training"))


@given(st.sampled_from(OFFERS), st.permutations(OFFERS))
def test_whatever_is_named_in_full_is_found_in_any_order(offer: Offer, offers: list[Offer]) -> None:
    wanted = Wanted(
        framework=offer.framework,
        job=offer.job,
        accelerator=offer.accelerator,
        version=offer.version,
        transformers=offer.transformers,
        python=offer.python,
        base=offer.base,
    )
    assert choose(offers, wanted) == offer
