"""Packages come from the host's own Debian mirror into a private prefix, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.clients import apt, archives
from dockwright.errors import NetworkError

if TYPE_CHECKING:
    from pathlib import Path

# Tiny, architecture-independent, and in every suite.
PACKAGE = "debian-archive-keyring"


def test_packages_are_unpacked_once_and_the_second_call_is_a_no_op(tmp_path: Path) -> None:
    suite = apt.host_suite()
    state_path, into = tmp_path / "state", tmp_path / "prefix"
    leftover = tmp_path / ".prefix-killed"
    leftover.mkdir()
    first = apt.fetch([PACKAGE], suite=suite, state_path=state_path, into=into)
    assert (into / "usr/share/keyrings/debian-archive-keyring.gpg").is_file()
    assert first.versions[PACKAGE][0].isdigit()
    assert not leftover.exists()

    inode = into.stat().st_ino
    second = apt.fetch([PACKAGE], suite=suite, state_path=state_path, into=into)
    assert second == first
    assert into.stat().st_ino == inode


def test_a_package_that_a_suite_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="no-such-package-here"):
        apt.fetch(
            ["no-such-package-here"],
            suite=apt.host_suite(),
            state_path=tmp_path / "state",
            into=tmp_path / "prefix",
        )
    assert not (tmp_path / "prefix").exists()


def test_a_suite_that_the_mirror_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="nosuchsuite"):
        apt.fetch(
            [PACKAGE], suite="nosuchsuite", state_path=tmp_path / "s", into=tmp_path / "prefix"
        )


def test_hosts_without_package_lists_still_know_their_archives() -> None:
    fresh = archives.targets_of_fresh_lists()
    assert archives.choose_archives(fresh) == archives.host_archives()


def test_a_host_with_the_lists_of_some_archives_only_still_knows_the_security_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a base would be bootstrapped without security updates, and nobody told."""
    whole = archives.host_archives()
    assert whole.security_uri
    options = archives.private_options(tmp_path / "apt")
    archives.update(options, timeout_s=300)
    lists_path = tmp_path / "apt" / "state" / "lists"
    for path in lists_path.glob("*-security_*"):
        path.unlink()
    config_path = tmp_path / "apt.conf"
    config_path.write_text(f'Dir::State "{lists_path.parent}";\n', encoding="utf-8")
    monkeypatch.setenv("APT_CONFIG", str(config_path))
    assert archives.host_archives() == whole
