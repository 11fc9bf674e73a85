"""CI services can read the report, whatever a check has printed."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from dockwright.spec.records import CheckRecord, SmokeRecord, Status
from dockwright.stages.smoke import junit


def record(*checks: CheckRecord) -> SmokeRecord:
    return SmokeRecord(
        checks_sha256="c" * 64,
        identifier="pytorch-1-training-cpu",
        digest="sha256:" + "0" * 64,
        finished_at="2026-11-22T12:00:00+00:00",
        seconds=3.0,
        checks=checks,
    )


def check(name: str, status: Status, detail: str) -> CheckRecord:
    return CheckRecord(name=name, status=status, seconds=1.0, detail=detail)


def test_each_image_is_a_suite_and_each_check_a_case() -> None:
    text = junit.report(
        [
            record(
                check("common/check_a", Status.PASSED, "3 found"),
                check("common/check_b", Status.FAILED, "nowhere:\nlibfoo.so"),
                check("cuda/check_gpu", Status.DEFERRED, "needs gpu"),
            )
        ]
    )
    (suite,) = ET.fromstring(text)  # noqa: S314 - our own
    assert suite.attrib["name"] == "pytorch-1-training-cpu"
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == (
        *("3", "1", "1"),
    )
    passed, failed, deferred = suite.findall("testcase")
    assert passed.find("failure") is None
    assert passed.findtext("system-out") == "3 found"
    failure = failed.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "nowhere:"
    assert failure.text == "nowhere:\nlibfoo.so"
    skipped = deferred.find("skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "deferred: needs gpu"


@given(st.text(), st.sampled_from(Status))
def test_whatever_a_check_prints_the_report_can_be_read(  # type: ignore[misc]  # given is Any
    detail: str, status: Status
) -> None:
    text = junit.report([record(check("common/check_a", status, detail))])
    assert len(ET.fromstring(text).findall(".//testcase")) == 1  # noqa: S314 - our own
