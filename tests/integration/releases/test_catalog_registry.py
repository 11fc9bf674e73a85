"""From a real registry: the catalogue, names that nobody has yanked, and images pulled by digest."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING

import httpx
import pytest

import sample
from dockwright import process
from dockwright.clients import cosign, docker
from dockwright.errors import ProcessError
from dockwright.spec import catalog
from dockwright.spec.evidence import Kind
from dockwright.spec.records import Status
from publishing import GPU_CHECK, RELEASE, Publisher, new_key

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.clients.registry_session import Session
    from dockwright.spec.catalog import Catalog
    from dockwright.workspace import Workspace
    from integration.releases.conftest import Run

GPU = f"{RELEASE}-training-cu999"
WORDS = ("--framework", "tensorflow", "--accelerator", "gpu")
ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+/) until Ctrl-C")


def read(folder: Path) -> Catalog:
    return catalog.parse((folder / "catalog.json").read_bytes(), name=str(folder))


def test_another_checkout_gets_the_same_catalogue_and_a_yank_makes_it_stale(
    publisher: Publisher, registry: Session, run: Run, program: tuple[str, ...], tmp_path: Path
) -> None:
    publisher.build(1, statuses=(Status.PASSED, Status.DEFERRED))
    publisher.push(registry)
    site, argv = tmp_path / "site", ("catalog", "--from", "staging")
    run(*argv, "--to", str(site))
    other = sample.copy(tmp_path / "other")
    target = ("--from", f"{registry.host}/staging", "--to", str(site), "--check")
    process.run((*program, "catalog", *target), cwd=other.ws.root, timeout_s=120)
    assert read(site).source == f"{registry.host}/staging"
    for image in read(site).images:
        if not image.identifier.startswith(RELEASE):
            assert (image.digest, image.pushed_to) == (None, None)
            continue
        assert image.digest == publisher.digests[image.identifier]
        assert image.smoke is not None
        assert [check.name for check in image.smoke.others] == [GPU_CHECK]
        assert {entry.kind for entry in image.evidence} == {Kind.BUILD, Kind.SMOKE, Kind.RELEASE}
    run("yank", GPU, "--in", "staging", "--reason", "it forgets", "--replacement", "9")
    with pytest.raises(ProcessError, match=rf"{GPU}: yank: nothing -> .*it forgets"):
        run(*argv, "--to", str(site), "--check")
    run(*argv, "--to", str(site))
    (image,) = (one for one in read(site).images if one.identifier == GPU)
    assert image.yank is not None
    assert (image.yank.reason, image.yank.replacement) == ("it forgets", "9")


def test_what_is_asked_for_is_named_and_pulled_by_digest_unless_it_was_yanked(
    publisher: Publisher, registry: Session, run: Run, engine: Engine
) -> None:
    publisher.build(1, statuses=(Status.PASSED, Status.DEFERRED))
    with pytest.raises(ProcessError, match=f"{registry.host}/staging/.* is not there"):
        run("uri", *WORDS, "--registry", "staging")
    publisher.push(registry)
    name = run("uri", *WORDS, "--registry", "staging").strip()
    try:
        (pulled,) = json.loads(run("pull", *WORDS, "--from", "staging", "--json"))
        assert (pulled["reference"], pulled["digest"]) == (name, publisher.digests[GPU])
        assert pulled["checked"].startswith("1 passed, 0 failed, 1 deferred on ")
        with docker.connect(engine) as client:
            assert client.images.get(name).id == pulled["digest"]
    finally:
        process.run((*engine.docker, "image", "rm", "--force", name), timeout_s=300)
    run("yank", GPU, "--in", "staging", "--reason", "it forgets", "--replacement", "9")
    for argv in (
        ("uri", *WORDS, "--registry"),
        ("pull", *WORDS, "--from"),
        ("pull", GPU, "--from"),
    ):
        with pytest.raises(ProcessError, match="it forgets; use 9"):
            run(*argv, "staging")


@pytest.mark.full
def test_nothing_is_pulled_that_the_key_has_not_signed(
    checkout: Workspace,
    publisher: Publisher,
    registry: Session,
    run: Run,
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "s3cret")
    signer = new_key(cosign.program(checkout.home), tmp_path)
    publisher.glob = GPU
    publisher.build(1)
    publisher.push(registry)
    argv = ("pull", GPU, "--from", "staging", "--key", str(tmp_path / "cosign.pub"), "--json")
    with pytest.raises(ProcessError, match="is not to be trusted: nobody has signed it"):
        run(*argv)
    publisher.build(2)
    publisher.signer = signer
    publisher.push(registry)
    (pulled,) = json.loads(run(*argv))
    process.run((*engine.docker, "image", "rm", "--force", pulled["reference"]), timeout_s=300)
    assert (pulled["digest"], pulled["signed"]) == (publisher.digests[GPU], "yes")


def test_the_catalogue_is_served_until_ctrl_c(
    publisher: Publisher, program: tuple[str, ...]
) -> None:
    argv = (*program, "catalog", "--serve", "--port", "0")
    titles = []
    with process.streaming(argv, cwd=publisher.sample.ws.root) as (running, talk):
        for line in talk:
            if found := ADDRESS.search(line):
                titles.append("<h1>" in httpx.get(found[1], timeout=30).text)
                titles.append(httpx.get(f"{found[1]}catalog.json", timeout=30).is_success)
                running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    assert titles == [True, True]
