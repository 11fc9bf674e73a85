"""CI signs as itself, without a key: what its identity has signed and a log has noted counts, nothing else."""

from __future__ import annotations

import json
import subprocess  # noqa: TID251 - what a failing program prints is looked at
from typing import TYPE_CHECKING

import pytest

import release_desk
import sample
import sigstore_server
from dockwright import process
from dockwright.clients import cosign
from dockwright.errors import ProcessError
from dockwright.spec import registries
from publishing import RELEASE, Publisher

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.clients.registry_session import Session
    from dockwright.workspace import Workspace

US = "https://ci.example.com/team/images/release@main"
OTHERS = "https://ci.example.com/strangers/fork/release@main"
ISSUER = "https://token.example.com"
TRUSTING = f"""\
  ours: {{{{place: "{{host}}/ours", requires: [smoke, signature],
    identity: {{{{subject: "{US}", issuer: "{ISSUER}"}}}}}}}}
"""


@pytest.fixture
def publisher(registry: Session, tmp_path: Path) -> Publisher:
    two = sample.copy(tmp_path)
    release_desk.leave_two(two)
    made = Publisher(sample=two, folder=tmp_path / "layouts")
    made.know(registry.host)
    path = made.sample.ws.buildspec_path / registries.FILE
    with path.open("a", encoding="utf-8") as file:
        file.write(TRUSTING.format(host=registry.host))
    return made


def test_what_ci_has_signed_as_itself_is_promoted_and_verified(
    checkout: Workspace,
    publisher: Publisher,
    registry: Session,
    program: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COSIGN_KEY", raising=False)
    promote = (*program, "promote", f"{RELEASE}-*", "--from", "staging", "--to", "ours")
    root = publisher.sample.ws.root
    with sigstore_server.running(tmp_path) as sigstore:

        def push(who: str, **more: str) -> None:
            """Push as somebody."""
            with monkeypatch.context() as patch:
                for name, value in (sigstore.environment(who, ISSUER) | more).items():
                    patch.setenv(name, value)
                publisher.signer = cosign.signer(checkout.home)
                assert publisher.signer is not None
                assert publisher.signer.key is None
                publisher.push(registry)

        for name, value in sigstore.trust.items():
            monkeypatch.setenv(name, value)
        unlogged = {"COSIGN_TLOG_UPLOAD": "false"}
        for seed, (who, more) in enumerate(((OTHERS, {}), (US, unlogged))):
            publisher.build(seed)
            push(who, **more)
            with pytest.raises(ProcessError, match=rf"is not signed by {US} \({ISSUER}\)"):
                process.run(promote, cwd=root, timeout_s=120)
        publisher.build(2)
        push(US)
        process.run(promote, cwd=root, timeout_s=120)
        assert publisher.tags(registry, "ours")
        reference = f"{registry.host}/ours/{publisher.variants[0].reference}"
        assert verified(program, reference, US, tmp_path) == "pass"
        assert verified(program, reference, OTHERS, tmp_path) == "fail"


def verified(program: tuple[str, ...], reference: str, subject: str, folder: Path) -> str:
    """Return how the signature stands; the sample has no provenance, so verify fails as a whole."""
    who = ("--certificate-identity", subject, "--certificate-oidc-issuer", ISSUER)
    ended = subprocess.run(  # noqa: S603
        (*program, "verify", reference, "--quick", *who, "--json"),
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 21, ended.stderr.decode()
    lines = {line["name"]: line["verdict"] for line in json.loads(ended.stdout)["lines"]}
    return str(lines["signature"])
