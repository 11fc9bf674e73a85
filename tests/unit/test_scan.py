"""A scan tells what is known, fails where that is overdue, and never passes for want of data."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from advisory_database import DEBIAN, affected, entry, folder, harmless
from dockwright.errors import ManifestError, ScanError, StaleError
from dockwright.spec import advisory_policy, records
from dockwright.spec.records import BuildRecord, ScanRecord, Urgency
from dockwright.stages.plan import forecast

if TYPE_CHECKING:
    from pathlib import Path

    from advisory_database import Json
    from sample import Sample
    from unit.conftest import Run

IMAGE = "pytorch-9.1.0-transformers7.8.0-py311-debian12-inference-cpu"
START = {"introduced": "0"}
NOW = datetime.now(UTC)
"""Of the program's own clock: what is old or due is relative to it."""


def ago(days: int) -> str:
    return (NOW - timedelta(days=days)).isoformat()


NUMPY = entry(
    "PYSEC-2",
    affected("numpy", START, {"fixed": "3.0.1"}),
    aliases=["CVE-2"],
    database_specific={"severity": "HIGH"},
    published=ago(31),
)


class Scanned(NamedTuple):
    """The program run against a database."""

    run: Run
    path: Path
    good: Sample

    def __call__(self, *entries: Json, command: str = IMAGE) -> tuple[int, str, str]:
        data = folder(self.path, [*harmless(modified=ago(1)), *entries])
        return self.run(f"scan {command} --advisories {data}")

    def images(self, *entries: Json, command: str = IMAGE) -> list[dict[str, Any]]:
        code, out, err = self(*entries, command=f"{command} --json")
        assert code in {0, 22}, err
        images = json.loads(out)["images"]
        assert isinstance(images, list)
        return images

    def allow(self, **facts: str) -> None:
        facts = {"reason": "Why.", "owner": "Someone", "expires": "2999-12-31"} | facts
        line = ", ".join(f"{name}: {value}" for name, value in facts.items())
        self.good.edit("advisories.yml", "allowed:\n", f"allowed:\n  - {{{line}}}\n")


@pytest.fixture
def scan(good: Sample, run: Run, tmp_path: Path) -> Scanned:
    return Scanned(run, tmp_path / "advisories", good)


def build_record(good: Sample, **changes: object) -> BuildRecord:
    """Record an image as built from today's inputs."""
    (variant,) = (v for v in good.manifest().variants if v.identifier == IMAGE)
    record = BuildRecord(
        identifier=IMAGE,
        digest="sha256:" + "a" * 64,
        finished_at=NOW.isoformat(),
        seconds=1.0,
        reference=variant.reference,
        builder="buildkit",
        inputs_sha256="0" * 64,
        base_digest="sha256:" + "b" * 64,
        is_base_drifted=False,
        media_type="",
        layers=(),
        size_bytes=1,
    ).model_copy(update=changes)
    records.write(good.ws.out_path, "build", record)
    return record


def test_an_image_of_which_nothing_is_known_passes_and_all_was_looked_up(scan: Scanned) -> None:
    code, out, err = scan()
    assert code == 0, err
    assert "against 2 advisories of " in out
    (image,) = scan.images()
    assert image["scanned"] == {"Debian:12": 3, "PyPI": 7}
    assert (image["findings"], image["unscanned"]) == ([], {})


def test_an_overdue_vulnerability_fails_and_says_what_to_take(scan: Scanned) -> None:
    code, out, err = scan(NUMPY)
    assert code == ScanError.exit_code
    assert "CVE-2 (high) in numpy 3.0.0 was to be fixed by" in err
    assert "take 3.0.1 (`dockwright bump --security`)" in err
    assert f"in {IMAGE}" in err
    assert "CVE-2     high      numpy    3.0.0    3.0.1     overdue since" in out


def test_a_vulnerability_younger_than_its_severity_allows_is_told_only(scan: Scanned) -> None:
    code, out, err = scan(NUMPY | {"published": ago(29)})
    assert code == 0, err
    assert "due by" in out


def test_what_nobody_has_rated_counts_as_the_worst(scan: Scanned) -> None:
    code, out, _ = scan(NUMPY | {"published": ago(8), "database_specific": {}})
    assert code == ScanError.exit_code
    assert "not rated" in out


def test_debian_is_looked_up_by_source_and_waited_for(scan: Scanned) -> None:
    python = affected("python3-defaults", START, {"fixed": "3.11.2-2"}, ecosystem=DEBIAN)
    tini = affected("tini", START, ecosystem=DEBIAN)
    (image,) = scan.images(
        entry("DLA-1-1", python, upstream=["CVE-1"], published=ago(400)),
        entry("DEBIAN-CVE-9", tini, upstream=["CVE-9"], published=ago(400)),
    )
    found = [(f["name"], f["version"], f["fixed"], f["verdict"]) for f in image["findings"]]
    assert found == [
        ("CVE-1", "3.11.2-1", "3.11.2-2", "overdue"),
        ("CVE-9", "0.19.0-1", None, "waiting"),
    ]


def test_only_the_picked_images_fail_a_scan(scan: Scanned) -> None:
    training = entry("PYSEC-3", affected("datasets", START), published=ago(400))
    assert scan(training)[0] == 0
    code, _, err = scan(training, command="pytorch-*")
    assert code == ScanError.exit_code
    assert IMAGE not in err


@pytest.mark.parametrize(
    ("days", "message"), [(8, "the newest of PyPI is of"), (-2, "which is to come")]
)
def test_data_of_another_day_is_no_data(scan: Scanned, days: int, message: str) -> None:
    data = folder(scan.path, harmless(modified=ago(days)))
    code, out, err = scan.run(f"scan --advisories {data}")
    assert (code, out) == (ScanError.exit_code, "")
    assert message in err


