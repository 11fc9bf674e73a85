"""A root file system's tar becomes a clean, deterministic layer, and two become a difference."""

from __future__ import annotations

import hashlib
import io
import tarfile
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from dockwright.composition import rootfs
from dockwright.errors import BaseImageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.composition.rootfs import Rootfs

EPOCH = 1_000
CAPABILITY = {"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00 \x00\x00\x00\x00"}

Entry = tuple[tarfile.TarInfo, bytes]


class Tars:
    """Writes small tars as a bootstrap gives them, and opens them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack, self._count = folder, stack, 0

    def open(self, *entries: Entry) -> Rootfs:
        self._count += 1
        path = self._folder / f"{self._count}.tar"
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
            for member, content in entries:
                tar.addfile(member, io.BytesIO(content))
        return self._stack.enter_context(rootfs.opened(path))


@pytest.fixture
def tars(tmp_path: Path) -> Iterator[Tars]:
    with ExitStack() as stack:
        yield Tars(tmp_path, stack)


def file(path: str, content: bytes = b"x", *, mode: int = 0o644, mtime: int = EPOCH) -> Entry:
    member = tarfile.TarInfo(f"./{path}")
    member.size, member.mode, member.mtime = len(content), mode, mtime
    return member, content


def folder(path: str, *, mode: int = 0o755, mtime: int = EPOCH) -> Entry:
    member = tarfile.TarInfo(f"./{path}")
    member.type, member.mode, member.mtime = tarfile.DIRTYPE, mode, mtime
    return member, b""


def link(path: str, target: str, *, hard: bool = False) -> Entry:
    member = tarfile.TarInfo(f"./{path}")
    member.type = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
    member.linkname = f"./{target}" if hard else target
    return member, b""


def written(content: Rootfs) -> bytes:
    out = io.BytesIO()
    rootfs.write(content, out, epoch=EPOCH)
    return out.getvalue()


def members(content: Rootfs) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(written(content))) as tar:
        return {member.name: member for member in tar}


def test_the_order_of_the_tar_that_comes_in_does_not_matter(tars: Tars) -> None:
    entries = (folder("usr"), file("usr/b"), file("usr/a", b"other"), link("bin", "usr/bin"))
    assert written(tars.open(*entries)) == written(tars.open(*reversed(entries)))


def test_the_bytes_of_a_layer_stay_what_they_are(tars: Tars) -> None:
    """Locked digests rest on it: a change here means that every base is locked anew."""
    layer = written(tars.open(folder("usr"), file("usr/a", b"a", mtime=EPOCH + 9)))
    digest = hashlib.sha256(layer).hexdigest()
    assert digest == "466c318faf9c13272952a294f3ecdb094ef516b014c4a38e4ce592d18b49ec1b"


def test_no_time_is_after_the_epoch_and_older_ones_stay(tars: Tars) -> None:
    out = members(tars.open(file("new", mtime=EPOCH + 1), file("old", mtime=EPOCH - 1)))
    assert (out["new"].mtime, out["old"].mtime) == (EPOCH, EPOCH - 1)


def test_owners_modes_and_capabilities_are_kept_and_names_are_not(tars: Tars) -> None:
    member, content = file("usr/bin/ping", mode=0o4755)
    member.uid, member.gid, member.uname, member.gname = 7, 101, "host-user", "host-group"
    member.pax_headers = CAPABILITY
    out = members(tars.open((member, content)))["usr/bin/ping"]
    assert (out.mode, out.uid, out.gid) == (0o4755, 7, 101)
    assert (out.uname, out.gname) == ("", "")
    assert out.pax_headers == CAPABILITY


def test_hard_links_stay_links_to_their_first_name(tars: Tars) -> None:
    out = members(tars.open(file("z", b"same"), link("a", "z", hard=True)))
    assert out["a"].isreg()
    assert out["a"].size == 4
    assert out["z"].islnk()
    assert out["z"].linkname == "a"


def test_a_hard_link_whose_first_name_is_cleaned_away_keeps_its_bytes(tars: Tars) -> None:
    content = tars.open(file("tmp/x", b"same"), link("usr/x", "tmp/x", hard=True))
    out = members(rootfs.clean(content))
    assert out["usr/x"].isreg()
    assert out["usr/x"].size == 4


@pytest.mark.parametrize(
    "path",
    [
        "etc/apt/sources.list",
        "etc/passwd-",
        "etc/.pwd.lock",
        "etc/ssh/ssh_host_ed25519_key",
        "dev/null",
        "run/x",
        "tmp/x",
        "usr/share/doc/git/README",
        "usr/lib/gcc/x86_64-linux-gnu/12/lto1",
        "usr/lib/gcc/x86_64-linux-gnu/12/libasan_preinit.o",
        "usr/bin/x86_64-linux-gnu-lto-dump-12",
        "usr/lib/x86_64-linux-gnu/libtsan.so.2.0.0",
        "usr/lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11-pic.a",
        "usr/share/locale/fr/LC_MESSAGES/tar.mo",
        "usr/share/man/man1/tar.1.gz",
        "usr/share/python3/debpython/__pycache__/x.pyc",
        "var/cache/apt/archives/x.deb",
        "var/cache/debconf/templates.dat",
        "var/cache/ldconfig/aux-cache",
        "var/lib/apt/lists/mirror_Packages",
        "var/lib/dpkg/status-old",
        "var/log/dpkg.log",
    ],
)
def test_traces_of_the_bootstrap_and_documentation_go(tars: Tars, path: str) -> None:
    assert members(rootfs.clean(tars.open(file(path)))).keys() == {"."}


@pytest.mark.parametrize(
    "path",
    [
        "etc/ssh/ssh_config",
        "usr/lib/python3.11/__pycache__/os.cpython-311.pyc",
        "usr/share/common-licenses/GPL-2",
        "usr/share/doc/git/copyright",
        "usr/lib/gcc/x86_64-linux-gnu/12/cc1plus",
        "usr/lib/gcc/x86_64-linux-gnu/12/liblto_plugin.so",
        "usr/lib/python3.11/config-3.11-x86_64-linux-gnu/Makefile",
        "usr/share/locale/locale.alias",
        "usr/share/zoneinfo/UTC",
        "var/lib/dpkg/status",
    ],
)
def test_licences_and_what_programs_read_stay(tars: Tars, path: str) -> None:
    assert path in members(rootfs.clean(tars.open(file(path))))


def test_folders_that_programs_expect_stay_and_empty_documentation_folders_go(tars: Tars) -> None:
    kept = ("run/lock", "tmp", "usr/share/doc/a", "usr/share/man/man1", "var/log")
    gone = ("run/x", "usr/share/doc/b", "var/lib/apt")
    content = tars.open(
        *(folder(path) for path in (*kept, *gone)),
        file("usr/share/doc/a/copyright"),
        file("usr/share/doc/b/changelog.gz"),
    )
    assert rootfs.clean(content).nodes.keys() == {*kept, "usr/share/doc/a/copyright"}


def test_links_into_what_was_cleaned_away_go(tars: Tars) -> None:
    content = tars.open(
        file("usr/share/man/man1/mawk.1.gz"),
        link("etc/alternatives/awk.1.gz", "/usr/share/man/man1/mawk.1.gz"),
        link("etc/alternatives/awk", "/usr/bin/mawk"),
        file("usr/bin/mawk"),
        link("usr/share/doc/libgcc-s1", "gcc-12-base"),
        folder("usr/share/doc/gcc-12-base"),
        file("usr/share/doc/gcc-12-base/copyright"),
        link("etc/mtab", "/proc/mounts"),
    )
    gone = {"etc/alternatives/awk.1.gz", "usr/share/man/man1/mawk.1.gz"}
    assert rootfs.clean(content).nodes.keys() == content.nodes.keys() - gone


def test_files_that_tell_of_the_host_are_emptied(tars: Tars) -> None:
    cleaned = rootfs.clean(tars.open(file("etc/hostname", b"builder-7\n", mode=0o755)))
    out = members(cleaned)["etc/hostname"]
    assert (out.size, out.mode) == (0, 0o644)


def test_a_difference_holds_additions_and_changes_with_their_folders(tars: Tars) -> None:
    common = (folder("etc"), folder("usr"), folder("usr/bin", mode=0o755), file("usr/bin/env"))
    base = tars.open(*common, file("etc/passwd", b"root"), file("etc/group"), link("l", "a"))
    full = tars.open(
        *common,
        file("etc/passwd", b"sshd"),
        file("etc/group", mode=0o600),
        link("l", "b"),
        folder("opt", mode=0o700),
        file("opt/new"),
    )
    changes = rootfs.difference(base, full, name="training")
    assert changes.nodes.keys() == {"etc", "etc/passwd", "etc/group", "l", "opt", "opt/new"}
    assert members(changes)["opt"].mode == 0o700


def test_a_new_time_alone_is_no_change(tars: Tars) -> None:
    base = tars.open(folder("etc", mtime=1), file("etc/passwd", mtime=1))
    full = tars.open(folder("etc", mtime=2), file("etc/passwd", mtime=2))
    assert rootfs.difference(base, full, name="training").nodes == {}


def test_changed_bytes_of_equal_length_are_found_in_large_files(tars: Tars) -> None:
    size = rootfs.READ_BYTES + 1
    base = tars.open(file("a", bytes(size)), file("b", bytes(size)))
    full = tars.open(file("a", bytes(size)), file("b", bytes(size - 1) + b"!"))
    assert rootfs.difference(base, full, name="training").nodes.keys() == {"b"}


def test_a_new_hard_link_to_a_file_of_the_base_carries_the_bytes(tars: Tars) -> None:
    base = tars.open(file("a", b"same"))
    full = tars.open(file("a", b"same"), link("b", "a", hard=True))
    out = members(rootfs.difference(base, full, name="training"))
    assert out["b"].isreg()
    assert out["b"].size == 4


def test_a_removed_path_is_an_error_that_names_it(tars: Tars) -> None:
    base, full = tars.open(file("usr/bin/vi"), file("a")), tars.open(file("a"))
    with pytest.raises(BaseImageError, match=r"'training' remove from the base: /usr/bin/vi;"):
        rootfs.difference(base, full, name="training")


@pytest.mark.parametrize("path", ["../escape", "a/../../escape"])
def test_paths_outside_the_root_are_refused(tars: Tars, path: str) -> None:
    with pytest.raises(BaseImageError, match="outside its root"):
        tars.open(file(path))


def test_writing_counts_each_file_once(tars: Tars) -> None:
    content = tars.open(file("a", b"12345"), link("b", "a", hard=True), link("c", "a"))
    assert rootfs.write(content, io.BytesIO(), epoch=EPOCH) == 5
