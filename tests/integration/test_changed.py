"""What a commit asks CI to do: by what follows from it, whatever files it touches."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from dockwright import process
from dockwright.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dockwright.workspace import Workspace

    Changed = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def copy(checkout: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit of what images and checks follow from."""
    root = tmp_path_factory.mktemp("copy")
    for folder in ("buildspec", "images", "tests/smoke"):
        shutil.copytree(checkout.root / folder, root / folder)
    (root / "README.md").write_text("read me\n", encoding="utf-8")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=all")
    return root


def git(root: Path, *args: str) -> None:
    person = ("-c", "user.name=Some One", "-c", "user.email=some@example.com")
    process.run(("git", "-C", root, *person, *args), timeout_s=60)


@pytest.fixture
def changed(copy: Path, program: tuple[str, ...]) -> Iterator[Changed]:
    """Run `dockwright changed --since main --json` in the copy, which is then as it was before."""

    def run(*args: str) -> list[dict[str, Any]]:
        argv = (*program, "changed", "--since", "main", "--json", *args)
        told: list[dict[str, Any]] = json.loads(process.run(argv, cwd=copy, timeout_s=120))
        return told

    yield run
    git(copy, "reset", "--quiet", "--hard", "main")


def test_documents_and_comments_ask_for_nothing(copy: Path, changed: Changed) -> None:
    (copy / "README.md").write_text("read me again\n", encoding="utf-8")
    manifest_path = copy / "buildspec" / "common.yml"
    text = manifest_path.read_text(encoding="utf-8")
    manifest_path.write_text(f"{text}# a remark\n", encoding="utf-8")
    assert changed() == []


def test_a_check_asks_only_for_the_checks_of_its_images(copy: Path, changed: Changed) -> None:
    with next((copy / "tests/smoke/tensorflow").glob("check_*.py")).open("a") as script:
        script.write("# more\n")
    told = changed()
    assert {change["work"] for change in told} == {"check"}
    assert all(change["identifier"].startswith("tensorflow-") for change in told)
    assert len(told) > 1


def test_a_package_of_ours_asks_for_the_images_that_run_it(copy: Path, changed: Changed) -> None:
    with (copy / "images/runtime/serving/dockwright_serving/__init__.py").open("a") as module:
        module.write("# more\n")
    told = changed()
    assert {change["work"] for change in told} == {"build"}
    assert all("-inference-" in change["identifier"] for change in told)


def test_the_matrix_of_a_change_has_its_jobs_only(
    copy: Path, program: tuple[str, ...], changed: Changed
) -> None:
    argv = (*program, "matrix", "--format", "github", "--since", "main")
    assert json.loads(process.run(argv, cwd=copy, timeout_s=120)) == {"include": []}
    with next((copy / "tests/smoke/cpu").glob("check_*.py")).open("a") as script:
        script.write("# more\n")
    jobs = json.loads(process.run(argv, cwd=copy, timeout_s=120))["include"]
    assert [job["images"] for job in jobs] == [c["identifier"] for c in changed("*-cpu")]


def test_a_revision_that_cannot_be_read_makes_everything_new(copy: Path, changed: Changed) -> None:
    git(copy, "checkout", "--quiet", "--orphan", "older")
    git(copy, "rm", "--quiet", "-r", "--cached", ".")
    git(copy, "add", "README.md")
    git(copy, "commit", "--quiet", "--message=nothing yet")
    git(copy, "checkout", "--quiet", "--force", "main")
    told = changed("--since", "older")
    assert {change["reason"] for change in told} == {"it is new"}


def test_a_revision_that_is_not_there_is_named(changed: Changed) -> None:
    with pytest.raises(ProcessError, match="no revision 'no-such'"):
        changed("--since", "no-such")
