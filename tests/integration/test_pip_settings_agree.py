"""What is read from pip's files and environment is what pip itself reads from them."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

import pytest

from dockwright import process
from dockwright.clients import pip_settings

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "xdg/pip/pip.conf": "[global]\nindex-url = https://xdg.example\ntimeout = 3\nproxy = p:1\n",
    ".pip/pip.conf": "[global]\ntimeout = 4\ntrusted-host = legacy.example\n",
    "config/pip/pip.conf": "[global]\nfind_links =\n  /one\n  /two\n[install]\nproxy = p:2\n",
    "chosen.conf": "[global]\nindex-url = https://chosen.example\n",
}


def pip_says(environ: dict[str, str]) -> dict[str, str]:
    """Return `pip config list` folded as pip folds it for its install command."""
    listed: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    argv = (sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list")
    for line in process.run(argv, env=environ, timeout_s=60).splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        listed.setdefault(section, {})[name] = str(ast.literal_eval(value))
    return listed["global"] | listed["install"] | listed[":env:"]


@pytest.mark.parametrize("is_chosen", [False, True])
def test_our_reading_agrees_with_pips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_chosen: bool
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    environ = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_DIRS": str(tmp_path / "xdg"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PIP_EXTRA_INDEX_URL": "https://environment.example",
    }
    if is_chosen:
        environ["PIP_CONFIG_FILE"] = str(tmp_path / "chosen.conf")
    for name in ("PIP_CERT", "PIP_FIND_LINKS", "PIP_DEFAULT_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    expected = pip_says(environ)
    ours = pip_settings.read(environ, pip_settings.config_files(environ, tmp_path))
    names = ("index-url", "extra-index-url", "find-links", "proxy", "timeout", "trusted-host")
    assert {n: ours.get(n) for n in names} == {n: expected.get(n) for n in names}
    assert ours["extra-index-url"] == "https://environment.example"
