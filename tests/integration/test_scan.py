"""The program scans the real locks against a database that is served as the real one is."""

from __future__ import annotations

import json
import random
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from advisory_database import CRITICAL, DEBIAN, affected, entry, harmless, zipped
from dockwright import process
from dockwright.errors import ProcessError
from dockwright.spec import base_lock, manifest
from dockwright.spec import lock as locks
from dockwright.spec.debian_version import DebianVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

START = {"introduced": "0"}
CHARACTERS = "019abZ~+.-"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path, context: ssl.SSLContext | None = None) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of its own making, and its key."""
    files = (tmp_path / "cert.pem", tmp_path / "key.pem")
    options = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test")
    names = ("-addext", "subjectAltName=IP:127.0.0.1")
    argv = ("openssl", "req", *options, "-out", files[0], "-keyout", files[1], *names)
    process.run(argv, timeout_s=60)
    return files


@pytest.fixture
def published(tmp_path: Path, checkout: Workspace, variant: Variant) -> Path:
    """A folder with an export: one advisory about today's torch, one about today's expat."""
    folder = tmp_path / "PyPI"
    folder.mkdir()
    now = datetime.now(UTC).isoformat()
    torch = next(
        locked.wheel
        for locked in locks.load(checkout.buildspec_path, variant.release).of(variant.folder)
        if locked.wheel.name == "torch"
    )
    base = base_lock.load(checkout.buildspec_path, variant.release.base)
    expat = next(p for p in base.image("base").packages if p.source == "expat")
    fixed = {"fixed": f"{expat.source_version}.1"}
    entries = (
        *harmless(modified=now),
        entry(
            "PYSEC-9",
            affected("torch", START, {"last_affected": torch.version.partition("+")[0]}),
            vector=CRITICAL,
            published=(datetime.now(UTC) - timedelta(days=400)).isoformat(),
        ),
        entry("DLA-9-1", affected("expat", START, fixed, ecosystem=DEBIAN), published=now),
    )
    zipped(folder / "all.zip", entries)
    return folder


def test_real_locks_are_scanned_against_a_served_export(
    published: Path, variant: Variant, checkout: Workspace, program: tuple[str, ...]
) -> None:
    with served(published) as url:
        argv = (*program, "scan", variant.identifier, "--advisories", f"{url}/all.zip")
        with pytest.raises(ProcessError) as failed:
            process.run(argv, cwd=checkout.root, timeout_s=120)
    assert "PYSEC-9 (critical) in torch" in failed.value.stderr
    assert "no version is fixed; in " in failed.value.stderr
    assert "expat" not in failed.value.stderr.partition("error: ")[2]


def test_an_export_comes_over_https_by_the_environment_s_certificates(
    published: Path,
    variant: Variant,
    certificate: tuple[Path, Path],
    dockwright: Callable[..., str],
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    zipped(published / "harmless.zip", harmless(modified=datetime.now(UTC).isoformat()))
    with served(published, context) as url:
        argv = ("scan", variant.identifier, "--json", "--advisories", f"{url}/harmless.zip")
        with pytest.raises(ProcessError, match="set SSL_CERT_FILE to the certificates that vouch"):
            dockwright(*argv)
        found: dict[str, Any] = json.loads(
            dockwright(*argv, env={"SSL_CERT_FILE": str(certificate[0])})
        )
    (image,) = found["images"]
    assert (image["findings"], image["unscanned"]) == ([], {})
    assert image["scanned"]["PyPI"] > 30
    assert image["scanned"]["Debian:12"] > 30


def test_every_package_of_every_image_can_be_looked_up(
    published: Path, checkout: Workspace, dockwright: Callable[..., str]
) -> None:
    path = zipped(published / "harmless.zip", harmless(modified=datetime.now(UTC).isoformat()))
    found = json.loads(dockwright("scan", "--json", "--advisories", str(path)))
    identifiers = [v.identifier for v in manifest.load(checkout.buildspec_path).variants]
    assert [image["identifier"] for image in found["images"]] == identifiers
    assert all(image["unscanned"] == {} for image in found["images"])


def version(dice: random.Random) -> str:
    start = dice.choice(["", "", "1:"]) + dice.choice("0123")
    return (start + "".join(dice.choices(CHARACTERS, k=dice.randint(0, 6)))).rstrip("-")


def test_versions_compare_as_dpkg_compares_them() -> None:
    dice = random.Random(7)  # noqa: S311
    for _ in range(300):
        one = version(dice)
        other = one + dice.choice(["", "~", "+b1", "a", ".0", "0", "-0"])
        other = other if dice.random() < 0.5 else version(dice)
        a, b = DebianVersion(one), DebianVersion(other)
        sign = "lt" if a < b else "eq" if a == b else "gt"
        process.run(("dpkg", "--compare-versions", one, sign, other), timeout_s=60)
