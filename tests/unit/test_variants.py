"""A variant's facts follow from the manifest: what it is called, labelled, checked for, allowed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dockwright.spec import naming
from dockwright.spec.axes import Accelerator

if TYPE_CHECKING:
    from dockwright.spec.variants import Variant
    from sample import Sample


@pytest.fixture
def variants(good: Sample) -> dict[str, Variant]:
    """The sample's variants by framework, job and accelerator."""
    return {f"{v.release.framework} {v.job} {v.accelerator}": v for v in good.manifest().variants}


def test_a_variant_is_named_as_users_of_the_incumbent_know_it(variants: dict[str, Variant]) -> None:
    gpu, cpu = variants["pytorch training cu999"], variants["tensorflow inference cpu"]
    assert gpu.identifier == "pytorch-9.1.0-transformers7.8.0-py311-debian12-training-cu999"
    assert gpu.reference == (
        "huggingface-pytorch-training:9.1.0-transformers7.8.0-gpu-py311-cu999-debian12"
    )
    assert cpu.reference == (
        "huggingface-tensorflow-inference:8.2.0-transformers4.99.0-cpu-py311-debian12"
    )
    assert gpu.release.folder == "pytorch/9.1.0-transformers7.8.0-py311-debian12"
    assert gpu.folder == "training/cu999"
    assert naming.title(gpu) == "PyTorch 9.1.0 with Transformers 7.8.0: training on cu999"


def test_a_variant_is_checked_for_all_that_it_is(variants: dict[str, Variant]) -> None:
    assert variants["pytorch training cu999"].traits == ("common", "pytorch", "training", "cuda")
    assert variants["tensorflow inference cpu"].traits == (
        "common",
        "tensorflow",
        "inference",
        "cpu",
    )


def test_a_budget_is_of_the_job_on_the_accelerator(variants: dict[str, Variant]) -> None:
    assert variants["pytorch training cu999"].budget_bytes == 2_100_000_000
    assert variants["pytorch inference cpu"].budget_bytes == 300_000_000
    assert variants["pytorch inference cpu"].unpacked_budget_bytes is None


def test_a_budget_of_unpacked_bytes_is_the_manifest_s_to_give(good: Sample) -> None:
    budgets = "{inference: 300, training: 400}"
    further = f"{budgets}\n        unpacked_mb: {{inference: 900, training: 1200}}"
    good.edit("pytorch.yml", budgets, further)
    inference, *_ = good.manifest().variants
    assert inference.unpacked_budget_bytes == 900_000_000


def test_each_accelerator_takes_its_own_distribution(variants: dict[str, Variant]) -> None:
    release = variants["tensorflow inference cpu"].release
    assert release.distribution(Accelerator("cpu")).name == "tensorflow-cpu"
    assert release.distribution(Accelerator("cu999")).name == "tensorflow"


def test_an_image_has_at_most_the_ten_labels_that_sagemaker_takes(
    variants: dict[str, Variant],
) -> None:
    for variant in variants.values():
        labels = naming.labels(variant)
        assert list(labels) == sorted(labels)
        ours = [name for name in labels if name.startswith(f"{naming.DLC_LABEL}.")]
        assert 1 <= len(ours) <= 10
        assert {labels[name] for name in ours} == {"true"}
        assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in labels)


def test_labels_say_which_image_it_is_and_until_when_it_is_patched(
    variants: dict[str, Variant],
) -> None:
    labels = naming.labels(variants["pytorch training cu999"])
    assert labels["dockwright.identifier"] == variants["pytorch training cu999"].identifier
    assert labels["dockwright.end-of-patch"] == "2127-01-15"
    assert labels["org.opencontainers.image.vendor"] == "Sample (Images) & Co."
    for fact in (
        "device.gpu",
        "framework.pytorch.9-1-0",
        "job.training",
        "python.py311",
        "transformers.7-8-0",
    ):
        assert f"{naming.DLC_LABEL}.{fact}" in labels


@pytest.mark.parametrize("name", ["gpu", "cu1", "cu099", "cu1234", "CPU", "cpu\n", ""])
def test_another_accelerator_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="is not an accelerator; use 'cpu' or 'cuXYZ'"):
        Accelerator(name)


def test_accelerators_know_their_kind() -> None:
    cpu, cuda = Accelerator("cpu"), Accelerator("cu132")
    assert (cpu.kind, cpu.trait, cuda.kind, cuda.trait) == ("cpu", "cpu", "gpu", "cuda")
    assert sorted([cuda, cpu]) == [cpu, cuda]
