"""What is taken from the host's apt, and which way out each failure of a bootstrap shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.composition import bootstrap
from dockwright.errors import BaseImageError, NetworkError, NoSpaceError, ProcessError

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
APT::Install-Recommends "1";
DPkg::Post-Invoke:: "touch /host";
Acquire "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::CAInfo "/etc/ssl/corporate.pem";
Acquire::Retries "5";
Acquire::AllowInsecureRepositories "1";
Acquire::GzipIndexes "true";
Acquire::Check-Valid-Until "false";
Dir::Etc "etc/apt";
"""


def test_only_the_way_to_the_mirror_is_taken_from_the_hosts_apt() -> None:
    assert bootstrap.connection_options(CONFIG).splitlines() == [
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::https::CAInfo "/etc/ssl/corporate.pem";',
        'Acquire::Retries "5";',
        'Acquire::Check-Valid-Until "false";',
    ]


@pytest.mark.parametrize(
    "said",
    [
        "E: Unable to locate package nonesuch",
        "E: Package 'nonesuch' has no installation candidate",
        "E: Unable to locate package nonesuch\nW: Failed to fetch http://m.example/x",
    ],
)
def test_a_package_that_does_not_exist_is_named(said: str) -> None:
    error = bootstrap.explain(ProcessError("mmdebstrap", stderr=said), suite="bookworm")
    assert isinstance(error, BaseImageError)
    assert "Debian bookworm has no package nonesuch;" in str(error)


@pytest.mark.parametrize(
    "said",
    [
        "E: Failed to fetch http://mirror.example/x.deb  503",
        "Err:1 Could not resolve 'mirror.example'",
        "Could not connect to mirror.example:80, connection timed out",
    ],
)
def test_a_mirror_that_breaks_off_is_a_network_error(said: str) -> None:
    error = bootstrap.explain(ProcessError("mmdebstrap", stderr=said), suite="bookworm")
    assert isinstance(error, NetworkError)
    assert said in str(error)


def test_a_full_disk_is_told_as_such() -> None:
    said = "dpkg: error: failed to write: No space left on device"
    error = bootstrap.explain(ProcessError("mmdebstrap", stderr=said), suite="bookworm")
    assert isinstance(error, NoSpaceError)


def test_anything_else_shows_the_end_of_what_was_said_without_credentials() -> None:
    lines = [*(f"line {n}" for n in range(50)), "E: http://user:secret@m.example broke dpkg"]
    error = bootstrap.explain(ProcessError("x", stderr="\n".join(lines)), suite="bookworm")
    assert isinstance(error, BaseImageError)
    assert "line 49\nE: http://***@m.example broke dpkg" in str(error)
    assert "line 1\n" not in str(error)
    assert "secret" not in str(error)


def test_a_work_folder_leaves_nothing(tmp_path: Path) -> None:
    parent = tmp_path / "bases"
    with bootstrap.work_folder(parent, roots=1) as work:
        (work / "tree").mkdir()
        assert list(parent.iterdir()) == [work]
    assert list(parent.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_a_live_ones_is_not(tmp_path: Path) -> None:
    killed = tmp_path / f"{bootstrap.WORK_PREFIX}{10**9}-abc"
    (killed / "tree").mkdir(parents=True)
    with (
        bootstrap.work_folder(tmp_path, roots=1) as one,
        bootstrap.work_folder(tmp_path, roots=1) as other,
    ):
        assert set(tmp_path.iterdir()) == {one, other}


def test_a_disk_with_too_little_room_is_refused_before_the_work(tmp_path: Path) -> None:
    with (
        pytest.raises(NoSpaceError, match="DOCKWRIGHT_HOME"),
        bootstrap.work_folder(tmp_path, roots=10**9),
    ):
        pass
