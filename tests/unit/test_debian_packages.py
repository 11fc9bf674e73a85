"""Installed packages are told with the hash that the archive's own index gives them."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from dockwright.composition import debian_packages, rootfs
from dockwright.errors import BaseImageError
from dockwright.spec.base_lock import DebianPackage

if TYPE_CHECKING:
    from pathlib import Path

STATUS = """\
Package: bash
Essential: yes
Status: install ok installed
Architecture: amd64
Version: 5.2-1
Description: a shell
 Version: 9
 .
 Package: trap

Package: tzdata
Status: install ok installed
Version: 2026f-0
Architecture: all
"""
MAIN = """\
Package: bash
Source: bash-source (5.2)
Version: 5.2-1
Architecture: amd64
SHA256: aaaa

Package: tzdata
Version: 2026a-0
Architecture: all
SHA256: 0000
"""
SECURITY = """\
Package: tzdata
Version: 2026f-0
Architecture: all
SHA256: bbbb
"""
BASH = DebianPackage(
    name="bash",
    version="5.2-1",
    architecture="amd64",
    sha256="aaaa",
    source="bash-source",
    source_version="5.2",
)
TZDATA = DebianPackage(
    name="tzdata",
    version="2026f-0",
    architecture="all",
    sha256="bbbb",
    source="tzdata",
    source_version="2026f-0",
)


def write_tar(path: Path, *indexes: str) -> Path:
    files = {"./var/lib/dpkg/status": STATUS}
    files |= {f"./var/lib/apt/lists/m_{n}_Packages": text for n, text in enumerate(indexes)}
    with tarfile.open(path, "w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_each_package_gets_the_hash_of_its_very_version(tmp_path: Path) -> None:
    with rootfs.opened(write_tar(tmp_path / "t.tar", MAIN, SECURITY)) as content:
        assert debian_packages.installed(content) == (BASH, TZDATA)


def test_a_package_that_no_index_knows_is_an_error_that_names_it(tmp_path: Path) -> None:
    with (
        rootfs.opened(write_tar(tmp_path / "t.tar", MAIN)) as content,
        pytest.raises(BaseImageError, match="in none of the archive's indexes: tzdata 2026f-0"),
    ):
        debian_packages.installed(content)


def test_only_new_and_changed_packages_are_added() -> None:
    newer = DebianPackage(name="bash", version="5.2-2", architecture="amd64", sha256="cccc")
    assert debian_packages.added((BASH,), (TZDATA, BASH)) == (TZDATA,)
    assert debian_packages.added((BASH, TZDATA), (newer, TZDATA)) == (newer,)
