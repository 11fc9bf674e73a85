"""The README's way to build an image by hand gives the very image that BuildKit gives for dockwright."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from dockwright import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.workspace import Workspace

pytestmark = pytest.mark.full


def test_the_readmes_commands_give_the_digest_of_dockwright_build(
    checkout: Workspace, engine: Engine, dockwright: Callable[..., str], tmp_path: Path
) -> None:
    fetch, build = _commands(checkout.root / "README.md")
    wheels_path, metadata_path = tmp_path / "wheels", tmp_path / "metadata.json"
    program, command, option, wheels, identifier = fetch
    assert (program, command, option, wheels) == ("dockwright", "fetch", "--to", "wheels")
    (record,) = json.loads(dockwright("build", identifier, "--builder", "buildkit", "--json"))
    dockwright("fetch", "--to", str(wheels_path), identifier)
    assert build[:2] == ["docker", "buildx"]
    argv = [
        word.replace("$STORE", str(checkout.home)).replace("=wheels/", f"={wheels_path}/")
        for word in build[2:]
    ]
    process.run(
        (*engine.buildx, *argv, "--metadata-file", metadata_path),
        cwd=checkout.root,
        env=engine.env,
        timeout_s=1200,
    )
    metadata = json.loads(metadata_path.read_text())
    assert metadata["containerimage.digest"] == record["digest"]


def _commands(readme: Path) -> list[list[str]]:
    """Return the two command lines of the block, as words."""
    text = readme.read_text(encoding="utf-8")
    found = re.search(r"<!-- by hand: .*?```sh\n(.*?)```", text, re.DOTALL)
    assert found
    lines = found[1].replace("\\\n", "").splitlines()
    return [shlex.split(line) for line in lines]
