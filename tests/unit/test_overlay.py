"""A team's folder laid on ours: its images are ours and more, and neither writes into the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.composition.layers import layers_of_release, layers_of_variant
from dockwright.composition.plan import Kind, plan_image
from dockwright.composition.render import environment
from dockwright.errors import StaleError
from dockwright.spec import layer_lock, modules, naming, selector, tags
from dockwright.spec import lock as locks
from dockwright.spec.axes import Accelerator, Job
from dockwright.stages import profile
from dockwright.stages.plan import forecast

if TYPE_CHECKING:
    from sample import Sample

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
    ours, orchid = team.variant(f"{OURS}-inference-cpu"), team.variant(f"{ORCHID}-inference-cpu")
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
        team.ws, [team.variant(f"{name}-inference-cpu") for name in (OURS, ORCHID)]
    )
    below, above = ours.image.layers, orchid.image.layers[len(ours.image.layers) :]
    assert orchid.image.layers[: len(below)] == below
    assert [layer.name for layer in above] == ["overlay", "overlay-pyarrow", "overlay-inference"]
    assert list(orchid.assembled.layers.items())[: len(below)] == list(
        ours.assembled.layers.items()
    )
    assert orchid.assembled.digest not in {None, ours.assembled.digest}


def test_what_another_job_s_images_have_is_the_very_same_layer(team: Sample) -> None:
    lock = locks.load(team.ws.buildspec_path, team.variant(f"{ORCHID}-inference-cpu").release)
    by_name = {layer.name: layer for layer in layers_of_release(lock)}
    assert by_name["overlay-pyarrow"].key == by_name["pyarrow"].key
    assert by_name["overlay-inference"].key == by_name["training"].key
    committed = layer_lock.load(team.overlay, ORCHID).layers
    assert [layer.name for layer in committed] == ["overlay"]


def test_an_image_with_os_packages_has_the_team_s_layers_above_these(team: Sample) -> None:
    orchid = team.variant(f"{ORCHID}-training-cpu")
    planned = plan_image(orchid, locks.load(team.ws.buildspec_path, orchid.release), None, None)
    kinds = [layer.kind for layer in planned.layers]
    assert kinds.index(Kind.OS) < len(kinds) - 1
    assert planned.layers[-1].name == "overlay"


def test_our_list_of_compiled_modules_holds_and_the_team_s_adds_to_it(team: Sample) -> None:
    path = modules.path_of(team.overlay, ORCHID)
    path.parent.mkdir()
    path.write_text(modules.dumps({"einops": ["einops/a.py"], "torch": ["torch/b.py"]}), "utf-8")
    orchid = team.variant(f"{ORCHID}-training-cpu")
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
    orchid = team.variant(f"{ORCHID}-training-cpu")
    before = team.tree()
    profile.profile(team.ws, [orchid], [orchid.release], None)  # type: ignore[arg-type]
    assert modules.load(team.overlay, ORCHID) == (("einops", ("einops/a.py",)),)
    assert team.tree() == before


def test_excludes_hold_for_ours_too_but_with_the_overlay_alone(good: Sample, team: Sample) -> None:
    team.edit("pytorch.yml", 'match: "*-orchid-*-cu999"', 'match: "*-cu999"')
    of_team = [v.identifier for v in team.manifest().variants]
    assert f"{OURS}-training-cu999" not in of_team
    assert f"{ORCHID}-training-cpu" in of_team
    assert f"{OURS}-training-cu999" in [v.identifier for v in good.manifest().variants]


def test_a_release_of_the_team_s_own_is_solved_for_itself(team: Sample) -> None:
    path = team.overlay / "pytorch.yml"
    path.write_text(f"{path.read_text('utf-8')}\n{OWN}", encoding="utf-8")
    variant = team.manifest().variants[-1]
    release = variant.release
    assert (
        variant.identifier == "pytorch-8.9.0-transformers7.7.0-py311-debian12-orchid-inference-cpu"
    )
    assert locks.requirements(release, Accelerator("cpu")).framework == ("torch==8.9.0+cpu",)
    assert locks.lock_path(team.ws.buildspec_path, release).parent == team.overlay / "locks"
    with pytest.raises(StaleError, match=r"^orchid/locks/.* run `dockwright --spec \S+ lock`$"):
        locks.load(team.ws.buildspec_path, release)


def test_a_team_s_lock_is_stale_once_ours_is_another(team: Sample) -> None:
    orchid = team.variant(f"{ORCHID}-training-cpu").release
    ours = team.variant(f"{OURS}-training-cpu").release
    path = locks.lock_path(team.ws.buildspec_path, ours)
    text = path.read_text("utf-8")
    path.write_text(text.replace("1.14.0", "1.14.1"), encoding="utf-8")
    expected = (
        rf"^orchid/locks/{ORCHID}\.json is stale: the manifest or the lock of {OURS} has changed "
        rf"since; run `dockwright --spec {team.overlay} lock`$"
    )
    with pytest.raises(StaleError, match=expected):
        locks.load(team.ws.buildspec_path, orchid)
    path.write_text(text, encoding="utf-8")
    locks.load(team.ws.buildspec_path, orchid)
    team.edit("pytorch.yml", '"0.8.1"\n      training', '"0.8.2"\n      training')
    with pytest.raises(StaleError, match=r"is stale"):
        locks.load(team.ws.buildspec_path, team.variant(f"{ORCHID}-training-cpu").release)


def test_a_bump_of_ours_shows_first_where_ours_is_to_be_locked(team: Sample) -> None:
    path = team.ws.buildspec_path / "pytorch.yml"
    path.write_text(path.read_text("utf-8").replace('"7.0.1"', '"7.0.2"'), encoding="utf-8")
    with pytest.raises(StaleError, match=r"^buildspec/locks/.*run `dockwright lock`$"):
        locks.load(team.ws.buildspec_path, team.variant(f"{ORCHID}-training-cpu").release)
