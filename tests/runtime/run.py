"""Folders or files with test_*.py in; a line for each of their tests, and exit code 1, out.

Images carry no pytest: here a test is a function that takes nothing and whose name starts with
`test_`. Run it inside an image as `python3 tests/runtime/run.py FOLDER_OR_FILE...`.
"""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTS = Path(__file__).resolve().parents[1]


def main(places: list[str]) -> int:
    """Run the tests; return the exit code, 2 when there are none."""
    started = time.perf_counter()
    ends = [run(name, test) for place in places for name, test in tests_of(Path(place).resolve())]
    seconds = time.perf_counter() - started
    say(f"{len(ends)} tests, {ends.count(False)} failed, {seconds:.1f} s")
    return 2 if not ends else int(not all(ends))


def tests_of(place: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield tests with their names, in the order in which they are written."""
    for path in sorted(place.glob("test_*.py")) if place.is_dir() else [place]:
        name = ".".join(path.relative_to(TESTS).with_suffix("").parts)
        module = importlib.import_module(name)
        for attribute, value in vars(module).items():
            if attribute.startswith("test_") and getattr(value, "__module__", None) == name:
                yield f"{path.stem}::{attribute}", value


def run(name: str, test: Callable[[], None]) -> bool:
    """Run a test and print how it went; return whether it passed."""
    started = time.perf_counter()
    try:
        test()
    except Exception:  # noqa: BLE001 - whatever a test raises is its end
        traceback.print_exc()
        end = "FAIL"
    else:
        end = "PASS"
    say(f"{end} {name} {time.perf_counter() - started:.2f} s")
    return end == "PASS"


def say(line: str) -> None:
    """Print a line at once: what a test writes to standard error comes in between."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    sys.exit(main(sys.argv[1:]))
