"""A wheel is found wherever this host looks, and its bytes come complete or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from dockwright.clients import index
from dockwright.clients.index_config import FurtherIndex, IndexConfig
from dockwright.errors import NetworkError
from served_index import BODY, CONFIG, FILE_URL, LINK, PAGE, WHEEL, ranged, served

if TYPE_CHECKING:
    from pathlib import Path


def test_a_json_index_is_asked_for_json_and_gives_the_file() -> None:
    with served(lambda _: httpx.Response(200, json=PAGE)) as (opened, requests):
        assert index.locate(opened, WHEEL) == LINK
    assert str(requests[0].url) == "https://index.example/simple/thing/"
    assert requests[0].headers["Accept"].startswith("application/vnd.pypi.simple.v1+json")


def test_an_index_that_serves_only_html_gives_the_file() -> None:
    html = f'<a href="{FILE_URL}#sha256={WHEEL.sha256}">x</a>'
    with served(lambda _: httpx.Response(200, html=html)) as (opened, _):
        assert index.locate(opened, WHEEL).url == FILE_URL


def test_the_same_name_with_another_hash_is_not_the_file_and_the_error_says_so() -> None:
    page = {
        "files": [{"filename": WHEEL.filename, "url": FILE_URL, "hashes": {"sha256": "0" * 64}}]
    }
    with (
        served(lambda _: httpx.Response(200, json=page)) as (opened, _),
        pytest.raises(NetworkError, match="has a file of that name with sha256 0000"),
    ):
        index.locate(opened, WHEEL)


def test_an_error_names_the_wheel_the_places_and_the_setting_but_no_secret(tmp_path: Path) -> None:
    config = IndexConfig(
        index_url="https://user:secret@index.example/simple",
        find_links=(str(tmp_path),),
        further=(FurtherIndex(name="pytorch", url="https://pytorch.example/whl"),),
    )
    with (
        served(lambda _: httpx.Response(404), config) as (opened, _),
        pytest.raises(NetworkError) as caught,
    ):
        index.locate(opened, WHEEL)
    said = str(caught.value)
    for part in (WHEEL.filename, str(tmp_path), "https://***@index.example/simple"):
        assert part in said
    assert "https://pytorch.example/whl" in said
    assert "DOCKWRIGHT_INDEX_PYTORCH" in said
    assert "secret" not in said


def test_find_links_folders_come_before_any_index(tmp_path: Path) -> None:
    (tmp_path / WHEEL.filename).write_bytes(BODY)
    config = replace(CONFIG, find_links=(str(tmp_path),))
    with served(lambda _: httpx.Response(200, json=PAGE), config) as (opened, requests):
        link = index.locate(opened, WHEEL)
        index.download(opened, link, WHEEL, tmp_path / "part")
    assert requests == []
    assert (tmp_path / "part").read_bytes() == BODY


def test_another_file_of_that_name_in_find_links_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / WHEEL.filename).write_bytes(b"another build")
    config = replace(CONFIG, find_links=(str(tmp_path),))
    with served(lambda _: httpx.Response(200, json=PAGE), config) as (opened, _):
        assert index.locate(opened, WHEEL).url == FILE_URL


def test_an_index_folder_on_disk_is_read(tmp_path: Path) -> None:
    (tmp_path / "simple" / "thing").mkdir(parents=True)
    (tmp_path / WHEEL.filename).write_bytes(BODY)
    page = tmp_path / "simple" / "thing" / "index.html"
    page.write_text(f'<a href="../../{WHEEL.filename}#sha256={WHEEL.sha256}">x</a>', "utf-8")
    config = replace(CONFIG, extra_index_urls=((tmp_path / "simple").as_uri(),))
    with served(lambda _: httpx.Response(404), config) as (opened, _):
        assert index.locate(opened, WHEEL).url == (tmp_path / WHEEL.filename).as_uri()
        (tmp_path / WHEEL.filename).unlink()
        with pytest.raises(NetworkError, match=r"lists it, but .* does not exist"):
            index.locate(opened, WHEEL)


def test_a_failing_index_does_not_hide_what_another_one_has() -> None:
    config = replace(CONFIG, extra_index_urls=("https://locked.example/simple",))

    def answer(request: httpx.Request) -> httpx.Response:
        is_locked = request.url.host == "locked.example"
        return httpx.Response(403) if is_locked else httpx.Response(200, json=PAGE)

    with served(answer, config) as (opened, _):
        assert index.locate(opened, WHEEL).url == FILE_URL


def test_an_unreachable_further_index_is_left_out_with_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = replace(CONFIG, further=(FurtherIndex(name="far", url="https://far.example/simple"),))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "far.example":
            msg = "name or service not known"
            raise httpx.ConnectError(msg)
        return httpx.Response(200, json=PAGE)

    with served(answer, config) as (opened, _):
        assert opened.config.further == ()
        assert index.locate(opened, WHEEL).url == FILE_URL
    assert "DOCKWRIGHT_INDEX_FAR" in capsys.readouterr().err


def test_credentials_of_an_index_go_to_its_files_only_and_into_no_address(tmp_path: Path) -> None:
    config = replace(CONFIG, index_url="https://user:p%40ss@files.example/simple")
    elsewhere = replace(LINK, url=f"https://elsewhere.example/{WHEEL.filename}")
    with served(ranged, config) as (opened, requests):
        index.download(opened, LINK, WHEEL, tmp_path / "one")
        index.download(opened, elsewhere, WHEEL, tmp_path / "two")
    authorization = httpx.BasicAuth("user", "p@ss")
    expected = next(authorization.auth_flow(httpx.Request("GET", FILE_URL)))
    assert requests[0].headers["Authorization"] == expected.headers["Authorization"]
    assert str(requests[0].url) == FILE_URL
    assert "Authorization" not in requests[1].headers


def test_netrc_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine files.example login me password word\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with served(ranged) as (opened, requests):
        index.download(opened, LINK, WHEEL, tmp_path / "part")
    assert requests[0].headers["Authorization"].startswith("Basic ")


def test_errors_and_retries_never_show_credentials(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKWRIGHT_VERBOSE", "1")
    secret = replace(LINK, url=f"https://user:secret@files.example/{WHEEL.filename}")
    answers = iter([httpx.Response(503), httpx.Response(403)])
    with (
        served(lambda _: next(answers)) as (opened, _),
        pytest.raises(NetworkError) as caught,
    ):
        index.download(opened, secret, WHEEL, tmp_path / "part")
    said = str(caught.value) + capsys.readouterr().err + repr(secret)
    assert "https://***@files.example" in said
    assert "netrc" in said
    assert "secret" not in said


def test_a_missing_certificate_file_is_named(tmp_path: Path) -> None:
    config = replace(CONFIG, cert_path=tmp_path / "absent.pem")
    with pytest.raises(NetworkError, match=r"absent\.pem"), served(ranged, config):
        pass


def test_a_size_that_the_index_does_not_tell_comes_from_the_server(tmp_path: Path) -> None:
    with served(lambda _: httpx.Response(200, headers={"Content-Length": "1234"})) as (opened, _):
        assert index.size_of(opened, FILE_URL) == 1234
    (tmp_path / "file").write_bytes(b"12345")
    with served(ranged) as (opened, _):
        assert index.size_of(opened, (tmp_path / "file").as_uri()) == 5


def test_json_pages_are_not_required_to_know_sizes() -> None:
    page = json.loads(json.dumps(PAGE))
    del page["files"][0]["size"]
    with served(lambda _: httpx.Response(200, json=page)) as (opened, _):
        assert index.locate(opened, WHEEL).size_bytes is None
