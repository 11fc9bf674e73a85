"""The user's code is found wherever the job says it is."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from dockwright_shared.errors import ContentError
from dockwright_training.code import source
from dockwright_training.errors import InputError
from dockwright_training.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """One without code."""
    return Layout(tmp_path / "ml")


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """A folder with a script and a module in it."""
    folder = tmp_path / "sent"
    (folder / "lib").mkdir(parents=True)
    (folder / "train.py").write_text("")
    (folder / "lib/data.py").write_text("")
    return folder


def packed(folder: Path, name: str = "code.tar.gz") -> Path:
    """Pack a folder's content beside it."""
    path = folder.with_name(name)
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, ".")
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def fetch(submitted: str | None, layout: Layout) -> Path:
    return source.fetch(submitted, layout, layout.base.with_name("scratch"))


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("is_packed", [True, False], ids=["archive", "folder"])
def test_an_archive_or_a_folder_here_is_brought_to_the_code_folder(
    layout: Layout, sent: Path, scheme: str, *, is_packed: bool
) -> None:
    path = packed(sent, "my code.tar.gz") if is_packed else sent
    submitted = f"{scheme}{path}"
    if scheme:
        submitted = submitted.replace(" ", "%20")
    assert fetch(submitted, layout) == layout.code
    assert names(layout.code) == ["lib/data.py", "train.py"]


def test_a_single_script_is_copied(layout: Layout, sent: Path) -> None:
    fetch(str(sent / "train.py"), layout)
    assert names(layout.code) == ["train.py"]


def test_code_that_is_there_is_used_whatever_else_is_named(layout: Layout, sent: Path) -> None:
    layout.code.mkdir(parents=True)
    (layout.code / "mounted.py").write_text("")
    assert fetch(str(packed(sent)), layout) == layout.code
    assert names(layout.code) == ["mounted.py"]


def test_what_an_unpacking_left_that_was_ended_is_no_code(layout: Layout, sent: Path) -> None:
    (layout.code / ".unpacking").mkdir(parents=True)
    (layout.code / ".unpacking/half.py").write_text("")
    fetch(str(packed(sent)), layout)
    assert names(layout.code) == ["lib/data.py", "train.py"]


@pytest.mark.parametrize("named", [None, "itself"])
def test_the_channel_code_is_used_where_nothing_else_is(layout: Layout, named: str | None) -> None:
    (layout.data / "code").mkdir(parents=True)
    (layout.data / "code/train.py").write_text("")
    submitted = named and str(layout.code)
    assert fetch(submitted, layout) == layout.data / "code"


def test_no_code_at_all_is_told(layout: Layout) -> None:
    with pytest.raises(InputError, match=r"there is no code: mount it at .*, send it as"):
        fetch(None, layout)


def test_where_the_code_folder_can_t_be_written_another_is_used(
    layout: Layout, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    found = fetch(str(packed(sent)), layout)
    assert names(found) == ["lib/data.py", "train.py"]
    assert found.is_relative_to(layout.base.with_name("scratch"))


@pytest.mark.parametrize("submitted", ["/no/such/folder", "https://host/code.tar.gz"])
def test_what_is_not_there_is_named(layout: Layout, submitted: str) -> None:
    with pytest.raises(InputError, match=submitted):
        fetch(submitted, layout)


def test_a_broken_archive_is_named_and_leaves_no_code(layout: Layout, sent: Path) -> None:
    path = packed(sent)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ContentError, match=r"code\.tar\.gz: broken"):
        fetch(str(path), layout)
    assert not (layout.code / "train.py").exists()
