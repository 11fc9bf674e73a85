"""A wrong overlay: every problem at once, by file, line and path, with the nearest right word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.errors import ManifestError

if TYPE_CHECKING:
    from pathlib import Path

    from sample import Sample
    from unit.conftest import Run

OURS = "9.1.0-transformers7.8.0-py311-debian12"
EXTEND = """\
extend:
  - releases: "9.1.0-*"
    flavor: iris
    environment: {IRIS: "1"}
"""
OWN = """\
releases:
  - version: "8.9.0"
    flavor: iris
    base: debian12
    ga: 2026-01-15
    end_of_patch: 2127-01-15
    jobs: [inference]
    accelerators:
      cpu:
        budget_mb: {inference: 300}
    huggingface:
      transformers: "7.7.0"
"""


def refused(team: Sample) -> str:
    with pytest.raises(ManifestError) as caught:
        team.manifest()
    return str(caught.value)


def put(team: Sample, text: str, name: str = "pytorch.yml") -> Path:
    assert team.ws.overlay is not None
    path = team.ws.overlay / name
    path.write_text(text, encoding="utf-8")
    return path


# Edits of the team's file, and what is told of each.
WRONG = {
    "key": ("    extras:", "    extra:", "5: extend.0.extra: unknown key; did you mean 'extras'?"),
    "no flavor": ("    flavor: orchid\n", "", "3: extend.0.flavor: this key is required"),
    "flavor": (
        "flavor: orchid",
        "flavor: Orchid/1",
        '4: extend.0.flavor: "Orchid/1" is not allowed',
    ),
    "long flavor": (
        "flavor: orchid",
        "flavor: a23456789012345678901",
        '4: extend.0.flavor: "a23456789012345678901" should have at most 20',
    ),
    "release": (
        '"9.1.0-*"',
        '"9.1.0-transformers7.8.1-py311-debian12"',
        (
            "3: extend.0.releases: '9.1.0-transformers7.8.1-py311-debian12' matches no release of ours; "
            f"did you mean '{OURS}'?"
        ),
    ),
    "glob": (
        '"9.1.0-*"',
        '"1.*"',
        f"3: extend.0.releases: '1.*' matches no release of ours; there is: {OURS}",
    ),
    "job": ("      training:\n", "      trainin:\n", "9: extend.0.extras.trainin: "),
    "pinned": (
        'datasets: "6.0.0"',
        'tokenizers: "7.0.2"',
        (
            f"7: extend.0.extras.inference.tokenizers: {OURS} pins tokenizers 7.0.1 already; an overlay "
            "only adds"
        ),
    ),
    "pinned for the job": (
        'datasets: "6.0.0"',
        'sentencepiece: "0.9"',
        f"7: extend.0.extras.inference.sentencepiece: {OURS} pins sentencepiece 0.9 already",
    ),
    "budget": (
        "more_mb: {inference: 50, training: 1}",
        "more_mb: {inference: 50}",
        "3: extend.0: more_mb needs one size for each of the jobs with extras",
    ),
    "unpacked": (
        "more_mb: {inference: 50, training: 1}",
        "more_mb: {inference: 50, training: 1}\n    more_unpacked_mb: {training: 1}",
        "3: extend.0: more_unpacked_mb needs one size for each of the jobs with extras",
    ),
    "shell": (
        'ORCHID_MODE: "1"',
        'ORCHID_MODE: "$(id)"',
        '11: extend.0.environment.ORCHID_MODE: "$(id)" is not allowed',
    ),
    "exclude": (
        '"*-orchid-*-cu999"',
        '"*-orchis-*"',
        "15: exclude.0.match: '*-orchis-*' matches no variant; remove it or mend the pattern",
    ),
    "no reason": (
        "    reason: The team has no GPUs.\n",
        "",
        "15: exclude.0.reason: this key is required",
    ),
}


@pytest.mark.parametrize(("old", "new", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_by_file_and_line(
    team: Sample, old: str, new: str, told: str
) -> None:
    team.edit("pytorch.yml", old, new)
    assert f"orchid/pytorch.yml:{told}" in refused(team)


def test_an_extension_that_adds_nothing_is_refused(team: Sample) -> None:
    put(team, EXTEND.replace('    environment: {IRIS: "1"}\n', ""))
    assert refused(team) == ("orchid/pytorch.yml:2: extend.0: adds neither extras nor environment")


def test_a_release_gets_a_word_once(team: Sample) -> None:
    again = EXTEND.removeprefix("extend:\n").replace("9.1.0-*", "9.*")
    put(team, EXTEND + again)
    assert refused(team) == (
        f"orchid/pytorch.yml:5: extend.1: {OURS}-iris stands on line 2 already"
    )


def test_an_environment_adds_and_changes_nothing(team: Sample) -> None:
    text = EXTEND.replace("9.1.0", "8.2.0").replace("IRIS:", "TF_USE_LEGACY_KERAS:")
    put(team, text, "tensorflow.yml")
    assert refused(team) == (
        "orchid/tensorflow.yml:4: extend.0.environment.TF_USE_LEGACY_KERAS: the framework sets "
        "TF_USE_LEGACY_KERAS already"
    )
    put(team, text.replace("TF_USE_LEGACY_KERAS", "FABRIC_HOME"), "tensorflow.yml")
    assert refused(team).endswith("fabric sets FABRIC_HOME already")


def test_a_team_s_own_release_is_checked_as_ours_are(team: Sample) -> None:
    text = OWN.replace("base: debian12", "base: debian13")
    put(team, text.replace("{inference: 300}", "{training: 300}"))
    assert refused(team).splitlines() == [
        (
            "orchid/pytorch.yml:4: releases.0.base: no such base in common.yml; did you mean "
            "'debian12'?"
        ),
        (
            "orchid/pytorch.yml:10: releases.0.accelerators.cpu.budget_mb: needs one size for each of "
            "the jobs"
        ),
    ]
    put(team, OWN.replace("    flavor: iris\n", ""))
    assert refused(team) == "orchid/pytorch.yml:2: releases.0.flavor: this key is required"


def test_a_rule_of_ours_holds_for_what_a_team_adds(team: Sample) -> None:
    path = team.ws.buildspec_path / "common.yml"
    rule = (
        "rules:\n  - {framework: pytorch, package: einops, wants: '<0.8', reason: It is so., "
        "source: https://rules.example/einops}\n"
    )
    path.write_text(f"{path.read_text('utf-8')}\n{rule}", encoding="utf-8")
    assert "orchid/pytorch.yml:8: extend.0.extras.inference.einops: " in refused(team)


def test_a_tag_that_no_registry_takes_is_refused(team: Sample) -> None:
    long = "1.222222222222222.333333"
    text = OWN.replace("8.9.0", long).replace("7.7.0", long).replace("iris", "a2345678901234567890")
    gpu = 'cu999:\n        driver: "999.10"'
    put(team, text.replace("cpu:", gpu))
    assert "orchid/pytorch.yml:3: releases.0.flavor: " in refused(team)
    assert refused(team).endswith("is longer than the 128 letters that a tag may have")


def test_problems_of_all_files_are_told_at_once(team: Sample) -> None:
    team.edit("pytorch.yml", '"9.1.0-*"', '"1.*"')
    team.edit("pytorch.yml", '"*-orchid-*-cu999"', '"*-orchis-*"')
    put(team, "extend: 1\n", "tensorflow.yml")
    told = refused(team).splitlines()
    assert [line.partition(" ")[0] for line in told] == [
        "orchid/pytorch.yml:3:",
        "orchid/pytorch.yml:15:",
        "orchid/tensorflow.yml:1:",
    ]


def test_a_file_that_nobody_would_read_is_told(team: Sample) -> None:
    path = put(team, EXTEND, "tensorflwo.yml")
    assert refused(team) == (
        "orchid/tensorflwo.yml: no overlay has such a file; did you mean 'tensorflow.yml'?"
    )
    path.rename(path.with_name("mkdocs.yml"))
    team.manifest()  # a team's repository has other files, too


def test_a_folder_that_is_no_overlay_is_told(good: Sample, run: Run, tmp_path: Path) -> None:
    code, _, told = run(f"--spec {tmp_path} list")
    expected = f"{tmp_path}: an overlay has pytorch.yml or tensorflow.yml, and there is neither"
    assert (code, told) == (2, f"error: {expected}\n")
    assert run("--spec nowhere list")[0] == 2
    assert good.manifest().variants


def test_what_is_wrong_in_ours_is_told_first(team: Sample) -> None:
    path = team.ws.buildspec_path / "common.yml"
    path.write_text(path.read_text("utf-8").replace("vendor:", "vendro:"), encoding="utf-8")
    assert "buildspec/common.yml:3: vendro: unknown key; did you mean 'vendor'?" in refused(team)
