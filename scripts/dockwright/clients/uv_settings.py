"""UV_* environment and uv.toml files in, uv's own settings about package indexes out."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class UvSettings:
    """What uv itself was told; None and () where it was told nothing."""

    default_index: str | None
    indexes: tuple[str, ...]
    find_links: tuple[str, ...]
    insecure_hosts: tuple[str, ...]
    no_index: bool
    timeout_s: float | None
    index_strategy: str | None


def read(environ: Mapping[str, str], files: Iterable[Path]) -> UvSettings:
    """Return uv's settings: the environment first, then each file, strongest first."""
    tables = [table for path in files for table in _tables(path)]
    default = environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL")
    timeout = environ.get("UV_HTTP_TIMEOUT") or environ.get("UV_REQUEST_TIMEOUT")
    return UvSettings(
        default_index=_address(default or _first(tables, _default_index) or ""),
        indexes=(
            *_words(environ, "UV_INDEX"),
            *_words(environ, "UV_EXTRA_INDEX_URL"),
            *(url for table in tables for url in _indexes(table)),
        ),
        find_links=(
            *(link for link in environ.get("UV_FIND_LINKS", "").split(",") if link),
            *(link for table in tables for link in _find_links(table)),
        ),
        insecure_hosts=(
            *environ.get("UV_INSECURE_HOST", "").split(),
            *(host for table in tables for host in _strings(table, "allow-insecure-host")),
        ),
        no_index=any(table.get("no-index") is True for table in tables),
        timeout_s=float(timeout) if timeout and timeout.isdecimal() else None,
        index_strategy=environ.get("UV_INDEX_STRATEGY")
        or _first(tables, lambda table: _string(table, "index-strategy")),
    )


def config_files(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Return the uv.toml files that uv reads outside of a project, strongest first."""
    if environ.get("UV_NO_CONFIG"):
        return []
    if chosen := environ.get("UV_CONFIG_FILE"):
        return [Path(chosen)]
    user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config", "uv", "uv.toml")
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    system = [*(Path(folder, "uv", "uv.toml") for folder in folders), Path("/etc/uv/uv.toml")]
    # uv reads the first system file that it finds, and no second one.
    return [user, *[path for path in system if path.is_file()][:1]]


def _tables(path: Path) -> list[dict[str, object]]:
    """Return a file's settings; `[pip]` speaks for `uv pip` and stands before the rest."""
    try:
        top = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as e:
        console.warn(f"{path} is not readable as uv configuration ({type(e).__name__}); ignored")
        return []
    pip = top.get("pip")
    return [pip, top] if isinstance(pip, dict) else [top]


def _default_index(table: dict[str, object]) -> str | None:
    for entry in _index_entries(table):
        if entry.get("default") is True:
            return _string(entry, "url")
    return _string(table, "index-url")


def _indexes(table: dict[str, object]) -> list[str]:
    # An explicit index serves only packages that a project's sources assign to it.
    named = [
        f"{name}={url}" if (name := _string(entry, "name")) else url
        for entry in _index_entries(table)
        if not any(entry.get(key) is True for key in ("default", "explicit"))
        and entry.get("format") != "flat"
        and (url := _string(entry, "url"))
    ]
    return [*named, *_strings(table, "extra-index-url")]


def _find_links(table: dict[str, object]) -> list[str]:
    flat = [
        url
        for entry in _index_entries(table)
        if entry.get("format") == "flat" and (url := _string(entry, "url"))
    ]
    return [*flat, *_strings(table, "find-links")]


def _index_entries(table: dict[str, object]) -> list[dict[str, object]]:
    entries = table.get("index")
    return [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []


def _strings(table: dict[str, object], key: str) -> list[str]:
    values = table.get(key)
    return [v for v in values if isinstance(v, str)] if isinstance(values, list) else []


def _string(table: dict[str, object], key: str) -> str | None:
    value = table.get(key)
    return value if isinstance(value, str) else None


def _first(
    tables: list[dict[str, object]], read_one: Callable[[dict[str, object]], str | None]
) -> str | None:
    return next((value for table in tables if (value := read_one(table))), None)


def _words(environ: Mapping[str, str], name: str) -> list[str]:
    return environ.get(name, "").split()


def _address(text: str) -> str | None:
    return text or None
