"""A security bump mends what it can, tells what it cannot and why, and nothing passes for clean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from advisory_database import affected, entry, harmless, zipped
from bump_checkout import later, made
from dockwright import process

if TYPE_CHECKING:
    from pathlib import Path

    from bump_checkout import Checkout

NOW = datetime.now(UTC)
START = {"introduced": "0"}
PYTORCH = "pytorch-9.1.0-transformers7.8.0-py311-debian12"
NEWER = (
    made("sympy", "1.15"),
    made("sympy", "1.16", "packaging>=1.1"),
    made("sympy", "1.17", "packaging>=1.1"),
    made("packaging", "1.1"),
    made("packaging", "1.2"),
    made("torch", "9.1.1+cpu", "sympy", index="cpu"),
    made("torch", "9.1.1", "sympy", "nvidia-cuda-runtime==99.9.1"),
    made("starlette", "1.1", yanked="does not start"),
)
FAULTS = (
    entry("PYSEC-1", affected("sympy", START, {"fixed": "1.15.1"}), aliases=["CVE-1"]),
    entry("PYSEC-2", affected("sympy", START, {"fixed": "1.15"}), aliases=["CVE-2"]),
    entry("PYSEC-3", affected("sentencepiece", START, {"fixed": "0.10"})),
    entry("PYSEC-4", affected("torch", START, {"fixed": "9.1.1"})),
    entry("PYSEC-5", affected("numpy", START, {"fixed": "3.1"})),
    entry("PYSEC-6", affected("transformers", START, {"fixed": "8.0.0"})),
    entry("PYSEC-7", affected("starlette", START, {"fixed": "1.1"})),
    entry("PYSEC-8", affected("uvicorn", START)),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("advisories")
    return str(zipped(folder / "all.zip", [*harmless(modified=NOW.isoformat()), *FAULTS]))


def fates(told: dict[str, Any]) -> dict[tuple[str, str], str]:
    found = told["vulnerabilities"]["vulnerabilities"]
    return {(one["name"], one["package"]): one["fate"] for one in found}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mended:
    """What a security bump said, and the checkout's files before and after."""

    told: dict[str, Any]
    before: dict[str, bytes]
    after: dict[str, bytes]


@pytest.fixture(scope="module")
def mended(bumped: Checkout, data: str) -> Mended:
    argv = ("bump", "--security", "--advisories", data, "--no-layers", "--json")
    with bumped.restored() as before, later(bumped, *NEWER) as today:
        told = json.loads(today.run(*argv))
        today.run("generate", "--check")
        return Mended(told=told, before=before, after=bumped.good.tree())


def test_each_affected_wheel_gets_the_oldest_mended_version_that_goes_with_the_rest(
    mended: Mended,
) -> None:
    lock = json.loads(mended.after[f"buildspec/locks/{PYTORCH.replace('9.1.0', '9.1.1')}.json"])
    found = {w["wheel"]["name"]: w["wheel"]["version"].partition("+")[0] for w in lock["wheels"]}
    # 1.15 has one fault less, 1.17 is newer than need be; packaging has to come along.
    assert (found["sympy"], found["packaging"], found["torch"]) == ("1.16", "1.1", "9.1.1")
    by_hand = mended.before["buildspec/pytorch.yml"].replace(b'"9.1.0"', b'"9.1.1"')
    by_hand = by_hand.replace(b'sentencepiece: "0.9"', b'sentencepiece: "0.10"')
    assert mended.after["buildspec/pytorch.yml"] == by_hand
    assert mended.told["debian"] == []
    names: dict[str, set[str]] = {}
    for (name, _), fate in fates(mended.told).items():
        names.setdefault(fate, set()).add(name)
    assert names == {
        "fixed": {"CVE-1", "CVE-2", "PYSEC-3", "PYSEC-4"},
        "remaining": {"PYSEC-5", "PYSEC-6", "PYSEC-7", "PYSEC-8"},
    }


