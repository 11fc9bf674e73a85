"""The pipeline end to end: CI's own lines, on this machine, from a bump to the catalogue.

`make pipeline` runs this and shows what each line says. The checkout is a copy with two images, each
the only one of its release, and with two registries of the test's own as staging and production.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

import pipeline
from advisory_database import harmless, zipped
from dockwright import console, process
from dockwright.clients import docker, registry_server
from dockwright.clients import images as engine_images
from dockwright.clients.registry import Repository, session
from dockwright.spec import manifest, registries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace
    from pipeline import Ran

IMAGE = "pytorch-2.13.0-transformers5.23.0-py311-debian12-inference-cpu"
KEPT = "dockwright-test-pipeline"
OTHER = "tensorflow-2.21.0-transformers4.57.6-py311-debian12-inference-cpu"
EXCLUDED = {
    "pytorch": ("*-training-*", "*-cu[0-9]*", "*-transformers4*"),
    "tensorflow": ("*-training-*", "*-cu[0-9]*"),
}
REGISTRIES = """\
registries:
  staging: {{place: "{staging}/staging"}}
  production: {{place: "{production}/production", requires: [smoke, bench]}}
"""
LEFT_BEHIND = shutil.ignore_patterns(".git", ".venv", "out", ".*_cache", "__pycache__")


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """A copy of the checkout with a history of its own."""

    root: Path
    staging: str
    production: str
    variant: Variant

    def commit(self, message: str) -> str:
        """Commit everything; return the revision."""
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}")
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *args: str) -> str:
        person = ("-c", "user.name=Some One", "-c", "user.email=some@example.com")
        return process.run(("git", "-C", self.root, *person, *args), timeout_s=120)

    def edit(self, path: str, text: str) -> None:
        """Add text to a file's end."""
        with (self.root / path).open("a", encoding="utf-8") as file:
            file.write(text)

    def digest(self, host: str, place: str) -> str | None:
        """Return what the image's tag names in a registry."""
        with session(host) as its:
            repository = Repository(session=its, name=f"{place}/{self.variant.repository}")
            return repository.manifest_digest(self.variant.tag)


