"""A lock says what was solved, word for word, and is refused when it no longer fits."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

import strategies
from dockwright.errors import StaleError
from dockwright.spec import lock as locks
from dockwright.spec.axes import Accelerator
from dockwright.spec.lock import ReleaseLock, requirements, requirements_sha256

if TYPE_CHECKING:
    from dockwright.spec.variants import Release
    from sample import Sample

CPU, GPU = Accelerator("cpu"), Accelerator("cu999")


def release(good: Sample, framework: str) -> Release:
    variants = good.manifest().variants
    return next(v.release for v in variants if v.release.framework == framework)


@given(strategies.locks())
def test_what_is_written_is_read_back(lock: ReleaseLock) -> None:
    text = locks.dumps(lock)
    read = locks.loads(text, name="lock")
    assert read == replace(lock, wheels=tuple(sorted(lock.wheels)))
    assert locks.dumps(read) == text


@given(strategies.locks())
def test_a_wheel_is_a_line(lock: ReleaseLock) -> None:
    lines = locks.dumps(lock).splitlines()
    assert sum('"filename"' in line for line in lines) == len(lock.wheels)
    assert all(line.count('"filename"') <= 1 for line in lines)


def test_the_requirements_are_those_of_the_manifest(good: Sample) -> None:
    wanted = requirements(release(good, "pytorch"), CPU)
    assert wanted.framework == ("torch==9.1.0+cpu",)
    assert wanted.indexes == ("example-cpu",)
    assert wanted.of_job("training") == (
        "pip==1.2",
        "torch==9.1.0+cpu",
        "tokenizers==7.0.1",
        "transformers==7.8.0",
        "datasets==6.0.0",
    )
    assert set(wanted.everything) == {
        *wanted.of_job("training"),
        *("sentencepiece==0.9", "packaging", "starlette>=1", "uvicorn"),
    }
    assert len(set(wanted.everything)) == len(wanted.everything)


def test_an_accelerator_has_its_own_distribution(good: Sample) -> None:
    tensorflow = release(good, "tensorflow")
    assert requirements(tensorflow, CPU).framework == ("tensorflow-cpu==8.2.0", "tf-keras==8.2.0")
    assert requirements(tensorflow, CPU).dropped == ("tensorflow", "unneeded")
    assert requirements(tensorflow, GPU).framework == (
        "tensorflow[and-cuda]==8.2.0",
        "tf-keras==8.2.0",
    )
    assert requirements(tensorflow, GPU).dropped == ("unneeded",)


# Edits of the sample: those that change what is solved, and those that do not.
STALE = {
    "pin": ("pytorch.yml", 'tokenizers: "7.0.1"', 'tokenizers: "7.0.2"'),
    "local version": ("pytorch.yml", "local: cpu", "local: cpu2"),
    "extra": ("pytorch.yml", 'datasets: "6.0.0"', 'datasets: "6.0.1"'),
    "index": ("pytorch.yml", ", index: example-cpu", ""),
    "pip": ("common.yml", 'pip: "1.2"', 'pip: "1.3"'),
    "uv": ("common.yml", 'uv: "3.4.5"', 'uv: "3.4.6"'),
    "C library": ("common.yml", 'glibc: "2.36"', 'glibc: "2.41"'),
}
FRESH = {
    "budget": ("pytorch.yml", "training: 400", "training: 401"),
    "driver": ("pytorch.yml", "999.10", "999.20"),
    "date": ("pytorch.yml", "2127-01-15", "2127-01-16"),
    "title": ("pytorch.yml", "PyTorch", "PyTorch 9"),
    "Debian package": ("common.yml", "tini]", "tini, tzdata]"),
    "the other framework": ("tensorflow.yml", '"6.5.0"', '"6.5.1"'),
}


@pytest.mark.parametrize(("file", "old", "new"), STALE.values(), ids=STALE.keys())
def test_a_lock_made_from_other_requirements_is_stale(
    good: Sample, file: str, old: str, new: str
) -> None:
    good.edit(file, old, new)
    with pytest.raises(StaleError, match=r"is stale: .*; run `dockwright lock`$"):
        locks.load(good.ws.buildspec_path, release(good, "pytorch"))


@pytest.mark.parametrize(
    ("old", "new", "is_stale"),
    [
        ('"uvicorn"', '"uvicorn", "uvloop"', True),
        ('"starlette>=1"', '"starlette>=2"', True),
        ('["uvicorn", "sample-shared"', '["sample-shared", "uvicorn"', False),
        ("Stands for", "Stands in for", False),
    ],
)
def test_a_lock_is_stale_when_the_runtime_asks_for_something_else(
    good: Sample, old: str, new: str, *, is_stale: bool
) -> None:
    path = good.ws.images_path / "runtime" / "serving" / "pyproject.toml"
    before = requirements_sha256(release(good, "pytorch"))
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    assert (requirements_sha256(release(good, "pytorch")) != before) == is_stale


@pytest.mark.parametrize(("file", "old", "new"), FRESH.values(), ids=FRESH.keys())
def test_what_is_not_solved_makes_no_lock_stale(
    good: Sample, file: str, old: str, new: str
) -> None:
    before = requirements_sha256(release(good, "pytorch"))
    good.edit(file, old, new)
    assert (
        locks.load(good.ws.buildspec_path, release(good, "pytorch")).requirements_sha256 == before
    )


ROW: dict[str, Any] = {
    "group": "common",
    "used_by": ["training/cpu"],
    "wheel": {
        "name": "a",
        "version": "1",
        "filename": "a-1-py3-none-any.whl",
        "sha256": "0" * 64,
        "size_bytes": 1,
    },
}
LOCK: dict[str, Any] = {"format": 1, "requirements_sha256": "0" * 64, "wheels": [ROW]}


def with_wheel(**facts: object) -> dict[str, Any]:
    return LOCK | {"wheels": [ROW | {"wheel": ROW["wheel"] | facts}]}


# A lock is data from an index: nothing in it may mean something to a shell, a path or Docker.
DAMAGED = {
    "other format": LOCK | {"format": 2},
    "no format": {key: value for key, value in LOCK.items() if key != "format"},
    "stranger": LOCK | {"extra": 1},
    "no wheels": LOCK | {"wheels": None},
    "group": LOCK | {"wheels": [ROW | {"group": "other"}]},
    "variant": LOCK | {"wheels": [ROW | {"used_by": ["../cpu"]}]},
    "path": with_wheel(filename="../a-1-py3-none-any.whl"),
    "shell": with_wheel(filename="a-1;id.whl"),
    "no wheel": with_wheel(filename="a-1.tar.gz"),
    "newline": with_wheel(version="1\n"),
    "upper case": with_wheel(name="A"),
    "hash": with_wheel(sha256="0" * 63),
    "size": with_wheel(size_bytes="1"),
    "negative": with_wheel(size_bytes=-1),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_lock_that_is_none_says_where_and_what_to_run(data: dict[str, Any]) -> None:
    assert locks.loads(json.dumps(LOCK), name="buildspec/locks/x.json").wheels
    with pytest.raises(StaleError) as caught:
        locks.loads(json.dumps(data), name="buildspec/locks/x.json")
    told = str(caught.value)
    assert told.startswith("buildspec/locks/x.json is not a lock of format 1: ")
    assert told.endswith("; run `dockwright lock`")


@pytest.mark.parametrize("content", [b"", b"\xff", b"{", b"[]", b"\x00" * 9, b"[" * 9999])
def test_a_file_that_is_no_lock_is_stale_and_no_traceback(good: Sample, content: bytes) -> None:
    of_release = release(good, "pytorch")
    locks.lock_path(good.ws.buildspec_path, of_release).write_bytes(content)
    with pytest.raises(StaleError, match=r"^buildspec/locks/pytorch-.* is not a lock of format 1"):
        locks.load(good.ws.buildspec_path, of_release)


def test_a_missing_lock_is_stale(good: Sample) -> None:
    of_release = release(good, "pytorch")
    locks.lock_path(good.ws.buildspec_path, of_release).unlink()
    with pytest.raises(StaleError, match=r"is missing; run `dockwright lock`$"):
        locks.load(good.ws.buildspec_path, of_release)


def test_a_build_for_another_accelerator_is_refused_where_the_version_alone_would_admit_it(
    good: Sample,
) -> None:
    pytorch = release(good, "pytorch")
    gpu = next(a for a in pytorch.accelerators if a.kind == "gpu")
    cpu = next(a for a in pytorch.accelerators if a.kind == "cpu")
    version = pytorch.spec.version
    assert requirements(pytorch, gpu).refused == (f"torch!={version}+cpu",)
    assert requirements(pytorch, cpu).refused == ()
