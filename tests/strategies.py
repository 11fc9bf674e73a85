"""Hypothesis strategies: manifests as data, and locks, of every shape that their rules allow."""

from __future__ import annotations

import hashlib
import json
import tempfile
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from dockwright.composition.layers import HEAVY_BYTES
from dockwright.composition.runtime import BuiltWheel
from dockwright.spec import manifest
from dockwright.spec.lock import FORMAT, Group, LockedWheel, ReleaseLock, Wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from dockwright.spec.manifest import Manifest

JOBS = ("inference", "training")
BASES = ("debian12", "a", "x1.y2.z3")
GROUPS = (Group.PYTHON, Group.FRAMEWORK, Group.HUGGINGFACE, Group.COMMON)


def versions() -> SearchStrategy[str]:
    """Versions of one to four numbers, some of them before or after a release."""
    number = st.integers(0, 999).map(str)
    numbers = st.lists(number, min_size=1, max_size=4).map(".".join)
    return st.tuples(numbers, st.sampled_from(["", "rc1", "a0", ".post2"])).map("".join)


def jobs() -> SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(JOBS), min_size=1, max_size=2, unique=True)


def accelerators() -> SearchStrategy[list[str]]:
    cuda = st.integers(100, 999).map("cu{}".format)
    return st.lists(st.just("cpu") | cuda, min_size=1, max_size=3, unique=True)


@st.composite
def releases(draw: DrawFn) -> dict[str, Any]:
    of_release = draw(jobs())
    budget = dict.fromkeys(of_release, 1)
    return {
        "version": draw(versions()),
        "base": draw(st.sampled_from(BASES)),
        "ga": "2026-01-01",
        "end_of_patch": "2027-01-01",
        "jobs": of_release,
        "accelerators": {
            name: {"budget_mb": budget} | ({} if name == "cpu" else {"driver": "999"})
            for name in draw(accelerators())
        },
        "huggingface": {"transformers": draw(versions())},
    }


@st.composite
def frameworks(draw: DrawFn) -> dict[str, Any]:
    """A framework's file: up to three releases, none written twice."""
    name = st.lists(
        releases(),
        min_size=1,
        max_size=3,
        unique_by=lambda r: (r["version"], r["huggingface"]["transformers"], r["base"]),
    )
    return {
        "title": "Framework",
        "module": "framework",
        "distributions": {"cpu": {"name": "framework-cpu"}, "gpu": {"name": "framework"}},
        "releases": draw(name),
    }


def common(bases: Sequence[str] = BASES) -> dict[str, Any]:
    """Return the data of a common.yml with both frameworks."""
    base = {
        "suite": "bookworm",
        "architecture": "amd64",
        "python": "3.11",
        "glibc": "2.36",
        "epoch": 1767225600,
        "end_of_support": "2028-06-30",
        "packages": ["python3", "tini"],
        "job_packages": {"training": ["git"]},
    }
    return {
        "frameworks": ["pytorch", "tensorflow"],
        "vendor": "Vendor",
        "tools": {"pip": "1.2", "uv": "3.4.5"},
        "bases": dict.fromkeys(bases, base),
    }


def load(**files: dict[str, Any]) -> Manifest:
    """Return the manifest of the files' data; JSON is YAML, so the reader is tested along."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in ({"common": common()} | files).items():
            Path(folder, f"{name}.yml").write_text(json.dumps(data), encoding="utf-8")
        return manifest.load(Path(folder))


def wheel(name: str, *, version: str = "1.0", size_bytes: int = 1000) -> Wheel:
    """Return a wheel whose hash follows from its file name."""
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    sha256 = hashlib.sha256(filename.encode()).hexdigest()
    return Wheel(
        name=name, version=version, filename=filename, sha256=sha256, size_bytes=size_bytes
    )


def built(serving: str) -> dict[str, BuiltWheel]:
    """Return the wheels of the sample's packages, without content; one under a name of its own."""
    return {
        folder: BuiltWheel(wheel=wheel(name), content=b"", modules=(f"{folder}/__init__.py",))
        for folder, name in (("shared", "sample-shared"), ("serving", serving))
    }


@st.composite
def locks(draw: DrawFn) -> ReleaseLock:
    """A joint solution: on one accelerator, a distribution is one file for all jobs that use it."""
    of_release, on = draw(jobs()), draw(accelerators())
    every = tuple(sorted(f"{job}/{accelerator}" for job, accelerator in product(of_release, on)))
    rows = [LockedWheel(wheel=wheel("uv"), group=Group.BUILD, used_by=every)]
    for number in range(draw(st.integers(0, 12))):
        size = draw(st.sampled_from([0, 1000, HEAVY_BYTES - 1, HEAVY_BYTES, 10 * HEAVY_BYTES]))
        group = draw(st.sampled_from(GROUPS))
        used_by = draw(st.lists(st.sampled_from(every), min_size=1, unique=True))
        per_accelerator = draw(st.booleans())
        for suffix in on if per_accelerator else [""]:
            users = tuple(sorted(folder for folder in used_by if folder.endswith(suffix)))
            if users:
                made = wheel(f"d{number}", version=f"1.0+{suffix or 'any'}", size_bytes=size)
                rows.append(LockedWheel(wheel=made, group=group, used_by=users))
    order = draw(st.permutations(rows))
    return ReleaseLock(format=FORMAT, requirements_sha256="0" * 64, wheels=tuple(order))
