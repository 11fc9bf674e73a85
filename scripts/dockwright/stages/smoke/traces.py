"""This host's configuration in; the strings that would betray it inside an image out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright.clients import index_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dockwright.workspace import Workspace

APT_PATH = Path("/etc/apt")
ADDRESS = re.compile(r"://(?:[^/\s@\"]*@)?([A-Za-z0-9.-]+)")
CREDENTIAL = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|API_KEY|CREDENTIAL")
PROXY = re.compile(r"(?i)(https?|all|ftp|no)_proxy")
MIN_LENGTH = 5
"""Shorter strings turn up by chance."""


def of_host(ws: Workspace, environ: Mapping[str, str], *, node: str) -> frozenset[str]:
    """Return host names, addresses, paths and secrets of the machine that builds."""
    config = index_config.read(environ=environ)
    found = {
        *(host for url in config.index_urls for host in _hosts(url)),
        *(host for url in config.find_links for host in _hosts(url)),
        *_hosts(config.proxy or ""),
        *_apt_hosts(APT_PATH),
        *of_environment(environ),
        *(str(path) for path in (ws.root, ws.overlay, ws.home, config.cert_path) if path),
        *(link for link in config.find_links if link.startswith("/")),
        node,
    }
    if Path.home() != Path("/root"):  # which every container has
        found.add(str(Path.home()))
    return frozenset(text for text in found if len(text) >= MIN_LENGTH and text != "localhost")


def of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield secrets, proxies and certificate files that the environment names."""
    for name, value in environ.items():
        if CREDENTIAL.search(name.upper()):
            yield value
        elif PROXY.fullmatch(name) and value:
            yield from _hosts(value)
        elif name.endswith(("_CERT_FILE", "_CA_BUNDLE", "_CERT_DIR")):
            yield value


def found_in(text: str, suspicious: Iterable[str], *, legitimate: str) -> list[str]:
    """Return which strings stand in a text as whole words; what the image is meant to say may."""
    return sorted(s for s in suspicious if _stands_in(s, text) and not _stands_in(s, legitimate))


def _stands_in(word: str, text: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", text) is not None


def _apt_hosts(apt_path: Path) -> Iterator[str]:
    for path in apt_path.rglob("*"):
        if path.suffix in {".list", ".sources", ".conf"} and path.is_file():
            yield from _hosts(path.read_text(encoding="utf-8", errors="replace"))


def _hosts(text: str) -> Iterator[str]:
    yield from ADDRESS.findall(text)
