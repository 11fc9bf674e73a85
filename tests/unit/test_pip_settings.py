"""pip's configuration is read with pip's own precedence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dockwright.clients import pip_settings

if TYPE_CHECKING:
    import pytest


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_later_file_wins_over_an_earlier_one(tmp_path: Path) -> None:
    weak = written(tmp_path / "weak.conf", "[global]\nindex-url = https://a.example\ntimeout = 9\n")
    strong = written(tmp_path / "strong.conf", "[global]\nindex-url = https://b.example\n")
    settings = pip_settings.read({}, [weak, strong])
    assert settings == {"index-url": "https://b.example", "timeout": "9"}


def test_the_environment_wins_over_every_file(tmp_path: Path) -> None:
    file = written(tmp_path / "pip.conf", "[download]\nfind-links = /from/file\n")
    settings = pip_settings.read({"PIP_FIND_LINKS": "/from/environment"}, [file])
    assert settings["find-links"] == "/from/environment"


def test_a_command_section_wins_over_global_even_in_a_weaker_file(tmp_path: Path) -> None:
    weak = written(tmp_path / "weak.conf", "[download]\nindex-url = https://command.example\n")
    strong = written(tmp_path / "strong.conf", "[global]\nindex-url = https://global.example\n")
    assert pip_settings.read({}, [weak, strong])["index-url"] == "https://command.example"


def test_an_empty_value_counts_as_not_set(tmp_path: Path) -> None:
    file = written(tmp_path / "pip.conf", "[global]\nproxy =\n")
    assert pip_settings.read({"PIP_INDEX_URL": " "}, [file]) == {}


def test_both_spellings_of_the_timeout_are_one_setting(tmp_path: Path) -> None:
    file = written(tmp_path / "pip.conf", "[global]\ntimeout = 7\n")
    assert pip_settings.read({"PIP_DEFAULT_TIMEOUT": "180"}, [file]) == {"timeout": "180"}


def test_a_file_that_is_not_readable_is_passed_over_without_quoting_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = written(tmp_path / "pip.conf", "index-url = https://user:secret@a.example\n")
    assert pip_settings.read({}, [broken]) == {}
    said = capsys.readouterr().err
    assert str(broken) in said
    assert "secret" not in said


def test_a_chosen_file_that_exists_replaces_the_users(tmp_path: Path) -> None:
    chosen = written(tmp_path / "chosen.conf", "")
    user = tmp_path / ".config" / "pip" / "pip.conf"
    with_chosen = pip_settings.config_files({"PIP_CONFIG_FILE": str(chosen)}, tmp_path)
    assert user not in with_chosen
    assert with_chosen[-1] == chosen
    assert user in pip_settings.config_files({}, tmp_path)


def test_dev_null_as_chosen_file_means_no_file_at_all(tmp_path: Path) -> None:
    assert pip_settings.config_files({"PIP_CONFIG_FILE": "/dev/null"}, tmp_path) == []


def test_places_come_weakest_first(tmp_path: Path) -> None:
    prefix = tmp_path / "venv"
    environ = {"XDG_CONFIG_DIRS": "/one:/two", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    assert pip_settings.config_files(environ, tmp_path, prefix) == [
        Path("/one/pip/pip.conf"),
        Path("/two/pip/pip.conf"),
        Path("/etc/pip.conf"),
        tmp_path / ".pip" / "pip.conf",
        tmp_path / "config" / "pip" / "pip.conf",
        prefix / "pip.conf",
    ]
