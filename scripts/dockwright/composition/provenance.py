"""What an image was made from in; an in-toto statement with SLSA v1 provenance out.

It holds no name of a machine, no path and no address: whoever builds the same writes the same.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dockwright import __version__
from dockwright.spec import purl
from dockwright.spec.image import sha256
from dockwright.spec.provenance import BUILD_TYPE, BUILDER, PREDICATE_TYPE, STATEMENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright.clients.git import Revision
    from dockwright.composition.material import Material


def document(
    material: Material, *, sources: Mapping[str, bytes], revision: Revision | None
) -> bytes:
    """Return the statement; `sources` are the manifests and locks by path from the checkout."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {
                "name": material.variant.repository,
                "digest": _digest(material.record.digest),
            }
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "identifier": material.record.identifier,
                    "sources": {name: sha256(content) for name, content in sources.items()},
                    "base": material.record.base_digest,
                },
                "internalParameters": {
                    "inputs": f"sha256:{material.record.inputs_sha256}",
                    "python": material.variant.release.base.python,
                },
                "resolvedDependencies": _dependencies(material, revision),
            },
            "runDetails": {
                "builder": {
                    "id": f"{BUILDER}{material.record.builder}",
                    "version": {"dockwright": __version__},
                },
                "metadata": {"finishedOn": material.record.finished_at},
            },
        },
    }
    return json.dumps(statement, separators=(",", ":")).encode()


def _dependencies(material: Material, revision: Revision | None) -> list[dict[str, Any]]:
    """Return the commit, the base's layers and the files of the wheel store, each by its hash."""
    found: list[dict[str, Any]] = []
    if revision is not None:
        found.append(
            {
                "name": "source",
                "digest": {"gitCommit": revision.commit},
                "annotations": {"clean": revision.is_clean},
            }
        )
    found += [
        {"name": image.name, "digest": _digest(image.layer_digest)}
        for image in material.base_images
    ]
    found += [
        {
            "name": file.filename,
            "uri": purl.of_archive(file.name, file.version)
            if layer.into
            else purl.of_python(file.name, file.version),
            "digest": {"sha256": file.sha256},
        }
        for layer, file in material.files()
    ]
    return found


def _digest(digest: str) -> dict[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}
