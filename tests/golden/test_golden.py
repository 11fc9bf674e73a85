"""What a small manifest becomes, to the byte; `pytest tests/golden --update` writes it anew.

The sample's locks are solved by nobody: `--update` gives them the fingerprint of the requirements.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sample
from dockwright import console
from dockwright.__main__ import main
from dockwright.builders.bake import Target, bake_file
from dockwright.composition import generated
from dockwright.composition.render import os_layer
from dockwright.spec import base_lock, manifest
from dockwright.spec import lock as locks
from dockwright.spec.axes import Framework
from dockwright.stages.lock import releases_of
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from sample import Sample

GOLDEN = Path(__file__).parent / "expected"
PRINTED = {
    "list.txt": "list",
    "list.json": "list --json",
    "matrix-github.json": "matrix --format github",
    "plan.txt": "plan",
    "plan.json": "plan --json",
}
PRINTED_OF_OVERLAY = {
    "list-overlay.txt": "list *orchid*",
    "plan-overlay.txt": "plan pytorch-*-inference-cpu",
}


@pytest.fixture(scope="session", autouse=True)
def locks_of_the_sample(*, update: bool) -> None:
    if update:
        buildspec_path = sample.SAMPLE / "buildspec"
        loaded = manifest.load(buildspec_path)
        for release in releases_of(loaded.variants):
            path = locks.lock_path(buildspec_path, release)
            lock = locks.loads(path.read_bytes(), name=path.name)
            fresh = replace(lock, requirements_sha256=locks.requirements_sha256(release))
            path.write_text(locks.dumps(fresh), encoding="utf-8")
        for spec in loaded.bases.values():
            path = base_lock.lock_path(buildspec_path, spec.name)
            base = base_lock.loads(path.read_bytes(), name=path.name)
            path.write_text(base_lock.dumps(replace(base, spec_sha256=spec.sha256)), "utf-8")
        ws = Workspace(root=sample.SAMPLE, home=sample.SAMPLE / "home")
        sample.lock_layers(ws)
        _lock_overlay(replace(ws, overlay=sample.OVERLAY))


def _lock_overlay(ws: Workspace) -> None:
    for release in releases_of(manifest.load(ws.buildspec_path, ws.overlay).variants):
        if release.extends is not None:
            path = locks.lock_path(ws.buildspec_path, release)
            lock = locks.loads(path.read_bytes(), name=path.name)
            extended = locks.load(ws.buildspec_path, release.extends)
            fingerprint = locks.requirements_sha256(release, extended)
            path.write_text(locks.dumps(replace(lock, requirements_sha256=fingerprint)), "utf-8")
    sample.lock_layers(ws)


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sample:
    """A copy of the sample workspace, as the current folder, and an empty home."""
    copied = sample.copy(tmp_path)
    monkeypatch.chdir(copied.ws.root)
    monkeypatch.setenv("DOCKWRIGHT_HOME", str(copied.ws.home))
    return copied


def compare(name: str, text: str, *, update: bool) -> None:
    path = GOLDEN / name
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    assert path.is_file(), f"{name} is new: pytest tests/golden --update"
    assert text == path.read_text(encoding="utf-8"), "intended? pytest tests/golden --update"


def test_dockerfiles_and_requirement_files_are_the_expected_ones(
    good: Sample, *, update: bool
) -> None:
    files = generated.expected(good.ws, good.manifest().variants)
    texts = {str(path.relative_to(good.ws.root)): text for path, text in files.items()}
    for name, text in texts.items():
        compare(name, text, update=update)
    strangers = {p for p in (GOLDEN / "images").rglob("*") if p.is_file()}
    strangers -= {GOLDEN / name for name in texts}
    if update:
        for path in strangers:
            path.unlink()
    assert update or not strangers


def test_an_overlay_s_files_are_the_expected_ones(good: Sample, *, update: bool) -> None:
    ws = sample.overlaid(good).ws
    of_overlay = manifest.load(ws.buildspec_path, ws.overlay).variants
    files = generated.expected(ws, [v for v in of_overlay if v.release.overlay])
    texts = {ws.shown(path): text for path, text in files.items()}
    for name, text in texts.items():
        compare(name, text, update=update)
    folder = GOLDEN / sample.OVERLAY.name
    assert {str(p.relative_to(GOLDEN)) for p in folder.rglob("*") if p.is_file()} == set(texts)


def test_the_bake_file_is_the_expected_one(good: Sample, *, update: bool) -> None:
    targets = [
        Target(
            variant=variant,
            context_path=Path("/checkout/images", variant.release.folder),
            wheels_path=Path("/home/staged", variant.release.key),
            base="oci-layout:///home/bases/debian12@sha256:aaaa",
            os_layer="oci-layout:///home/bases/debian12@sha256:bbbb" if os_layer(variant) else None,
        )
        for variant in good.manifest().variants
    ]
    compare("bake.json", console.as_json(bake_file(targets, no_cache=False)), update=update)


@pytest.mark.parametrize("name", [*PRINTED, *PRINTED_OF_OVERLAY])
def test_what_commands_print_is_the_expected(
    name: str,
    good: Sample,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    update: bool,
) -> None:
    argv = PRINTED.get(name, PRINTED_OF_OVERLAY.get(name, "")).split()
    if name in PRINTED_OF_OVERLAY:
        argv = ["--spec", str(sample.overlaid(good).ws.overlay), *argv]
    monkeypatch.setattr(sys, "argv", ["dockwright", *argv])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    compare(name, captured.out, update=update)


def test_the_sample_s_generated_folders_are_of_the_frameworks_alone() -> None:
    folders = {path.name for path in (GOLDEN / "images").iterdir()}
    assert folders == {framework.value for framework in Framework}
