"""`code/requirements.txt` is installed by the real pip, beside what is there, or says why not."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

import wheel_maker
from dockwright import process
from dockwright_serving.errors import ModelError
from dockwright_serving.models import requirements
from dockwright_serving.settings import ModelSettings

if TYPE_CHECKING:
    from pathlib import Path

PRESENT = "packaging"
VERSION = metadata.version(PRESENT)


def wheel(folder: Path, name: str, *needs: str, version: str = "1.0") -> Path:
    """Write a wheel with a module of its own name, which knows its version."""
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {need}" for need in needs)]
    files = {
        f"{name}-{version}.dist-info/METADATA": "\n".join(["Metadata-Version: 2.1", *lines, ""]),
        f"{name}.py": f"VERSION = {version!r}\n",
    }
    content = {path: text.encode() for path, text in files.items()}
    return wheel_maker.make(folder, content, name=name, version=version)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all pip knows, through its own variables."""
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def install(tmp_path: Path, text: str, *, ignore_pins: bool = False) -> tuple[Path, ...]:
    """Install what a text asks for and return where to."""
    code = tmp_path / "model/code"
    code.mkdir(parents=True, exist_ok=True)
    (code / "requirements.txt").write_text(text)
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    settings = ModelSettings(model_dir=tmp_path / "model", ignore_pins=ignore_pins)
    return requirements.install(settings, tmp_path / "model", scratch)


def imported(places: tuple[Path, ...], module: str) -> str:
    """Return what a new process sees with these folders on its path."""
    (place,) = places
    code = (
        f"import sys; sys.path.insert(0, {str(place)!r}); import {module}; print({module}.VERSION)"
    )
    return process.run([sys.executable, "-c", code], timeout_s=60).strip()


def test_what_is_missing_is_installed_with_what_it_needs(tmp_path: Path, index: Path) -> None:
    wheel(index, "outer", "inner>=1", PRESENT)
    wheel(index, "inner")
    places = install(tmp_path, f"# mine\nouter  # wanted\n{PRESENT}>=1\n")
    assert imported(places, "outer") == imported(places, "inner") == "1.0"
    # The image's own packages are not copied.
    assert sorted(p.name for p in places[0].glob("*.dist-info")) == [
        "inner-1.0.dist-info",
        "outer-1.0.dist-info",
    ]


def test_a_wheel_beside_the_file_needs_no_index(tmp_path: Path, index: Path) -> None:
    code = tmp_path / "model/code"
    name = wheel(code, "vendored").name
    assert list(index.iterdir()) == []
    assert imported(install(tmp_path, f"./{name}\n"), "vendored") == "1.0"


def test_an_option_of_the_file_counts_for_both_runs_of_pip(tmp_path: Path, index: Path) -> None:
    wheel(tmp_path / "model/code/wheels", "vendored")
    assert list(index.iterdir()) == []
    places = install(tmp_path, "--find-links wheels\nvendored==1.0\n")
    assert imported(places, "vendored") == "1.0"


def test_hashes_are_honoured(tmp_path: Path, index: Path) -> None:
    path = wheel(index, "hashed")
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ModelError, match=r"hashed==1\.0"):
        install(tmp_path, f"hashed==1.0 --hash=sha256:{'0' * 64}\n")
    assert imported(install(tmp_path, f"hashed==1.0 --hash=sha256:{right}\n"), "hashed") == "1.0"


def test_a_direct_conflict_names_line_pin_and_variable(tmp_path: Path, index: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ModelError) as failure:
        install(tmp_path, f"\n{PRESENT}<1\n")
    assert time.monotonic() - started < 1
    assert f"requirements.txt:2: {PRESENT}<1, but the image has {PRESENT} {VERSION}" in str(
        failure.value
    )
    assert "SERVING_IGNORE_PINS=true" in str(failure.value)
    assert list(index.iterdir()) == []


def test_a_conflict_further_down_names_pin_and_variable(tmp_path: Path, index: Path) -> None:
    wheel(index, "outer", f"{PRESENT}<1")
    wheel(index, PRESENT, version="0.9")
    with pytest.raises(ModelError) as failure:
        install(tmp_path, "outer\n")
    assert f"{PRESENT}=={VERSION}" in str(failure.value)
    assert "SERVING_IGNORE_PINS=true" in str(failure.value)


def test_pins_may_be_ignored_and_the_image_stays_as_it_was(tmp_path: Path, index: Path) -> None:
    wheel(index, "outer", f"{PRESENT}<1")
    wheel(index, PRESENT, version="0.9")
    places = install(tmp_path, "outer\n", ignore_pins=True)
    assert imported(places, PRESENT) == "0.9"
    assert metadata.version(PRESENT) == VERSION


def test_a_package_that_is_none_is_named(tmp_path: Path, index: Path) -> None:
    assert list(index.iterdir()) == []
    with pytest.raises(ModelError, match="No matching distribution found for no-such-thing"):
        install(tmp_path, "no-such-thing\n")


@pytest.mark.usefixtures("index")
def test_without_a_network_the_reason_comes_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    started = time.monotonic()
    with pytest.raises(ModelError, match="No package index can be reached"):
        install(tmp_path, "no-such-thing\n")
    assert time.monotonic() - started < 20


@pytest.mark.usefixtures("index")
def test_a_pip_that_cannot_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(ModelError, match="pip can't be started"):
        install(tmp_path, "no-such-thing\n")
