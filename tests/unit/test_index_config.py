"""pip's and uv's settings become one configuration, and that one reaches uv in its own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.clients import index_config, uv_settings
from dockwright.clients.index_config import FurtherIndex, IndexConfig

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PYTORCH = FurtherIndex(name="pytorch-cpu", url="https://pytorch.example/whl/cpu")


def merged(
    pip: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    uv_toml: Path | None = None,
) -> IndexConfig:
    files = [uv_toml] if uv_toml else []
    return index_config.merge(pip or {}, uv_settings.read(environ or {}, files), environ or {})


def test_pip_values_over_several_lines_become_several_places(tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    config = merged(
        {
            "extra-index-url": "\nhttps://one.example/simple\nhttps://two.example/simple",
            "find-links": f"\n{links}\nhttps://page.example/links.html",
            "trusted-host": "one.example two.example:8443",
        }
    )
    assert config.extra_index_urls == ("https://one.example/simple", "https://two.example/simple")
    assert config.find_links == (str(links), "https://page.example/links.html")
    assert config.trusted_hosts == ("one.example", "two.example:8443")


def test_uv_environment_wins_over_uv_toml_and_both_over_pip(tmp_path: Path) -> None:
    toml = tmp_path / "uv.toml"
    toml.write_text('index-url = "https://toml.example/simple"\n', encoding="utf-8")
    pip = {"index-url": "https://pip.example/simple"}
    environ = {"UV_DEFAULT_INDEX": "https://environment.example/simple"}
    assert merged(pip).index_url == "https://pip.example/simple"
    assert merged(pip, uv_toml=toml).index_url == "https://toml.example/simple"
    assert merged(pip, environ, toml).index_url == "https://environment.example/simple"


def test_uv_toml_indexes_keep_their_names_and_explicit_ones_are_left_out(tmp_path: Path) -> None:
    toml = tmp_path / "uv.toml"
    toml.write_text(
        """
        index = [
          { name = "house", url = "https://house.example/simple" },
          { name = "main", url = "https://main.example/simple", default = true },
          { name = "only-named", url = "https://explicit.example/simple", explicit = true },
          { name = "files", url = "https://files.example/flat", format = "flat" },
        ]
        [pip]
        extra-index-url = ["https://extra.example/simple"]
        """,
        encoding="utf-8",
    )
    config = merged(uv_toml=toml)
    assert config.index_url == "https://main.example/simple"
    assert config.extra_index_urls == (
        "https://extra.example/simple",
        "house=https://house.example/simple",
    )
    assert config.find_links == ("https://files.example/flat",)
    assert "https://house.example/simple" in config.index_urls


def test_a_find_links_folder_that_does_not_exist_is_left_out(tmp_path: Path) -> None:
    assert merged({"find-links": str(tmp_path / "absent")}).find_links == ()


def test_pip_constraint_does_not_reach_the_solver() -> None:
    config = merged({"constraint": "/etc/policy.txt", "index-url": "https://a.example/simple"})
    assert "policy" not in str(index_config.uv_environment(config))


def test_everything_pip_says_is_said_to_uv(tmp_path: Path) -> None:
    config = merged(
        {
            "index-url": "https://main.example/simple",
            "extra-index-url": "https://extra.example/simple",
            "find-links": str(tmp_path),
            "cert": "/certs/ca.pem",
            "client-cert": "/certs/me.pem",
            "proxy": "proxy.example:3128",
            "trusted-host": "main.example",
            "timeout": "7",
        }
    )
    assert index_config.uv_environment(config) == {
        "UV_DEFAULT_INDEX": "https://main.example/simple",
        "UV_INDEX": "https://extra.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": str(tmp_path),
        "UV_INSECURE_HOST": "main.example",
        "UV_HTTP_TIMEOUT": "7",
        "SSL_CERT_FILE": "/certs/ca.pem",
        "SSL_CLIENT_CERT": "/certs/me.pem",
        "HTTP_PROXY": "http://proxy.example:3128",
        "HTTPS_PROXY": "http://proxy.example:3128",
    }


def test_a_proxy_in_the_environment_wins_over_pips() -> None:
    config = merged({"proxy": "pip.example:1"}, {"https_proxy": "http://environment.example:2"})
    assert config.proxy is None


def test_a_users_index_strategy_is_kept() -> None:
    config = merged(environ={"UV_INDEX_STRATEGY": "first-index"})
    assert index_config.uv_environment(config)["UV_INDEX_STRATEGY"] == "first-index"


@pytest.mark.parametrize("word", ["1", "true", "Yes"])
def test_no_index_means_that_no_index_is_asked(word: str) -> None:
    config = merged({"no-index": word, "extra-index-url": "https://extra.example/simple"})
    assert config.no_index
    assert config.index_urls == ()


def test_a_further_index_is_asked_first_and_named_to_uv() -> None:
    config = IndexConfig(index_url="https://main.example/simple", further=(PYTORCH,))
    assert config.index_urls == (PYTORCH.url, "https://main.example/simple")
    assert index_config.uv_environment(config)["UV_INDEX"] == f"pytorch-cpu={PYTORCH.url}"


def test_the_environment_overrides_a_further_index() -> None:
    environ = {"DOCKWRIGHT_INDEX_PYTORCH_CPU": "https://mirror.example/pytorch"}
    (index,) = index_config.further_indexes({PYTORCH.name: PYTORCH.url}, environ)
    assert index.url == "https://mirror.example/pytorch"


def test_credentials_show_neither_in_repr_nor_in_places() -> None:
    config = IndexConfig(
        index_url="https://user:secret@main.example/simple",
        extra_index_urls=("house=https://token@house.example/simple",),
        find_links=("https://user:secret@page.example/links",),
        further=(FurtherIndex(name="x", url="https://user:secret@x.example"),),
        unreachable=(FurtherIndex(name="y", url="https://user:secret@y.example"),),
        proxy="http://user:secret@proxy.example",
    )
    shown = repr(config) + index_config.places(config)
    assert "secret" not in shown
    assert "token" not in shown
    assert "https://***@house.example/simple" in shown
    assert "y.example (cannot be reached)" in shown


def test_the_settings_to_change_include_the_variable_of_an_unreachable_index() -> None:
    config = IndexConfig(index_url="https://main.example/simple", unreachable=(PYTORCH,))
    assert "DOCKWRIGHT_INDEX_PYTORCH_CPU" in index_config.settings(config)
