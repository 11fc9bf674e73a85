"""A team's folder laid on ours: its images are ours and more, and neither writes into the other's."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import publishing
import sample
from dockwright import image_uris
from dockwright.composition.layers import layers_of_release, layers_of_variant
from dockwright.composition.plan import Kind, plan_image
from dockwright.composition.render import environment
from dockwright.errors import StaleError
from dockwright.spec import layer_lock, modules, naming, records, selector, tags
from dockwright.spec import lock as locks
from dockwright.spec.axes import Accelerator, Job
from dockwright.stages import profile
from dockwright.stages.attest import sources
from dockwright.stages.plan import forecast

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dockwright.spec.variants import Variant
    from sample import Sample
    from unit.conftest import Run

OURS = "pytorch-9.1.0-transformers7.8.0-py311-debian12"
ORCHID = f"{OURS}-orchid"
OWN = """\
releases:
  - version: "8.9.0"
    flavor: orchid
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


@pytest.fixture
def team(good: Sample) -> Sample:
    return sample.overlaid(good)


@pytest.fixture
def typed(team: Sample, run: Run) -> Callable[[str], tuple[int, str, str]]:
    """Run the program with the team's overlay."""
    return lambda command: run(f"--spec {team.ws.overlay} {command}")


def pick(team: Sample, identifier: str) -> Variant:
    (found,) = selector.pick(team.manifest().variants, [identifier])
    return found


def folder_of(team: Sample) -> Path:
    assert team.ws.overlay is not None
    return team.ws.overlay


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_team_s_images_come_after_ours_which_stay_as_they_are(good: Sample, team: Sample) -> None:
    ours = [v.identifier for v in good.manifest().variants]
    assert [v.identifier for v in team.manifest().variants] == [
        *ours,
        f"{ORCHID}-inference-cpu",
        f"{ORCHID}-training-cpu",
    ]


def test_its_names_end_with_the_team_s_word_and_no_alias_of_ours_moves(
    good: Sample, team: Sample
) -> None:
    every = team.manifest().variants
    (orchid,) = selector.pick(every, [f"{ORCHID}-inference-cpu"])
    full = "9.1.0-transformers7.8.0-cpu-py311-debian12-orchid"
    assert orchid.reference == f"huggingface-pytorch-inference:{full}"
    assert tags.of(orchid, every) == (
        full,
        "9.1-transformers7.8-cpu-py311-debian12-orchid",
        "9.1.0-cpu-py311-orchid",
    )
    ours = good.manifest().variants
    for variant, laid_on in zip(ours, every, strict=False):
        assert tags.of(variant, ours) == tags.of(laid_on, every)
    assert naming.labels(orchid)["org.opencontainers.image.version"].endswith("-debian12-orchid")


def test_what_it_adds_is_on_top_of_what_ours_says(team: Sample) -> None:
    ours, orchid = pick(team, f"{OURS}-inference-cpu"), pick(team, f"{ORCHID}-inference-cpu")
    assert orchid.release.spec.extras[Job.INFERENCE] == {
        "sentencepiece": "0.9",
        "datasets": "6.0.0",
        "einops": "0.8.1",
    }
    assert orchid.budget_bytes == ours.budget_bytes + 50_000_000
    assert orchid.unpacked_budget_bytes is ours.unpacked_budget_bytes is None
    assert environment(orchid) == dict(sorted({**environment(ours), "ORCHID_MODE": "1"}.items()))


def test_every_layer_of_our_image_is_below_the_team_s(team: Sample) -> None:
    ours, orchid = forecast(
        team.ws, [pick(team, f"{name}-inference-cpu") for name in (OURS, ORCHID)]
    )
    below, above = ours.image.layers, orchid.image.layers[len(ours.image.layers) :]
    assert orchid.image.layers[: len(below)] == below
    assert [layer.name for layer in above] == ["overlay", "overlay-pyarrow", "overlay-inference"]
    assert list(orchid.assembled.layers.items())[: len(below)] == list(
        ours.assembled.layers.items()
    )
    assert orchid.assembled.digest not in {None, ours.assembled.digest}


