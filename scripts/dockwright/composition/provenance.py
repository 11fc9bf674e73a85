"""What an image was made from in; an in-toto statement with SLSA v1 provenance out.

It holds no name of a machine, no path and no address: whoever builds the same writes the same.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from typing import TYPE_CHECKING, Any

from dockwright import __version__
from dockwright.composition import wheels
from dockwright.composition.assemble.install import Target, install
from dockwright.composition.assemble.left_out import LeftOut
from dockwright.composition.assemble.wheel_archive import opened
from dockwright.spec import purl
from dockwright.spec.image import sha256
from dockwright.spec.provenance import BUILD_TYPE, BUILDER, PREDICATE_TYPE, STATEMENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from dockwright.clients.git import Revision
    from dockwright.composition.material import Material


def document(
    material: Material,
    *,
    store: Path,
    sources: Mapping[str, bytes],
    revision: Revision | None,
    overlay: Revision | None = None,
) -> bytes:
    """Return the statement; `sources` are the manifests and locks by path from the checkout.

    `revision` is the checkout's, `overlay` that of the folder of a downstream team's image.

    The wheels in the store tell which RECORD each is installed with, by either builder: that ties
    the files of an image to the locked wheels.
    """
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
                "resolvedDependencies": [
                    *_commit("source", revision),
                    *_commit("overlay", overlay),
                    *_dependencies(material, store),
                ],
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


def _commit(name: str, revision: Revision | None) -> Iterator[dict[str, Any]]:
    """Yield what was checked out, of a copy that has a history."""
    if revision is not None:
        yield {
            "name": name,
            "digest": {"gitCommit": revision.commit},
            "annotations": {"clean": revision.is_clean},
        }


def _dependencies(material: Material, store: Path) -> list[dict[str, Any]]:
    """Return the base's layers and the files of the wheel store, each by its hash."""
    found: list[dict[str, Any]] = [
        {"name": image.name, "digest": _digest(image.layer_digest)}
        for image in material.base_images
    ]
    target = Target(python=material.variant.release.base.python)
    for layer, file in material.files():
        resource = {"name": file.filename, "digest": {"sha256": file.sha256}}
        if layer.into is not None:
            resource["uri"] = purl.of_archive(file.name, file.version)
            found.append(resource | {"annotations": {"folder": layer.into}})
            continue
        records = _installed_records(wheels.path_of(store, file), target, layer.left_out)
        resource["uri"] = purl.of_python(file.name, file.version)
        found.append(resource | {"annotations": {"records": records}})
    return found


def _installed_records(path: Path, target: Target, left_out: Iterable[str]) -> dict[str, str]:
    """Return the sha256 of the RECORD that a wheel is installed with, by path from the root.

    So, too, of those of packages inside of it, from which lines were taken.
    """
    with opened(path) as archive:
        files = install(archive, target, LeftOut(left_out)).files.values()
        return {
            posixpath.join(target.venv, f.path).strip("/"): hashlib.sha256(f.content).hexdigest()
            for f in files
            if f.member is None and f.path.endswith(".dist-info/RECORD")
        }


def _digest(digest: str) -> dict[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}
