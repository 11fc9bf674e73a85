"""An OSV export is read whole, from wherever it is, or nothing is scanned against it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from advisory_database import DEBIAN, PYPI, affected, entry, folder, harmless, zipped
from dockwright.clients import advisory_data
from dockwright.errors import ScanError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dockwright.clients.advisory_data import AdvisoryData

START = {"introduced": "0"}
WANTED = {(PYPI, "torch")}
TORCH = entry("PYSEC-2", affected("Torch", START), modified="2026-11-24T00:00:00+02:00")
URL = "https://advisories.example/PyPI/all.zip"


def load(*origins: Path | str) -> AdvisoryData:
    return advisory_data.load([str(origin) for origin in origins], WANTED)


def served(answer: Callable[[httpx.Request], httpx.Response], url: str = URL) -> AdvisoryData:
    transport = httpx.MockTransport(answer)
    return advisory_data.load([url], WANTED, transport=transport, sleep=lambda _: None)


def test_a_folder_and_a_zip_file_tell_the_same(tmp_path: Path) -> None:
    entries = (*harmless(), TORCH)
    path = zipped(tmp_path / "all.zip", entries)
    packed = load(path)
    unpacked = load(folder(tmp_path / "all", entries))
    assert packed.entries == unpacked.entries
    assert [one.id for one in packed.entries] == ["PYSEC-2"]
    assert packed.newest == unpacked.newest
    assert set(packed.newest) == {PYPI, DEBIAN}
    (export,) = packed.exports
    assert (export.origin, export.entries) == (str(path), 3)
    assert export.newest.isoformat() == "2026-11-25T06:00:00+00:00"
    assert export.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_s_hash_is_of_its_names_and_contents(tmp_path: Path) -> None:
    def sha256(name: str, *entries: object) -> str:
        (export,) = load(folder(tmp_path / name, entries)).exports  # type: ignore[arg-type]
        return export.sha256

    first = sha256("a", *harmless())
    assert first == sha256("b", *harmless())
    assert len({first, sha256("c", *harmless(), TORCH), sha256("d", harmless()[0])}) == 3


def test_of_two_exports_the_newer_text_of_an_entry_counts(tmp_path: Path) -> None:
    older = entry("PYSEC-2", affected("torch", START), modified="2026-01-01T00:00:00Z")
    places = [folder(tmp_path / "new", [TORCH]), folder(tmp_path / "old", [older])]
    for origins in (places, places[::-1]):
        (one,) = load(*origins).entries
        assert one.modified.year == 2026
        assert one.modified.month == 11


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Invalid JSON"),
        ("[]", "is not an OSV entry"),
        ("{}", "id: Field required"),
        (json.dumps(TORCH | {"id": ""}), "id: String should have at least 1"),
        (json.dumps(TORCH | {"modified": "yesterday"}), "modified: Input should be a valid"),
        (json.dumps(TORCH | {"modified": "2026-11-24T00:00:00"}), "modified: Input should have"),
        (json.dumps(TORCH | {"affected": {"torch": "all"}}), "affected: Input should be a valid"),
        (json.dumps(entry("A-1", affected("x", {"fixed": 2}))), "affected.0.ranges.0.events.0"),  # type: ignore[dict-item]
    ],
)
def test_an_entry_that_cannot_be_read_is_named_and_nothing_is_scanned(
    content: str, message: str, tmp_path: Path
) -> None:
    path = folder(tmp_path / "all", [*harmless(), TORCH])
    (path / "broken.json").write_text(content)
    with pytest.raises(ScanError, match=r"broken\.json is not an OSV entry") as refused:
        load(path)
    assert message in str(refused.value)


def test_data_that_is_missing_empty_or_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match=r"nowhere is no file or folder.*--advisories"):
        load("nowhere")
    with pytest.raises(ScanError, match="has no OSV entries, so nothing was scanned"):
        load(folder(tmp_path / "empty", []))
    with pytest.raises(ScanError, match="has no OSV entries"):
        load(zipped(tmp_path / "empty.zip", []))
    whole = zipped(tmp_path / "all.zip", [*harmless(), TORCH]).read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[:-50])
    with pytest.raises(ScanError, match="is not a whole zip file"):
        load(cut)
    damaged = bytearray(whole)
    damaged[80:90] = bytes(10)
    cut.write_bytes(damaged)
    with pytest.raises(ScanError, match="is not a whole zip file"):
        load(cut)


def test_an_address_is_read_as_a_file_is_and_tried_again(tmp_path: Path) -> None:
    content = zipped(tmp_path / "all.zip", [*harmless(), TORCH]).read_bytes()
    answers = [httpx.Response(503), httpx.Response(200, content=content)]
    data = served(lambda _: answers.pop(0), "https://me:secret@advisories.example/all.zip")
    assert [one.id for one in data.entries] == ["PYSEC-2"]
    (export,) = data.exports
    assert export.origin == "https://***@advisories.example/all.zip"
    assert export.sha256 == hashlib.sha256(content).hexdigest()


def test_an_address_that_gives_nothing_is_told_with_a_way_out() -> None:
    with pytest.raises(ScanError, match=r"404 Not Found.*so nothing was scanned; check the addre"):
        served(lambda _: httpx.Response(404))
    with pytest.raises(ScanError, match="is not a whole zip file"):
        served(lambda _: httpx.Response(200, text="<html>sign in here</html>"))


def test_data_is_not_taken_over_a_line_that_anyone_may_change() -> None:
    with pytest.raises(ScanError, match="is not https"):
        served(lambda _: httpx.Response(200), "http://advisories.example/all.zip")
    away = httpx.Response(302, headers={"Location": "http://mirror.example/all.zip"})
    with pytest.raises(ScanError, match=r"http://mirror\.example/all\.zip is not https"):
        served(lambda _: away)
