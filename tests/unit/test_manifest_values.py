"""A wrong value, key or name is told at its line, with what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.errors import ManifestError

if TYPE_CHECKING:
    from sample import Sample

BASE = r"^[a-z][a-z0-9]*(\.[a-z0-9]+)*$"
TITLE = r"^[A-Za-z0-9]([A-Za-z0-9 .,+&()/_-]*[A-Za-z0-9.)])?$"

# An edit of the sample's pytorch.yml, and the line that must be told.
CASES = {
    "no such month": (
        "ga: 2026-01-15",
        "ga: 2026-13-15",
        '11: releases.0.ga: "2026-13-15" should be a valid date in the format YYYY-MM-DD, month value is outside expected range of 1-12',
    ),
    "no such day": (
        "ga: 2026-01-15",
        "ga: 2026-02-30",
        '11: releases.0.ga: "2026-02-30" should be a valid date in the format YYYY-MM-DD, day value is outside expected range',
    ),
    "time": (
        "ga: 2026-01-15",
        "ga: 2026-01-15T00:00:00Z",
        '11: releases.0.ga: "2026-01-15T00:00:00Z" should be a valid date in the format YYYY-MM-DD, unexpected extra characters at the end of the input',
    ),
    "date without dashes": (
        "ga: 2026-01-15",
        "ga: 20260115",
        "11: releases.0.ga: 20260115 is not a date; write it as 2026-12-31",
    ),
    "dates in the wrong order": (
        "2127-01-15",
        "2026-01-15",
        "9: releases.0: end_of_patch 2026-01-15 is not after ga 2026-01-15",
    ),
    "no transformers": (
        '      transformers: "7.8.0"\n',
        "",
        "9: releases.0: huggingface has no pin for transformers, which names the release",
    ),
    "unknown key": (
        "huggingface:",
        "hugginface:",
        "20: releases.0.hugginface: unknown key; did you mean 'huggingface'?",
    ),
    "unknown key far from any": ("huggingface:", "zzz:", "20: releases.0.zzz: unknown key"),
    "missing key": (
        "huggingface:",
        "hugginface:",
        "9: releases.0.huggingface: this key is required",
    ),
    "unknown key within": (
        "driver:",
        "drivers:",
        "19: releases.0.accelerators.cu999.drivers: unknown key; did you mean 'driver'?",
    ),
    "unknown kind": (
        "  gpu: {",
        "  gpus: {",
        "6: distributions.gpus: \"gpus\" is not one of cpu, gpu; did you mean 'gpu'?",
    ),
    "unknown job": (
        "[inference, training]",
        "[inference, trainin]",
        "13: releases.0.jobs.1: \"trainin\" is not one of training, inference; did you mean 'training'?",
    ),
    "no jobs": ("[inference, training]", "[]", "13: releases.0.jobs: must not be empty"),
    "word for a list": (
        "[inference, training]",
        "inference",
        '13: releases.0.jobs: "inference" is not a list',
    ),
    "list for a mapping": (
        "{inference: 300, training: 400}",
        "[300, 400]",
        "16: releases.0.accelerators.cpu.budget_mb: [300, 400] is not a mapping of keys to values",
    ),
    "list for a model": (
        "{name: torch}",
        "[torch]",
        '6: distributions.gpu: ["torch"] is not a mapping of keys to values',
    ),
    "unknown accelerator": (
        "cu999:",
        "cu9:",
        '17: releases.0.accelerators.cu9: "cu9" is not allowed; it must match ^(cpu|cu[1-9][0-9]{2})$',
    ),
    "path for a base": (
        "base: debian12",
        "base: ../../etc",
        f'10: releases.0.base: "../../etc" is not allowed; it must match {BASE}',
    ),
    "dots for a base": (
        "base: debian12",
        "base: a..b",
        f'10: releases.0.base: "a..b" is not allowed; it must match {BASE}',
    ),
    "quote in a title": (
        "title: PyTorch",
        "title: 'Py\"Torch'",
        f'1: title: "Py\\"Torch" is not allowed; it must match {TITLE}',
    ),
    "variable in a title": (
        "title: PyTorch",
        "title: Py$HOME",
        f'1: title: "Py$HOME" is not allowed; it must match {TITLE}',
    ),
    "line separator in a title": (
        "title: PyTorch",
        'title: "a\\LRUN id"',
        f'1: title: "a\u2028RUN id" is not allowed; it must match {TITLE}',
    ),
    "backslash in a title": (
        "title: PyTorch",
        "title: Py\\",
        f'1: title: "Py\\\\" is not allowed; it must match {TITLE}',
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_a_wrong_value_is_told_at_its_line(good: Sample, old: str, new: str, expected: str) -> None:
    good.edit("pytorch.yml", old, new)
    with pytest.raises(ManifestError) as caught:
        good.manifest()
    assert f"buildspec/pytorch.yml:{expected}" in str(caught.value).split("\n")


# The same of common.yml.
COMMON = {
    "option for a package": (
        "[ca-certificates,",
        '["-o=x",',
        '17: bases.debian12.packages.0: "-o=x" is not allowed; it must match ^[a-z0-9][a-z0-9+.-]+$',
    ),
    "path for a suite": (
        "bookworm",
        "../sid",
        '11: bases.debian12.suite: "../sid" is not allowed; it must match ^[a-z][a-z0-9]*(-[a-z0-9]+)*$',
    ),
    "path for a base's name": (
        "  debian12:",
        "  ../x:",
        f'10: bases.../x: "../x" is not allowed; it must match {BASE}',
    ),
    "epoch before zip": (
        "1767225600",
        "-1",
        "15: bases.debian12.epoch: -1 should be greater than or equal to 315532800",
    ),
    "epoch in milliseconds": (
        "1767225600",
        "1767225600000",
        "15: bases.debian12.epoch: 1767225600000 should be less than 4102444800",
    ),
    "job without packages": (
        "[git]",
        "[]",
        "19: bases.debian12.job_packages.training: must not be empty",
    ),
    "index without TLS": (
        "https:",
        "http:",
        '23: indexes.example-cpu: "http://wheels.example.org/cpu" is not allowed; it must match ^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*/?$',
    ),
    "index with a password": (
        "https://",
        "https://me:pw@",
        '23: indexes.example-cpu: "https://me:pw@wheels.example.org/cpu" is not allowed; it must match ^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*/?$',
    ),
    "unknown framework": (
        "tensorflow]",
        "tensorflw]",
        "2: frameworks.1: \"tensorflw\" is not one of pytorch, tensorflow; did you mean 'tensorflow'?",
    ),
    "framework named twice": (
        "tensorflow]",
        "pytorch]",
        "2: frameworks: a framework is written twice: pytorch, pytorch",
    ),
    "no frameworks": ("[pytorch, tensorflow]", "[]", "2: frameworks: must not be empty"),
    "architecture": (
        "amd64",
        "arm64",
        "12: bases.debian12.architecture: \"arm64\" is not one of amd64; did you mean 'amd64'?",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), COMMON.values(), ids=COMMON.keys())
def test_a_wrong_value_that_all_share_is_told_at_its_line(
    good: Sample, old: str, new: str, expected: str
) -> None:
    good.edit("common.yml", old, new)
    with pytest.raises(ManifestError) as caught:
        good.manifest()
    assert str(caught.value).split("\n") == [f"buildspec/common.yml:{expected}"]
