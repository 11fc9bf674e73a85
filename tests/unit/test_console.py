"""Results go to standard output, talk to standard error, and CI services get what they can fold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dockwright import ci, console
from dockwright.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

    Captured = pytest.CaptureFixture[str]


def test_columns_are_as_wide_as_their_widest_cell_without_trailing_blanks(capsys: Captured) -> None:
    console.table(("A", "LONG HEADING", "C"), [("wide cell", "x", ""), ("y", "z", "end")])
    assert capsys.readouterr().out == (
        "A          LONG HEADING  C\nwide cell  x\ny          z             end\n"
    )


def test_a_table_without_rows_is_its_heading(capsys: Captured) -> None:
    console.table(("A", "B"), [])
    assert capsys.readouterr().out == "A  B\n"


def test_talk_never_mixes_with_results(capsys: Captured) -> None:
    console.out("result")
    console.out_json({"a": [1]})
    console.say("talk")
    console.warn("odd")
    console.error("wrong")
    captured = capsys.readouterr()
    assert captured.out == 'result\n{\n  "a": [\n    1\n  ]\n}\n'
    assert captured.err == "talk\nwarning: odd\nerror: wrong\n"


def test_foreign_text_is_shown_as_it_is(capsys: Captured) -> None:
    console.say("[bold]not markup[/bold] :smile:")
    assert capsys.readouterr().err == "[bold]not markup[/bold] :smile:\n"


def test_debug_talk_is_asked_for(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKWRIGHT_VERBOSE", raising=False)
    console.debug("unseen")
    monkeypatch.setenv("DOCKWRIGHT_VERBOSE", "1")
    console.debug("seen")
    assert capsys.readouterr().err == "seen\n"


def fail() -> None:
    with console.step("build"):
        msg = "no"
        raise BuildError(msg)


def test_a_step_says_how_it_ended_and_how_long_it_took(capsys: Captured) -> None:
    with console.step("lock"):
        pass
    with pytest.raises(BuildError):
        fail()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "lock …"
    assert lines[1].startswith("lock: done in 0.")
    assert lines[3].startswith("build: failed after 0.")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (1_500_000, "1.5 MB"),
        (2_750_000_000, "2.75 GB"),
        (10**12, "1 TB"),
    ],
)
def test_sizes_have_three_digits(count: int, text: str) -> None:
    assert console.human_bytes(count) == text


def test_committed_json_is_stable_and_readable() -> None:
    text = console.as_json({"b": 1, "a": "é"})
    assert text == '{\n  "a": "é",\n  "b": 1\n}\n'
    assert console.as_json(json.loads(text)) == text


def test_a_transfer_without_a_terminal_is_a_line_per_item(capsys: Captured) -> None:
    with console.transfer("fetch", 10_000_000) as transfer:
        transfer.advance(10_000_000)
        transfer.finished("torch", size_bytes=10_000_000, seconds=2)
    assert capsys.readouterr().err == "  torch: 10 MB in 2.0 s (5 MB/s)\n"


def test_logs_fold_where_the_service_can(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(BuildError), ci.fold("build log"):
        fail()
    monkeypatch.delenv("GITHUB_ACTIONS")
    with ci.fold("build log"):
        console.say("inside")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "::group::build log"
    assert lines[-2:] == ["::endgroup::", "inside"]


def test_the_summary_is_appended_where_the_service_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "summary.md"
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    ci.summarize("nowhere")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    ci.summarize("| one |")
    ci.summarize("| two |")
    assert path.read_text() == "| one |\n| two |\n"


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("", False)])
def test_a_ci_service_is_known_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, *, expected: bool
) -> None:
    monkeypatch.setenv("CI", value)
    assert ci.is_ci() is expected
