"""Evidence beside an image: attached, listed, read back, and refused when it is another's."""

from __future__ import annotations

import json

import pytest

from dockwright.clients import evidence
from dockwright.clients.registry import fallback_tag
from dockwright.errors import HashMismatchError, RegistryError
from dockwright.spec.evidence import EMPTY, Kind
from dockwright.spec.image import MANIFEST_TYPE, OCI_INDEX_TYPE, sha256
from fake_registry import FakeRegistry, opened

MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE}).encode()
IMAGE = sha256(MANIFEST)
EARLIER, LATER = "2026-11-26T08:00:00+00:00", "2026-11-26T09:00:00+00:00"


@pytest.mark.parametrize("has_api", [True, False])
def test_the_newest_piece_of_a_kind_is_found_whatever_the_order(*, has_api: bool) -> None:
    with opened(FakeRegistry(has_referrers_api=has_api)) as repository:
        repository.put_manifest("1", MANIFEST)
        evidence.attach(repository, IMAGE, Kind.SMOKE, b"new", created_at=LATER)
        evidence.attach(repository, IMAGE, Kind.SMOKE, b"old", created_at=EARLIER)
        evidence.attach(repository, IMAGE, Kind.SCAN, b"other", created_at=LATER)
        pieces = evidence.found(repository, IMAGE, Kind.SMOKE)
        assert [piece.content for piece in pieces] == [b"old", b"new"]
        assert evidence.newest(repository, IMAGE, Kind.SMOKE) == pieces[-1]
        assert evidence.newest(repository, IMAGE, Kind.YANK) is None


def test_the_artifact_names_its_image_and_its_type() -> None:
    registry = FakeRegistry()
    with opened(registry) as repository:
        repository.put_manifest("1", MANIFEST)
        digest = evidence.attach(repository, IMAGE, Kind.SBOM, b"{...}", created_at=LATER)
        kept = repository.get_manifest(digest)
        assert kept is not None
        assert kept.document["subject"] == {
            "mediaType": MANIFEST_TYPE,
            "digest": IMAGE,
            "size": len(MANIFEST),
        }
        assert kept.document["artifactType"] == "application/vnd.cyclonedx+json"
        assert kept.document["config"]["digest"] == sha256(EMPTY)


def test_attaching_the_same_twice_changes_nothing() -> None:
    registry = FakeRegistry()
    with opened(registry) as repository:
        repository.put_manifest("1", MANIFEST)
        first = evidence.attach(repository, IMAGE, Kind.BUILD, b"x", created_at=LATER)
        sent_bytes = registry.sent_bytes
        assert evidence.attach(repository, IMAGE, Kind.BUILD, b"x", created_at=LATER) == first
        assert registry.sent_bytes == sent_bytes
        assert len(evidence.found(repository, IMAGE, Kind.BUILD)) == 1


def test_evidence_without_its_image_is_refused() -> None:
    with opened(FakeRegistry()) as repository, pytest.raises(RegistryError, match="push it first"):
        evidence.attach(repository, IMAGE, Kind.BUILD, b"x", created_at=LATER)


def test_evidence_that_is_about_another_image_is_refused() -> None:
    other = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "layers": []}).encode()
    with opened(FakeRegistry()) as repository:
        for manifest in (MANIFEST, other):
            repository.put_manifest(sha256(manifest), manifest)
        evidence.attach(repository, IMAGE, Kind.SMOKE, b"green", created_at=LATER)
        listed = repository.get_manifest(fallback_tag(IMAGE))
        assert listed is not None
        repository.put_manifest(fallback_tag(sha256(other)), listed.content, OCI_INDEX_TYPE)
        with pytest.raises(RegistryError, match="is about another image"):
            evidence.found(repository, sha256(other), Kind.SMOKE)


def test_a_document_that_was_changed_is_refused() -> None:
    registry = FakeRegistry()
    with opened(registry) as repository:
        repository.put_manifest("1", MANIFEST)
        evidence.attach(repository, IMAGE, Kind.SMOKE, b"red", created_at=LATER)
        registry.blobs[repository.name][sha256(b"red")] = b"green"
        with pytest.raises(HashMismatchError, match="bytes were changed"):
            evidence.found(repository, IMAGE, Kind.SMOKE)
