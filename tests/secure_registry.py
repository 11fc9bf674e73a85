"""A folder in, a registry on this machine's loopback with TLS and a login out."""

from __future__ import annotations

import base64
import json
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from dockwright import process
from dockwright.clients import apt, daemons, registry_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.workspace import Workspace

USER, PASSWORD = "me", "s3cret"
# The password's bcrypt hash: `distribution` takes no other.
HTPASSWD = f"{USER}:$2b$04$1TSxYyVVY63kCkUieM7SRO9n8Zr3JOSBffGYNT8oiVwuEeLox.c4y\n"
CONFIG = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: "{folder}"}}}}
auth: {{htpasswd: {{realm: here, path: "{htpasswd_path}"}}}}
http:
  addr: "{address}"
  tls: {{certificate: "{cert_path}", key: "{key_path}"}}
"""
READY_S = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Secrets:
    """A certificate of its own making for the loopback, and who may log in."""

    folder: Path

    @property
    def cert_path(self) -> Path:
        return self.folder / "cert.pem"

    @property
    def key_path(self) -> Path:
        return self.folder / "key.pem"

    @property
    def htpasswd_path(self) -> Path:
        return self.folder / "htpasswd"


def secrets(folder: Path) -> Secrets:
    """Make a certificate, and the one login that registries know."""
    made = Secrets(folder=folder)
    options = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test")
    files = ("-keyout", made.key_path, "-out", made.cert_path)
    names = ("-addext", "subjectAltName=IP:127.0.0.1")
    process.run(("openssl", "req", *options, *files, *names), timeout_s=60)
    made.htpasswd_path.write_text(HTPASSWD, encoding="utf-8")
    return made


@contextmanager
def running(checkout: Workspace, folder: Path, its: Secrets) -> Iterator[str]:
    """Run a registry that keeps its images in `folder`; yield its address."""
    programs_path = registry_server.site(checkout).programs_path
    apt.fetch(
        ["docker-registry"],
        suite=apt.host_suite(),
        state_path=checkout.home / "apt",
        into=programs_path,
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        where = f"127.0.0.1:{probe.getsockname()[1]}"
    folder.mkdir()
    config = CONFIG.format(
        folder=folder / "data",
        htpasswd_path=its.htpasswd_path,
        address=where,
        cert_path=its.cert_path,
        key_path=its.key_path,
    )
    (folder / "config.yml").write_text(config, encoding="utf-8")
    argv = (programs_path / "usr" / "bin" / "docker-registry", "serve", folder / "config.yml")
    pid = process.spawn_daemon(argv, log_path=folder / "log")
    (daemon,) = (p for p in daemons.running(programs_path) if p.pid == pid)
    try:
        _wait(where, pid, folder / "log")
        yield where
    finally:
        daemons.end(daemon, grace_s=5)


def log_in(config_path: Path, *addresses: str) -> None:
    """Write Docker's configuration as `docker login` does."""
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    auths = {address: {"auth": auth} for address in addresses}
    config_path.parent.mkdir(exist_ok=True)
    config_path.write_text(json.dumps({"auths": auths}), encoding="utf-8")


def _wait(where: str, pid: int, log_path: Path) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            httpx.get(f"https://{where}/v2/", verify=False)  # noqa: S501
        except httpx.HTTPError:
            assert daemons.is_alive(pid), log_path.read_text()
            assert time.monotonic() < deadline, log_path.read_text()
            time.sleep(0.05)
        else:
            return
