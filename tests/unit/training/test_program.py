"""A script's name becomes the command that starts it, or a sentence that says why it can't."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from dockwright_training.code import program
from dockwright_training.errors import ConfigError, InputError, ScriptError

if TYPE_CHECKING:
    from pathlib import Path

ARGUMENTS = ("--epochs", "3")


def find(folder: Path, name: str | None, content: str | bytes | None = None) -> program.Program:
    """Find a program, after writing it where it has a content."""
    if content is not None and name is not None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return program.find(name, folder, ARGUMENTS)


@pytest.mark.parametrize("name", ["train.py", "scripts/my train.py"])
def test_python_runs_a_script(tmp_path: Path, name: str) -> None:
    found = find(tmp_path, name, "print(1)")
    assert found.command == (sys.executable, name, *ARGUMENTS)
    assert found.is_python
    assert found.target == (name,)


@pytest.mark.parametrize(
    ("content", "start"),
    [
        ("echo hi", ("/bin/sh",)),
        ("#!/bin/bash -e\n", ("/bin/bash", "-e")),
        ("#! /usr/bin/env bash\r\n", ("/usr/bin/env", "bash")),
        (b"\x7fELF\x02", ()),
    ],
    ids=["no interpreter", "with an option", "found by env", "a program"],
)
def test_anything_else_is_started_as_the_system_would(
    tmp_path: Path, content: str | bytes, start: tuple[str, ...]
) -> None:
    found = find(tmp_path, "run.sh", content)
    assert found.command == (*start, "./run.sh", *ARGUMENTS)
    assert not found.is_python


@pytest.mark.parametrize(
    ("file", "name", "module"),
    [
        ("setup.py", "mine.train", "mine.train"),
        ("setup.py", "train.py", "train"),
        ("setup.py", "mine/train.py", "mine.train"),
        ("pyproject.toml", "mine.train", "mine.train"),
    ],
)
def test_a_package_is_run_as_a_module(tmp_path: Path, file: str, name: str, module: str) -> None:
    (tmp_path / file).write_text("")
    found = find(tmp_path, name)
    assert found.command == (sys.executable, "-m", module, *ARGUMENTS)
    assert found.is_python


@pytest.mark.parametrize(("file", "name"), [("setup.py", "x.sh"), ("pyproject.toml", "train.py")])
def test_a_project_file_does_not_make_every_script_a_module(
    tmp_path: Path, file: str, name: str
) -> None:
    (tmp_path / file).write_text("")
    assert find(tmp_path, name, "").module is None


@pytest.mark.parametrize("name", ["../out.py", "/etc/passwd", "-c", "a/../../out.py"])
def test_a_name_that_is_no_path_within_the_code_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="is no path within"):
        find(tmp_path, name)


def test_a_link_out_of_the_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/train.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(ConfigError, match="is no path within"):
        find(tmp_path / "code", "train.py")


def test_a_missing_script_is_told_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    with pytest.raises(InputError, match=r"there is no script tain\.py\. .* has train\.py"):
        find(tmp_path, "tain.py")
    with pytest.raises(ConfigError, match=r"no script is named: .* has train\.py"):
        find(tmp_path, None)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("x = 1\nif x\n", r"train\.py:2: SyntaxError: expected ':': if x"),
        ("def f():\nreturn\n", r"train\.py:2: IndentationError: expected an indented block"),
        ("return\n", r"train\.py:1: SyntaxError: 'return' outside function"),
        (b"x = '\xff'\n", r"train\.py:.*: SyntaxError: \(unicode error\)"),
        (b"x = 1\0", r"train\.py.*null bytes"),
    ],
)
def test_what_is_no_python_is_told_with_its_line(
    tmp_path: Path, content: str | bytes, told: str
) -> None:
    with pytest.raises(ScriptError, match=told) as error:
        find(tmp_path, "train.py", content)
    assert error.value.exit_code == 1


def test_a_warning_of_the_compiler_is_the_script_s_own_affair(tmp_path: Path) -> None:
    assert find(tmp_path, "train.py", "x = 1 is 1\n").is_python


def test_an_example_is_run_from_the_image() -> None:
    found = program.example("text-classification", ARGUMENTS)
    assert found.path.is_file()
    assert found.command == (sys.executable, "text_classification.py", *ARGUMENTS)
    with pytest.raises(InputError, match="there is no example 'no'; there are "):
        program.example("no", ())
