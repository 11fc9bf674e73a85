"""A catalogue of a registry tells what lies there beside each image, and nothing of this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dockwright.clients import evidence
from dockwright.clients.registry import Repository
from dockwright.errors import NothingSelectedError, PolicyError, RegistryError
from dockwright.spec import offer
from dockwright.spec.evidence import Kind
from dockwright.spec.offer import Wanted
from dockwright.spec.publication import Yank
from dockwright.spec.records import Status
from dockwright.stages import choose, plan, pull
from dockwright.stages.catalog import registry as stage
from fake_registry import HOST, FakeRegistry, opened
from publishing import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dockwright.clients.trust import Trust
    from dockwright.composition.catalog import Known
    from dockwright.spec.variants import Variant
    from sample import Sample

    Said = pytest.CaptureFixture[str]

LATER = "2999-01-01T00:00:00+00:00"


class Shop:
    """A registry with the sample's TensorFlow release in it, and who reads it."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.registry = FakeRegistry()
        publisher.build(1, statuses=(Status.PASSED, Status.DEFERRED))
        with opened(self.registry) as repository:
            publisher.push(repository.session)

    @property
    def variant(self) -> Variant:
        return self.publisher.variants[0]

    @property
    def digest(self) -> str:
        return self.publisher.digests[self.variant.identifier]

    def known(self, verifies: Trust | None = None) -> dict[str, Known]:
        ws = self.publisher.sample.ws
        planned = [(f.image, f.assembled) for f in plan.forecast(ws, self.publisher.every)]
        with opened(self.registry) as its:
            found = stage.known(
                planned,
                lambda v: Repository(session=its.session, name=f"staging/{v.repository}"),
                verifies,
            )
        return {one.variant.identifier: one for one in found}

    def one(self, verifies: Trust | None = None) -> Known:
        return self.known(verifies)[self.variant.identifier]

    def attach(self, kind: Kind, content: bytes) -> str:
        with opened(self.registry, name=f"staging/{self.variant.repository}") as repository:
            return evidence.attach(repository, self.digest, kind, content, created_at=LATER)

    def yank(self) -> None:
        note = Yank(digest=self.digest, reason="it forgets", replacement="9", yanked_at=LATER)
        self.attach(Kind.YANK, note.content)

    def choose(self, wanted: Wanted) -> choose.Choice:
        offers = [offer.of_variant(v) for v in self.publisher.every]
        with opened(self.registry) as its:
            return choose.in_registry(
                offers,
                wanted,
                f"{HOST}/staging",
                lambda name: Repository(session=its.session, name=f"staging/{name}"),
            )


@pytest.fixture
def shop(good: Sample, tmp_path: Path) -> Shop:
    return Shop(Publisher(sample=good, folder=tmp_path / "layouts"))


def test_what_lies_beside_an_image_is_told_without_any_record_of_here(
    shop: Shop, tmp_path: Path
) -> None:
    (shop.publisher.sample.ws.out_path).rename(tmp_path / "lost")
    one = shop.one()
    assert one.digest == shop.digest
    assert one.smoke is not None
    assert [check.status for check in one.smoke.checks] == [Status.PASSED, Status.DEFERRED]
    assert (one.scan, one.bench) == (None, None)
    assert one.published is not None
    assert one.published.repository == f"{HOST}/staging/{shop.variant.repository}"
    assert str(one.published.immutable_tag).startswith(f"{shop.variant.tag}-v1.0-")
    assert [entry.kind for entry in one.published.evidence] == [
        Kind.BUILD,
        Kind.SMOKE,
        Kind.RELEASE,
    ]
    assert one.published.is_signed is None
    assert one.aliases == ("8.2-transformers4.99-cpu-py311-debian12", "8.2.0-cpu-py311")


def test_what_was_not_pushed_is_nothing_but_a_plan(shop: Shop) -> None:
    for name, one in shop.known().items():
        if not name.startswith("tensorflow-"):
            assert (one.digest, one.published, one.smoke, one.aliases) == (None, None, None, ())
            assert one.layers


