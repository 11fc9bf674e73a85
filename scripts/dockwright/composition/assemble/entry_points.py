"""An entry_points.txt in; the launchers that uv writes for it, byte for byte, out."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dockwright.composition.assemble.refusal import refuse
from dockwright.composition.assemble.zip_directory import bad_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECTIONS = ("console_scripts", "gui_scripts")
REFERENCE = re.compile(
    r"(?P<module>[\w\-.]+)\s*:\s*(?P<function>[\w\-.]+)(?:\s*\[\s*(?:[^,]+,?\s*)+\])?\s*"
)
VERSIONED_PIP = re.compile(r"pip3\.[0-9]{1,3}")
TEXT = """\
{shebang}
# -*- coding: utf-8 -*-
import sys
from {module} import {imported}
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({function}())
"""
MAX_SHEBANG_BYTES = 127


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """One program that a wheel declares."""

    name: str
    module: str
    function: str

    def launcher(self, interpreter: str) -> bytes:
        """Return the text of the program."""
        return TEXT.format(
            shebang=shebang(interpreter),
            module=self.module,
            imported=self.function.partition(".")[0],
            function=self.function,
        ).encode()


def scripts(filename: str, content: bytes, *, python: str) -> tuple[Script, ...]:
    """Return the programs that a wheel's entry points declare, pip's versioned one included."""
    parsed = _parsed(filename, content)
    console, gui = (
        [_script(filename, name, value) for name, value in parsed.get(section, {}).items()]
        for section in SECTIONS
    )
    # Older pips name the Python that they were built with; the target's is what users expect.
    console = [script for script in console if not VERSIONED_PIP.fullmatch(script.name)]
    pip = next((script for script in console if script.name == "pip3"), None)
    if pip is not None:
        console.append(replace(pip, name=f"pip{python}"))
    return (*console, *gui)


def shebang(interpreter: str) -> str:
    """Return the first line of a program.

    >>> shebang("/opt/venv/bin/python3")
    '#!/opt/venv/bin/python3'
    """
    # Longer ones, and ones with blanks, would need a shell's help: no image has them.
    assert len(interpreter) + 3 <= MAX_SHEBANG_BYTES, interpreter
    assert " " not in interpreter, interpreter
    return f"#!{interpreter}"


def is_shadowed(name: str, declared: Iterable[Script]) -> bool:
    """Whether a packaged script stands back behind a declared program of its name."""
    for suffix in (".exe", "-script.py", ".pya"):
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
    return any(script.name == name for script in declared)


def _parsed(filename: str, content: bytes) -> Mapping[str, Mapping[str, str]]:
    parser = configparser.RawConfigParser(
        delimiters=("=",),
        comment_prefixes=("#", ";"),
        default_section="",
        empty_lines_in_values=False,
    )
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(content.decode(), source="entry_points.txt")
    except (UnicodeDecodeError, configparser.Error) as e:
        what = f"its entry_points.txt is not sound ({str(e).splitlines()[0]})"
        raise refuse(filename, what) from None
    return {section: parser[section] for section in parser.sections()}


def _script(filename: str, name: str, value: str) -> Script:
    reference = REFERENCE.fullmatch(value)
    if reference is None or "/" in name or bad_path(name):
        raise refuse(filename, f"its entry point {name} = {value} is not one")
    return Script(name=name, module=reference["module"], function=reference["function"])