def test_what_cannot_be_mended_is_told_with_what_is_in_the_way(mended: Mended) -> None:
    told = mended.told["unmended"]
    why = {(one["release"].partition("-")[0], one["package"]): one["why"] for one in told}
    assert why["pytorch", "numpy"].endswith("; datasets 6.0.0 wants numpy<3.1")
    assert why["pytorch", "transformers"].endswith(
        "is of another line; `dockwright bump transformers 8.0.0` makes it another release"
    )
    assert "Five has no TensorFlow models" in why["tensorflow", "transformers"]
    assert "withdrawn from the index: does not start" in why["pytorch", "starlette"]
    assert why["pytorch", "uvicorn"] == "no newer version in the indexes is affected by less"
    assert ("tensorflow", "numpy") not in why


def test_without_advisories_of_today_nothing_is_bumped(bumped: Checkout, tmp_path: Path) -> None:
    week = (NOW - timedelta(days=8)).isoformat()
    stale = zipped(tmp_path / "stale.zip", harmless(modified=week))
    for origin, reason in (
        (tmp_path / "none.zip", "is no file or folder"),
        (stale, "more than 7 days ago"),
    ):
        told = bumped.refused("bump", "--security", "--advisories", str(origin))
        assert "exited with code 22:" in told
        assert reason in told


def test_where_nothing_is_known_nothing_changes_and_it_is_said(
    bumped: Checkout, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "all.zip", harmless(modified=NOW.isoformat()))
    before = bumped.good.tree()
    assert bumped.run("bump", "--security", "--advisories", str(path)) == ""
    assert bumped.run("bump", "debian12") == ""
    assert bumped.good.tree() == before | {"out/bump.lock": bumped.good.tree()["out/bump.lock"]}


def test_every_bump_tells_what_it_does_about_vulnerabilities_or_that_nobody_looked(
    bumped: Checkout, tmp_path: Path
) -> None:
    introduced = affected("sentencepiece", {"introduced": "0.10"})
    entries = [
        entry("PYSEC-1", introduced),
        entry("PYSEC-2", affected("sentencepiece", START, {"fixed": "0.10"})),
        entry("PYSEC-3", affected("sympy", START)),
    ]
    path = zipped(tmp_path / "all.zip", [*harmless(modified=NOW.isoformat()), *entries])
    argv = ("bump", "sentencepiece", "--dry-run")
    told = json.loads(bumped.run(*argv, "--json", DOCKWRIGHT_ADVISORIES=str(path)))
    assert fates(told) == {
        ("PYSEC-1", "sentencepiece"): "introduced",
        ("PYSEC-2", "sentencepiece"): "fixed",
        ("PYSEC-3", "sympy"): "remaining",
    }
    assert json.loads(bumped.run(*argv, "--json"))["vulnerabilities"] is None
    assert "vulnerabilities: not looked at" in bumped.run(*argv)


def test_a_changelog_has_the_vulnerabilities_that_came_and_went(
    bumped: Checkout, data: str
) -> None:
    root = bumped.good.ws.root
    git = ("git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@b.example")

    def commit() -> None:
        process.run((*git, "add", "buildspec", "images"), timeout_s=60)
        process.run((*git, "commit", "--quiet", "--message=x"), timeout_s=60)

    with bumped.restored():
        process.run((*git, "init", "--quiet"), timeout_s=60)
        commit()
        bumped.run("bump", "sentencepiece", "--no-layers")
        commit()
        told = bumped.run("changelog", "HEAD~1..HEAD", "--advisories", data)
        assert "| PYSEC-3 | not rated | sentencepiece | 0.9 | 0.10 | fixed | 1 |" in told
        assert (
            "| CVE-1 | not rated | sympy | 1.14 | 1.14 | remaining, fixed in 1.15.1 | 1 |" in told
        )
        assert "not looked at" in bumped.run("changelog", "HEAD~1..HEAD")