def test_what_another_job_s_images_have_is_the_very_same_layer(team: Sample) -> None:
    lock = locks.load(team.ws.buildspec_path, pick(team, f"{ORCHID}-inference-cpu").release)
    by_name = {layer.name: layer for layer in layers_of_release(lock)}
    assert by_name["overlay-pyarrow"].key == by_name["pyarrow"].key
    assert by_name["overlay-inference"].key == by_name["training"].key
    committed = layer_lock.load(folder_of(team), ORCHID).layers
    assert [layer.name for layer in committed] == ["overlay"]


def test_an_image_with_os_packages_has_the_team_s_layers_above_these(team: Sample) -> None:
    orchid = pick(team, f"{ORCHID}-training-cpu")
    planned = plan_image(orchid, locks.load(team.ws.buildspec_path, orchid.release), None, None)
    kinds = [layer.kind for layer in planned.layers]
    assert kinds.index(Kind.OS) < len(kinds) - 1
    assert planned.layers[-1].name == "overlay"


def test_our_list_of_compiled_modules_holds_and_the_team_s_adds_to_it(team: Sample) -> None:
    path = modules.path_of(folder_of(team), ORCHID)
    path.parent.mkdir()
    path.write_text(modules.dumps({"einops": ["einops/a.py"], "torch": ["torch/b.py"]}), "utf-8")
    orchid = pick(team, f"{ORCHID}-training-cpu")
    lock = locks.load(team.ws.buildspec_path, orchid.release)
    assert dict(lock.modules)["einops"] == ("einops/a.py",)
    assert "torch/b.py" not in dict(lock.modules)["torch"]
    bytecode = [layer.bytecode for layer in layers_of_variant(lock, orchid.folder)]
    assert bytecode[-1] == "overlay-bytecode"


