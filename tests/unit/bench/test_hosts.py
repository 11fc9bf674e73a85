"""buildspec/hosts.yml says which machines there are; ssh believes no key but the one named there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockwright.clients.hosts import ssh_argv
from dockwright.errors import ManifestError
from dockwright.spec.hosts import Host, load

if TYPE_CHECKING:
    from collections.abc import Sequence

FAR = """
hosts:
  gpu-a10:
    engine: ssh://bench@a10.example.com:2222/run/docker.sock
    identity: ~/.ssh/bench
    known_hosts: /etc/bench/known_hosts
    cpuset: "0-7"
"""


def written(folder: Path, text: str) -> Path:
    folder.joinpath("hosts.yml").write_text(text, encoding="utf-8")
    return folder


def test_the_local_host_needs_no_words(tmp_path: Path) -> None:
    assert load(written(tmp_path, "hosts: {}\n"), "local") == Host(engine="local")


def test_a_host_is_what_is_written(tmp_path: Path) -> None:
    found = load(written(tmp_path, FAR), "gpu-a10")
    assert (found.cpuset, found.memory_mb) == ("0-7", None)


def test_an_unknown_host_is_refused_with_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="did you mean 'gpu-a10'"):
        load(written(tmp_path, FAR), "gpu-a1")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("    known_hosts: /etc/bench/known_hosts\n", "", "its key is checked, always"),
        ("    identity: ~/.ssh/bench\n", "", "its key is checked, always"),
        ("ssh://bench@", "tcp://", "must match"),
        ("bench@a10", "-oProxyCommand=x@a10", "must match"),
        ("a10.example.com", "a10;reboot", "must match"),
        ("cpuset", "cpu_set", "unknown key; did you mean 'cpuset'"),
        ('"0-7"', '"all"', "must match"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(
    old: str, new: str, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ManifestError, match=r"hosts\.yml:\d+: ") as e:
        load(written(tmp_path, FAR.replace(old, new)), "gpu-a10")
    assert why in str(e.value)


def test_ssh_offers_one_key_and_believes_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    argv = ssh_argv(load(written(tmp_path, FAR), "gpu-a10"), Path("/x/engine.sock"))
    for option in (
        "-oStrictHostKeyChecking=yes",
        "-oUserKnownHostsFile=/etc/bench/known_hosts",
        "-oGlobalKnownHostsFile=/dev/null",
        "-oIdentitiesOnly=yes",
        "-oBatchMode=yes",
    ):
        assert option in argv
    assert pair(argv, "-i") == str(Path("~/.ssh/bench").expanduser())
    assert pair(argv, "-p") == "2222"
    assert pair(argv, "-L") == "/x/engine.sock:/run/docker.sock"
    assert argv[-2:] == ["bench@a10.example.com", "cat"]


def pair(argv: Sequence[str], option: str) -> str:
    return argv[argv.index(option) + 1]
