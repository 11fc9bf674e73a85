"""A wrong manifest: every problem at once, exit code 2, and nothing is written or fetched."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from dockwright.__main__ import main
from dockwright.errors import ManifestError

if TYPE_CHECKING:
    from pathlib import Path

    from sample import Sample

COMMANDS = (
    "list", "matrix", "plan", "generate", "generate --check", "lock", "lock --check",
    "lock --base", "schema", "schema --check", "fetch", "build", "smoke", "show",
)  # fmt: skip


def run(monkeypatch: pytest.MonkeyPatch, command: str) -> int:
    """Run the program as the installed script does; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["dockwright", *command.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def spoil(good: Sample) -> list[str]:
    """Make one mistake of each kind; return what must be told, in this order."""
    good.edit("common.yml", "vendor:", "vendro:")
    good.edit("pytorch.yml", 'version: "9.1.0"', "version: 9.10")
    good.edit("pytorch.yml", "training: 2100", "training: -1")
    good.edit("pytorch.yml", "module: torch", "module: torch\nmodule: torch")
    (good.ws.buildspec_path / "tensorflow.yml").write_bytes(b"title: \xff\n")
    return [
        "buildspec/common.yml:2: vendor: this key is required",
        "buildspec/common.yml:3: vendro: unknown key; did you mean 'vendor'?",
        "buildspec/pytorch.yml:2: module: the key is written twice (again on line 3)",
        'buildspec/pytorch.yml:10: releases.0.version: 9.10 is read as a number; quote it: "9.10"',
        (
            "buildspec/pytorch.yml:19: releases.0.accelerators.cu999.budget_mb.training: "
            "-1 should be greater than 0"
        ),
        "buildspec/tensorflow.yml:1: not UTF-8; save it as UTF-8",
    ]


def test_all_problems_of_all_files_are_told_at_once_in_the_order_of_lines(good: Sample) -> None:
    expected = spoil(good)
    with pytest.raises(ManifestError) as caught:
        good.manifest()
    assert str(caught.value).split("\n") == expected


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_does_anything_but_tell(
    good: Sample,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    expected = spoil(good)
    before = good.tree()
    assert run(monkeypatch, command) == 2
    assert good.tree() == before
    assert not good.ws.home.exists()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: " + "\n".join(expected) + "\n"


def test_a_folder_without_a_manifest_says_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "list") == 2
    assert capsys.readouterr().err.endswith(
        "no buildspec/common.yml here or above; run dockwright inside its checkout\n"
    )


def test_the_manifest_is_found_from_any_folder_below(
    good: Sample, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(good.ws.images_path / "_templates")
    assert run(monkeypatch, "list") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 7
