"""A reference and a key in; everything that is claimed of the image, checked, line by line, out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dockwright.clients.registry import Repository
from dockwright.errors import DockwrightError, RegistryError, VerifyError
from dockwright.stages.verify import contents, documents, layers
from dockwright.stages.verify.subject import Subject
from dockwright.stages.verify.verdict import Verdict, failed, judged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from dockwright.clients.registry_reference import Reference
    from dockwright.clients.registry_session import Session
    from dockwright.clients.trust import Trust
    from dockwright.stages.verify.verdict import Line

OPTIONAL = frozenset({"bench", "scan"})
"""Reports that an image need not have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was found out about an image."""

    reference: str
    digest: str
    lines: tuple[Line, ...]

    @property
    def bad(self) -> tuple[Line, ...]:
        """The lines that keep the image from being trusted."""
        return tuple(
            line
            for line in self.lines
            if line.verdict is Verdict.FAILED
            or (line.verdict is Verdict.ABSENT and line.name not in OPTIONAL)
        )


def find(reference: Reference, session: Session, verifies: Trust | None) -> Subject:
    """Return the image that a reference names now."""
    repository = Repository(session=session, name=reference.repository)
    manifest = repository.get_manifest(reference.target)
    if manifest is None:
        msg = f"{reference} is not there; check the name"
        raise RegistryError(msg)
    return Subject(repository=repository, manifest=manifest, verifies=verifies)


def verify(
    subject: Subject, *, today: date, scratch_path: Path, with_layers: bool = True
) -> Iterator[Line]:
    """Yield the lines as they come; the layers are read last, and only when wanted."""
    yield judged("manifest", partial(documents.manifest, subject))
    yield judged("signature", partial(documents.signature, subject))
    if not subject.layers:
        return  # an index: nothing else is said of one
    yield judged("provenance", partial(documents.provenance, subject))
    yield judged("build", partial(documents.build, subject))
    yield judged("smoke", partial(documents.smoke, subject))
    yield judged("bench", partial(documents.bench, subject))
    yield judged("scan", partial(documents.scan, subject))
    yield judged("yank", partial(documents.yank, subject))
    yield judged("support", partial(documents.support, subject, today))
    if with_layers:
        yield from _contents(subject, scratch_path)


def _contents(subject: Subject, scratch_path: Path) -> Iterator[Line]:
    makings = contents.makings(subject)
    try:
        files = layers.read(subject, makings, scratch_path=scratch_path)
    except DockwrightError as e:
        yield failed("layers", str(e))
        for name in ("sbom", "wheels"):
            yield failed(name, "the layers cannot be read")
        return
    yield contents.layers(files, subject)
    yield judged("sbom", partial(contents.sbom, files, subject))
    yield judged("wheels", partial(contents.wheels, files, subject, makings))


def require_verified(verified: Verified) -> None:
    """Raise VerifyError unless every line that must pass has passed."""
    if verified.bad:
        told = ", ".join(f"{line.name} ({line.verdict})" for line in verified.bad)
        msg = f"{verified.reference} is not to be trusted: {told}"
        raise VerifyError(msg)
