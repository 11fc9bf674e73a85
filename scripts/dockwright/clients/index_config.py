"""The host's pip and uv configuration in, one frozen IndexConfig (and its translation for uv) out.

The repository names no default package index: where wheels come from is this host's affair.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from dockwright import console, process
from dockwright.clients import pip_settings, uv_settings
from dockwright.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dockwright.clients.uv_settings import UvSettings

DEFAULT_TIMEOUT_S = 30.0
PAGE_MAX_AGE_S = 600
"""What the public index itself asks for; many mirrors say nothing."""
FILE_MAX_AGE_S = 365 * 24 * 3600
"""A file of an index never changes: another file has another name."""
TRUE_WORDS = ("1", "true", "yes", "on", "y", "t")
NAMED_INDEX = re.compile(r"(?P<name>[A-Za-z0-9._-]+)=(?P<url>.+)")
PROXY_VARIABLES = ("HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True, kw_only=True, slots=True)
class FurtherIndex:
    """An index that a release needs beside the host's own, such as PyTorch's for `+cpu` wheels."""

    name: str
    url: str = field(repr=False)

    @property
    def variable(self) -> str:
        """The environment variable that overrides the address."""
        return f"DOCKWRIGHT_INDEX_{self.name.upper().replace('-', '_')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexConfig:
    """Where this host gets Python packages; addresses may hold credentials, so repr has none.

    pip's `constraint` is left out on purpose: it is a policy for what people install by hand on
    this host, and a lock must come out the same on every host.
    """

    index_url: str | None = field(repr=False)
    """None where neither client was told one: uv's own default is meant then."""
    extra_index_urls: tuple[str, ...] = field(default=(), repr=False)
    """Addresses or, from uv, `name=address`: the name is what uv finds credentials by."""
    find_links: tuple[str, ...] = field(default=(), repr=False)
    further: tuple[FurtherIndex, ...] = ()
    unreachable: tuple[FurtherIndex, ...] = ()
    """Further indexes that do not answer from here: nobody asks them, messages name them."""
    trusted_hosts: tuple[str, ...] = ()
    no_index: bool = False
    cert_path: Path | None = None
    client_cert_path: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    """pip's; None where the environment names one, which every client reads by itself."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    index_strategy: str = "unsafe-best-match"
    """pip's way, for which hosts with several indexes are set up: the best of all of them."""

    @property
    def index_urls(self) -> tuple[str, ...]:
        """Addresses of all indexes in the order in which they are asked."""
        if self.no_index:
            return ()
        further = (index.url for index in self.further)
        extra = (without_name(entry) for entry in self.extra_index_urls)
        own = without_name(self.index_url) if self.index_url else uv_default_index()
        return tuple(dict.fromkeys((*further, *extra, own)))