def test_only_the_team_s_own_modules_are_written(
    team: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {ORCHID: {"einops": {"einops/a.py"}, "torch": {"torch/b.py"}}}
    monkeypatch.setattr(profile, "_imported", lambda *_: found)
    orchid = pick(team, f"{ORCHID}-training-cpu")
    before = tree(team.ws.root)
    profile.profile(team.ws, [orchid], [orchid.release], None)  # type: ignore[arg-type]
    assert modules.load(folder_of(team), ORCHID) == (("einops", ("einops/a.py",)),)
    assert tree(team.ws.root) == before


def test_excludes_hold_for_ours_too_but_with_the_overlay_alone(good: Sample, team: Sample) -> None:
    team.edit("pytorch.yml", 'match: "*-orchid-*-cu999"', 'match: "*-cu999"')
    of_team = [v.identifier for v in team.manifest().variants]
    assert f"{OURS}-training-cu999" not in of_team
    assert f"{ORCHID}-training-cpu" in of_team
    assert f"{OURS}-training-cu999" in [v.identifier for v in good.manifest().variants]


def test_a_release_of_the_team_s_own_is_solved_for_itself(team: Sample) -> None:
    path = folder_of(team) / "pytorch.yml"
    path.write_text(f"{path.read_text('utf-8')}\n{OWN}", encoding="utf-8")
    variant = team.manifest().variants[-1]
    release = variant.release
    assert (
        variant.identifier == "pytorch-8.9.0-transformers7.7.0-py311-debian12-orchid-inference-cpu"
    )
    assert locks.requirements(release, Accelerator("cpu")).framework == ("torch==8.9.0+cpu",)
    assert locks.lock_path(team.ws.buildspec_path, release).parent == folder_of(team) / "locks"
    with pytest.raises(StaleError, match=r"^orchid/locks/.* run `dockwright --spec \S+ lock`$"):
        locks.load(team.ws.buildspec_path, release)


def test_a_team_s_lock_is_stale_once_ours_is_another(team: Sample) -> None:
    orchid = pick(team, f"{ORCHID}-training-cpu").release
    ours = pick(team, f"{OURS}-training-cpu").release
    path = locks.lock_path(team.ws.buildspec_path, ours)
    text = path.read_text("utf-8")
    path.write_text(text.replace("1.14.0", "1.14.1"), encoding="utf-8")
    expected = (
        rf"^orchid/locks/{ORCHID}\.json is stale: the manifest or the lock of {OURS} has changed "
        rf"since; run `dockwright --spec {folder_of(team)} lock`$"
    )
    with pytest.raises(StaleError, match=expected):
        locks.load(team.ws.buildspec_path, orchid)
    path.write_text(text, encoding="utf-8")
    locks.load(team.ws.buildspec_path, orchid)
    team.edit("pytorch.yml", '"0.8.1"\n      training', '"0.8.2"\n      training')
    with pytest.raises(StaleError, match=r"is stale"):
        locks.load(team.ws.buildspec_path, pick(team, f"{ORCHID}-training-cpu").release)


def test_a_bump_of_ours_shows_first_where_ours_is_to_be_locked(team: Sample) -> None:
    path = team.ws.buildspec_path / "pytorch.yml"
    path.write_text(path.read_text("utf-8").replace('"7.0.1"', '"7.0.2"'), encoding="utf-8")
    with pytest.raises(StaleError, match=r"^buildspec/locks/.*run `dockwright lock`$"):
        locks.load(team.ws.buildspec_path, pick(team, f"{ORCHID}-training-cpu").release)


def test_what_is_generated_is_written_into_the_team_s_folder_alone(
    team: Sample, run: Run, typed: Run
) -> None:
    ours = tree(team.ws.root)
    assert typed("generate")[0] == typed("generate --check")[0] == 0
    assert tree(team.ws.root) == ours
    dockerfile = f"images/pytorch/{ORCHID.removeprefix('pytorch-')}/training/cpu/Dockerfile"
    assert dockerfile in tree(folder_of(team))
    stray = folder_of(team) / "images" / "pytorch" / "stray"
    stray.touch()
    code, _, told = typed("generate --check")
    assert (code, "orchid/images/pytorch/stray: generated by nothing" in told) == (4, True)
    before = tree(folder_of(team))
    assert run("generate")[0] == 0
    assert tree(folder_of(team)) == before


def test_the_locks_of_team_and_checkout_are_checked_apart(
    team: Sample, run: Run, typed: Run
) -> None:
    assert typed("lock --check")[0] == run("lock --check")[0] == 0
    (folder_of(team) / "locks" / "stray.json").touch()
    code, _, told = typed("lock --check")
    assert (code, told) == (
        4,
        "error: orchid/locks/stray.json: of nothing in the manifest; remove it\n",
    )
    assert run("lock --check")[0] == 0


def test_what_our_wheels_come_without_is_for_our_own_check(
    team: Sample, run: Run, typed: Run
) -> None:
    idle = "left_out: [{wheels: [torch==1.0], files: [torch/a.h], reason: Of an older release.}]"
    path = team.ws.buildspec_path / "pytorch.yml"
    path.write_text(f"{path.read_text('utf-8')}{idle}\n", encoding="utf-8")
    assert run("lock --check")[0] == 4
    assert typed("lock --check")[0] == 0


def test_a_layer_that_ours_knows_is_not_missed_in_the_team_s(team: Sample, typed: Run) -> None:
    layer_lock.path_of(folder_of(team), ORCHID).unlink()
    code, _, told = typed("lock --check")
    assert code == 4
    remedy = f"run `dockwright --spec {folder_of(team)} lock --layers`"
    assert told.endswith(
        f"orchid/locks/{ORCHID}.layers.json is stale: it lacks overlay; {remedy}\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        "bump transformers",
        "bump --security",
        "release new pytorch 9.2.0 --like 9.1",
        "outdated",
        "changelog HEAD~1..HEAD",
        "schema",
        "lock --base",
    ],
)
def test_what_is_for_our_own_manifest_is_refused(team: Sample, typed: Run, command: str) -> None:
    before = team.tree()
    code, _, told = typed(command)
    assert code == 1
    assert f"without --spec and DOCKWRIGHT_SPEC, which are of the overlay {team.ws.overlay}" in told
    assert team.tree() == before


