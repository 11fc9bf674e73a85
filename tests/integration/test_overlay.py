"""A team's releases beside ours: solved by a real solver, compared with a real repository's past."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import sample
from dockwright import process
from dockwright.errors import ProcessError
from dockwright.spec import lock as locks
from made_up_index import Distribution, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Release
    from dockwright.workspace import Workspace
    from sample import Sample

OURS = "pytorch-9.1.0-transformers7.8.0-py311-debian12"
ORCHID = f"{OURS}-orchid"
INFERENCE = {"inference/cpu", "inference/cu999"}
EVERY = {*INFERENCE, "training/cpu", "training/cu999"}


def made(name: str, version: str, *needs: str, **facts: Any) -> Distribution:  # noqa: ANN401
    return Distribution(name=name, version=version, needs=needs, **facts)


OFFERED = (
    made("pip", "1.2"),
    made("uv", "3.4.5"),
    made("torch", "9.1.0+cpu", index="cpu"),
    made("torch", "9.1.0", "nvidia-cuda-runtime"),
    made("nvidia-cuda-runtime", "99.9.1"),
    made("transformers", "7.8.0", "numpy", "tokenizers>=7"),
    made("tokenizers", "7.0.1"),
    made("numpy", "3.0"),
    made("numpy", "3.1"),
    made("datasets", "6.0.0", "numpy<3.1", "dill"),
    made("dill", "0.5.0"),
    made("sentencepiece", "0.9"),
    made("sentencepiece", "0.10"),
    *(made(name, "1.0") for name in ("packaging", "starlette", "uvicorn")),
    made("einops", "0.8.1", "numpy", "rearrange"),
    made("einops", "0.9.0", "numpy>=3.1"),
    made("rearrange", "2.0"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Team:
    """A team's overlay on the sample, which is locked, and how to run dockwright with it."""

    its: Sample
    folder: Path
    env: dict[str, str]

    def run(self, *args: str) -> str:
        """Run it in the team's own folder, of which the checkout knows nothing."""
        return self.run_ours("--spec", str(self.folder), *args)

    def run_ours(self, *args: str) -> str:
        argv = (sys.executable, "-m", "dockwright", *args)
        return process.run(argv, timeout_s=300, cwd=self.its.ws.root, env=self.env)

    def release(self, key: str) -> Release:
        return next(v.release for v in self.its.manifest().variants if v.release.key == key)

    def lock(self, key: str) -> ReleaseLock:
        return locks.load(self.its.ws.buildspec_path, self.release(key))


