"""Names that point nowhere and things said twice are told, whichever file they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.errors import ManifestError

if TYPE_CHECKING:
    from sample import Sample

EXCLUDE = "\nexclude:\n  - match: {match}\n    reason: {reason}\n"
LAST = '        datasets: "6.0.0"\n'

# An edit of the sample's pytorch.yml, and all that must be told of it.
CASES = {
    "unknown base": (
        "base: debian12",
        "base: debian13",
        ["10: releases.0.base: no such base in common.yml; did you mean 'debian12'?"],
    ),
    "unknown index": (
        "index: example-cpu",
        "index: exmple-cpu",
        ["5: distributions.cpu.index: no such index in common.yml; did you mean 'example-cpu'?"],
    ),
    "job named twice": (
        "[inference, training]",
        "[inference, training, inference]",
        ["13: releases.0.jobs: inference is written twice"],
    ),
    "extras of a job that is not there": (
        "jobs: [inference, training]",
        "jobs: [inference]",
        [
            "16: releases.0.accelerators.cpu.budget_mb: needs one size for each of the jobs",
            "18: releases.0.accelerators.cu999.budget_mb: needs one size for each of the jobs",
            "26: releases.0.extras.training: the release has no such job",
        ],
    ),
    "no budget for a job": (
        "{inference: 300, training: 400}",
        "{inference: 300}",
        ["16: releases.0.accelerators.cpu.budget_mb: needs one size for each of the jobs"],
    ),
    "an unpacked size for one job alone": (
        "training: 400}",
        "training: 400}\n        unpacked_mb: {inference: 900}",
        ["17: releases.0.accelerators.cpu.unpacked_mb: needs one size for each of the jobs"],
    ),
    "GPU without a driver": (
        '        driver: "999.10"\n',
        "",
        ["17: releases.0.accelerators.cu999: driver belongs to every cuXYZ and not to cpu"],
    ),
    "CPU with a driver": (
        "training: 400}",
        'training: 400}\n        driver: "999.10"',
        ["15: releases.0.accelerators.cpu: driver belongs to every cuXYZ and not to cpu"],
    ),
    "no distribution for the GPU": (
        "  gpu: {name: torch}\n",
        "",
        [
            (
                "16: releases.0.accelerators.cu999: distributions has no entry for this kind of "
                "accelerator"
            ),
        ],
    ),
    "conflict of an accelerator that is not there": (
        LAST,
        LAST + "    pip_check:\n      - {line: x, reason: y, accelerators: [cpu, cu998]}\n",
        ["29: releases.0.pip_check.0.accelerators: the release has no cu998"],
    ),
    "exclude that hits nothing": (
        LAST,
        LAST + EXCLUDE.format(match='"*-cu998"', reason="no such wheels"),
        ["30: exclude.0.match: '*-cu998' matches no variant; remove it or mend the pattern"],
    ),
    "exclude of another framework": (
        LAST,
        LAST + EXCLUDE.format(match='"tensorflow-*"', reason="not here"),
        ["30: exclude.0.match: 'tensorflow-*' matches no variant; remove it or mend the pattern"],
    ),
    "exclude without a reason": (
        LAST,
        LAST + EXCLUDE.format(match='"*-cu999"', reason='""'),
        ["31: exclude.0.reason: must not be empty"],
    ),
    "exclude with a blank reason": (
        LAST,
        LAST + EXCLUDE.format(match='"*-cu999"', reason='"  "'),
        ["31: exclude.0.reason: must not be empty"],
    ),
    "exclude with no reason at all": (
        LAST,
        LAST + EXCLUDE.format(match='"*-cu999"', reason=""),
        ["31: exclude.0.reason: has no value"],
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_what_points_nowhere_is_told_at_its_line(
    good: Sample, old: str, new: str, expected: list[str]
) -> None:
    good.edit("pytorch.yml", old, new)
    with pytest.raises(ManifestError) as caught:
        good.manifest()
    assert str(caught.value).split("\n") == [f"buildspec/pytorch.yml:{line}" for line in expected]


def test_a_release_written_twice_is_told_with_the_line_of_the_first(good: Sample) -> None:
    path = good.ws.buildspec_path / "pytorch.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text.partition("releases:\n")[2], encoding="utf-8")
    with pytest.raises(ManifestError) as caught:
        good.manifest()
    assert str(caught.value) == (
        "buildspec/pytorch.yml:28: releases.1: the same release stands on line 9"
    )


def test_the_same_version_with_other_transformers_is_another_release(good: Sample) -> None:
    path = good.ws.buildspec_path / "pytorch.yml"
    text = path.read_text(encoding="utf-8")
    second = text.partition("releases:\n")[2].replace('"7.8.0"', '"7.9.0"')
    path.write_text(text + second, encoding="utf-8")
    names = {v.release.name for v in good.manifest().variants if v.release.framework == "pytorch"}
    assert names == {
        "9.1.0-transformers7.8.0-py311-debian12",
        "9.1.0-transformers7.9.0-py311-debian12",
    }


def test_excludes_leave_exactly_the_other_variants(good: Sample) -> None:
    before = [v.identifier for v in good.manifest().variants]
    good.edit("pytorch.yml", LAST, LAST + EXCLUDE.format(match='"*-training-cu999"', reason="no"))
    after = [v.identifier for v in good.manifest().variants]
    assert after == [name for name in before if name not in set(before) - set(after)]
    assert set(before) - set(after) == {
        "pytorch-9.1.0-transformers7.8.0-py311-debian12-training-cu999"
    }
