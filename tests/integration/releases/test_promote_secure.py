"""Between two registries with TLS and a login each, as production is: promoted, taken back, yanked."""

from __future__ import annotations

import json
import subprocess  # noqa: TID251 - what a failing program prints is looked at
from typing import TYPE_CHECKING

import pytest

import release_desk
import sample
import secure_registry
from dockwright.clients import cosign
from dockwright.clients.registry import session
from dockwright.errors import ProcessError
from publishing import RELEASE, Publisher, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.registry_session import Session
    from dockwright.workspace import Workspace
    from integration.releases.conftest import Run

PROMOTE = ("promote", f"{RELEASE}-*", "--from", "staging", "--to")


@pytest.fixture
def config_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's configuration, without any login yet."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker" / "config.json"


@pytest.fixture
def hosts(
    checkout: Workspace, config_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Session, Session]]:
    """Staging's registry and the users', whose certificate the environment names."""
    its = secure_registry.secrets(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(its.cert_path))
    with (
        secure_registry.running(checkout, tmp_path / "staging", its) as staging,
        secure_registry.running(checkout, tmp_path / "users", its) as users,
    ):
        secure_registry.log_in(config_path, staging, users)
        with session(staging) as there, session(users) as theirs:
            yield there, theirs


@pytest.fixture
def publisher(hosts: tuple[Session, Session], tmp_path: Path) -> Publisher:
    two = sample.copy(tmp_path)
    release_desk.leave_two(two)
    made = Publisher(sample=two, folder=tmp_path / "layouts")
    made.know(hosts[0].host, users=hosts[1].host)
    return made


@pytest.fixture
def key_path(
    checkout: Workspace, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The public key of a publisher who signs from now on."""
    monkeypatch.setenv("COSIGN_PASSWORD", "of no importance")
    publisher.signer = new_key(cosign.program(checkout.home), tmp_path)
    path = publisher.sample.ws.buildspec_path / "release.pub"
    path.write_bytes((tmp_path / "cosign.pub").read_bytes())
    return path


def moving(tags: dict[str, str]) -> dict[str, str]:
    return {tag: digest for tag, digest in tags.items() if "-v1.0-" not in tag}


def test_a_signed_release_goes_out_comes_back_and_is_yanked(
    publisher: Publisher,
    hosts: tuple[Session, Session],
    run: Run,
    program: tuple[str, ...],
    key_path: Path,
) -> None:
    staging, users = hosts
    assert {its.base_url.partition(":")[0] for its in hosts} == {"https"}
    names = []
    for seed in (1, 2):
        publisher.build(seed)
        publisher.push(staging)
        promoted = json.loads(run(*PROMOTE, "signed", "--json"))
        assert all(record["sent_bytes"] > 20_000 for record in promoted), "streamed"
        names.append(moving(publisher.tags(users, "signed")))
        assert names[-1] == moving(publisher.tags(staging, "staging"))
    run("rollback", RELEASE, "--in", "signed")
    assert moving(publisher.tags(users, "signed")) == names[0]

    variant = publisher.variants[0]
    reference = f"{users.host}/signed/{variant.reference}"
    said = verified(program, reference, key_path)
    assert {said[name] for name in ("manifest", "signature", "smoke", "yank")} == {"pass"}
    run("yank", f"{RELEASE}-*", "--in", "signed", "--reason", "it forgets")
    assert verified(program, reference, key_path)["yank"] == "fail"


def test_without_a_login_for_the_target_nothing_is_there_and_the_way_out_is_said(
    publisher: Publisher, hosts: tuple[Session, Session], run: Run, config_path: Path
) -> None:
    staging, users = hosts
    publisher.build(1)
    publisher.push(staging)
    secure_registry.log_in(config_path, staging.host)
    with pytest.raises(ProcessError, match=f"`docker login {users.host}`"):
        run(*PROMOTE, "production")
    secure_registry.log_in(config_path, staging.host, users.host)
    assert publisher.tags(users, "production") == {}
    run(*PROMOTE, "production")
    assert publisher.tags(users, "production") == publisher.tags(staging, "staging")


def test_within_one_such_registry_blobs_are_mounted(
    publisher: Publisher, hosts: tuple[Session, Session], run: Run
) -> None:
    staging, _ = hosts
    publisher.build(1)
    publisher.push(staging)
    promoted = json.loads(run(*PROMOTE, f"{staging.host}/production", "--json"))
    assert {record["sent_bytes"] for record in promoted} == {0}
    assert publisher.tags(staging, "production") == publisher.tags(staging, "staging")


def verified(program: tuple[str, ...], reference: str, key_path: Path) -> dict[str, str]:
    """Return how verify's lines stand; the sample has no wheels, so not all of them can pass."""
    argv = (*program, "verify", reference, "--quick", "--key", str(key_path), "--json")
    ended = subprocess.run(  # noqa: S603
        argv, cwd=key_path.parent, capture_output=True, timeout=120, check=False
    )
    assert ended.returncode == 21, ended.stderr.decode()
    return {line["name"]: line["verdict"] for line in json.loads(ended.stdout)["lines"]}
