"""The README says what the program does: these tables follow from its code.

`pytest tests/unit/test_readme.py --update` writes what has changed.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer.main
from typer.core import TyperArgument, TyperGroup, TyperOption

from dockwright.cli.app import app
from dockwright.composition.readme import table
from dockwright.errors import INTERRUPTED, DockwrightError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
VARIABLE = re.compile(r"\bDOCKWRIGHT_[A-Z]+\b(?!_)")
NAME = re.compile(r"`([a-z]+)(?:/|\.py)`")
INSIDE_ONLY = {"DOCKWRIGHT_FACTS"}  # between smoke checks and what starts them


def commands() -> str:
    rows = ((f"`{name}`", text, options) for name, text, options in _commands(_group()))
    return table(("`dockwright …`", "", "options"), rows)


def exit_codes() -> str:
    classes: list[type[DockwrightError]] = [DockwrightError, *DockwrightError.__subclasses__()]
    rows = {0: ("", "All is well.")}
    rows |= {kind.exit_code: (kind.__name__, _first_line(kind.__doc__)) for kind in classes}
    rows[INTERRUPTED] = ("", "Interrupted by Ctrl-C; the same command goes on where it stopped.")
    return table(
        ("code", "error", "meaning"),
        (
            (str(code), f"`{name}`" if name else "", text)
            for code, (name, text) in sorted(rows.items())
        ),
    )


BLOCKS = {
    "commands": commands,
    "exit codes": exit_codes,
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_derived_block_says_what_its_source_says(name: str, *, update: bool) -> None:
    text = README.read_text(encoding="utf-8")
    expected = BLOCKS[name]()
    start, end = f"<!-- {name}: by tests/unit/test_readme.py -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = text.partition(start)
    committed, _, after = rest.partition(end)
    assert after, f"README.md has lost its markers {start!r} and {end!r}"
    if update:
        README.write_text(f"{before}{start}\n{expected}\n{end}{after}", encoding="utf-8")
        return
    assert committed.strip() == expected.strip(), "run: pytest tests/unit/test_readme.py --update"


def test_every_error_class_has_an_exit_code_of_its_own() -> None:
    kinds: list[type[DockwrightError]] = [DockwrightError, *DockwrightError.__subclasses__()]
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert not {0, INTERRUPTED} & set(codes)


def test_every_variable_that_is_read_is_explained() -> None:
    sources = [*(ROOT / "scripts").rglob("*.py"), ROOT / "Makefile"]
    read = {name for path in sources for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    told = set(VARIABLE.findall(README.read_text(encoding="utf-8")))
    assert read - INSIDE_ONLY == told


def test_every_make_target_that_is_named_exists() -> None:
    targets = re.findall(
        r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    for name in ("README.md", "CONTRIBUTING.md"):
        named = re.findall(r"`make ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8"))
        assert named, name
        assert set(named) <= set(targets), name


def test_contributors_see_the_packages_in_the_order_that_lint_proves() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    modules = [name.rpartition(".")[2] for layer in layers for name in layer.split(" : ")]
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = [
        name
        for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for name in NAME.findall(row)
    ]
    assert [name for name in listed if name in modules] == [m for m in modules if m != "__main__"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_within_the_repository_leads_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    anchors = {_anchor(title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert (ROOT / target.partition("#")[0]).exists(), target


def _group() -> TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def _commands(group: TyperGroup, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, f"{prefix}{name} ")
            continue
        arguments = [p.metavar or p.name for p in command.params if isinstance(p, TyperArgument)]
        options = [f"`{p.opts[0]}`" for p in command.params if isinstance(p, TyperOption)]
        usage = " ".join((f"{prefix}{name}", *map(str, arguments)))
        yield usage, _first_line(command.help), ", ".join(options)


def _first_line(text: str | None) -> str:
    assert text
    return text.strip().partition("\n")[0]


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
