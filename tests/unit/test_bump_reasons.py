"""What keeps a version out is said in few words: by a rule, by uv, by apt, by the index."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import httpx
import pytest

import served_index
from dockwright.clients import apt, index_versions, uv_words
from dockwright.clients.apt import Candidate
from dockwright.clients.index_page import parse
from dockwright.clients.wheel_files import Target
from dockwright.errors import ManifestError, NetworkError

if TYPE_CHECKING:
    from pathlib import Path

    from sample import Sample

DEBIAN12 = Target(python="3.11", glibc="2.36")
RULES = """
rules:
  - framework: pytorch
    package: transformers
    wants: "<7"
    reason: Seven is too many
    source: https://rules.example/seven
cuda_drivers:
  - {cuda: "99", driver: "999.20", source: https://drivers.example/99}
"""
POLICY = """\
bash:
  Installed: (none)
  Candidate: 5.2.15-2+b13
  Version table:
     5.2.15-2+b13 500
        500 http://mirror.example/debian bookworm/main amd64 Packages
openssl:
  Installed: (none)
  Candidate: 3.0.20-1~deb12u2
  Version table:
     3.0.20-1~deb12u2 500
        500 http://mirror.example/debian-security bookworm-security/main amd64 Packages
     3.0.19-1~deb12u1 500
        500 http://mirror.example/debian bookworm/main amd64 Packages
gone:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


def test_a_rule_and_a_drivers_minimum_are_told_at_their_lines_with_their_sources(
    good: Sample,
) -> None:
    path = good.ws.buildspec_path / "common.yml"
    path.write_text(path.read_text(encoding="utf-8") + RULES, encoding="utf-8")
    good.edit("tensorflow.yml", 'driver: "999"', 'driver: "999.20"')
    with pytest.raises(ManifestError) as caught:
        good.manifest()
    assert str(caught.value) == (
        "buildspec/pytorch.yml:19: releases.0.accelerators.cu999.driver: 999.10 is too old: "
        "CUDA 99 needs a driver of 999.20 or newer (https://drivers.example/99)\n"
        "buildspec/pytorch.yml:22: releases.0.huggingface.transformers: 7.8.0 is not <7: "
        "Seven is too many (https://rules.example/seven)"
    )
    good.edit("pytorch.yml", "999.10", "999.20")
    good.edit("pytorch.yml", "7.8.0", "6.9.9")
    good.manifest()


def test_uvs_explanation_becomes_who_wants_what() -> None:
    text = """No solution found when resolving dependencies
  cause: Because datasets>=5.2.0 depends on huggingface-hub>=1.31.0,<3.0 and transformers==4.57.6
         depends on huggingface-hub>=0.34.0,<1.0, we can conclude that they are incompatible.
         And because you require transformers==4.57.6, your requirements are unsatisfiable.

hint: datasets depends on nothing."""
    assert uv_words.chain(text) == (
        "datasets>=5.2.0 wants huggingface-hub>=1.31.0,<3.0; "
        "transformers 4.57.6 wants huggingface-hub>=0.34.0,<1.0"
    )
    absent = "Because there is no version of torch==2.15.0+cpu and you require it, …"
    assert uv_words.chain(absent) == "no index has torch==2.15.0+cpu"
    assert uv_words.chain("something  else\nlooked in https://x") == "something else"


def test_apts_policy_tells_candidates_and_where_they_come_from() -> None:
    assert apt.parse_policy(POLICY) == {
        "bash": Candidate(version="5.2.15-2+b13", is_security=False),
        "openssl": Candidate(version="3.0.20-1~deb12u2", is_security=True),
    }


def test_both_kinds_of_pages_tell_what_was_withdrawn() -> None:
    html = '<a href="a-1-py3-none-any.whl" data-yanked="bad">a</a><a href="b.whl" data-yanked>b</a>'
    links = parse(html, content_type="text/html", url="https://x.example/a/")
    assert [link.yanked for link in links] == ["bad", "no reason given"]
    files = [{"filename": "a", "url": "a", "yanked": told} for told in (False, True, "bad")]
    links = parse(json.dumps({"files": files}), content_type="x/json", url="https://x.example/a/")
    assert [link.yanked for link in links] == [None, "no reason given", "bad"]


def page(*files: tuple[str, str | bool]) -> httpx.Response:
    listed: list[dict[str, object]] = [
        {
            "filename": name,
            "url": f"https://files.example/{name}",
            "hashes": {},
            "upload-time": f"2026-0{i + 1}-02T03:04:05Z",
            "yanked": yanked,
        }
        for i, (name, yanked) in enumerate(files)
    ]
    body = json.dumps({"files": listed})
    headers = {"Content-Type": "application/vnd.pypi.simple.v1+json", "ETag": '"one"'}
    return httpx.Response(200, text=body, headers=headers)


def test_versions_come_with_their_day_whether_they_fit_and_why_they_were_withdrawn(
    tmp_path: Path,
) -> None:
    answer = page(
        ("thing-1.0-py3-none-any.whl", False),
        ("thing-1.10-cp311-cp311-win_amd64.whl", False),
        ("thing-1.9-py3-none-any.whl", "bad"),
        ("thing-1.0.tar.gz", False),
        ("thing_other-2.0-py3-none-any.whl", False),
    )
    with served_index.served(lambda _: answer) as (session, _):
        offers = index_versions.offers(session, "thing", target=DEBIAN12, store=tmp_path)
    facts = [(o.version, str(o.uploaded), o.yanked, o.fits) for o in offers]
    assert facts == [
        ("1.0", "2026-01-02", None, True),
        ("1.9", "2026-03-02", "bad", True),
        ("1.10", "2026-02-02", None, False),
    ]


def test_a_page_is_asked_for_once_and_again_only_with_its_tag(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        is_known = request.headers.get("If-None-Match") == '"one"'
        return httpx.Response(304) if is_known else page(("thing-1.0-py3-none-any.whl", False))

    def ask() -> tuple[str, ...]:
        offers = index_versions.offers(session, "thing", target=DEBIAN12, store=tmp_path)
        return tuple(offer.version for offer in offers)

    with served_index.served(answer) as (session, requests):
        assert ask() == ask() == ("1.0",)
        assert len(requests) == 1
        (kept,) = tmp_path.iterdir()
        _make_old(kept)
        assert ask() == ask() == ("1.0",)
        assert len(requests) == 2


def test_a_page_that_cannot_be_had_is_an_error_and_not_an_old_one(tmp_path: Path) -> None:
    with served_index.served(lambda _: page(("thing-1.0-py3-none-any.whl", False))) as (session, _):
        index_versions.offers(session, "thing", target=DEBIAN12, store=tmp_path)
    (kept,) = tmp_path.iterdir()
    _make_old(kept)
    with (
        served_index.served(lambda _: httpx.Response(403)) as (session, _),
        pytest.raises(NetworkError),
    ):
        index_versions.offers(session, "thing", target=DEBIAN12, store=tmp_path)


def _make_old(path: Path) -> None:
    os.utime(path, (0, 0))
