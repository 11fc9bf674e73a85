"""The wheel store holds checked bytes only, notices changes, and stages folders that mirror it."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dockwright.composition import wheels
from dockwright.errors import HashMismatchError, NetworkError
from dockwright.spec.lock import Wheel

if TYPE_CHECKING:
    from pathlib import Path


def wheel_of(name: str, body: bytes) -> Wheel:
    return Wheel(
        name=name,
        version="1.0",
        filename=f"{name}-1.0-py3-none-any.whl",
        sha256=hashlib.sha256(body).hexdigest(),
        size_bytes=len(body),
    )


ONE, TWO = wheel_of("one", b"one" * 999), wheel_of("two", b"two" * 999)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store that holds both wheels."""
    path = tmp_path / "store"
    for wheel, body in ((ONE, b"one" * 999), (TWO, b"two" * 999)):
        source = tmp_path / wheel.filename
        source.write_bytes(body)
        wheels.put(path, wheel, source)
    return path


def spoil(path: Path, *, same_time: bool = False) -> None:
    """Change a byte of a file, as a failing disk or a hasty hand would."""
    before = path.stat()
    path.chmod(0o644)
    body = bytearray(path.read_bytes())
    body[0] ^= 1
    path.write_bytes(body)
    if same_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_put_wheel_lies_read_only_below_its_hash(store: Path) -> None:
    path = wheels.path_of(store, ONE)
    assert path == store / ONE.sha256 / ONE.filename
    assert path.stat().st_mode & 0o777 == 0o444
    assert path.read_bytes() == b"one" * 999
    assert wheels.missing(store, [ONE, TWO]) == ()


def test_a_file_that_is_not_the_locked_one_never_enters(tmp_path: Path) -> None:
    source = tmp_path / "source.whl"
    source.write_bytes(b"other")
    with pytest.raises(HashMismatchError) as caught:
        wheels.put(tmp_path / "store", ONE, source)
    actual = hashlib.sha256(b"other").hexdigest()
    for text in (ONE.filename, ONE.sha256, actual, str(source)):
        assert text in str(caught.value)
    assert wheels.missing(tmp_path / "store", [ONE]) == (ONE,)
    assert not wheels.part_of(tmp_path / "store", ONE).exists()
    assert source.read_bytes() == b"other"


@pytest.mark.parametrize(
    "hostile",
    [
        replace(ONE, filename="../../x-1-py3-none-any.whl"),
        replace(ONE, sha256="../../etc"),
        replace(ONE, sha256=ONE.sha256.upper()),
    ],
)
def test_a_lock_cannot_name_a_path_outside_of_the_store(store: Path, hostile: Wheel) -> None:
    with pytest.raises((NetworkError, HashMismatchError)):
        wheels.path_of(store, hostile)


def test_a_failed_transfer_keeps_its_partial_file_and_no_wheel(tmp_path: Path) -> None:
    def interrupted() -> None:
        with wheels.receiving(tmp_path, ONE) as part:
            assert part is not None
            part.write_bytes(b"on")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert wheels.part_of(tmp_path, ONE).read_bytes() == b"on"
    assert wheels.missing(tmp_path, [ONE]) == (ONE,)


def test_of_two_who_fetch_the_same_wheel_one_waits_and_finds_it(tmp_path: Path) -> None:
    entered, given = threading.Event(), []

    def second() -> None:
        entered.wait()
        with wheels.receiving(tmp_path, ONE) as part:
            given.append(part)

    thread = threading.Thread(target=second)
    thread.start()
    with wheels.receiving(tmp_path, ONE) as part:
        assert part is not None
        entered.set()
        part.write_bytes(b"one" * 999)
        assert given == []
    thread.join()
    assert given == [None]


def test_what_is_absent_is_named_with_the_command_that_gets_it(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=rf"{ONE.filename}, {TWO.filename}.*dockwright fetch"):
        wheels.verify(tmp_path, [ONE, TWO])


def test_changed_files_are_all_found_and_named(store: Path) -> None:
    for wheel in (ONE, TWO):
        spoil(wheels.path_of(store, wheel))
    with pytest.raises(HashMismatchError) as caught:
        wheels.verify(store, [ONE, TWO])
    assert ONE.sha256 in str(caught.value)
    assert TWO.sha256 in str(caught.value)


def test_only_a_thorough_look_finds_what_kept_its_size_and_time(store: Path) -> None:
    spoil(wheels.path_of(store, ONE), same_time=True)
    wheels.verify(store, [ONE])
    with pytest.raises(HashMismatchError):
        wheels.verify(store, [ONE], thorough=True)


def test_a_touched_file_is_hashed_once_and_then_known_again(store: Path) -> None:
    path = wheels.path_of(store, ONE)
    os.utime(path, ns=(1, 1))
    wheels.verify(store, [ONE])
    spoil(path, same_time=True)
    wheels.verify(store, [ONE])  # known by its new time: bytes are not read again


def test_corrupt_wheels_are_dropped_and_good_ones_stay(store: Path) -> None:
    spoil(wheels.path_of(store, ONE))
    assert wheels.drop_corrupt(store, [ONE, TWO]) == (ONE,)
    assert wheels.missing(store, [ONE, TWO]) == (ONE,)


def test_staging_links_the_wheels_and_removes_strangers(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "staged"
    folder.mkdir()
    (folder / "stranger-1-py3-none-any.whl").write_bytes(b"")
    (folder / "link.whl").symlink_to(store)
    wheels.stage(store, [ONE, TWO], folder)
    assert {path.name for path in folder.iterdir()} == {ONE.filename, TWO.filename}
    assert (folder / ONE.filename).samefile(wheels.path_of(store, ONE))
    wheels.stage(store, [TWO], folder)
    assert [path.name for path in folder.iterdir()] == [TWO.filename]
    assert store.is_dir()


def test_staging_again_changes_nothing(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "staged"
    wheels.stage(store, [ONE, TWO], folder)
    before = (folder / ONE.filename).stat(), folder.stat()
    wheels.stage(store, [ONE, TWO], folder)
    assert ((folder / ONE.filename).stat(), folder.stat()) == before


def test_a_wrong_file_in_the_staged_folder_is_replaced(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "staged"
    folder.mkdir()
    (folder / ONE.filename).write_bytes(b"old")
    (folder / TWO.filename).symlink_to(wheels.path_of(store, TWO))
    wheels.stage(store, [ONE, TWO], folder)
    assert (folder / ONE.filename).read_bytes() == b"one" * 999
    assert not (folder / TWO.filename).is_symlink()


def test_a_corrupt_store_stops_staging_before_the_folder_is_touched(
    store: Path, tmp_path: Path
) -> None:
    spoil(wheels.path_of(store, ONE))
    with pytest.raises(HashMismatchError):
        wheels.stage(store, [ONE, TWO], tmp_path / "staged")
    assert not (tmp_path / "staged").exists()


def test_a_folder_that_holds_folders_is_never_mirrored_into(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    (folder / "documents").mkdir(parents=True)
    with pytest.raises(ValueError, match="not a place to stage"):
        wheels.stage(store, [ONE], folder)


def test_without_mirroring_other_files_stay(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "carried"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    wheels.stage(store, [ONE], folder, mirror=False)
    assert {path.name for path in folder.iterdir()} == {ONE.filename, "notes.txt"}
