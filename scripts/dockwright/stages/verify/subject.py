"""The image to verify: its documents as the registry has them, and what is signed about it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dockwright.clients import trust
from dockwright.errors import DockwrightError, RecordError
from dockwright.spec import provenance
from dockwright.spec.evidence import Kind

if TYPE_CHECKING:
    from dockwright.clients.registry import Manifest, Repository
    from dockwright.clients.trust import Signed, Trust
    from dockwright.spec.provenance import Statement


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One image."""

    repository: Repository
    manifest: Manifest
    verifies: Trust | None
    _signed: dict[Kind, Signed] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def layers(self) -> tuple[dict[str, Any], ...]:
        """The layers' descriptors; none of an index."""
        return tuple(self.manifest.document.get("layers", ()))

    @cached_property
    def config(self) -> dict[str, Any]:
        """The image's config, checked by its digest."""
        content = self.repository.read_blob(self.manifest.document["config"]["digest"])
        config = json.loads(content)
        if not isinstance(config.get("rootfs", {}).get("diff_ids"), list):
            msg = f"{self.repository}@{self.digest} has no image's config"
            raise RecordError(msg)
        return dict(config)

    def signed(self, kind: Kind) -> Signed:
        """Return the latest signed evidence of a kind."""
        if kind not in self._signed:
            self._signed[kind] = trust.newest(self.repository, self.digest, kind, self.verifies)
        return self._signed[kind]

    @property
    def base_layers(self) -> tuple[str, ...]:
        """The digests of the layers of Debian packages, as far as provenance tells."""
        with suppress(DockwrightError):
            return tuple(self.statement.base_layers.values())
        return ()

    @cached_property
    def statement(self) -> Statement:
        """The signed provenance; RecordError when there is none, or none of this image."""
        signed = self.signed(Kind.PROVENANCE)
        if signed.piece is None:
            msg = f"there is no signed provenance {signed.note}".rstrip()
            raise RecordError(msg)
        statement = provenance.loads(signed.piece.content)
        if self.digest.removeprefix("sha256:") not in statement.digests:
            msg = f"the signed provenance {signed.piece.digest} is of another image"
            raise RecordError(msg)
        return statement
