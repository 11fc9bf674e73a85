"""Numbers and versions are read as they are written, or refused with what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.errors import ManifestError

if TYPE_CHECKING:
    from sample import Sample

VERSION = r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*((a|b|rc)[0-9]+)?(\.post[0-9]+)?$"
AT = "9: releases.0.version: "
BUDGET = "16: releases.0.accelerators.cpu.budget_mb.inference: "
DECIMAL = "is not a number in plain decimal digits; quote it if it is text"
WHOLE = "is not a whole number, written without quotes"


def number(text: str, told: str) -> tuple[str, str, str]:
    return "{inference: 300", f"{{inference: {text}", BUDGET + told


def version(text: str, told: str) -> tuple[str, str, str]:
    return '"9.1.0"', text, AT + told


def not_a_version(text: str) -> tuple[str, str, str]:
    return version(text, f"{text} is not allowed; it must match {VERSION}")


# An edit of the sample's pytorch.yml, and the line that must be told.
CASES = {
    "unquoted version": version("9.10", '9.10 is read as a number; quote it: "9.10"'),
    "unquoted whole version": version("9", '9 is read as a number; quote it: "9"'),
    "version of another writing": version("9_1", f"9_1 {DECIMAL}"),
    "boolean version": version("yes", f'"yes" is not allowed; it must match {VERSION}'),
    "real boolean version": version("true", 'true is read as a boolean; quote it: "true"'),
    "no version": version("", "has no value"),
    "list for a version": version("[9, 1]", "[9, 1] is not text"),
    "mapping for a version": version("{a: 1}", '{"a": 1} is not text'),
    "shell in a version": not_a_version('"9.1.0; id"'),
    "substitution in a version": not_a_version('"$(id)"'),
    "newline in a version": not_a_version(r'"9.1.0\nRUN id"'),
    "newline after a version": not_a_version(r'"9.1.0\n"'),
    "path in a version": not_a_version('"../9.1.0"'),
    "leading zero in a version": not_a_version('"09.1"'),
    "long version": version(f'"{"9" * 33}"', f'"{"9" * 33}" should have at most 24 characters'),
    "long text": version(f'"{"x" * 500}"', f'"{"x" * 78}… should have at most 24 characters'),
    "negative budget": number("-1", "-1 should be greater than 0"),
    "budget of nothing": number("0", "0 should be greater than 0"),
    "quoted budget": number('"300"', f'"300" {WHOLE}'),
    "fraction": number("300.5", f"300.5 {WHOLE}"),
    "hexadecimal": number("0x10", f"0x10 {DECIMAL}"),
    "octal": number("0o17", f"0o17 {DECIMAL}"),
    "leading zero": number("017", f"017 {DECIMAL}"),
    "binary": number("0b11", f"0b11 {DECIMAL}"),
    "underscores": number("1_000", f"1_000 {DECIMAL}"),
    "exponent": number("1e3", f"1e3 {DECIMAL}"),
    "infinity": number(".inf", f".inf {DECIMAL}"),
    "not a number": number(".nan", f".nan {DECIMAL}"),
    "endless digits": number("9" * 5000, f"{'9' * 19}… {DECIMAL}"),
    "word tagged as a number": number("!!int many", f"many {DECIMAL}"),
    "no budget": number("", "has no value"),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_a_number_or_version_that_could_be_misread_is_refused(
    good: Sample, old: str, new: str, expected: str
) -> None:
    good.edit("pytorch.yml", old, new)
    with pytest.raises(ManifestError) as caught:
        good.manifest()
    assert f"buildspec/pytorch.yml:{expected}" in str(caught.value).split("\n")
