"""Layers of wheels hold what uv installs, byte by byte, and are read by other people's programs."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wheel_maker
from dockwright import process
from dockwright.composition import wheels
from dockwright.composition.assemble import wheel_layer
from dockwright.composition.assemble.install import Target
from dockwright.spec import lock as locks
from dockwright.spec import manifest
from dockwright.stages.fetch import fetch
from wheel_maker import DATA, INFO

if TYPE_CHECKING:
    from dockwright.spec.lock import Wheel
    from dockwright.workspace import Workspace

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# What the Dockerfile removes after uv.
REMOVED = re.compile(r".*\.dist-info/(.*/)?(REQUESTED|direct_url\.json|uv_cache\.json)")
REMOVED_LINES = re.compile(
    rb"^.*\.dist-info/(REQUESTED|direct_url\.json|uv_cache\.json),.*\n", re.MULTILINE
)
Tree = dict[str, tuple[int, str]]
"""Mode and content's hash by path; folders have none."""


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment whose interpreter uv installs for."""
    path = tmp_path_factory.mktemp("venv")
    process.run([sys.executable, "-m", "venv", "--without-pip", str(path)], timeout_s=60)
    return path


def by_uv(venv: Path, prefix: Path, wheel: Path) -> Tree:
    """Install a wheel as the Dockerfile does and return the tree."""
    process.run(
        [
            *(
                sys.executable,
                "-m",
                "uv",
                "pip",
                "install",
                "--offline",
                "--no-cache",
                "--no-index",
                "--no-deps",
            ),
            *("--no-config", "--link-mode", "copy", "--python", str(venv / "bin/python3")),
            *("--python-version", "3.11", "--prefix", str(prefix), str(wheel)),
        ],
        timeout_s=300,
    )
    tree: Tree = {}
    for folder, folders, names in os.walk(prefix):
        for name in (*folders, *names):
            path = Path(folder, name)
            below = path.relative_to(prefix).as_posix()
            if not REMOVED.fullmatch(below) and below != ".lock":
                content = None if path.is_dir() else path.read_bytes()
                tree[below] = (path.stat().st_mode & 0o7777, hash_of(below, content))
    return tree


def hash_of(path: str, content: bytes | None) -> str:
    if content is None:
        return "folder"
    if path.endswith(".dist-info/RECORD"):
        content = REMOVED_LINES.sub(b"", content)
    return hashlib.sha256(content).hexdigest()


def by_us(venv: Path, layer: Path, wheel: Path) -> Tree:
    """Write the wheel's layer and return its tree, as Python's tar reader sees it."""
    root = str(venv).strip("/")
    target = Target(venv=str(venv), python=PYTHON)
    with layer.open("wb") as blob:
        wheel_layer.write([wheel], blob, target=target, inflate=True, on_bytes=lambda _: None)
    tree: Tree = {}
    with gzip.open(layer) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            if member.name.startswith(f"{root}/"):
                below = member.name.removeprefix(f"{root}/")
                file = tar.extractfile(member) if member.isreg() else None
                kind = "folder" if member.isdir() else "neither file nor folder"
                digest = hash_of(below, file.read()) if file is not None else kind
                tree[below] = (member.mode, digest)
            else:
                assert root.startswith(member.name), member.name
    return tree


@pytest.mark.full  # installs three gigabytes with uv
def test_every_locked_wheel_becomes_the_tree_that_uv_installs(
    checkout: Workspace, venv: Path, tmp_path: Path
) -> None:
    variants = manifest.load(checkout.buildspec_path).variants
    fetch(checkout, variants)
    releases = {v.release.key: v.release for v in variants}.values()
    locked = {w.wheel for r in releases for w in locks.load(checkout.buildspec_path, r).wheels}
    assert len(locked) > 90

    def compare(wheel: Wheel) -> str | None:
        path = wheels.path_of(checkout.wheels_path, wheel)
        work = tmp_path / wheel.sha256
        work.mkdir()
        theirs, ours = by_uv(venv, work / "uv", path), by_us(venv, work / "layer", path)
        shutil.rmtree(work)
        assert len(theirs) > 4
        different = {p for p in ours.keys() | theirs.keys() if ours.get(p) != theirs.get(p)}
        return f"{wheel.filename}: {sorted(different)[:5]}" if different else None

    with ThreadPoolExecutor(2) as pool:
        assert list(filter(None, pool.map(compare, sorted(locked)))) == []


NAMES = st.sampled_from(["a", "b.py", "c d", "é.txt", 'q"u,ote', "x" * 60, "LICENSE"])
PLACES = st.sampled_from(
    [
        *("probe", "probe/sub", f"{DATA}/purelib/pure", f"{DATA}/platlib/plat", f"{DATA}/headers"),
        *(f"{DATA}/headers/sub", f"{DATA}/data", f"{DATA}/data/share", f"{DATA}/scripts"),
        *(f"{INFO}/licenses", "probe/_vendor/x-1.dist-info"),
    ]
)
SCRIPTS = st.sampled_from(
    [b"#!python\nx\n", b"#!pythonw -u\r\nx\r\n", b"#!/bin/sh\nx\n", b"#!python", b"\x7fELF"]
)
ENTRY_POINTS = st.sampled_from(
    [
        b"",
        b"[console_scripts]\na = probe:main\nother = probe.cli : app.run [x, y]\n",
        b"# note\n[gui_scripts]\nq = probe:gui\n\n[console_scripts]\npip3 = probe:pip\npip3.9=p:q\n",
    ]
)


def place(files: dict[tuple[str, str], bytes], points: bytes) -> dict[str, bytes]:
    """Return the files of a wheel by path."""
    listed = {f"{folder}/{name}": content for (folder, name), content in files.items()}
    return {**listed, f"{INFO}/entry_points.txt": points}


CONTENTS = st.dictionaries(
    st.tuples(PLACES, NAMES), st.one_of(SCRIPTS, st.binary(max_size=2000)), max_size=8
)
WHEELS = st.builds(place, CONTENTS, ENTRY_POINTS)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files=WHEELS, executable=st.booleans(), method=st.sampled_from([0, 8]))
def test_any_wheel_becomes_the_tree_that_uv_installs(
    venv: Path,
    tmp_path_factory: pytest.TempPathFactory,
    files: dict[str, bytes],
    executable: bool,
    method: int,
) -> None:
    work = tmp_path_factory.mktemp("any")
    modes = {path: 0o100754 for path in files if executable}
    wheel = wheel_maker.make(
        work, files, modes=modes, method=method, folders=["probe/empty", f"{DATA}/headers/none"]
    )
    assert by_us(venv, work / "layer", wheel) == by_uv(venv, work / "uv", wheel)


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer with all that is odd: long and foreign names, empty, stored and large files."""
    work = tmp_path_factory.mktemp("layer")
    files = {
        "probe/" + "deeply/" * 40 + "kernel.h": b"int x;\n",
        "probe/ünïcode/文.py": b"x = 1\n",
        "probe/empty": b"",
        "probe/large.bin": os.urandom(3 << 20) + bytes(5 << 20),
        f"{DATA}/scripts/tool": b"#!python\nprint(1)\n",
    }
    target = Target(venv="/opt/venv", python=PYTHON)
    for method in (0, 8):
        path = wheel_maker.make(work / str(method), files, name=f"probe{method}", method=method)
        with (work / f"{method}.tar.gz").open("wb") as blob:
            wheel_layer.write([path], blob, target=target, inflate=True, on_bytes=lambda _: None)
    return work


def test_gzip_and_gnu_tar_read_a_layer_as_python_does(layer: Path, tmp_path: Path) -> None:
    for method in (0, 8):
        path = layer / f"{method}.tar.gz"
        process.run(["gzip", "--test", path], timeout_s=60)
        into = tmp_path / str(method)
        into.mkdir()
        process.run(["tar", "-xzf", path, "-C", into], timeout_s=60)
        with tarfile.open(fileobj=gzip.open(path), mode="r:") as tar:
            for member in tar:
                unpacked = into / member.name
                assert unpacked.is_dir() == member.isdir()
                assert unpacked.stat().st_mode & 0o7777 == member.mode
                if (file := tar.extractfile(member)) is not None:
                    assert unpacked.read_bytes() == file.read()
            assert len(tar.getmembers()) > 50
