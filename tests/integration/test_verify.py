"""Signed evidence in a real registry, by a real cosign: found, accepted, and named when tampered with."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

import debian_programs
import sample
import small_image
from dockwright import process
from dockwright.clients import cosign, evidence, registry_push, registry_server, trust
from dockwright.clients.cosign import Signer, Verifier
from dockwright.clients.registry import Repository, session
from dockwright.errors import ProcessError
from dockwright.spec.evidence import Kind
from dockwright.spec.image import OCI_MANIFEST_TYPE, sha256
from dockwright.spec.publication import Yank
from dockwright.stages import attest
from dockwright.stages.verify import run
from dockwright.stages.verify.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.registry_server import Site
    from dockwright.workspace import Workspace
    from small_image import SmallImage

PASSWORD = "of no importance"  # noqa: S105 - of keys that live as long as the test
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
LATER = "2026-07-02T12:00:00+00:00"
ABSENT = {"bench": "absent", "scan": "absent"}


class Case:
    """A pushed, attested and signed image in a registry whose files can be changed."""

    def __init__(
        self, site: Site, repository: Repository, small: SmallImage, signer: Signer
    ) -> None:
        self.site, self.repository, self.small, self.signer = site, repository, small, signer
        registry_push.push(repository, small.image, tags=["1"])
        self.attached = attest.attach_all(
            small.ws, small.variant, repository, now=NOW, revision=None, signer=signer
        )

    @property
    def digest(self) -> str:
        return self.small.image.digest

    def blob_of(self, kind: Kind) -> str:
        piece = evidence.newest(self.repository, self.digest, kind)
        assert piece is not None
        return sha256(piece.content)

    @contextmanager
    def changed(self, digest: str) -> Iterator[None]:
        """Turn a bit in the midst of a blob, where the registry keeps it."""
        hexdigest = digest.removeprefix("sha256:")
        blobs_path = self.site.data_path / "docker/registry/v2/blobs/sha256"
        path = blobs_path / hexdigest[:2] / hexdigest / "data"
        sound = path.read_bytes()
        middle = len(sound) // 2
        path.write_bytes(sound[:middle] + bytes((sound[middle] ^ 1,)) + sound[middle + 1 :])
        try:
            yield
        finally:
            path.write_bytes(sound)

    def verdicts(self, *, tag: str = "1", key: str | None = None) -> dict[str, str]:
        """Return how each line stands that has not passed, with the first words of its reason."""
        manifest = self.repository.get_manifest(tag)
        assert manifest is not None
        verifier = Verifier(program=self.signer.program, trusted=key or public(self.signer))
        subject = Subject(
            repository=self.repository,
            manifest=manifest,
            verifies=partial(cosign.problem, verifier),
        )
        self.lines = {
            line.name: line
            for line in run.verify(
                subject, today=NOW.date(), scratch_path=self.small.ws.uploads_path
            )
        }
        return {
            name: str(line.verdict) for name, line in self.lines.items() if line.verdict != "pass"
        }


def public(signer: Signer) -> str:
    return str(signer.key).replace(".key", ".pub")


def new_key(program: str, folder: Path) -> Signer:
    folder.mkdir()
    process.run((program, "generate-key-pair"), cwd=folder, timeout_s=60)
    return Signer(program=program, key=str(folder / "cosign.key"))


@pytest.fixture(scope="module", autouse=True)
def password() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COSIGN_PASSWORD", PASSWORD)
        yield


@pytest.fixture(scope="module")
def case(checkout: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("verify")
    site = registry_server.site(checkout, folder / "registry")
    small = small_image.made(sample.copy(folder), folder / "wheels", now=NOW)
    signer = new_key(cosign.program(checkout.home), folder / "key")
    with registry_server.temporary(site) as address, session(address) as its:
        yield Case(site, Repository(session=its, name="team/image"), small, signer)


def test_from_any_folder_the_registry_and_the_key_are_enough(
    case: Case, program: tuple[str, ...], tmp_path: Path
) -> None:
    argv = (*program, "verify", f"{case.repository}:1", "--key", public(case.signer), "--json")
    with pytest.raises(ProcessError, match=r"is not to be trusted: support \(fail\)$"):
        process.run(argv, cwd=tmp_path, timeout_s=120)  # today its patches have ended
    assert case.verdicts() == ABSENT
    assert case.lines["wheels"].reason.startswith("8 of 8 wheels, made again")


def test_cosign_and_oras_find_and_accept_the_evidence(
    case: Case, checkout: Workspace, tmp_path: Path
) -> None:
    verify = (case.signer.program, "verify", "--key", public(case.signer))
    for digest in (case.digest, *case.attached):
        argv = (*verify, "--insecure-ignore-tlog=true", f"{case.repository}@{digest}")
        (claim,) = json.loads(process.run(argv, timeout_s=60))
        assert claim["critical"]["image"]["docker-manifest-digest"] == digest
    oras = debian_programs.oras(checkout, tmp_path)
    discover = (oras, "discover", "--plain-http", "--format", "json", f"{case.repository}:1")
    found = json.loads(process.run(discover, timeout_s=60))["manifests"]
    kinds = (Kind.BUILD, Kind.SMOKE, Kind.SBOM, Kind.PROVENANCE, Kind.SCAFFOLD)
    assert [entry["artifactType"] for entry in found] == [kind.artifact_type for kind in kinds]
    assert tuple(entry["digest"] for entry in found) == case.attached
    pull = (oras, "pull", "--plain-http", f"{case.repository}@{case.attached[1]}")
    process.run(pull, cwd=tmp_path, timeout_s=60)
    recorded = case.small.ws.out_path / small_image.IDENTIFIER / "smoke.json"
    assert (tmp_path / "smoke.json").read_bytes() == recorded.read_bytes()


def test_attesting_again_adds_nothing(case: Case) -> None:
    tags = set(case.repository.tags())
    again = attest.attach_all(
        case.small.ws,
        case.small.variant,
        case.repository,
        now=NOW,
        revision=None,
        signer=case.signer,
    )
    assert again == case.attached
    assert set(case.repository.tags()) == tags
    for tag in tags:
        manifest = case.repository.get_manifest(tag)
        assert manifest is not None
        assert not tag.endswith(".sig") or len(manifest.document["layers"]) == 1


def test_a_layer_changed_on_the_registrys_disk_is_named(case: Case) -> None:
    layer = case.small.image.layers[4].digest
    with case.changed(layer):
        failed = dict.fromkeys(("layers", "sbom", "wheels"), "fail")
        assert case.verdicts() == {**ABSENT, **failed}
        assert layer in case.lines["layers"].reason


@pytest.mark.parametrize(
    ("kind", "line"),
    [(Kind.SBOM, "sbom"), (Kind.SCAFFOLD, "wheels"), (Kind.SMOKE, "smoke")],
)
def test_evidence_changed_on_the_registrys_disk_is_named(case: Case, kind: Kind, line: str) -> None:
    blob = case.blob_of(kind)
    with case.changed(blob):
        assert case.verdicts() == {**ABSENT, line: "fail"}
        assert blob in case.lines[line].reason


def test_another_key_has_signed_nothing_of_it(case: Case, tmp_path: Path) -> None:
    other = new_key(case.signer.program, tmp_path / "other")
    verdicts = case.verdicts(key=public(other))
    assert verdicts["signature"] == "fail"
    assert case.lines["signature"].reason == cosign.OTHER_SIGNATURE
    assert {verdicts[n] for n in ("provenance", "build", "smoke", "sbom", "wheels")} == {"absent"}


def test_a_record_attached_later_without_the_key_is_passed_over(case: Case) -> None:
    record = json.loads(
        (case.small.ws.out_path / small_image.IDENTIFIER / "smoke.json").read_text()
    )
    record["checks"] = [{**record["checks"][0], "detail": "better than it is"}]
    content = json.dumps(record).encode()
    forged = evidence.attach(case.repository, case.digest, Kind.SMOKE, content, created_at=LATER)
    assert case.verdicts() == ABSENT
    assert forged[:19] in case.lines["smoke"].reason


def test_a_signature_of_another_manifest_does_not_count(case: Case) -> None:
    """Anybody who may push can put the image's own signature beside what is forged."""
    forged = evidence.attach(case.repository, case.digest, Kind.BENCH, b"{}", created_at=LATER)
    signature = case.repository.get_manifest(f"{case.digest.replace(':', '-')}.sig")
    assert signature is not None
    tag = f"{forged.replace(':', '-')}.sig"
    case.repository.put_manifest(tag, signature.content, signature.media_type)
    verifier = Verifier(program=case.signer.program, trusted=public(case.signer))
    verifies = partial(cosign.problem, verifier)
    assert trust.problem(case.repository, forged, verifies) == cosign.OTHER_SIGNATURE
    assert case.verdicts() == ABSENT


def test_an_oci_typed_manifest_of_the_same_layers_is_told(case: Case) -> None:
    document = json.loads(case.small.image.manifest)
    document["mediaType"] = OCI_MANIFEST_TYPE
    case.repository.put_manifest("oci", json.dumps(document).encode(), OCI_MANIFEST_TYPE)
    verdicts = case.verdicts(tag="oci")
    assert (verdicts["manifest"], verdicts["signature"]) == ("fail", "absent")
    assert OCI_MANIFEST_TYPE in case.lines["manifest"].reason


def test_a_yank_shows(case: Case) -> None:
    note = Yank(digest=case.digest, reason="it leaks", replacement="2", yanked_at=LATER)
    evidence.attach(case.repository, case.digest, Kind.YANK, note.content, created_at=LATER)
    assert case.verdicts() == {**ABSENT, "yank": "fail"}
    assert case.lines["yank"].reason == f"it was {note}"
