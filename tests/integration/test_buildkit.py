"""A bake is handed to buildx as a file; what buildx then says becomes digests, lines or an error.

The buildx here is a script that plays back what a real one said; tests/integration/test_build.py
has a real one.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sample
from dockwright.builders import buildkit
from dockwright.builders.bake import Target, bake_file
from dockwright.clients.fitness import Engine
from dockwright.errors import BuildError

if TYPE_CHECKING:
    from sample import Sample

RECORDING = Path(__file__).parents[1] / "unit" / "data" / "bake-progress-buildx-0.13.1.txt"
# As buildx is called: bake --file FILE --metadata-file FILE --progress=rawjson
SCRIPT = """#!/bin/sh
test "$1" = inspect && printf 'Name:   some\\nDriver: {driver}\\n\\nNodes:\\n' && exit
test "$1 $2 $4 $6" = "bake --file --metadata-file --progress=rawjson" || exit 99
cp "$3" {given}
cp {metadata} "$5"
cat {said} >&2
exit {code}
"""


@pytest.fixture
def targets(tmp_path: Path) -> list[Target]:
    good: Sample = sample.copy(tmp_path)
    return [
        Target(variant=v, context_path=Path("/c"), wheels_path=Path("/w"), base="b", os_layer=None)
        for v in good.manifest().variants
        if v.job == "inference"
    ]


def engine(
    folder: Path, targets: list[Target], *, said: str, code: int, driver: str = "docker"
) -> Engine:
    """Return an engine whose buildx says this and ends so."""
    paths = {name: folder / name for name in ("given", "metadata", "said", "buildx")}
    digests = {t.name: {"containerimage.digest": f"sha256:{n}"} for n, t in enumerate(targets)}
    paths["metadata"].write_text(json.dumps(digests))
    paths["said"].write_text(said)
    facts = {name: shlex.quote(str(path)) for name, path in paths.items()}
    paths["buildx"].write_text(SCRIPT.format(**facts, code=code, driver=driver))
    paths["buildx"].chmod(0o755)
    return Engine(
        host="unix:///nowhere",
        docker=("docker",),
        buildx=(str(paths["buildx"]),),
        private=True,
        server_version="26.1.5",
        buildx_version="0.13.1",
    )


def test_a_bake_gives_every_image_s_digest(
    tmp_path: Path, targets: list[Target], capfd: pytest.CaptureFixture[str]
) -> None:
    found = buildkit.build(
        engine(tmp_path, targets, said=RECORDING.read_text("utf-8"), code=0), targets
    )
    assert found == {t.variant.identifier: f"sha256:{n}" for n, t in enumerate(targets)}
    given = json.loads((tmp_path / "given").read_text("utf-8"))
    assert given == bake_file(targets, no_cache=False)
    assert capfd.readouterr().out == ""


def test_what_another_builder_builds_is_loaded_into_the_engine(
    tmp_path: Path, targets: list[Target]
) -> None:
    buildkit.build(
        engine(tmp_path, targets, said="", code=0, driver="kubernetes"), targets, no_cache=True
    )
    given = json.loads((tmp_path / "given").read_text("utf-8"))
    assert given == bake_file(targets, no_cache=True, is_loaded=True)
    outputs = {text.partition(",")[0] for t in given["target"].values() for text in t["output"]}
    assert outputs == {"type=docker"}


def test_a_failed_step_is_told_with_its_log(tmp_path: Path, targets: list[Target]) -> None:
    failed = {
        "digest": "sha256:1",
        "name": "[a layer-torch 1/1] RUN --network=none install-wheels",
        "started": "2026-11-23T00:31:23Z",
        "completed": "2026-11-23T00:31:24Z",
        "error": "process did not complete successfully: exit code: 2",
    }
    log = {"vertex": "sha256:1", "data": "bm8gc3VjaCB3aGVlbAo="}
    said = "\n".join(map(json.dumps, ({"vertexes": [failed]}, {"logs": [log]}))) + "\n"
    with pytest.raises(BuildError) as caught:
        buildkit.build(engine(tmp_path, targets, said=said, code=1), targets)
    assert str(caught.value) == (
        "the build failed:\n"
        "a: layer-torch 1/1: RUN install-wheels\n"
        "no such wheel\n"
        "process did not complete successfully: exit code: 2"
    )


def test_what_buildx_says_itself_is_the_reason_when_no_step_failed(
    tmp_path: Path, targets: list[Target]
) -> None:
    said = "ERROR: failed to connect to the engine\n"
    with pytest.raises(BuildError, match=r"^the build failed:\nERROR: failed to connect"):
        buildkit.build(engine(tmp_path, targets, said=said, code=1), targets)


def test_finished_steps_are_lines_on_standard_error_in_a_fold(
    tmp_path: Path,
    targets: list[Target],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("CI", "true")
    step = {"digest": "sha256:1", "name": "[a layer-torch 1/1] RUN install-wheels"}
    times = {"started": "2026-11-23T00:31:23Z", "completed": "2026-11-23T00:31:25Z"}
    said = json.dumps({"vertexes": [step | times]}) + "\n"
    buildkit.build(engine(tmp_path, targets, said=said, code=0), targets)
    assert capfd.readouterr().err.splitlines() == [
        "::group::build log",
        "  a: layer-torch 1/1: RUN install-wheels (2.0 s)",
        "::endgroup::",
    ]
