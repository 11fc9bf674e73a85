"""Files that are no plain YAML, or hostile YAML, end in problems with their lines, never worse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.errors import ManifestError

if TYPE_CHECKING:
    from sample import Sample

DEEP = 10_000

# What replaces `module: torch`, line 2 of the file, and what is told of it.
VALUES = {
    "anchor": (
        "module: &m torch",
        "2: module: anchors and aliases are not allowed; write the value out",
    ),
    "alias": (
        "module: &m torch\nother: *m",
        "2: module: anchors and aliases are not allowed; write the value out",
    ),
    "undefined alias": ("module: *m", "2: not valid YAML: found undefined alias 'm'"),
    "anchor on a key": ("&m module: torch", "2: ?: keys must be plain words"),
    "tag": (
        "module: !!python/object/apply:os.system [id]",
        "2: module: the tag python/object/apply:os.system is not allowed",
    ),
    "tag of one's own": ("module: !mine torch", "2: module: the tag !mine is not allowed"),
    "tag on a key": ("!mine module: torch", "2: ?: keys must be plain words"),
    "set": ("module: !!set {torch}", "2: module: the tag set is not allowed"),
    "binary": ("module: !!binary dG9yY2g=", "2: module: the tag binary is not allowed"),
    "merge key": ("module: torch\n<<: {a: b}", "3: ?: keys must be plain words"),
    "number as a key": ("module: torch\n1: b", "3: ?: keys must be plain words"),
    "list as a key": ("module: torch\n[a]: b", "3: ?: keys must be plain words"),
    "mapping as a key": ("module: torch\n? {a: b}\n: c", "3: ?: keys must be plain words"),
    "escape in a key": ('module: torch\n"\\e[31m": b', "3: ?: keys must be plain words"),
    "duplicate key": (
        "module: torch\nmodule: other",
        "2: module: the key is written twice (again on line 3)",
    ),
    "half a surrogate pair": (
        'module: "\\ud800"',
        "2: module: half a surrogate pair is not a character",
    ),
    "tab": (
        "module: torch\n\tother: b",
        "3: not valid YAML: found character '\\t' that cannot start any token",
    ),
    "two documents": (
        "module: torch\n---\na: b",
        "3: not valid YAML: but found another document (since line 1)",
    ),
    "unclosed": (
        "module: [torch",
        "4: not valid YAML: expected ',' or ']', but got ':' (since line 2)",
    ),
    "forgotten colon": (
        "module torch",
        "4: not valid YAML: could not find expected ':' (since line 2)",
    ),
}


@pytest.mark.parametrize(("new", "expected"), VALUES.values(), ids=VALUES.keys())
def test_what_a_reader_could_misread_is_refused_at_its_line(
    good: Sample, new: str, expected: str
) -> None:
    good.edit("pytorch.yml", "module: torch", new)
    with pytest.raises(ManifestError) as caught:
        good.manifest()
    assert f"buildspec/pytorch.yml:{expected}" in str(caught.value).splitlines()


# A whole file, and all that is told of it.
FILES = {
    "empty": (b"", "1: the file is empty"),
    "only a comment": (b"# nothing\n", "1: the file is empty"),
    "null": (b"---\n", "1: the file is empty"),
    "list": (b"- a\n", '1: ["a"] is not a mapping of keys to values'),
    "word": (b"pytorch\n", '1: "pytorch" is not a mapping of keys to values'),
    "not UTF-8": (b"a: b\nc: \xe9\n", "2: not UTF-8; save it as UTF-8"),
    "UTF-16": ("a: b\n".encode("utf-16"), "1: not UTF-8; save it as UTF-8"),
    "NUL": (b"a: b\nc: \x00\n", "2: the character U+0000 is not allowed"),
    "escape": (b"a: \x1b[31m\n", "1: the character U+001B is not allowed"),
    "too large": (b"#" * 1_000_001, "1: larger than 1000000 bytes"),
    "deep lists": (b"a: " + b"[" * DEEP + b"]" * DEEP, "1: nested too deeply"),
    "deep mappings": (b"a: " + b"{a: " * DEEP + b"1" + b"}" * DEEP, "1: nested too deeply"),
    "unclosed deep lists": (b"[" * 999_999, "1: nested too deeply"),
    "deep dashes": (b"- " * DEEP + b"x", "1: nested too deeply"),
    "deep blocks": (
        b"".join(b" " * n + b"a:\n" for n in range(1_000)),
        "1: nested too deeply",
    ),
    "blocks deeper than any manifest": (
        b"".join(b" " * n + b"a:\n" for n in range(40)),
        f"33: {'.'.join('a' * 33)}: nested too deeply",
    ),
    "bomb": (
        b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
        "1: a: anchors and aliases are not allowed; write the value out",
    ),
    "a list in itself": (
        b"a: &a [*a]\n",
        "1: a: anchors and aliases are not allowed; write the value out",
    ),
}


@pytest.mark.parametrize(("content", "expected"), FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("file", ["common.yml", "pytorch.yml"])
def test_a_file_that_is_no_manifest_is_told_in_a_line(
    good: Sample, file: str, content: bytes, expected: str
) -> None:
    (good.ws.buildspec_path / file).write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        good.manifest()
    assert f"buildspec/{file}:{expected}" in str(caught.value).splitlines()


def test_a_missing_file_is_named(good: Sample) -> None:
    (good.ws.buildspec_path / "tensorflow.yml").unlink()
    with pytest.raises(ManifestError, match=r"^buildspec/tensorflow.yml:1: the file is missing$"):
        good.manifest()


def test_a_folder_in_a_file_s_place_is_told(good: Sample) -> None:
    path = good.ws.buildspec_path / "tensorflow.yml"
    path.unlink()
    path.mkdir()
    with pytest.raises(ManifestError, match=r"^buildspec/tensorflow.yml:1: cannot be read: "):
        good.manifest()


def test_nesting_is_measured_where_values_nest(good: Sample) -> None:
    good.edit("pytorch.yml", "module: torch", f"module: torch\nother: {'[' * 30}{']' * 30}")
    with pytest.raises(ManifestError, match=r"^buildspec/pytorch.yml:3: other: unknown key$"):
        good.manifest()


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_foreign_line_ends_and_a_byte_order_mark_change_nothing(good: Sample, ending: str) -> None:
    identifiers = [v.identifier for v in good.manifest().variants]
    path = good.ws.buildspec_path / "pytorch.yml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", ending.encode()))
    assert [v.identifier for v in good.manifest().variants] == identifiers