@pytest.fixture(scope="module")
def copy(checkout: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """The copy, with one commit."""
    folder = tmp_path_factory.mktemp("pipeline")
    root = folder / "checkout"
    shutil.copytree(checkout.root, root, ignore=LEFT_BEHIND)
    (root / ".venv").symlink_to(sys.prefix)
    for name in ("pyproject.toml", "buildspec/locks/host.txt"):
        os.utime(root / name, (0, 0))  # older than the environment: `make` shall not make it anew
    for framework, globs in EXCLUDED.items():
        entries = "".join(f'  - {{match: "{glob}", reason: a test}}\n' for glob in globs)
        with (root / "buildspec" / f"{framework}.yml").open("a", encoding="utf-8") as file:
            file.write(f"\nexclude:\n{entries}")
    variants = manifest.load(root / "buildspec").variants
    assert [variant.identifier for variant in variants] == [IMAGE, OTHER]
    sites = [registry_server.site(checkout, folder / name) for name in ("staging", "production")]
    with registry_server.temporary(sites[0]) as staging, registry_server.temporary(sites[1]) as to:
        text = REGISTRIES.format(staging=staging, production=to)
        (root / "buildspec" / registries.FILE).write_text(text, encoding="utf-8")
        made = Copy(root=root, staging=staging, production=to, variant=variants[0])
        made.git("init", "--quiet", "--initial-branch=main")
        (root / ".git" / "info" / "exclude").write_text(".venv\n", encoding="utf-8")
        made.commit("all")
        yield made


@pytest.fixture
def advisories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export to scan against, where the manifest's are out of reach."""
    path = zipped(tmp_path / "all.zip", harmless(modified=datetime.now(UTC).isoformat()))
    monkeypatch.setenv("DOCKWRIGHT_ADVISORIES", str(path))


@pytest.fixture
def own_tags(engine: Engine, copy: Copy) -> Iterator[None]:
    """Give the image's name in the engine back to whichever image had it, which is kept meanwhile."""
    kept = f"{KEPT}:{uuid.uuid4().hex}"
    with docker.connect(engine) as client:
        before = engine_images.digest_of(client, copy.variant.reference)
        if before is None:
            yield
            return
        client.images.get(before).tag(kept)
        yield
        client.images.get(kept).tag(copy.variant.reference)
        client.images.remove(kept)


def commands(ran: Sequence[Ran]) -> list[tuple[str, str]]:
    return [(one.command, one.images) for one in ran]


JOBS = ("make jobs", "*-cpu")
PUBLISH = ('make "$TARGET"', IMAGE)


def test_a_commit_of_documents_builds_nothing(copy: Copy) -> None:
    before = copy.git("rev-parse", "HEAD").strip()
    copy.edit("README.md", "More words.\n")
    copy.edit("buildspec/pytorch.yml", "# A remark.\n")
    copy.commit("docs: more words")
    assert commands(pipeline.images(copy.root, "*-cpu", since=before)) == [JOBS]


@pytest.mark.full
@pytest.mark.usefixtures("own_tags", "advisories")
def test_a_bump_goes_all_the_way_and_what_is_proven_is_not_proven_again(copy: Copy) -> None:
    today = copy.git("rev-parse", "HEAD").strip()
    argv = (sys.executable, "-m", "dockwright", "bump", "sentencepiece", "0.2.1", "--no-layers")
    process.run((*argv, "--in", "pytorch-*"), cwd=copy.root, timeout_s=600)
    older = copy.commit("an older sentencepiece")
    copy.git("checkout", "--quiet", today, "--", ".")
    copy.git("clean", "--quiet", "--force", "-d", "buildspec", "images")
    bump = copy.commit("build: the newest sentencepiece")

    console.say("== from the bump on ==")
    first = pipeline.images(copy.root, "*-cpu", since=older)
    assert commands(first) == [JOBS, PUBLISH], "the other framework's image is as it was"
    digest = copy.digest(copy.staging, "staging")
    assert digest is not None
    assert copy.digest(copy.production, "production") is None
    promoted = pipeline.promotion(copy.root, "pytorch-*")
    assert copy.digest(copy.production, "production") == digest
    told = _catalog(copy, IMAGE)
    assert told["digest"] == digest
    assert told["scan"]["problems"] == []
    assert not any(told["scan"]["findings"].values())

    console.say("== the same again ==")
    second = pipeline.images(copy.root, "*-cpu", since=older)
    again = pipeline.promotion(copy.root, "pytorch-*")
    assert f"PASSED BEFORE  {IMAGE}" in second[-1].said
    assert f"MEASURED BEFORE  {IMAGE}" in second[-1].said
    assert "0 were sent (0 B)" in second[-1].said, "another scan of the same image"
    assert "has it already" in again[-1].said
    assert _seconds(second, again) < _seconds(first, promoted) / 3

    console.say("== a check of PyTorch's images ==")
    copy.edit("tests/smoke/pytorch/check_numerics.py", "# Looked at again.\n")
    copy.commit("test: look again")
    third = pipeline.images(copy.root, "*-cpu", since=bump)
    assert commands(third) == [JOBS, PUBLISH], "the other framework's image has other checks"
    assert "up to date" in third[-1].said
    assert f"PASS  {IMAGE}  pytorch/check_numerics" in third[-1].said
    assert f"MEASURED BEFORE  {IMAGE}" in third[-1].said
    assert copy.digest(copy.staging, "staging") == digest
    for name, ran in (("bump", (first, promoted)), ("again", (second, again)), ("check", (third,))):
        console.say(f"{name}: {_seconds(*ran):.0f} s")


def _seconds(*ran: Sequence[Ran]) -> float:
    return sum(one.seconds for some in ran for one in some)


def _catalog(copy: Copy, identifier: str) -> dict[str, Any]:
    """Return what the catalogue says of an image."""
    text = (copy.root / "out" / "catalog" / "catalog.json").read_text(encoding="utf-8")
    images: list[dict[str, Any]] = json.loads(text)["images"]
    return next(image for image in images if image["identifier"] == identifier)
