"""Bumps of the sample from an index of our own: all that follows is written, or nothing at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bump_checkout import later
from dockwright.clients import filelock
from made_up_index import Traffic

if TYPE_CHECKING:
    from pathlib import Path

    from bump_checkout import Checkout


def test_a_pin_moves_with_what_it_wants_and_all_that_follows_is_written(bumped: Checkout) -> None:
    with bumped.restored() as before:
        told = bumped.run("bump", "transformers", "7.9.0", "--in", "pytorch-*", "--no-layers")
        after = bumped.good.tree()
        bumped.run("generate", "--check")
        bumped.run("lock", "--check", "--base")
    assert "transformers 7.8.0 -> 7.9.0\n" in told
    assert "tokenizers 7.0.1 -> 8.1.0, which it wants" in told
    old, new = (f"pytorch-9.1.0-transformers7.{minor}.0-py311-debian12" for minor in (8, 9))
    manifest = before["buildspec/pytorch.yml"]
    by_hand = manifest.replace(b'"7.8.0"', b'"7.9.0"').replace(b'"7.0.1"', b'"8.1.0"')
    assert after["buildspec/pytorch.yml"] == by_hand
    assert f"buildspec/locks/{old}.json" not in after
    assert f"buildspec/locks/{new}.json" in after
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    folders = {old.removeprefix("pytorch-"), new.removeprefix("pytorch-")}
    assert {p for p in changed if not any(f in p for f in folders)} == {
        "buildspec/pytorch.yml",
        "out/bump.lock",
    }


def test_a_dry_run_shows_steps_and_bytes_and_changes_nothing(bumped: Checkout) -> None:
    before = bumped.good.tree().keys()
    told = json.loads(bumped.run("bump", "sentencepiece", "--dry-run", "--json"))
    (move,) = told["moves"]
    assert (move["name"], move["before"], move["after"]) == ("sentencepiece", "0.9", "0.10")
    ((change,),) = told["packages"].values()
    assert (change["step"], change["is_direct"]) == ("minor", True)
    assert {image["identifier"].rpartition("-")[2] for image in told["images"]} == {"cpu", "cu999"}
    assert all(image["is_within"] and image["pulled_bytes"] > 0 for image in told["images"])
    assert bumped.good.tree().keys() - before <= {"out/bump.lock"}


def test_what_a_users_code_may_notice_raises_the_image_version(bumped: Checkout) -> None:
    with bumped.restored() as before:
        bumped.run("bump", "sentencepiece", "--no-layers")
        after = bumped.good.tree()
    by_hand = before["buildspec/pytorch.yml"].replace(
        b'sentencepiece: "0.9"', b'sentencepiece: "0.10"'
    )
    by_hand = by_hand.replace(b'"9.1.0"\n', b'"9.1.0"\n    image: "1.1"\n')
    assert after["buildspec/pytorch.yml"] == by_hand


def test_what_nobody_pins_takes_its_newest_in_the_lock_alone(bumped: Checkout) -> None:
    assert "at the newest version that the pins allow" in bumped.refused("bump", "sympy")
    told = bumped.refused("bump", "numpy", "3.1")
    assert "numpy is not pinned" in told


def test_a_framework_that_brings_another_cuda_renames_its_accelerator(bumped: Checkout) -> None:
    with bumped.restored() as before:
        bumped.run("bump", "pytorch", "9.2.0", "--no-layers")
        after = bumped.good.tree()
        bumped.run("generate", "--check")
    by_hand = before["buildspec/pytorch.yml"].replace(b'"9.1.0"', b'"9.2.0"')
    assert after["buildspec/pytorch.yml"] == by_hand.replace(b"cu999:", b"cu998:")
    assert any("/inference/cu998/Dockerfile" in path for path in after)
    assert not any("9.1.0-transformers" in path for path in after)


def test_a_tool_that_all_releases_share_moves_in_all_of_them(bumped: Checkout) -> None:
    with bumped.restored():
        told = bumped.run("bump", "pip", "--in", "pytorch-*", "--no-layers")
        bumped.run("generate", "--check")
    assert "tensorflow-8.2.0" in told


def test_a_new_release_comes_beside_the_one_it_is_like(bumped: Checkout) -> None:
    with bumped.restored() as before:
        bumped.run("release", "new", "pytorch", "9.2", "--like", "9.1", "--no-layers")
        after = bumped.good.tree()
        bumped.run("generate", "--check")
    text = after["buildspec/pytorch.yml"].decode()
    assert text.startswith(before["buildspec/pytorch.yml"].decode().rstrip("\n"))
    assert 'version: "9.2.0"' in text
    assert "cu998:" in text
    assert before.keys() - {"out/bump.lock"} <= after.keys()


REFUSALS = {
    "no such package": (("bump", "no-such"), 3, "none of the releases has no-such"),
    "no such version": (("bump", "transformers", "7.7"), 5, "no index has transformers 7.7"),
    "withdrawn": (("bump", "transformers", "7.10.0"), 5, "withdrawn from the index: wrong weights"),
    "no wheel": (("bump", "transformers", "7.11.0"), 5, "has no wheel for Python 3.11 on debian12"),
    "rule": (
        ("bump", "transformers", "7.8.0", "--in", "tensorflow-*"),
        5,
        "Five has no TensorFlow models (https://rules.example/five)",
    ),
    "chain": (("bump", "datasets", "6.1.0", "--in", "pytorch-*"), 5, "wants tokenizers>=9"),
    "framework without a wheel for the release's Python": (
        ("bump", "pytorch", "9.5.0"),
        5,
        "torch 9.5.0 has no wheel for Python 3.11 on debian12",
    ),
    "framework without a build for an accelerator": (
        ("bump", "pytorch", "9.3.0"),
        5,
        "no index has torch==9.3.0+cpu",
    ),
    "CUDA for newer drivers than the manifest promises": (
        ("bump", "pytorch", "9.4.0"),
        5,
        "999.10 is too old: CUDA 98 needs a driver of 999.50 or newer (https://drivers.example/98)",
    ),
    "not a version": (("bump", "transformers", "new"), 5, "'new' is not a version"),
    "no image of that name": (("bump", "transformers", "--in", "jax-*"), 3, "no variant matches"),
    "release that is there": (
        ("release", "new", "pytorch", "9.1.0", "--like", "9.1"),
        5,
        "is of pytorch 9.1.0 already",
    ),
    "nothing like it": (("release", "new", "pytorch", "9.2", "--like", "8"), 3, "0 releases"),
    "nothing asked for": (("bump",), 2, "say what"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_is_refused_with_its_reason_and_nothing_changes(
    name: str, bumped: Checkout
) -> None:
    args, code, reason = REFUSALS[name]
    told = bumped.refused(*args)
    assert f"exited with code {code}:" in told
    assert reason in told


def test_an_index_that_does_not_answer_changes_nothing(bumped: Checkout, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/simple"
    told = bumped.refused(
        "bump",
        "transformers",
        DOCKWRIGHT_HOME=str(tmp_path),
        UV_DEFAULT_INDEX=nobody,
        UV_CACHE_DIR=str(tmp_path / "uv"),
    )
    assert "exited with code 6:" in told
    assert f"{nobody}/transformers/ cannot be reached" in told


def test_two_bumps_at_once_do_not_mix(bumped: Checkout) -> None:
    path = bumped.good.ws.out_path / "bump.lock"
    with filelock.exclusive(path, doing="testing", wait_s=0):
        told = bumped.refused("bump", "sentencepiece")
    assert "exited with code 17:" in told
    assert "wait for it to finish" in told


def test_an_index_gets_a_dozen_requests_at_a_time_at_the_most(
    bumped: Checkout, tmp_path: Path
) -> None:
    traffic = Traffic(seconds=0.1)
    with later(bumped, traffic=traffic) as slow:
        slow.run("outdated", UV_CACHE_DIR=str(tmp_path / "uv"))
    assert 3 < traffic.most <= 12


def test_outdated_tells_what_each_pin_can_have_and_what_is_in_the_way(bumped: Checkout) -> None:
    told = json.loads(bumped.run("outdated", "--json"))
    of = {(p["release"].partition("-")[0], p["name"]): p for p in told["pins"]}
    pytorch = {name: p for (framework, name), p in of.items() if framework == "pytorch"}
    assert (pytorch["sentencepiece"]["compatible"], pytorch["sentencepiece"]["why"]) == (
        "0.10",
        None,
    )
    assert pytorch["tokenizers"]["compatible"] == "7.0.1"
    assert "transformers 7.8.0 wants tokenizers>=7,<8" in pytorch["tokenizers"]["why"]
    assert "datasets>=6.1.0 wants tokenizers>=9" in pytorch["datasets"]["why"]
    assert pytorch["pytorch"]["newest"] == "9.4.0"
    assert "CUDA 98 needs a driver of 999.50" in pytorch["pytorch"]["why"]
    assert pytorch["transformers"]["newest"] == "8.0.0"  # neither the withdrawn nor the unfit one
    assert "Five has no TensorFlow models" in of["tensorflow", "transformers"]["why"]
    assert of["pytorch", "pip"]["compatible"] == "1.3"
