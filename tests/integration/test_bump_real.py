"""A security bump of real releases on a real base: from packages of earlier days to mended ones."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from advisory_database import DEBIAN, affected, entry, harmless, zipped
from dockwright import process
from dockwright.clients import archives

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.workspace import Workspace

WHEELS = "buildspec/locks/pytorch-2.13.0-transformers5.23.0-py311-debian12.json"
BASE = "buildspec/locks/base-debian12.json"
NOW = datetime.now(UTC).isoformat()
START = {"introduced": "0"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Clone:
    """A clone of the checkout, to commit in."""

    path: Path

    def git(self, *args: str) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test@test.example")
        return process.run(("git", *identity, *args), cwd=self.path, timeout_s=120)

    def run(self, *args: str, **env: str) -> str:
        argv = (sys.executable, "-m", "dockwright", *args)
        return process.run(argv, cwd=self.path, env=env, timeout_s=3000)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=x")

    def changed(self) -> set[str]:
        """Return the folders, and the files at the top, that are not as committed."""
        paths = self.git("status", "--porcelain", "--untracked-files=all").splitlines()
        return {path[3:].rpartition("/")[0].partition("/")[0] or path[3:] for path in paths}

    def locked(self, path: str) -> dict[str, str]:
        """Return the versions in a release's lock, or in a base's."""
        lock = json.loads((self.path / path).read_bytes())
        wheels = {one["wheel"]["name"]: one["wheel"]["version"] for one in lock.get("wheels", ())}
        packages = [p for image in lock.get("images", ()) for p in image["packages"]]
        return wheels | {package["name"]: package["version"] for package in packages}

    def age(self, apt: dict[str, str], *, days: int) -> None:
        """Lock what the indexes had some days ago, and Debian's packages as apt is told of them."""
        common = self.path / "buildspec" / "common.yml"
        text = common.read_text(encoding="utf-8")
        common.write_text(text.replace("_days: 3\n", f"_days: {days}\n"), encoding="utf-8")
        for path in (self.path / "buildspec" / "locks").glob("*-py311-debian12.json"):
            path.unlink()
        self.run("lock")
        common.write_text(text, encoding="utf-8")
        self.run("lock", "--base", **apt)
        self.run("generate")
        self.commit()


@pytest.fixture
def without_security(tmp_path: Path) -> dict[str, str]:
    """What makes apt know Debian's main archive alone, which has the older packages."""
    known = archives.host_archives()
    line = archives.source_lines(known, known.suite)[0]
    (tmp_path / "sources.list").write_text(f"{line}\n", encoding="utf-8")
    config = (
        f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
    )
    (tmp_path / "apt.conf").write_text(config, encoding="utf-8")
    return {"APT_CONFIG": str(tmp_path / "apt.conf")}


@pytest.mark.full
def test_wheels_and_base_of_earlier_days_are_mended_by_one_command(
    checkout: Workspace, tmp_path: Path, without_security: dict[str, str]
) -> None:
    clone = Clone(path=tmp_path / "clone")
    process.run(("git", "clone", "--quiet", checkout.root, clone.path), timeout_s=120)
    clone.age(without_security, days=30)
    wheels, base = clone.locked(WHEELS), clone.locked(BASE)
    entries = [
        # Of a package that is new every few days, and of one that is in Debian's security archive.
        entry(
            "PYSEC-1", affected("boto3", START, {"last_affected": wheels["boto3"]}), modified=NOW
        ),
        entry(
            "DLA-1-1",
            affected("openssl", START, {"last_affected": base["openssl"]}, ecosystem=DEBIAN),
            modified=NOW,
        ),
    ]
    data = str(zipped(tmp_path / "all.zip", [*harmless(modified=NOW), *entries]))
    told = json.loads(
        clone.run("bump", "--security", "--advisories", data, "--no-layers", "--json")
    )
    found = told["vulnerabilities"]["vulnerabilities"]
    assert {(one["name"], one["fate"]) for one in found} == {
        ("PYSEC-1", "fixed"),
        ("DLA-1-1", "fixed"),
    }
    assert told["unmended"] == []
    assert clone.changed() == {"README.md", "buildspec", "images"}
    assert clone.git("diff", "--stat", "--", "buildspec/*.yml") == ""  # nothing is pinned anew
    clone.run("generate", "--check")
    images = json.loads(clone.run("scan", "--advisories", data, "--json"))["images"]
    assert all(image["findings"] == [] for image in images)
    clone.commit()
    assert "| PYSEC-1 |" in clone.run("changelog", "HEAD~1..HEAD", "--advisories", data)
    assert not clone.changed()
