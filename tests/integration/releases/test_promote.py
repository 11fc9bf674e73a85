"""Staging to production and back in a real registry: by digest, whole releases, what is proven."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import debian_programs
from dockwright import process
from dockwright.clients import cosign, evidence, registry_server
from dockwright.clients.registry import Repository, session
from dockwright.errors import ProcessError
from dockwright.spec.evidence import Kind
from dockwright.spec.image import sha256
from dockwright.spec.records import Status
from publishing import GPU_CHECK, RELEASE, Publisher, new_key

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.clients.registry_session import Session
    from dockwright.workspace import Workspace
    from integration.releases.conftest import Run


PROMOTE = ("promote", f"{RELEASE}-*", "--from", "staging", "--to", "production")


def test_a_release_is_promoted_rolled_back_and_yanked(
    publisher: Publisher, registry: Session, run: Run
) -> None:
    publisher.build(1)
    publisher.push(registry)
    first = publisher.tags(registry, "staging")
    run(*PROMOTE)
    assert publisher.tags(registry, "production") == first

    publisher.build(2)
    publisher.push(registry)
    shown = run(*PROMOTE, "--dry-run")
    assert publisher.tags(registry, "production") == first
    assert "BEFORE" in shown
    promoted = json.loads(run(*PROMOTE, "--json"))
    second = publisher.tags(registry, "staging")
    assert publisher.tags(registry, "production") == second
    assert {record["sent_bytes"] for record in promoted} == {0}, "blobs are mounted"

    run("rollback", RELEASE, "--in", "production")
    after = publisher.tags(registry, "production")
    assert {tag: digest for tag, digest in after.items() if "-v1.0-" not in tag} == {
        tag: digest for tag, digest in first.items() if "-v1.0-" not in tag
    }
    assert {tag for tag in after if "-v1.0-" in tag} == {tag for tag in second if "-v1.0-" in tag}

    yank = ("yank", f"{RELEASE}-*", "--in", "staging", "--reason", "it forgets", "--replacement")
    with pytest.raises(ProcessError, match="is the very image that is to be yanked"):
        run(*yank, publisher.variants[0].tag)
    run(*yank, "3")
    with pytest.raises(ProcessError, match=r"yanked on .*: it forgets; use 3"):
        run(*PROMOTE)
    assert publisher.tags(registry, "production") == after


def test_what_is_promoted_to_another_host_is_streamed_and_pulled_by_others(
    checkout: Workspace,
    publisher: Publisher,
    registry: Session,
    run: Run,
    engine: Engine,
    tmp_path: Path,
) -> None:
    publisher.build(1)
    publisher.push(registry)
    staged = publisher.tags(registry, "staging")
    site = registry_server.site(checkout, tmp_path / "elsewhere")
    with registry_server.temporary(site) as where, session(where) as elsewhere:
        argv = ("promote", f"{RELEASE}-*", "--from", "staging", "--to", f"{where}/public", "--json")
        promoted = json.loads(run(*argv))
        assert publisher.tags(elsewhere, "public") == staged
        assert all(record["sent_bytes"] > 20_000 for record in promoted)
        variant, record = publisher.variants[0], promoted[0]
        repository = Repository(session=elsewhere, name=f"public/{variant.repository}")
        assert {kind for kind in Kind if evidence.found(repository, record["digest"], kind)} == {
            Kind.BUILD,
            Kind.SMOKE,
            Kind.RELEASE,
        }
        reference = f"{repository}:{variant.tag}"
        try:
            process.run((*engine.docker, "pull", "--quiet", reference), timeout_s=300)
            inspect = (*engine.docker, "image", "inspect", "--format={{.Id}}", reference)
            assert process.run(inspect, timeout_s=60).strip() == record["digest"]
        finally:
            process.run((*engine.docker, "image", "rm", "--force", reference), timeout_s=300)
        skopeo, env = debian_programs.skopeo(checkout, tmp_path)
        shown = process.run(
            (*skopeo, "inspect", "--raw", "--tls-verify=false", f"docker://{reference}"),
            env=env,
            timeout_s=120,
        )
        assert sha256(shown.encode()) == record["digest"]


def test_only_images_and_records_that_the_key_has_signed_are_promoted(
    checkout: Workspace,
    publisher: Publisher,
    registry: Session,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "s3cret")
    folders = [tmp_path / name for name in ("older", "newer")]
    for folder in folders:
        folder.mkdir()
    older, newer = (new_key(cosign.program(checkout.home), folder) for folder in folders)
    spec_path = publisher.sample.ws.buildspec_path
    (spec_path / "release.pub").write_bytes((tmp_path / "newer" / "cosign.pub").read_bytes())
    argv = ("promote", f"{RELEASE}-*", "--from", "staging", "--to", "signed")
    publisher.build(1)
    for publisher.signer in (None, older):
        publisher.push(registry)
        with pytest.raises(ProcessError, match=r"is not signed by release\.pub"):
            run(*argv)
    publisher.signer = newer  # what is there already gets the new key's signatures
    publisher.push(registry)
    run(*argv)
    verifier = cosign.verifier(checkout.home, str(spec_path / "release.pub"))
    for variant in publisher.variants:
        repository = Repository(session=registry, name=f"signed/{variant.repository}")
        digest = publisher.digests[variant.identifier]
        assert repository.manifest_digest(variant.tag) == digest
        smoke = evidence.newest(repository, digest, Kind.SMOKE)
        assert smoke is not None
        for signed in (digest, smoke.digest):
            assert cosign.problem(verifier, repository, signed) is None


def test_names_that_were_new_are_removed_or_named_when_taken_back(
    publisher: Publisher, registry: Session, run: Run
) -> None:
    """Debian's `distribution` 2.8 removes no tags; what it leaves is told."""
    publisher.build(1, statuses=(Status.PASSED, Status.DEFERRED))
    publisher.push(registry)
    run(*PROMOTE, "--waive", f"{GPU_CHECK}=no GPU here", "--owner", "Ada")
    with pytest.raises(ProcessError, match=r"8\.2\.0-cpu-py311.* this registry removes no tag"):
        run("rollback", RELEASE, "--in", "production")
