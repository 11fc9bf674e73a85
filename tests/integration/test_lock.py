"""From a manifest to checked wheels in the store: solved, locked, fetched, by an index of our own."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

import sample
from dockwright import process
from dockwright.errors import ProcessError
from dockwright.spec import lock as locks
from dockwright.spec.lock import Group
from made_up_index import Distribution, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.spec.lock import ReleaseLock
    from sample import Sample

EVERY = {f"{job}/{on}" for job, on in product(("inference", "training"), ("cpu", "cu999"))}
GPU = {"inference/cu999", "training/cu999"}
TRAINING = {"training/cpu", "training/cu999"}


def made(name: str, version: str, *needs: str, **facts: Any) -> Distribution:  # noqa: ANN401
    return Distribution(name=name, version=version, needs=needs, **facts)


PYTORCH = (
    made("pip", "1.2"),
    made("uv", "3.4.5"),
    made("torch", "9.1.0+cpu", "sympy", index="cpu"),
    made("torch", "9.1.0", "sympy", "nvidia-cudnn", "nvidia-cuda-runtime", "setuptools"),
    made("nvidia-cuda-runtime", "99.9.1"),
    made("nvidia-cudnn", "9.0"),
    made("sympy", "1.14"),
    made("setuptools", "99.0"),
    made("transformers", "7.8.0", "numpy", "tokenizers>=7"),
    made("tokenizers", "7.0.1"),
    made("numpy", "3.0"),
    made("numpy", "3.1"),
    made("datasets", "6.0.0", "numpy<3.1", "setuptools"),
    made("sentencepiece", "0.9"),
    made("packaging", "26.0"),
    made("starlette", "1.0"),
    made("uvicorn", "0.9"),
)
TENSORFLOW = (
    made("tensorflow-cpu", "8.2.0"),
    made(
        "tensorflow",
        "8.2.0",
        "nvidia-cublas-cu98; extra == 'and-cuda'",
        "nvidia-cuda-runtime-cu99; extra == 'and-cuda'",
        extras=("and-cuda",),
    ),
    made("nvidia-cublas-cu98", "12.9.1"),
    made("nvidia-cuda-runtime-cu99", "99.9.2"),
    made("tf-keras", "8.2.0", "tensorflow"),
    made("transformers", "4.99.0", "numpy"),
    made("tokenizers", "6.5.0"),
    made("datasets", "5.9.0", "numpy"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkout:
    """The sample, and how to run dockwright in it."""

    good: Sample
    env: dict[str, str]

    def run(self, *args: str) -> str:
        argv = (sys.executable, "-m", "dockwright", *args)
        return process.run(argv, timeout_s=300, cwd=self.good.ws.root, env=self.env)


@pytest.fixture(scope="module")
def unlocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The sample without the locks of its releases; the index is the only place for packages."""
    good = sample.copy(tmp_path_factory.mktemp("lock"))
    for path in (good.ws.buildspec_path / "locks").glob("*-py311-*.json"):
        path.unlink()
    with serve([*PYTORCH, *TENSORFLOW]) as address, pytest.MonkeyPatch.context() as patch:
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
        yield Checkout(good=good, env=env)


@pytest.fixture(scope="module")
def locked(unlocked: Checkout) -> Checkout:
    unlocked.run("lock")
    return unlocked


def committed(good: Sample, framework: str) -> ReleaseLock:
    variants = good.manifest().variants
    release = next(v.release for v in variants if v.release.framework == framework)
    return locks.load(good.ws.buildspec_path, release)


def users(lock: ReleaseLock) -> dict[str, set[str]]:
    return {f"{w.wheel.name} {w.wheel.version}": set(w.used_by) for w in lock.wheels}


def test_a_release_is_solved_jointly_and_each_wheel_knows_who_installs_it(locked: Checkout) -> None:
    with pytest.raises(ProcessError, match="run `dockwright lock --layers`"):
        locked.run("lock", "--check")  # all but that is as it should be
    lock = committed(locked.good, "pytorch")
    assert users(lock) == {
        "pip 1.2": EVERY,
        "uv 3.4.5": EVERY,
        "torch 9.1.0+cpu": EVERY - GPU,
        "torch 9.1.0": GPU,
        "nvidia-cudnn 9.0": GPU,
        "nvidia-cuda-runtime 99.9.1": GPU,
        "sympy 1.14": EVERY,
        "setuptools 99.0": GPU | TRAINING,
        "transformers 7.8.0": EVERY,
        "tokenizers 7.0.1": EVERY,
        # Training alone wants an older one: all images have that.
        "numpy 3.0": EVERY,
        "datasets 6.0.0": TRAINING,
        "sentencepiece 0.9": EVERY - TRAINING,
        "packaging 26.0": EVERY - TRAINING,
        "starlette 1.0": EVERY - TRAINING,
        "uvicorn 0.9": EVERY - TRAINING,
    }
    groups = {w.wheel.name: w.group for w in lock.wheels}
    assert groups["uv"] is Group.BUILD
    assert groups["pip"] is Group.PYTHON
    assert {groups[name] for name in ("torch", "nvidia-cudnn", "sympy")} == {Group.FRAMEWORK}
    assert {groups[name] for name in ("transformers", "tokenizers")} == {Group.HUGGINGFACE}
    assert {groups[name] for name in ("numpy", "datasets")} == {Group.COMMON}


def test_one_tensorflow_in_every_image(locked: Checkout) -> None:
    of = users(committed(locked.good, "tensorflow"))
    assert of["tensorflow-cpu 8.2.0"] == EVERY - GPU
    assert of["tensorflow 8.2.0"] == of["nvidia-cublas-cu98 12.9.1"] == GPU
    assert of["tf-keras 8.2.0"] == EVERY


def test_locking_again_gives_the_same_bytes(locked: Checkout) -> None:
    before = locked.good.tree()
    locked.run("lock")
    assert locked.good.tree() == before


def test_a_lock_is_all_that_the_other_files_and_the_plan_need(locked: Checkout) -> None:
    locked.run("generate")
    locked.run("generate", "--check")
    assert len(json.loads(locked.run("plan", "--json"))) == 7


def test_nothing_is_locked_when_one_release_has_no_solution(locked: Checkout) -> None:
    before = locked.good.tree()
    pin, missing = 'tokenizers: "6.5.0"', 'tokenizers: "6.5.1"'
    locked.good.edit("tensorflow.yml", pin, missing)
    with pytest.raises(ProcessError, match=r"exited with code 5:[^\0]*tokenizers==6\.5\.1"):
        locked.run("lock")
    locked.good.edit("tensorflow.yml", missing, pin)
    assert locked.good.tree() == before


def test_locked_wheels_are_fetched_by_hash_and_laid_out_for_a_build(
    locked: Checkout, tmp_path: Path
) -> None:
    locked.run("fetch", "pytorch-*-cpu", "--to", str(tmp_path))
    lock = committed(locked.good, "pytorch")
    wanted = {w.wheel for w in lock.wheels if set(w.used_by) - GPU}
    stored = {path.name for path in locked.good.ws.wheels_path.rglob("*.whl")}
    # Built here, not locked.
    own = {"sample_serving-0.5.0-py3-none-any.whl", "sample_shared-0.6.0-py3-none-any.whl"}
    assert stored == {wheel.filename for wheel in wanted} | own
    (release,) = tmp_path.iterdir()
    laid_out = {path.parent.name: path.name for path in release.rglob("*.whl")}
    assert laid_out["build"] == "uv-3.4.5-py3-none-any.whl"
    assert set(laid_out) >= {"python", "framework-cpu", "huggingface", "common", "training"}