def read(
    further: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> IndexConfig:
    """Return this host's configuration; `further` maps the manifest's index names to addresses."""
    home = Path.home()
    config = merge(
        pip_settings.read(environ, pip_settings.config_files(environ, home)),
        uv_settings.read(environ, uv_settings.config_files(environ, home)),
        environ,
        further=further_indexes(further or {}, environ),
    )
    console.debug(f"package indexes: {places(config)}")
    return config


def merge(
    pip: Mapping[str, str],
    uv: UvSettings,
    environ: Mapping[str, str],
    *,
    further: tuple[FurtherIndex, ...] = (),
) -> IndexConfig:
    """Return one configuration: uv's setting where it has one, pip's otherwise."""
    cert = environ.get("SSL_CERT_FILE") or pip.get("cert") or environ.get("REQUESTS_CA_BUNDLE")
    client_cert = environ.get("SSL_CLIENT_CERT") or pip.get("client-cert")
    has_proxy = any(environ.get(v) or environ.get(v.lower()) for v in PROXY_VARIABLES)
    index_url = uv.default_index or pip.get("index-url")
    return IndexConfig(
        index_url=_as_url(index_url) if index_url else None,
        extra_index_urls=uv.indexes or _urls(pip.get("extra-index-url")),
        find_links=_existing(uv.find_links or tuple(pip.get("find-links", "").split())),
        further=further,
        trusted_hosts=uv.insecure_hosts or tuple(pip.get("trusted-host", "").split()),
        no_index=uv.no_index or pip.get("no-index", "").strip().lower() in TRUE_WORDS,
        cert_path=Path(cert).expanduser() if cert else None,
        client_cert_path=Path(client_cert).expanduser() if client_cert else None,
        proxy=None if has_proxy else _proxy(pip.get("proxy")),
        timeout_s=uv.timeout_s or _seconds(pip.get("timeout")) or DEFAULT_TIMEOUT_S,
        index_strategy=uv.index_strategy or "unsafe-best-match",
    )


def further_indexes(
    addresses: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[FurtherIndex, ...]:
    """Return the manifest's named indexes, each at its address or where this host says it is."""
    named = (FurtherIndex(name=name, url=url) for name, url in addresses.items())
    return tuple(
        FurtherIndex(name=index.name, url=environ.get(index.variable) or index.url)
        for index in named
    )


def uv_environment(config: IndexConfig) -> dict[str, str]:
    """Return the variables that tell uv what `config` says; no-index has none, it is a flag."""
    further = [f"{index.name}={index.url}" for index in config.further]
    values = {
        "UV_DEFAULT_INDEX": config.index_url,
        "UV_INDEX": " ".join([*further, *config.extra_index_urls]),
        "UV_INDEX_STRATEGY": config.index_strategy,
        "UV_FIND_LINKS": ",".join(config.find_links),
        "UV_INSECURE_HOST": " ".join(config.trusted_hosts),
        "UV_HTTP_TIMEOUT": f"{max(1.0, config.timeout_s):.0f}",
        "SSL_CERT_FILE": str(config.cert_path) if config.cert_path else None,
        "SSL_CLIENT_CERT": str(config.client_cert_path) if config.client_cert_path else None,
        "HTTP_PROXY": config.proxy,
        "HTTPS_PROXY": config.proxy,
    }
    return {name: value for name, value in values.items() if value}


def uv_config(config: IndexConfig) -> str:
    """Return uv's configuration of the same indexes, as a file: only there it says how long uv may
    take a page that it has for today's, so that one solution after another asks for it once.
    """
    further = [f"{index.name}={index.url}" for index in config.further]
    entries = [(entry, False) for entry in (*further, *config.extra_index_urls)]
    entries.append((config.index_url or uv_default_index(), True))
    return "".join(_uv_index(entry, is_default=is_default) for entry, is_default in entries)


def _uv_index(entry: str, *, is_default: bool) -> str:
    named = NAMED_INDEX.fullmatch(entry)
    name = [f"name = {json.dumps(named['name'])}"] if named else []
    lines = [
        "[[index]]",
        *name,
        f"url = {json.dumps(without_name(entry))}",
        f"default = {json.dumps(is_default)}",
        f'cache-control = {{ api = "max-age={PAGE_MAX_AGE_S}", files = "max-age={FILE_MAX_AGE_S}" }}',
    ]
    return "\n".join(lines) + "\n"


def places(config: IndexConfig) -> str:
    """Return where packages are looked for, fit to be shown: without credentials."""
    shown = [masked(place) for place in (*config.find_links, *config.index_urls)]
    shown += [f"{masked(index.url)} (cannot be reached)" for index in config.unreachable]
    return ", ".join(shown) or "no place at all"


def settings(config: IndexConfig) -> str:
    """Return what to change when a package is in none of the places."""
    variables = [index.variable for index in (*config.further, *config.unreachable)]
    return " or ".join(["pip's or uv's index, extra index or find-links setting", *variables])


def masked(address: str) -> str:
    """Return the address with its credentials hidden.

    >>> masked("https://user:secret@index.example/simple/")
    'https://***@index.example/simple/'
    """
    if "@" not in address or "://" not in address:
        return address
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"***@{host}")) if "@" in parts.netloc else address


def without_name(entry: str) -> str:
    """Return the address of uv's `name=address`, or the address itself."""
    named = NAMED_INDEX.fullmatch(entry)
    return named["url"] if named else entry


@cache
def uv_default_index() -> str:
    """Return the index that uv asks when nobody configured one; uv's help names it."""
    import uv  # noqa: PLC0415 - only a host without any configured index needs it

    text = process.run([uv.find_uv_bin(), "pip", "compile", "--help"], timeout_s=30)
    found = re.search(r"--default-index.*?by\s+default:\s+<?(https?://[^\s>\]]+)", text, re.DOTALL)
    if found is None:
        msg = "this uv does not say which package index is its default; set UV_DEFAULT_INDEX"
        raise NetworkError(msg)
    return found[1]


def _urls(text: str | None) -> tuple[str, ...]:
    return tuple(_as_url(url) for url in (text or "").split())


def _as_url(place: str) -> str:
    if "://" in place:
        return place
    return Path(place).expanduser().absolute().as_uri()


def _existing(links: Iterable[str]) -> tuple[str, ...]:
    """Return the links without folders that are not there: pip passes over them, uv fails."""
    found = []
    for link in links:
        path = local_path(link)
        if path is None or path.exists():
            found.append(str(path.absolute()) if path else link)
        else:
            console.debug(f"find-links: {link} does not exist")
    return tuple(found)


def local_path(address: str) -> Path | None:
    """Return the path that a `file:` address or a bare path means, None for any other address."""
    from urllib.request import url2pathname  # noqa: PLC0415 - drags in http and email

    if "://" not in address:
        return Path(address.removeprefix("file:")).expanduser()
    parts = urlsplit(address)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def _proxy(text: str | None) -> str | None:
    return text if not text or "://" in text else f"http://{text}"


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