@pytest.fixture(scope="module")
def team(checkout: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    good = sample.copy(tmp_path_factory.mktemp("overlay"))
    for path in (good.ws.buildspec_path / "locks").glob("*-py311-*.json"):
        path.unlink()
    good.edit("common.yml", "[pytorch, tensorflow]", "[pytorch]")
    shutil.copytree(checkout.smoke_path, good.ws.smoke_path)
    its = sample.overlaid(good)
    assert its.ws.overlay is not None
    with serve(OFFERED) as address, pytest.MonkeyPatch.context() as patch:
        for name in ("UV_FIND_LINKS", "UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            patch.delenv(name, raising=False)
        env = {
            "DOCKWRIGHT_HOME": str(good.ws.home),
            "DOCKWRIGHT_INDEX_EXAMPLE_CPU": f"{address}/cpu",
            "UV_DEFAULT_INDEX": f"{address}/simple",
            "UV_CACHE_DIR": str(good.ws.home / "uv"),
            "UV_NO_CONFIG": "1",
            "PIP_CONFIG_FILE": "/dev/null",
            "NO_PROXY": "127.0.0.1",
        }
        found = Team(its=its, folder=its.ws.overlay, env=env)
        found.run_ours("lock")
        found.run_ours("generate")
        before = good.tree()
        found.run("lock")
        found.run("generate")
        assert good.tree() == before
        yield found


def test_extras_are_solved_beside_ours_of_which_nothing_moves(team: Team) -> None:
    ours, orchid = team.lock(OURS), team.lock(ORCHID)
    assert orchid.wheels[: len(ours.wheels)] == ours.wheels
    added = orchid.wheels[len(ours.wheels) :]
    assert {f"{w.wheel.name} {w.wheel.version}": set(w.used_by) for w in added} == {
        "datasets 6.0.0": INFERENCE,
        "dill 0.5.0": INFERENCE,
        "einops 0.8.1": EVERY,
        "rearrange 2.0": EVERY,
    }
    assert {w.wheel for w in added if w.wheel.name == "dill"} <= {w.wheel for w in ours.wheels}
    before = locks.lock_path(team.its.ws.buildspec_path, team.release(ORCHID)).read_bytes()
    team.run("lock")
    after = locks.lock_path(team.its.ws.buildspec_path, team.release(ORCHID)).read_bytes()
    assert after == before


def test_what_cannot_be_had_beside_ours_is_refused_with_the_reasons(team: Team) -> None:
    path = team.folder / "pytorch.yml"
    text = path.read_text("utf-8")
    before = {p: p.read_bytes() for p in (team.folder / "locks").iterdir()}
    path.write_text(text.replace('einops: "0.8.1"', 'einops: "0.9.0"'), encoding="utf-8")
    try:
        with pytest.raises(ProcessError) as caught:
            team.run("lock")
    finally:
        path.write_text(text, encoding="utf-8")
    told = " ".join(str(caught.value).split())
    assert "exited with code 5" in told
    assert f"{ORCHID} cannot have its extras beside what is locked for {OURS}: " in told
    assert "einops>=0.9.0 depends on numpy>=3.1" in told
    assert {p: p.read_bytes() for p in (team.folder / "locks").iterdir()} == before


def test_after_a_bump_of_ours_the_team_locks_again(team: Team) -> None:
    lock_path = locks.lock_path(team.its.ws.buildspec_path, team.release(ORCHID))
    before, locked = team.its.tree(), lock_path.read_bytes()
    path = team.its.ws.buildspec_path / "pytorch.yml"
    text = path.read_text("utf-8")
    path.write_text(text.replace('sentencepiece: "0.9"', 'sentencepiece: "0.10"'), "utf-8")
    try:
        with pytest.raises(
            ProcessError, match=r"buildspec/locks/\S+ is stale: .*`dockwright lock`"
        ):
            team.run("lock")
        team.run_ours("lock")
        remedy = rf"`dockwright --spec {team.folder} lock`"
        with pytest.raises(ProcessError, match=rf"orchid/locks/{ORCHID}.json is stale: .*{remedy}"):
            team.run("plan", f"{ORCHID}-*")
        team.run("lock")
        assert team.lock(ORCHID).of("inference/cpu")
    finally:
        for name, content in before.items():
            (team.its.ws.root / name).write_bytes(content)
        lock_path.write_bytes(locked)


def test_a_change_of_the_team_s_asks_for_the_team_s_images_alone(team: Team) -> None:
    git(team.folder, "init", "--quiet")
    git(team.folder, "add", "--all")
    git(team.folder, "commit", "--quiet", "--message=all")
    assert json.loads(team.run("changed", "--since", "HEAD", "--json")) == []
    path = team.folder / "pytorch.yml"
    text = path.read_text("utf-8")
    path.write_text(text.replace('ORCHID_MODE: "1"', 'ORCHID_MODE: "2"'), encoding="utf-8")
    try:
        team.run("generate")
        changes = json.loads(team.run("changed", "--since", "HEAD", "--json"))
        matrix = json.loads(team.run("matrix", "--since", "HEAD"))
    finally:
        git(team.folder, "reset", "--quiet", "--hard")
    told = {change["identifier"]: change["work"] for change in changes}
    assert told == {f"{ORCHID}-{job}-cpu": "build" for job in ("inference", "training")}
    assert [row["identifier"] for row in matrix] == list(told)


def git(root: Path, *args: str) -> None:
    person = ("-c", "user.name=Some One", "-c", "user.email=some@example.com")
    process.run(("git", "-C", root, *person, *args), timeout_s=60)
