"""What the Trainer prints is matched by the metric definitions that SageMaker's examples document."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from dockwright_training import startup

# A stand-in for Transformers 5's: it prints as that does.
PRINTER = """
class PrinterCallback:
    def on_log(self, args, state, control, logs=None, **kwargs):
        logs = {k: (f"{v:.4g}" if isinstance(v, float) else v) for k, v in logs.items()}
        print(logs)
"""
DOCUMENTED = r"'{name}': ([0-9]+(.|e\-)[0-9]+),?"


@pytest.fixture
def printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> object:
    """Return what a Trainer prints of a record, in a process of a job."""
    package = tmp_path / "transformers"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "trainer_callback.py").write_text(PRINTER)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    name = "dockwright_training.startup.sitecustomize"
    for module in (name, "transformers", "transformers.trainer_callback"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    importlib.import_module(name)
    printer = importlib.import_module("transformers.trainer_callback").PrinterCallback()
    for module in (name, "transformers", "transformers.trainer_callback"):
        monkeypatch.delitem(sys.modules, module)

    def run(**record: object) -> str:
        printer.on_log(None, None, None, logs=record)
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.6931471805, "0.693147"),
        (2e-05, "0.00002"),
        (1.2345678e-07, "0.000000123457"),
        (3.0, "3.0"),
        (0.0, "0.0"),
        (1234567.0, "1234570.0"),
    ],
)
def test_a_documented_pattern_finds_the_number(printed: object, value: float, text: str) -> None:
    assert callable(printed)
    line = printed(loss=value, epoch=1.0)
    match = re.search(DOCUMENTED.format(name="loss"), line)
    assert match, line
    assert match[1] == text


def test_only_numbers_lose_their_quotes(printed: object) -> None:
    assert callable(printed)
    line = printed(loss=float("nan"), count=3, name="a 'b'")
    assert line == "{'loss': nan, 'count': 3, 'name': \"a 'b'\"}\n"


def test_the_folder_for_the_python_path_holds_it() -> None:
    assert Path(startup.PATH, "sitecustomize.py").is_file()
