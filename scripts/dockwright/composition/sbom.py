"""What an image was made from in; its bill of materials, CycloneDX 1.6, always the same bytes, out.

Written here and not by a library: it is one small document, which a test holds to its schema.
"""

from __future__ import annotations

import json
import uuid
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from dockwright.composition import wheels
from dockwright.errors import RecordError
from dockwright.spec import purl

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.composition.layers import WheelLayer
    from dockwright.composition.material import Material
    from dockwright.spec.base_lock import DebianPackage
    from dockwright.spec.lock import Wheel

LAYER = "dockwright:layer"
"""The property that says in which layer a component is."""
NAMESPACE = uuid.UUID("5f0b4e5c-6f0c-5ed3-9d39-0d5e5f7a6a10")
"""Of serial numbers: an image's follows from its digest."""


def document(material: Material, *, store: Path) -> bytes:
    """Return an image's bill; licences are those that the wheels in the store declare."""
    suite = material.variant.release.base.suite
    components = [
        *(_debian(package, layer, suite=suite) for layer, package in material.debian()),
        *(_file(file, layer, store) for layer, file in material.files()),
    ]
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, material.record.digest)}",
        "version": 1,
        "metadata": {
            "timestamp": material.record.finished_at,
            "component": _image(material),
        },
        "components": sorted(components, key=lambda component: str(component["bom-ref"])),
    }
    return json.dumps(bill, separators=(",", ":"), ensure_ascii=False).encode()


def packages(content: bytes) -> dict[str, tuple[str, ...]]:
    """Return layer -> what a bill says is in it: `name==version`, `name=version` of Debian's."""
    found: dict[str, list[str]] = {}
    try:
        for component in json.loads(content)["components"]:
            (layer,) = (p["value"] for p in component["properties"] if p["name"] == LAYER)
            sign = "=" if component["purl"].startswith("pkg:deb/") else "=="
            found.setdefault(layer, []).append(f"{component['name']}{sign}{component['version']}")
    except (ValueError, KeyError, TypeError) as e:
        msg = f"it is no bill of materials ({type(e).__name__}: {e})"
        raise RecordError(msg) from None
    return {layer: tuple(names) for layer, names in found.items()}


def _image(material: Material) -> dict[str, Any]:
    variant, digest = material.variant, material.record.digest
    return {
        "type": "container",
        "bom-ref": digest,
        "name": variant.repository,
        "version": variant.tag,
        "purl": purl.of_image(variant.repository, digest),
        "hashes": _hashes(digest.removeprefix("sha256:")),
    }


def _debian(package: DebianPackage, layer: str, *, suite: str) -> dict[str, Any]:
    name, version = package.name, package.version
    reference = purl.of_debian(name, version, package.architecture, suite=suite)
    return _component(reference, name, version, package.sha256, layer)


def _file(file: Wheel, layer: WheelLayer, store: Path) -> dict[str, Any]:
    if layer.into is not None:
        reference = purl.of_archive(file.name, file.version)
        return _component(reference, file.name, file.version, file.sha256, layer.name)
    reference = purl.of_python(file.name, file.version)
    component = _component(reference, file.name, file.version, file.sha256, layer.name)
    licence = _licence(wheels.path_of(store, file))
    return component | ({"licenses": [{"expression": licence}]} if licence else {})


def _component(reference: str, name: str, version: str, sha256: str, layer: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "purl": reference,
        "hashes": _hashes(sha256),
        "properties": [{"name": LAYER, "value": layer}],
    }


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]


def _licence(path: Path) -> str | None:
    """Return a wheel's SPDX expression; the older fields hold anything and are left out."""
    with ZipFile(path) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        with archive.open(name) as file:
            return BytesHeaderParser().parse(file).get("License-Expression")
