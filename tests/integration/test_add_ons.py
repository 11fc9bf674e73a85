"""What a manifest adds to wheels and leaves out of them: both builders lay the same files."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from functools import partial
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import wheel_maker
from dockwright.cli.app import app
from dockwright.clients import docker, hashing
from dockwright.composition import archive_layer, base, wheels
from dockwright.composition.layers import WheelLayer
from dockwright.spec import base_lock, naming
from dockwright.spec import lock as locks
from dockwright.spec.lock import Group, Wheel
from dockwright.workspace import Workspace
from integration.test_assemble import tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.spec.variants import Variant

REPOSITORY = "dockwright-test-add-ons"
INTO = "/opt/vendor"
TESTS = "numpy/*tests/*"
FILES = (
    ("tool/bin/run", b"#!/bin/sh\necho it runs\n", 0o700),
    ("tool/share/text", b"words", 0o600),
)


def pack(path: Path, files: Sequence[tuple[str, bytes, int]], *, owner: int, at: int) -> Path:
    """Pack files and a link to one of them as somebody would, at some time."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content, mode in files:
            member = tarfile.TarInfo(f"./{name}")
            member.size, member.mode, member.uid, member.mtime = len(content), mode, owner, at
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("tool/run")
        link.type, link.linkname, link.mtime = tarfile.SYMTYPE, "bin/run", at
        archive.addfile(link)
    return path


def file_of(path: Path) -> Wheel:
    return Wheel(
        name="tool",
        version="1",
        filename=path.name,
        sha256=hashing.sha256_of(path),
        size_bytes=path.stat().st_size,
    )


def test_a_layer_is_the_same_whoever_packed_the_archive(
    checkout: Workspace, variant: Variant, tmp_path: Path
) -> None:
    spec = variant.release.base
    images = base.ensure(spec, base_lock.load(checkout.buildspec_path, spec), checkout)
    digests = set()
    for owner, files in ((0, FILES), (1000, FILES[::-1])):
        path = pack(tmp_path / f"tool-{owner}.tar.gz", files, owner=owner, at=owner * 1000)
        ws = Workspace(root=checkout.root, home=tmp_path / f"home-{owner}")
        wheel = file_of(path)
        wheels.put(ws.wheels_path, wheel, path)
        layer = WheelLayer(
            name="add-on-tool", group=Group.ADD_ON, wheels=(wheel,), used_by=(), into=INTO
        )
        blob = archive_layer.layer_blob(ws, layer, images, python=spec.python)
        assert f"sha256:{hashing.sha256_of(blob.path)}" == blob.digest
        assert archive_layer.layer_blob(ws, layer, images, python=spec.python) == blob
        digests.add((blob.digest, blob.diff_id, blob.size_bytes, blob.unpacked_bytes))
    assert len(digests) == 1


@pytest.fixture
def client(engine: Engine) -> Iterator[DockerClient]:
    with docker.connect(engine) as connected:
        yield connected


@pytest.fixture
def scratch(checkout: Workspace, variant: Variant, tmp_path: Path) -> Workspace:
    """A copy of the checkout whose inference images have a wheel and an archive more, and no tests.

    These are many files in several folders of a wheel, some of which hold nothing else.
    """
    made = Workspace(root=tmp_path / "copy", home=checkout.home)
    shutil.copytree(checkout.buildspec_path, made.buildspec_path)
    shutil.copytree(checkout.images_path, made.images_path)
    carried = tmp_path / "carried"
    wheel = wheel_maker.make(carried, {"added_on.py": b"print('imported')"}, name="added_on")
    archive = pack(carried / "tool.tar.gz", FILES, owner=1000, at=1_700_000_000)
    path = made.buildspec_path / f"{variant.release.framework}.yml"
    text = path.read_text("utf-8")
    version = f'  - version: "{variant.release.spec.version}"\n'
    assert variant.release.spec is variant.release.file.releases[0]
    entries = "".join(map(partial(entry, into=INTO), (wheel, archive)))
    text = text.replace(version, f"{version}    add_ons:\n{entries}", 1)
    numpy = next(
        locked.wheel.version
        for locked in locks.load(made.buildspec_path, variant.release).wheels
        if locked.wheel.name == "numpy"
    )
    head = "left_out:\n"
    assert text.count(head) == 1
    without = f"  - wheels: [numpy=={numpy}]\n    files: [{TESTS}]\n    reason: a test\n"
    path.write_text(text.replace(head, head + without), "utf-8")
    return made


def entry(path: Path, into: str) -> str:
    file = file_of(path)
    of_archive = f"        into: {into}\n        environment: {{TOOL_HOME: {into}/tool}}\n"
    return (
        f"      - name: {path.name.partition('-')[0].partition('.')[0].replace('_', '-')}\n"
        f"        url: {path.name}\n        sha256: {file.sha256!r}\n"
        f"        size: {file.size_bytes}\n        jobs: [inference]\n        reason: a test\n"
        + ("" if path.suffix == ".whl" else of_archive)
    )


@pytest.mark.full
def test_both_builders_lay_the_same_add_ons_and_leave_out_the_same_files(
    scratch: Workspace,
    variant: Variant,
    client: DockerClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(scratch.root)
    monkeypatch.setenv("DOCKWRIGHT_WHEELS", str(tmp_path / "carried"))
    # Its tag would be that of the checkout's image.
    monkeypatch.setattr(naming, "repository", lambda *_: REPOSITORY)
    command("generate")
    digests = []
    try:
        for builder in ("buildkit", "assemble"):
            printed = command("build", variant.identifier, "--builder", builder, "--json")
            (record,) = json.loads(printed)
            names = [layer["name"] for layer in record["layers"]]
            assert {"add-on-added-on", "add-on-tool"} <= set(names)
            # By a tag of its own: the next build takes the image's.
            assert client.images.get(record["reference"]).tag(REPOSITORY, builder)
            digests.append(record["digest"])
            said = client.containers.run(
                record["digest"],
                ["sh", "-c", "python3 -c 'import added_on' && $TOOL_HOME/run"],
                network_mode="none",
                remove=True,
            )
            assert said == b"imported\nit runs\n"
        trees = [tree(client, digest) for digest in digests]
        assert trees[0] == trees[1]
        assert trees[0]["opt/vendor/tool/bin/run"][1:4] == (0o755, 0, 0)
        assert any("/numpy/_core/" in path for path in trees[0])
        assert not any("/numpy/" in path and "/tests" in path for path in trees[0])
    finally:
        for image in client.images.list(REPOSITORY):
            for tag in image.tags:
                client.images.remove(tag)


def command(*argv: str) -> str:
    """Run the program in this process and return what it printed."""
    result = CliRunner().invoke(app, argv, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout
