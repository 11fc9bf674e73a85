"""A tag's CUDA is the one that is locked, and an image knows its like on an older one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.composition import render
from dockwright.errors import ManifestError
from dockwright.spec import cuda
from dockwright.spec import lock as locks

if TYPE_CHECKING:
    from dockwright.spec.variants import Release, Variant
    from sample import Sample

OLDER = """
  - version: "9.0.2"
    base: debian12
    ga: 2026-01-15
    end_of_patch: 2027-01-15
    jobs: [inference, training]
    accelerators:
      cu888:
        budget_mb: {inference: 2000, training: 2100}
        driver: "888.10"
    huggingface:
      transformers: "7.8.0"
"""
EXCLUDE = """
exclude:
  - match: "*-9.0.2-*-inference-*"
    reason: not built
"""


def releases(good: Sample, framework: str) -> list[Release]:
    return [v.release for v in good.manifest().variants if v.release.framework == framework]


def respell(good: Sample, old: str, new: str) -> Release:
    """Change a text of PyTorch's lock, every time it stands there."""
    release = releases(good, "pytorch")[0]
    path = locks.lock_path(good.ws.buildspec_path, release)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return release


def variant(good: Sample, identifier: str) -> Variant:
    (found,) = (v for v in good.manifest().variants if v.identifier == identifier)
    return found


def test_the_sample_says_which_cuda_it_has(good: Sample) -> None:
    for framework in ("pytorch", "tensorflow"):
        release = releases(good, framework)[0]
        cuda.require_truth(release, locks.load(good.ws.buildspec_path, release))


@pytest.mark.parametrize(
    ("version", "real"), [("99.8.13", "cu998"), ("13.0.96", "cu130"), ("100.9.1", "cu1009")]
)
def test_a_lock_of_another_cuda_than_the_manifests_names_both(
    good: Sample, version: str, real: str
) -> None:
    release = respell(good, '"version": "99.9.1"', f'"version": "{version}"')
    with pytest.raises(ManifestError) as refused:
        locks.load(good.ws.buildspec_path, release)
    lines = str(refused.value).splitlines()
    assert [line.partition(": ")[0].rpartition(" ")[2] for line in lines] == [
        "inference/cu999",
        "training/cu999",
    ]
    told = f"the manifest says cu999, the lock has nvidia-cuda-runtime {version}: that is {real}"
    assert all(line.endswith(told) for line in lines)


def test_cuda_without_its_runtime_is_refused(good: Sample) -> None:
    release = respell(good, '"nvidia-cuda-runtime"', '"nvidia-nvtx"')
    with pytest.raises(ManifestError, match="the lock has no nvidia-cuda-runtime"):
        locks.load(good.ws.buildspec_path, release)


def test_two_cuda_runtimes_are_refused(good: Sample) -> None:
    release = respell(good, '"nvidia-cudnn-cu99"', '"nvidia-cuda-runtime-cu9"')
    with pytest.raises(ManifestError, match="exactly one"):
        locks.load(good.ws.buildspec_path, release)


def test_a_cuda_image_asks_for_gpus_and_names_its_minimum_driver(good: Sample) -> None:
    gpu = variant(good, "pytorch-9.1.0-transformers7.8.0-py311-debian12-inference-cu999")
    cpu = variant(good, "pytorch-9.1.0-transformers7.8.0-py311-debian12-inference-cpu")
    of_cuda = {
        "DOCKWRIGHT_MINIMUM_DRIVER": "999.10",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        "NVIDIA_VISIBLE_DEVICES": "all",
    }
    assert render.environment(gpu) == dict(sorted({**render.environment(cpu), **of_cuda}.items()))


def test_an_image_knows_its_like_on_an_older_cuda(good: Sample) -> None:
    good.edit("pytorch.yml", "releases:", "releases:" + OLDER.rstrip())
    image = variant(good, "pytorch-9.1.0-transformers7.8.0-py311-debian12-inference-cu999")
    older = "huggingface-pytorch-inference:9.0.2-transformers7.8.0-gpu-py311-cu888-debian12"
    assert cuda.older_line(image) == older
    assert render.environment(image)["DOCKWRIGHT_OLDER_CUDA_IMAGE"] == older
    oldest = variant(good, "pytorch-9.0.2-transformers7.8.0-py311-debian12-inference-cu888")
    assert cuda.older_line(oldest) is None
    cpu = variant(good, "pytorch-9.1.0-transformers7.8.0-py311-debian12-inference-cpu")
    assert cuda.older_line(cpu) is None


def test_what_the_manifest_excludes_is_no_way_out(good: Sample) -> None:
    good.edit("pytorch.yml", "releases:", EXCLUDE.lstrip() + "\nreleases:" + OLDER.rstrip())
    image = variant(good, "pytorch-9.1.0-transformers7.8.0-py311-debian12-inference-cu999")
    assert cuda.older_line(image) is None
    image = variant(good, "pytorch-9.1.0-transformers7.8.0-py311-debian12-training-cu999")
    assert cuda.older_line(image) is not None