def test_an_ecosystem_without_any_advisory_was_not_scanned(scan: Scanned) -> None:
    data = folder(scan.path, harmless(modified=ago(1))[:1])
    code, out, err = scan.run(f"scan --advisories {data}")
    assert (code, out) == (ScanError.exit_code, "")
    assert "no advisory is about Debian:12: nothing is scanned against such data" in err


def test_a_package_that_cannot_be_looked_up_fails_the_scan(scan: Scanned) -> None:
    path = scan.good.ws.buildspec_path / "locks" / "base-debian12.json"
    text = path.read_text()
    path.write_text(text.replace(', "source": "tini", "source_version": "0.19.0-1"', ""))
    code, _, err = scan()
    assert code == ScanError.exit_code
    assert "tini was not scanned: the base's lock does not tell its source; run `dockwr" in err
    path.write_text(text)
    code, _, err = scan(entry("PYSEC-2", affected("numpy", START, {"fixed": "x"})))
    assert code == ScanError.exit_code
    assert "numpy was not scanned: PYSEC-2: 'x' is not a Python version" in err


def test_an_add_on_is_unscanned_unless_someone_has_decided_so(scan: Scanned) -> None:
    command = "tensorflow-*-training-cu999"
    assert scan(command=command)[0] == 0
    (image,) = scan.images(command=command)
    assert set(image["unscanned"]) == {"fabric", "vendor-parallel"}
    scan.good.edit("advisories.yml", "package: fabric", "package: fabrik")
    code, _, err = scan(command=command)
    assert code == ScanError.exit_code
    assert "fabric was not scanned: an add-on is in no index" in err
    assert "unscanned of fabrik is allowed but in no image; remove it" in err


def test_what_is_allowed_passes_until_its_day_with_its_reason(scan: Scanned) -> None:
    scan.allow(id="CVE-2", package="numpy")
    assert scan(NUMPY)[0] == 0
    (image,) = scan.images(NUMPY)
    (finding,) = image["findings"]
    assert finding["verdict"] == "allowed"
    assert finding["reason"] == "Someone, until 2999-12-31: Why."
    scan.good.edit("advisories.yml", "2999-12-31, id", "2026-11-01, id")
    code, _, err = scan(NUMPY)
    assert code == ScanError.exit_code
    assert "CVE-2 of numpy was allowed until 2026-11-01 (Someone: Why.); fix it" in err
    assert "CVE-2 (high) in numpy" in err


def test_an_allowed_advisory_that_no_image_has_is_an_error(scan: Scanned) -> None:
    scan.allow(id="PYSEC-3", package="datasets")  # in training images only
    training = entry("PYSEC-3", affected("datasets", START))
    assert scan(training)[0] == 0
    code, _, err = scan(NUMPY | {"published": ago(1)}, training | {"withdrawn": ago(1)})
    assert code == ScanError.exit_code
    assert "PYSEC-3 of datasets is allowed but in no image; remove it from buildspec/advi" in err


def test_a_scan_is_recorded_for_an_image_of_these_very_locks_only(
    scan: Scanned, monkeypatch: pytest.MonkeyPatch
) -> None:
    out_path = scan.good.ws.out_path
    build_record(scan.good)
    scan(NUMPY)
    assert records.read(out_path, IMAGE, "scan", ScanRecord) is None
    monkeypatch.setattr("dockwright.stages.plan.inputs_sha256", lambda *_, **__: "0" * 64)
    (variant,) = (v for v in scan.good.manifest().variants if v.identifier == IMAGE)
    assert forecast(scan.good.ws, [variant])[0].is_current
    build_record(scan.good, is_base_drifted=True)
    scan(NUMPY)
    assert records.read(out_path, IMAGE, "scan", ScanRecord) is None
    built = build_record(scan.good)
    scan(NUMPY)
    record = records.read(out_path, IMAGE, "scan", ScanRecord)
    assert record is not None
    assert record.digest == built.digest
    assert record.count(Urgency.OVERDUE) == 1
    assert [problem.partition(" ")[0] for problem in record.problems] == ["CVE-2"]
    (export,) = record.exports
    assert (export.entries, len(export.sha256)) == (3, 64)


def test_a_scan_of_stale_locks_is_none(scan: Scanned) -> None:
    scan.good.edit("pytorch.yml", "datasets: ", "databases: ")
    code, _, err = scan()
    assert code == StaleError.exit_code
    assert "run `dockwright lock`" in err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("high: 30, ", "", "fix_within_days says nothing of high"),
        ("max_age_days: 7", "max_age_days: 0", "max_age_days"),
        ("https://advisories", "http://advisories", "sources.0"),
        ("expires: 2999-12-31\n  - id", "expires: soon\n  - id", "allowed.0.expires"),
        ("package: fabric", "packages: fabric", "did you mean 'package'"),
        ("package: vendor-parallel", "package: fabric", "allowed twice: unscanned of fabric"),
    ],
)
def test_a_policy_that_says_less_than_it_should_is_refused(
    good: Sample, old: str, new: str, message: str
) -> None:
    good.edit("advisories.yml", old, new)
    with pytest.raises(ManifestError) as refused:
        advisory_policy.load(good.ws.buildspec_path)
    assert message in str(refused.value)


def test_the_committed_policy_can_be_read() -> None:
    from dockwright.workspace import find  # noqa: PLC0415
    from sample import REPOSITORY  # noqa: PLC0415

    policy = advisory_policy.load(find(REPOSITORY).buildspec_path)
    assert all(allowed.expires > date(2026, 1, 1) for allowed in policy.allowed)
