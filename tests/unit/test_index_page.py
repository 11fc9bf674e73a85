"""Pages of package indexes are read in both formats, and trusted with nothing but links."""

from __future__ import annotations

import json

from dockwright.clients.index_page import Link, parse

URL = "https://index.example/simple/torch/"
SHA256 = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"


def test_json_and_html_pages_give_the_same_link() -> None:
    filename = "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl"
    page = {"files": [{"filename": filename, "url": "../../f/t.whl", "hashes": {"sha256": SHA256}}]}
    html = f'<a href="../../f/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl#sha256={SHA256}">'
    (from_json,) = parse(json.dumps(page), content_type="application/vnd.x+json; q=1", url=URL)
    (from_html,) = parse(html, content_type="text/html; charset=utf-8", url=URL)
    assert from_json == Link(
        filename=filename, url="https://index.example/f/t.whl", sha256=SHA256, size_bytes=None
    )
    assert (from_html.filename, from_html.sha256) == (filename, SHA256)
    assert from_html.url.startswith("https://index.example/f/torch-2.13.0%2Bcpu")


def test_a_base_element_moves_relative_links() -> None:
    html = '<head><base href="https://cdn.example/all/"></head><a href="x-1-py3-none-any.whl">x</a>'
    (link,) = parse(html, content_type="text/html", url=URL)
    assert link.url == "https://cdn.example/all/x-1-py3-none-any.whl"
    assert link.sha256 is None


def test_entries_without_name_or_address_are_left_out() -> None:
    page = {"files": [{"filename": "x.whl"}, {"url": "x"}, "x", {"filename": 1, "url": "x"}]}
    assert parse(json.dumps(page), content_type="application/json", url=URL) == ()
    assert parse('{"files": 3}', content_type="application/json", url=URL) == ()
    assert parse("not json", content_type="application/json", url=URL) == ()


def test_a_hash_that_is_no_sha256_counts_as_none() -> None:
    html = '<a href="x-1-py3-none-any.whl#sha256=../../etc">x</a>'
    (link,) = parse(html, content_type="text/html", url=URL)
    assert link.sha256 is None


def test_a_page_from_the_network_cannot_point_into_the_local_disk() -> None:
    html = '<a href="file:///etc/x-1-py3-none-any.whl">x</a>'
    assert parse(html, content_type="text/html", url=URL) == ()
    assert len(parse(html, content_type="text/html", url="file:///simple/x/index.html")) == 1
