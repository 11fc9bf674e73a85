"""Before a script starts its places, its channels and its paths are as they should be."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from dockwright_shared import requirements as shared
from dockwright_shared.errors import ContentError, DiskFullError
from dockwright_training import outcome
from dockwright_training.code import places, prepared
from dockwright_training.contract.redact import Secrets
from dockwright_training.contract.request import Hosts, Request
from dockwright_training.errors import (
    InputError,
    InternalError,
    OutputError,
    RequirementError,
    ScriptError,
    of_the_unexpected,
)
from dockwright_training.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """One with a script and a channel."""
    made = Layout(tmp_path / "ml")
    made.code.mkdir(parents=True)
    (made.code / "train.py").write_text("")
    (made.data / "train").mkdir(parents=True)
    return made


def asking(
    *channels: str, mode: str = "File", settings: Mapping[str, object] | None = None
) -> Request:
    """Return a job of these channels."""
    return Request(
        hyperparameters={"epochs": 3},
        settings={"sagemaker_program": "train.py"} if settings is None else settings,
        hosts=Hosts(current="algo-1", all=("algo-1",)),
        channels={name: {"TrainingInputMode": mode} for name in channels},
    )


def test_folders_for_results_are_made(layout: Layout) -> None:
    places.check(asking("train"), layout)
    assert layout.model.is_dir()
    assert layout.output_data.is_dir()


def test_a_channel_without_its_folder_is_told_with_those_there_are(layout: Layout) -> None:
    with pytest.raises(InputError, match=r"no data for channel dev, test: .* has train"):
        places.check(asking("train", "dev", "test"), layout)


def test_a_pipe_has_no_folder_and_a_note(layout: Layout) -> None:
    places.check(asking("dev", mode="Pipe"), layout)
    (note,) = places.notes(asking("dev", mode="Pipe"), layout)
    assert "channel dev is in Pipe mode" in note
    assert not list(places.notes(asking("train"), layout))


def test_a_place_that_can_t_be_made_is_told(layout: Layout) -> None:
    layout.model.write_text("a file is in the way")
    with pytest.raises(OutputError, match=r"/model can't be made by user \d+: File exists"):
        places.check(asking(), layout)


def test_a_place_that_can_t_be_written_is_told(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.model.mkdir()
    layout.model.chmod(stat.S_IRUSR | stat.S_IXUSR)
    # Root may write anywhere: the container test has a folder where not even root may.
    monkeypatch.setattr(os, "access", lambda path, _: bool(path.stat().st_mode & stat.S_IWUSR))
    with pytest.raises(OutputError, match="/model can't be written by user"):
        places.check(asking(), layout)


def test_the_script_s_modules_come_before_the_container_s(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/of/the/container")
    ready = prepared.prepare(asking(), layout, tmp_path / "scratch")
    own, had, startup = ready.variables["PYTHONPATH"].split(":")
    assert (own, had) == (str(layout.code), "/of/the/container")
    assert startup.endswith("/startup")
    assert ready.program.arguments == ("--epochs", "3")


def test_the_environment_names_the_script_before_the_hyperparameter(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (layout.code / "other.py").write_text("")
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "other.py")
    assert prepared.prepare(asking(), layout, tmp_path).program.name == "other.py"
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "")
    assert prepared.prepare(asking(), layout, tmp_path).program.name == "train.py"


def test_an_example_needs_no_code(tmp_path: Path) -> None:
    asked = asking(settings={"sagemaker_program": "example:summarization"})
    found = prepared.prepare(asked, Layout(tmp_path / "nothing"), tmp_path)
    assert found.program.name == "summarization.py"


@pytest.mark.parametrize(
    ("problem", "expected"), [(ContentError, RequirementError), (DiskFullError, OutputError)]
)
def test_a_requirement_that_can_t_be_had_ends_the_job(
    layout: Layout,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: type[ContentError],
    expected: type[Exception],
) -> None:
    def refuse(file: Path, *_: object, **options: object) -> tuple[Path, ...]:
        assert options["ignore_pins"] is True
        msg = f"{file.name}: no"
        raise problem(msg)

    monkeypatch.setattr(shared, "install", refuse)
    monkeypatch.setenv("TRAINING_IGNORE_PINS", "True")
    (layout.code / "requirements.txt").write_text("x\n")
    with pytest.raises(expected, match=r"requirements\.txt: no"):
        prepared.prepare(asking(), layout, tmp_path / "scratch")


def test_failure_is_one_paragraph_without_secrets_and_success_is_empty(layout: Layout) -> None:
    error = ScriptError("train.py failed:\n  the token\tis hf_abcdefgh" + 3000 * "x" + "end", 3)
    outcome.failed(layout, error, Secrets(("hf_abcdefgh",)))
    told = (layout.output / "failure").read_text()
    assert told.startswith("train.py failed: the token is ***xxx")
    assert told.endswith("xend")
    assert len(told) <= 1024
    outcome.forget(layout)
    outcome.succeeded(layout)
    assert (layout.output / "success").read_text() == ""
    assert not (layout.output / "failure").exists()


def test_where_no_outcome_can_be_written_the_job_still_ends(
    layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    layout.output.write_text("a file is in the way")
    outcome.forget(layout)
    outcome.failed(layout, ScriptError("because", 3), Secrets())
    assert "training failed (exit code 3): because" in caplog.text
    assert "failure can't be written" in caplog.text


def test_the_unexpected_is_ours_but_a_full_disk_is_not() -> None:
    assert isinstance(of_the_unexpected(ValueError("x")), InternalError)
    assert isinstance(of_the_unexpected(OSError(28, "No space left on device")), OutputError)
