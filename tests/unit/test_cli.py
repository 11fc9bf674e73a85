"""Commands print results alone to standard output, and end with the promised exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from typer.testing import CliRunner

from dockwright.cli.app import app
from dockwright.errors import INTERRUPTED
from dockwright.stages import generate as generate_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sample import Sample
    from unit.conftest import Run

PYTORCH_TRAINING = "pytorch-9.1.0-transformers7.8.0-py311-debian12-training-cpu"


def commands(group: Any, *path: str) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - Typer's own
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *path, name)


@pytest.mark.parametrize("path", list(commands(typer.main.get_command(app))), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    usage, _, explanation = result.stdout.strip().partition("\n\n")
    assert usage.startswith("Usage: ")
    assert explanation.split("\n")[0].strip()


@pytest.mark.usefixtures("good")
def test_a_list_is_a_line_for_every_variant_below_a_heading(run: Run) -> None:
    code, out, err = run("list *-cpu")
    assert (code, err) == (0, "")
    heading, *rows = out.splitlines()
    assert heading.split("  ")[0] == "IDENTIFIER"
    assert len(rows) == 4
    assert [row.split()[0] for row in rows] == [r["identifier"] for r in listed(run, "*-cpu")]


def listed(run: Run, globs: str) -> list[dict[str, Any]]:
    code, out, err = run(f"list {globs} --json")
    assert (code, err) == (0, "")
    facts: list[dict[str, Any]] = json.loads(out)
    return facts


@pytest.mark.usefixtures("good")
def test_globs_select(run: Run) -> None:
    assert [fact["identifier"] for fact in listed(run, PYTORCH_TRAINING)] == [PYTORCH_TRAINING]
    assert len(listed(run, "")) == 7
    assert {fact["job"] for fact in listed(run, "*-training-*")} == {"training"}


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize("command", ["list", "matrix", "plan", "fetch", "build", "smoke", "show"])
def test_selecting_nothing_is_an_error(run: Run, command: str) -> None:
    code, out, err = run(f"{command} *-cpu no-such-*")
    assert (code, out) == (3, "")
    assert err == "error: no variant matches 'no-such-*'; `dockwright list` shows them all\n"


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize("command", ["list --frobnicate", "lst", "matrix --format xml"])
def test_a_misused_command_line_says_so(run: Run, command: str) -> None:
    code, out, err = run(command)
    assert (code, out) == (2, "")
    assert "Usage: dockwright" in err


@pytest.mark.usefixtures("good")
def test_the_matrix_has_a_job_for_every_variant(run: Run) -> None:
    every = [fact["identifier"] for fact in listed(run, "")]
    jobs = json.loads(run("matrix --format github")[1])["include"]
    assert jobs == [{"name": name, "images": name} for name in every]


@pytest.mark.usefixtures("good")
def test_a_plan_tells_layers_their_bytes_and_who_shares_them(run: Run) -> None:
    code, out, err = run("plan --json pytorch-*-cpu")
    assert (code, err) == (0, "")
    inference, training = json.loads(out)
    for image in (inference, training):
        assert image["size_bytes"] == sum(layer["size_bytes"] or 0 for layer in image["layers"])
    both = [inference["identifier"], training["identifier"]]
    shared = {layer["name"] for layer in training["layers"] if layer["images"] == both}
    own = {"inference", "runtime-serving", "runtime-serving-bytecode"}
    assert shared == {layer["name"] for layer in inference["layers"]} - own


@pytest.mark.usefixtures("good")
def test_a_plan_s_last_line_counts_what_is_stored_once(run: Run) -> None:
    code, out, _ = run("plan pytorch-*-cpu")
    assert code == 0
    last = out.splitlines()[-1]
    assert (
        last
        == "2 images of 614 MB, 347 MB when every layer is stored once; 12 wheels (303 MB) to fetch"
    )


def test_generate_writes_what_its_check_then_finds_up_to_date(run: Run, good: Sample) -> None:
    code, _, err = run("generate --check")
    assert code == 4
    assert err.startswith("error: generated files are stale; run `dockwright generate`\n")
    assert run("generate")[0] == 0
    assert run("generate --check") == (0, "", "generated files are up to date\n")
    before = good.tree()
    assert run("generate") == (0, "", "0 files changed\n")
    assert good.tree() == before


def test_schema_writes_what_its_check_then_finds_up_to_date(run: Run, good: Sample) -> None:
    code, _, err = run("schema --check")
    assert (code, err) == (4, "error: buildspec/schema.json is stale; run `dockwright schema`\n")
    (good.ws.buildspec_path / "schema.json").write_bytes(b"\xff")
    assert run("schema --check")[0] == 4
    assert run("schema") == (0, "", "")
    assert run("schema --check") == (0, "", "the schema is up to date\n")
    assert json.loads((good.ws.buildspec_path / "schema.json").read_text("utf-8"))["anyOf"]


def test_a_stale_lock_stops_what_needs_it(run: Run, good: Sample) -> None:
    assert run("lock --check") == (0, "", "")
    good.edit("pytorch.yml", 'tokenizers: "7.0.1"', 'tokenizers: "7.0.2"')
    good.edit("common.yml", "tini]", "tini, tzdata]")
    for command in ("lock --check", "plan", "generate", "generate --check", "fetch", "build"):
        code, out, err = run(command)
        assert (code, out) == (4, ""), command
        assert "run `dockwright lock`" in err
    code, _, err = run("lock --check --base")
    assert code == 4
    assert "base debian12 of the manifest has changed since" in err


def test_a_lock_of_nothing_is_told(run: Run, good: Sample) -> None:
    (good.ws.buildspec_path / "locks" / "pytorch-1.0.json").touch()
    (good.ws.buildspec_path / "locks" / "host.txt").touch()
    told = "error: buildspec/locks/pytorch-1.0.json: of nothing in the manifest; remove it\n"
    assert run("lock --check") == (4, "", told)


@pytest.mark.usefixtures("good")
def test_an_interrupt_ends_with_the_code_that_shells_expect(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(generate_stage, "generate", interrupted)
    code, out, err = run("generate")
    assert (code, out) == (INTERRUPTED, "")
    assert err.endswith("error: interrupted; run the same command again to go on\n")