def test_layers_are_the_manifests_and_their_packages_the_bills(shop: Shop) -> None:
    before = shop.one()
    assert [(la.name, la.packages) for _, la in before.layers] == [
        ("layer 1", ()),
        ("layer 2", ()),
    ]
    assert before.size_bytes == sum(layer.size_bytes or 0 for _, layer in before.layers)
    component = {
        "name": "peft",
        "version": "1.0",
        "purl": "pkg:pypi/peft@1.0",
        "properties": [{"name": "dockwright:layer", "value": "layer 2"}],
    }
    shop.attach(Kind.SBOM, json.dumps({"components": [component]}).encode())
    assert [layer.packages for _, layer in shop.one().layers] == [(), ("peft==1.0",)]


def test_what_cannot_be_read_is_no_claim_and_is_told(shop: Shop, capsys: Said) -> None:
    shop.attach(Kind.SMOKE, b"{}")
    shop.attach(Kind.SBOM, b"[]")
    one = shop.one()
    assert one.smoke is None
    assert [layer.packages for _, layer in one.layers] == [(), ()]
    told = capsys.readouterr().err
    for kind in (Kind.SMOKE, Kind.SBOM):
        assert f"{shop.digest}: {kind}: it is no" in told


def test_what_the_key_has_not_signed_is_absent(shop: Shop) -> None:
    (_, smoke, _) = shop.one().published.evidence  # type: ignore[union-attr]
    one = shop.one(lambda _, digest: None if digest in {shop.digest, smoke.digest} else "unsigned")
    assert one.published is not None
    assert (one.published.is_signed, one.published.evidence) == (True, (smoke,))
    assert one.published.immutable_tag is None
    assert one.smoke is not None
    assert shop.one(lambda *_: "unsigned").smoke is None


def test_a_yank_is_told_whoever_says_so(shop: Shop) -> None:
    shop.yank()
    one = shop.one(lambda *_: "unsigned")
    assert one.published is not None
    assert str(one.published.yank) == f"yanked on {LATER}: it forgets; use 9"
    shop.attach(Kind.YANK, b"it leaks")
    one = shop.one()
    assert one.published is not None
    assert "cannot be read" in str(one.published.yank)


def test_a_yanked_image_and_one_that_is_not_there_are_passed_over(shop: Shop, capsys: Said) -> None:
    cpu = Wanted(framework="tensorflow", accelerator="cpu")
    assert shop.choose(cpu).digest == shop.digest
    assert shop.choose(cpu).reference == f"{HOST}/staging/{shop.variant.reference}"
    shop.yank()
    training = shop.choose(cpu)
    assert training.offer.job == "training"
    assert "was yanked on" in capsys.readouterr().err
    with pytest.raises(NothingSelectedError, match="it forgets; use 9"):
        shop.choose(Wanted(framework="tensorflow", accelerator="cpu", job=shop.variant.job))
    with pytest.raises(NothingSelectedError, match="is not there"):
        shop.choose(Wanted(framework="pytorch"))


def test_what_is_yanked_or_not_there_is_not_pulled(shop: Shop) -> None:
    def wishes(glob: Callable[[Variant], bool]) -> tuple[pull.Wish, ...]:
        offers = [offer.of_variant(v) for v in shop.publisher.every if glob(v)]
        with opened(shop.registry) as its:
            return pull.wishes(
                offers,
                lambda one: Repository(session=its.session, name=f"staging/{one.repository}"),
            )

    (wish,) = wishes(lambda v: v.identifier == shop.variant.identifier)
    assert wish.digest == shop.digest
    shop.yank()
    with pytest.raises(PolicyError, match="it forgets; use 9"):
        wishes(lambda v: v.release.framework == "tensorflow")
    with pytest.raises(RegistryError, match=r"is not there(\n|.)*it forgets"):
        wishes(lambda _: True)
