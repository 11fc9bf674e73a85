"""A document about an image in; the OCI artifact that is attached to the image for it out.

Evidence lies beside an image as a referrer (OCI image specification 1.1), never around it as an
index: SageMaker refuses those. Each piece is one artifact with one blob.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from dockwright.spec.image import OCI_MANIFEST_TYPE, sha256

EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
"""The config of an artifact that has none, as the specification wants it."""
CREATED = "org.opencontainers.image.created"
TITLE = "org.opencontainers.image.title"


class Kind(StrEnum):
    """What a piece of evidence tells about its image."""

    BUILD = "build"
    SMOKE = "smoke"
    BENCH = "bench"
    SCAN = "scan"
    SBOM = "sbom"
    PROVENANCE = "provenance"
    SCAFFOLD = "scaffold"
    """What is needed to make the wheels again from the image's layers."""
    RELEASE = "release"
    """Which release it is of, and when it was built: what decides which names it may take."""
    WAIVER = "waiver"
    """Why checks that could not be made did not keep it from being promoted."""
    YANK = "yank"

    @property
    def artifact_type(self) -> str:
        """What registries list it as: a published format's own type where there is one."""
        match self:
            case Kind.SBOM:
                return "application/vnd.cyclonedx+json"
            case Kind.PROVENANCE:
                return "application/vnd.in-toto+json"
            case _:
                return f"application/vnd.dockwright.{self}.v1+json"

    @property
    def filename(self) -> str:
        """What tools that pull artifacts save it as."""
        return "scaffold.zlib" if self is Kind.SCAFFOLD else f"{self}.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The image manifest that evidence is about."""

    digest: str
    size_bytes: int
    media_type: str


def artifact(kind: Kind, content: bytes, subject: Subject, *, created_at: str) -> bytes:
    """Return the artifact manifest; `created_at` is UTC in ISO 8601."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST_TYPE,
        "artifactType": kind.artifact_type,
        "config": _descriptor(EMPTY, EMPTY_TYPE),
        "layers": [
            {**_descriptor(content, kind.artifact_type), "annotations": {TITLE: kind.filename}}
        ],
        "subject": {
            "mediaType": subject.media_type,
            "digest": subject.digest,
            "size": subject.size_bytes,
        },
        "annotations": {CREATED: created_at},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _descriptor(content: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content)}