def test_the_overlay_may_be_a_setting_and_an_option_goes_first(
    team: Sample, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKWRIGHT_SPEC", str(team.ws.overlay))
    assert ORCHID in run("list")[1]
    monkeypatch.setenv("DOCKWRIGHT_SPEC", "nowhere")
    assert run("list")[0] == 2
    assert ORCHID in run(f"--spec {team.ws.overlay} list")[1]
    monkeypatch.setenv("DOCKWRIGHT_SPEC", "")
    assert ORCHID not in run("list")[1]


def test_without_its_word_our_image_is_named(typed: Run, run: Run) -> None:
    asked = "uri --framework pytorch --job inference --accelerator cpu"
    assert typed(asked)[1] == run(asked)[1]
    assert typed(f"{asked} --flavor orchid")[1].strip().endswith("-debian12-orchid")
    code, _, told = typed(f"{asked} --flavor orchis")
    assert (code, "there is: orchid" in told) == (3, True)
    code, _, told = typed("uri --framework tensorflow --flavor orchid")
    assert (code, "there is: framework pytorch" in told) == (3, True)
    assert run(f"{asked} --flavor orchid")[0] == 3


def test_code_names_a_team_s_images_by_its_word(
    team: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKWRIGHT_SPEC", str(team.ws.overlay))
    words = {"framework": "pytorch", "image_scope": "inference", "instance_type": "local"}
    assert not image_uris.retrieve(**words).endswith("orchid")
    assert image_uris.retrieve(**words, flavor="orchid").endswith("orchid")


def test_the_catalogue_and_the_matrix_have_them_by_their_word(
    team: Sample, typed: Run, tmp_path: Path
) -> None:
    assert typed(f"catalog --to {tmp_path}")[0] == 0
    images = json.loads((tmp_path / "catalog.json").read_text("utf-8"))["images"]
    flavors = {image["identifier"]: image["flavor"] for image in images}
    assert flavors[f"{ORCHID}-training-cpu"] == "orchid"
    assert flavors[f"{OURS}-training-cpu"] is None
    aliases = {image["identifier"]: image["aliases"] for image in images}
    assert "9.1.0-cpu-py311-orchid" in aliases[f"{ORCHID}-training-cpu"]
    assert "9.1.0-cpu-py311" in aliases[f"{OURS}-training-cpu"]
    matrix = json.loads(typed("matrix *-orchid-*")[1])
    assert {row["flavor"] for row in matrix} == {"orchid"}
    assert len(matrix) == len([v for v in team.manifest().variants if v.release.overlay])


def test_on_a_host_a_team_s_image_is_replaced_by_one_of_its_own(team: Sample, typed: Run) -> None:
    team.edit("pytorch.yml", 'match: "*-orchid-*-cu999"', 'match: "*-orchid-inference-cpu"')
    assert typed("lock --check")[0] == 0
    verdicts = json.loads(typed("compat --driver 900 --json")[1])
    instead = {verdict["identifier"]: verdict["instead"] for verdict in verdicts}
    assert instead[f"{ORCHID}-training-cu999"] == f"{ORCHID}-training-cpu"
    assert instead[f"{ORCHID}-inference-cu999"] == f"{OURS}-inference-cpu"
    assert instead[f"{OURS}-training-cu999"] == f"{OURS}-training-cpu"


def test_records_of_its_builds_and_pushes_are_the_team_s(
    good: Sample, team: Sample, tmp_path: Path, typed: Run
) -> None:
    made = publishing.Publisher(
        sample=team, folder=tmp_path / "layouts", glob=f"{ORCHID}-*", now=datetime.now(UTC)
    )
    made.build(1)
    assert not good.ws.out_path.exists()
    there = records.require_build(folder_of(team) / "out", f"{ORCHID}-training-cpu")
    assert there.digest == made.digests[there.identifier]
    code, _, told = typed(
        f"push {ORCHID}-training-cpu --to x.io --from oci:{made.folder} --dry-run"
    )
    assert (code, "its inputs have changed since it was built" in told) == (4, True)


def test_evidence_names_the_team_s_files_whatever_its_folder_is_called(
    team: Sample, typed: Run
) -> None:
    assert typed("generate")[0] == 0
    orchid = pick(team, f"{ORCHID}-training-cpu")
    assert set(sources(team.ws, orchid)) == {
        "buildspec/common.yml",
        "buildspec/pytorch.yml",
        "buildspec/locks/base-debian12.json",
        f"buildspec/locks/{OURS}.json",
        "overlay/pytorch.yml",
        f"overlay/locks/{ORCHID}.json",
        f"overlay/images/{orchid.release.folder}/training/cpu/Dockerfile",
    }
    inside = replace(team.ws, overlay=team.ws.root / "team")
    folder_of(team).rename(team.ws.root / "team")
    again = pick(replace(team, ws=inside), orchid.identifier)
    assert sources(inside, again) == sources(inside, again)
    assert "overlay/pytorch.yml" in sources(inside, again)
