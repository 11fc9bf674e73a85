"""pip's configuration files and PIP_* environment in, one merged mapping of settings out."""

from __future__ import annotations

import configparser
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Later sections win. pip reads a command's own section over [global]; we download.
SECTIONS = ("global", "install", "download")
NOT_SETTINGS = ("version", "help", "config-file")


def read(environ: Mapping[str, str], files: Iterable[Path]) -> dict[str, str]:
    """Return pip's settings by their long option name; the environment wins over later files.

    Read here and not through `pip config list`: a machine with uv alone has no pip, and where
    there is one it would cost half a second per command. A test compares the two.
    """
    settings: dict[str, str] = {}
    parsers = [parser for path in files if (parser := _parse(path)) is not None]
    for section in SECTIONS:
        for parser in parsers:
            if parser.has_section(section):
                settings |= {_name(key): value for key, value in parser.items(section)}
    for key, value in environ.items():
        if key.startswith("PIP_") and (name := _name(key[4:])) not in NOT_SETTINGS:
            settings[name] = value
    return {name: value for name, value in settings.items() if value.strip()}


def config_files(
    environ: Mapping[str, str], home: Path, prefix: Path = Path(sys.prefix)
) -> list[Path]:
    """Return the places that pip documents, weakest first: global, user, site, PIP_CONFIG_FILE."""
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == "/dev/null":  # pip's documented way to read no file at all
        return []
    chosen_files = [Path(chosen)] if chosen else []
    # As in pip, a chosen file that exists replaces the user's.
    user = [] if any(path.is_file() for path in chosen_files) else _user_files(environ, home)
    return [*_global_files(environ), *user, prefix / "pip.conf", *chosen_files]


def _global_files(environ: Mapping[str, str]) -> list[Path]:
    if platform.system() == "Darwin":
        return [Path("/Library/Application Support/pip/pip.conf")]
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    return [*(Path(folder, "pip", "pip.conf") for folder in folders), Path("/etc/pip.conf")]


def _user_files(environ: Mapping[str, str], home: Path) -> list[Path]:
    folder = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    if platform.system() == "Darwin":
        support = home / "Library" / "Application Support"
        folder = support if (support / "pip").is_dir() else home / ".config"
    return [home / ".pip" / "pip.conf", folder / "pip" / "pip.conf"]


def _parse(path: Path) -> configparser.RawConfigParser | None:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")  # a missing file reads as empty
    except (configparser.Error, UnicodeDecodeError) as e:
        # The message may quote a line, and lines hold credentials.
        console.warn(f"{path} is not readable as pip configuration ({type(e).__name__}); ignored")
        return None
    return parser


def _name(key: str) -> str:
    """Return the setting's name: `PIP_DEFAULT_TIMEOUT` and `default_timeout` are one thing."""
    name = key.lower().replace("_", "-").removeprefix("--")
    return {"default-timeout": "timeout", "pypi-url": "index-url"}.get(name, name)
