"""Evidence is what its published formats ask for, always the same bytes, and tells no machine's secrets."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import sample
import small_image
from dockwright.errors import NetworkError, StaleError
from dockwright.spec import provenance, records
from dockwright.spec.evidence import Kind
from dockwright.stages import attest

if TYPE_CHECKING:
    from pathlib import Path

    from sample import Sample
    from small_image import SmallImage

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def small(good: Sample, tmp_path: Path) -> SmallImage:
    return small_image.made(good, tmp_path / "wheels", now=NOW)


def documents(small: SmallImage) -> dict[Kind, bytes]:
    return dict(attest.documents(small.ws, attest.load(small.ws, small.variant), None))


def test_every_kind_there_is_travels_and_nothing_names_the_machine(small: SmallImage) -> None:
    made = documents(small)
    assert list(made) == [Kind.BUILD, Kind.SMOKE, Kind.SBOM, Kind.PROVENANCE, Kind.SCAFFOLD]
    everything = b"".join(made.values())
    for place in (small.ws.root, small.ws.home):
        assert str(place).encode() not in everything


def test_another_checkout_makes_the_same_bytes(small: SmallImage, tmp_path: Path) -> None:
    other = small_image.made(sample.copy(tmp_path / "other"), tmp_path / "again", now=NOW)
    here, there = documents(small), documents(other)
    for made in (here, there):
        made.pop(Kind.BUILD)  # it tells how many seconds it took
    assert there == here


def test_the_bill_is_valid_cyclonedx_and_names_packages_hashes_and_licences(
    small: SmallImage,
) -> None:
    content = documents(small)[Kind.SBOM]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode()) is None
    bill = json.loads(content)
    by_name = {component["name"]: component for component in bill["components"]}
    assert by_name["tini"]["purl"] == "pkg:deb/debian/tini@0.19.0-1%2Bb3?arch=amd64&distro=bookworm"
    for name in ("pip", "transformers"):
        assert by_name[name]["purl"].startswith(f"pkg:pypi/{name}@")
        assert by_name[name]["hashes"][0]["content"] in _lock(small)
        assert by_name[name]["licenses"] == [{"expression": "Apache-2.0"}]


def _lock(small: SmallImage) -> str:
    key = small.variant.release.key
    return (small.ws.buildspec_path / "locks" / f"{key}.json").read_text(encoding="utf-8")


def test_provenance_names_the_image_and_everything_that_went_into_it(small: SmallImage) -> None:
    content = documents(small)[Kind.PROVENANCE]
    statement = provenance.loads(content)
    assert statement.digests == {small.image.digest.removeprefix("sha256:")}
    assert set(statement.base_layers) == {"base", "os-training-tensorflow"}
    assert set(statement.base_layers.values()) < {layer.digest for layer in small.image.layers}
    assert all(sha256 in _lock(small) for sha256 in statement.wheels.values())
    external: dict[str, Any] = json.loads(content)["predicate"]["buildDefinition"]
    assert external["externalParameters"]["identifier"] == small_image.IDENTIFIER
    assert "buildspec/tensorflow.yml" in external["externalParameters"]["sources"]


def test_an_image_on_another_base_than_the_locked_one_is_refused(small: SmallImage) -> None:
    record = records.require_build(small.ws.out_path, small_image.IDENTIFIER)
    other = record.model_copy(update={"base_digest": "sha256:" + "7" * 64})
    records.write(small.ws.out_path, "build", other)
    with pytest.raises(StaleError, match=r"stands on sha256:7777.*build it again"):
        attest.load(small.ws, small.variant)


def test_a_record_of_an_earlier_image_does_not_travel(small: SmallImage) -> None:
    path = records.record_path(small.ws.out_path, small_image.IDENTIFIER, "smoke")
    text = path.read_text(encoding="utf-8").replace(small.image.digest, "sha256:" + "7" * 64)
    path.write_text(text, encoding="utf-8")
    assert Kind.SMOKE not in documents(small)


def test_wheels_that_are_not_there_are_named(small: SmallImage) -> None:
    material = attest.load(small.ws, small.variant)
    _, wheel = next(iter(material.files()))
    (small.ws.wheels_path / wheel.sha256 / wheel.filename).unlink()
    with pytest.raises(NetworkError, match=wheel.filename):
        list(attest.documents(small.ws, material, None))


def test_an_image_of_the_other_builder_has_no_scaffold(small: SmallImage) -> None:
    record = records.require_build(small.ws.out_path, small_image.IDENTIFIER)
    records.write(small.ws.out_path, "build", record.model_copy(update={"builder": "buildkit"}))
    assert Kind.SCAFFOLD not in documents(small)
