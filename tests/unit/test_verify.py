"""What is claimed of an image in a registry is proven, or the line that fails names why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

import images
import publishing
import small_image
from dockwright.clients import cosign, evidence, registry_push
from dockwright.clients.registry import Repository, _descriptor
from dockwright.composition.assemble import scaffold
from dockwright.errors import VerifyError
from dockwright.spec.bench_records import BenchVerdict
from dockwright.spec.evidence import Kind
from dockwright.spec.image import OCI_INDEX_TYPE, OCI_MANIFEST_TYPE, sha256
from dockwright.spec.publication import Yank
from dockwright.spec.records import ScanRecord
from dockwright.stages import attest
from dockwright.stages.verify import run
from dockwright.stages.verify.subject import Subject
from fake_registry import FakeRegistry, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.stages.verify.verdict import Line
    from sample import Sample
    from small_image import SmallImage

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TODAY = date(2026, 7, 1)
NEED_A_SIGNATURE = ("signature", "provenance", "build", "smoke", "sbom", "wheels")
LATER = "2026-11-27T12:00:00+00:00"
OLD = "sha256:" + "a" * 64


class Case:
    """An image in a registry in memory, and what is signed there."""

    def __init__(self, small: SmallImage, repository: Repository, registry: FakeRegistry) -> None:
        self.small, self.repository, self.registry = small, repository, registry
        registry_push.push(repository, small.image, tags=["1"])
        attached = attest.attach_all(
            small.ws, small.variant, repository, now=NOW, revision=None, signer=None
        )
        self.signed = {small.image.digest, *attached}
        self.answer = cosign.NO_SIGNATURE

    @property
    def digest(self) -> str:
        return self.small.image.digest

    @property
    def blobs(self) -> dict[str, bytes]:
        """What the registry has: to be tampered with."""
        return self.registry.blobs[self.repository.name]

    def problem(self, _repository: Repository, digest: str) -> str | None:
        return None if digest in self.signed else self.answer

    def attach(self, kind: Kind, content: bytes, *, is_signed: bool) -> None:
        digest = evidence.attach(self.repository, self.digest, kind, content, created_at=LATER)
        self.signed |= {digest} if is_signed else set()

    def newest(self, kind: Kind) -> bytes:
        piece = evidence.newest(self.repository, self.digest, kind)
        assert piece is not None
        return piece.content

    def lines(self, *, today: date = TODAY) -> dict[str, Line]:
        manifest = self.repository.get_manifest("1")
        assert manifest is not None
        subject = Subject(repository=self.repository, manifest=manifest, verifies=self.problem)
        scratch_path = self.small.ws.uploads_path
        return {
            line.name: line for line in run.verify(subject, today=today, scratch_path=scratch_path)
        }


@pytest.fixture
def case(good: Sample, tmp_path: Path) -> Iterator[Case]:
    registry = FakeRegistry()
    with opened(registry) as repository:
        small = small_image.made(good, tmp_path / "wheels", now=NOW)
        yield Case(small, repository, registry)


def verdicts(lines: dict[str, Line]) -> dict[str, str]:
    return {name: line.verdict.value for name, line in lines.items() if line.verdict != "pass"}


ALLOWED = {"bench": "absent", "scan": "absent"}


def test_every_claim_of_a_sound_image_is_proven(case: Case) -> None:
    lines = case.lines()
    assert verdicts(lines) == ALLOWED
    assert lines["wheels"].reason.startswith("8 of 8 wheels, made again from the layers")
    assert "12 packages" in lines["sbom"].reason
    verified = run.Verified(reference="x", digest=case.digest, lines=tuple(lines.values()))
    run.require_verified(verified)
    assert list(case.small.ws.uploads_path.iterdir()) == []


def test_without_a_key_nothing_counts(case: Case) -> None:
    case.signed.clear()
    lines = case.lines()
    assert {line.verdict for line in lines.values() if line.name in NEED_A_SIGNATURE} == {"absent"}
    verified = run.Verified(reference="x", digest=case.digest, lines=tuple(lines.values()))
    with pytest.raises(VerifyError, match=r"x is not to be trusted: signature \(absent\), "):
        run.require_verified(verified)


def test_an_image_that_is_signed_by_another_key_fails(case: Case) -> None:
    case.signed.discard(case.digest)
    case.answer = cosign.OTHER_SIGNATURE
    assert verdicts(case.lines()) == {**ALLOWED, "signature": "fail"}


@pytest.mark.parametrize("at", [0, 40, -1], ids=["start", "middle", "end"])
def test_a_changed_layer_is_named(case: Case, at: int) -> None:
    layer = case.small.image.layers[4]
    content = bytearray(case.blobs[layer.digest])
    content[at] ^= 1
    case.blobs[layer.digest] = bytes(content)
    lines = case.lines()
    assert verdicts(lines) == {**ALLOWED, "layers": "fail", "sbom": "fail", "wheels": "fail"}
    assert layer.digest in lines["layers"].reason


@pytest.mark.parametrize("kind", [Kind.SBOM, Kind.PROVENANCE, Kind.SMOKE, Kind.BUILD])
def test_evidence_that_was_changed_in_the_registry_is_named(case: Case, kind: Kind) -> None:
    digest = sha256(case.newest(kind))
    case.blobs[digest] = case.blobs[digest].replace(b"training", b"trainine")
    line = case.lines()[kind]
    assert line.verdict == "fail"
    assert digest in line.reason


@pytest.mark.parametrize("kind", [Kind.SBOM, Kind.PROVENANCE, Kind.SMOKE, Kind.SCAFFOLD])
def test_a_later_piece_that_nobody_signed_is_passed_over_and_told(case: Case, kind: Kind) -> None:
    case.attach(kind, b"{}", is_signed=False)
    lines = case.lines()
    assert verdicts(lines) == ALLOWED
    name = "wheels" if kind is Kind.SCAFFOLD else kind
    assert "not signed and so passed over: sha256:" in lines[name].reason


def test_a_record_of_another_image_is_no_proof(case: Case) -> None:
    record = json.loads(case.newest(Kind.SMOKE))
    other = json.dumps({**record, "digest": "sha256:" + "7" * 64}).encode()
    case.attach(Kind.SMOKE, other, is_signed=True)
    line = case.lines()["smoke"]
    assert (line.verdict, "another image" in line.reason) == ("fail", True)


@pytest.mark.parametrize(("problems", "verdict"), [((), "pass"), (("CVE-1 is overdue",), "fail")])
def test_a_scan_that_failed_fails_and_says_why(
    case: Case, problems: tuple[str, ...], verdict: str
) -> None:
    record = ScanRecord(
        identifier="x",
        digest=case.digest,
        finished_at=LATER,
        seconds=1.0,
        exports=(),
        scanned={},
        unscanned={},
        findings=(),
        problems=problems,
    )
    case.attach(Kind.SCAN, record.model_dump_json().encode(), is_signed=True)
    line = case.lines()["scan"]
    assert (line.verdict, "CVE-1 is overdue" in line.reason) == (verdict, bool(problems))


def test_evidence_of_another_image_that_is_listed_here_is_named(case: Case) -> None:
    other = images.tiny(case.small.ws.home / "other")
    registry_push.push(case.repository, other, tags=["2"])
    digest = evidence.attach(case.repository, other.digest, Kind.SMOKE, b"{}", created_at=LATER)
    case.signed.add(digest)
    foreign = case.repository.get_manifest(digest)
    assert foreign is not None
    case.repository._list_referrer(_descriptor(foreign.content), case.digest)
    line = case.lines()["smoke"]
    assert (line.verdict, "is about another image" in line.reason) == ("fail", True)


@pytest.mark.parametrize(
    ("name", "said"),
    [("pip", "pkg:pypi/pip@1.0 is not in the image"), ("", "is in the image only")],
)
def test_a_bill_that_names_more_or_less_than_the_image_has_fails(
    case: Case, name: str, said: str
) -> None:
    bill = json.loads(case.newest(Kind.SBOM))
    more = [{"purl": "pkg:pypi/pip@1.0"}] if name else []
    bill["components"] = more + bill["components"][0 if name else 1 :]
    case.attach(Kind.SBOM, json.dumps(bill).encode(), is_signed=True)
    line = case.lines()["sbom"]
    assert (line.verdict, said in line.reason) == ("fail", True)


def test_a_wheel_that_is_not_the_locked_one_is_named(case: Case) -> None:
    statement = json.loads(case.newest(Kind.PROVENANCE))
    resources = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    wheel = next(r for r in resources if r["name"].endswith(".whl"))
    wheel["digest"]["sha256"] = "7" * 64
    case.attach(Kind.PROVENANCE, json.dumps(statement).encode(), is_signed=True)
    line = case.lines()["wheels"]
    assert (line.verdict, wheel["name"] in line.reason) == ("fail", True)


def test_without_a_scaffold_files_are_compared_with_the_records_of_the_locked_wheels(
    case: Case,
) -> None:
    piece = evidence.newest(case.repository, case.digest, Kind.SCAFFOLD)
    assert piece is not None
    case.signed.discard(piece.digest)
    line = case.lines()["wheels"]
    assert line.verdict == "pass"
    assert line.reason.startswith("each file is as the RECORDs of 8 locked wheels tell")


def test_a_scaffold_that_gives_other_wheels_is_named(case: Case) -> None:
    read = scaffold.loads(case.newest(Kind.SCAFFOLD))
    (layer, glue), *rest = read.layers
    other = replace(read, layers=((layer, glue[:-1] + b"!"), *rest))
    case.attach(Kind.SCAFFOLD, scaffold.dumps(other), is_signed=True)
    line = case.lines()["wheels"]
    assert (line.verdict, layer.wheels[-1].filename in line.reason) == ("fail", True)


def test_a_yanked_image_fails_whoever_yanked_it(case: Case) -> None:
    note = Yank(digest=case.digest, reason="it forgets", replacement="2-cpu", yanked_at="today")
    case.attach(Kind.YANK, note.content, is_signed=False)
    lines = case.lines()
    assert verdicts(lines) == {**ALLOWED, "yank": "fail"}
    assert lines["yank"].reason == "it was yanked on today: it forgets; use 2-cpu"


def test_a_yank_that_cannot_be_read_fails_all_the_same(case: Case) -> None:
    case.attach(Kind.YANK, b"it forgets", is_signed=False)
    line = case.lines()["yank"]
    assert (line.verdict, "cannot be read" in line.reason) == ("fail", True)


@pytest.mark.parametrize(
    ("verdict", "against", "verdict_of_line", "said"),
    [
        (BenchVerdict.SAME, OLD, "pass", f"1 same than {OLD}"),
        (BenchVerdict.WORSE, OLD, "fail", "latency/x: batch=1 is worse: as measured"),
        (BenchVerdict.UNKNOWN, None, "pass", "compared with nothing"),
    ],
)
def test_benchmarks_are_told_and_fail_where_they_have_found_it_slower(
    case: Case, verdict: BenchVerdict, against: str | None, verdict_of_line: str, said: str
) -> None:
    record = publishing.bench_record("x", case.digest, verdict, against=against)
    case.attach(Kind.BENCH, record.model_dump_json().encode(), is_signed=True)
    line = case.lines()["bench"]
    assert (line.verdict, said in line.reason) == (verdict_of_line, True), line.reason


def test_an_image_whose_release_is_out_of_support_fails(case: Case) -> None:
    assert verdicts(case.lines(today=date(2026, 8, 1))) == ALLOWED
    assert verdicts(case.lines(today=date(2026, 8, 2))) == {**ALLOWED, "support": "fail"}


def test_a_manifest_that_sagemaker_refuses_is_told_with_its_type(case: Case) -> None:
    case.repository.put_manifest("1", case.small.image.manifest, OCI_MANIFEST_TYPE)
    line = case.lines()["manifest"]
    assert (line.verdict, OCI_MANIFEST_TYPE in line.reason) == ("fail", True)


def test_of_an_index_only_that_is_said(case: Case) -> None:
    index = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
    case.repository.put_manifest("1", index, OCI_INDEX_TYPE)
    assert verdicts(case.lines()) == {"manifest": "fail", "signature": "absent"}
