"""Between two registries with TLS and a login each, as production is: promoted, taken back, yanked."""

from __future__ import annotations

import json
import subprocess  # noqa: TID251 - what a failing program prints is looked at
from typing import TYPE_CHECKING

import pytest

import sample
import secure_registry
from dockwright import process
from dockwright.clients import cosign
from dockwright.clients.registry import Repository, session
from dockwright.errors import ProcessError
from publishing import RELEASE, Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dockwright.clients.registry_session import Session
    from dockwright.workspace import Workspace

    Run = Callable[..., str]

PROMOTE = ("promote", f"{RELEASE}-*", "--from", "staging", "--to", "signed")


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
def publisher(
    checkout: Workspace,
    hosts: tuple[Session, Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Publisher:
    """Someone who signs what they push to staging."""
    monkeypatch.setenv("COSIGN_PASSWORD", "of no importance")
    program = cosign.program(checkout.home)
    process.run((program, "generate-key-pair"), cwd=tmp_path, timeout_s=60)
    made = Publisher(sample=sample.copy(tmp_path), folder=tmp_path / "layouts")
    made.signer = cosign.Signer(program=program, key=str(tmp_path / "cosign.key"))
    made.know(hosts[0].host, users=hosts[1].host)
    key = (tmp_path / "cosign.pub").read_bytes()
    (made.sample.ws.buildspec_path / "release.pub").write_bytes(key)
    return made


@pytest.fixture
def run(publisher: Publisher, program: tuple[str, ...]) -> Run:
    """Run dockwright in the sample's checkout."""

    def run_it(*args: str) -> str:
        return process.run((*program, *args), cwd=publisher.sample.ws.root, timeout_s=120)

    return run_it


def moving(tags: dict[str, str]) -> dict[str, str]:
    return {tag: digest for tag, digest in tags.items() if "-v1.0-" not in tag}


def test_a_signed_release_goes_out_comes_back_and_is_yanked(
    publisher: Publisher,
    hosts: tuple[Session, Session],
    run: Run,
    program: tuple[str, ...],
    tmp_path: Path,
) -> None:
    staging, users = hosts
    assert {its.base_url.partition(":")[0] for its in hosts} == {"https"}
    names = []
    for seed in (1, 2):
        publisher.build(seed)
        publisher.push(staging)
        promoted = json.loads(run(*PROMOTE, "--json"))
        assert all(record["sent_bytes"] > 20_000 for record in promoted), "streamed"
        names.append(moving(publisher.tags(users, "signed")))
        assert names[-1] == moving(publisher.tags(staging, "staging"))
    run("rollback", RELEASE, "--in", "signed")
    assert moving(publisher.tags(users, "signed")) == names[0]

    variant = publisher.variants[0]
    reference = f"{users.host}/signed/{variant.reference}"
    said = verified(program, reference, tmp_path)
    assert {said[name] for name in ("manifest", "signature", "smoke", "yank")} == {"pass"}
    run("yank", f"{RELEASE}-*", "--in", "signed", "--reason", "it forgets")
    assert verified(program, reference, tmp_path)["yank"] == "fail"
    run(*PROMOTE)  # what is in staging is another image, which nobody has yanked
    assert moving(publisher.tags(users, "signed")) == names[1]


def test_without_a_login_for_the_target_nothing_is_there_and_the_way_out_is_said(
    publisher: Publisher, hosts: tuple[Session, Session], run: Run, config_path: Path
) -> None:
    staging, users = hosts
    publisher.build(1)
    publisher.push(staging)
    secure_registry.log_in(config_path, staging.host)
    with pytest.raises(ProcessError, match=f"`docker login {users.host}`"):
        run(*PROMOTE)
    secure_registry.log_in(config_path, staging.host, users.host)
    assert publisher.tags(users, "signed") == {}
    run(*PROMOTE)
    assert publisher.tags(users, "signed") == publisher.tags(staging, "staging")


def test_within_one_such_registry_blobs_are_mounted(
    publisher: Publisher, hosts: tuple[Session, Session], run: Run
) -> None:
    staging, _ = hosts
    publisher.build(1)
    publisher.push(staging)
    to = ("--to", f"{staging.host}/production", "--json")
    promoted = json.loads(run("promote", f"{RELEASE}-*", "--from", "staging", *to))
    assert {record["sent_bytes"] for record in promoted} == {0}
    assert publisher.tags(staging, "production") == publisher.tags(staging, "staging")
    (name, digest), *_ = publisher.tags(staging, "production").items()
    repository = Repository(session=staging, name=f"production/{name.partition(':')[0]}")
    assert repository.get_manifest(digest) is not None


def verified(program: tuple[str, ...], reference: str, folder: Path) -> dict[str, str]:
    """Return how verify's lines stand; the sample has no wheels, so not all of them can pass."""
    argv = (*program, "verify", reference, "--quick", "--key", str(folder / "cosign.pub"), "--json")
    ended = subprocess.run(  # noqa: S603
        argv, cwd=folder, capture_output=True, timeout=120, check=False
    )
    assert ended.returncode == 21, ended.stderr.decode()
    return {line["name"]: line["verdict"] for line in json.loads(ended.stdout)["lines"]}
