"""Smoke records in; a JUnit XML report, as CI services read it, out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dockwright.spec.records import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.records import CheckRecord, SmokeRecord

# What XML 1.0 has no way to write, escaped or not; checks print what they like.
UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(smoke_records: Sequence[SmokeRecord]) -> str:
    """Return one test suite per image; deferred checks are skipped ones, with their reason."""
    root = ET.Element("testsuites", name="dockwright smoke")
    for record in smoke_records:
        root.append(_suite(record))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _suite(record: SmokeRecord) -> ET.Element:
    suite = ET.Element(
        "testsuite",
        name=record.identifier,
        tests=str(len(record.checks)),
        failures=str(record.count(Status.FAILED)),
        errors="0",
        skipped=str(record.count(Status.DEFERRED)),
        time=f"{record.seconds:.1f}",
        timestamp=record.finished_at,
    )
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="digest", value=record.digest)
    for check in record.checks:
        suite.append(_case(record.identifier, check))
    return suite


def _case(identifier: str, check: CheckRecord) -> ET.Element:
    case = ET.Element(
        "testcase", classname=identifier, name=check.name, time=f"{check.seconds:.1f}"
    )
    detail = UNWRITABLE.sub("\ufffd", check.detail)
    match check.status:
        case Status.PASSED:
            ET.SubElement(case, "system-out").text = detail
        case Status.FAILED:
            message = next(iter(detail.splitlines()), "")
            ET.SubElement(case, "failure", message=message).text = detail
        case Status.DEFERRED:
            ET.SubElement(case, "skipped", message=f"deferred: {detail}")
    return case
