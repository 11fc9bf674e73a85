"""A layer is read to its last byte: its files, what it hides, and whose they are."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from dockwright.clients import layer_files
from dockwright.composition import listings
from dockwright.composition.listings import PackageKind
from dockwright.errors import DockwrightError

if TYPE_CHECKING:
    from dockwright.clients.layer_files import Listing

SITE = "opt/venv/lib/python3.11/site-packages"
STATUS = b"Package: bash\nVersion: 5.2-1\n\nPackage: tini\nVersion: 0.19-1\n"


def tar(files: dict[str, bytes], *links: tuple[str, str]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        folder = tarfile.TarInfo("opt")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
        for name, target in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return made.getvalue()


def read(content: bytes, *, piece: int = 100) -> Listing:
    pieces = (content[start : start + piece] for start in range(0, len(content), piece))
    return layer_files.read(pieces, listings.tells, name="layer x")


def test_files_and_links_are_listed_with_what_is_in_them() -> None:
    found = read(gzip.compress(tar({"./opt/a": b"one", "b": b""}, ("opt/c", "a"))))
    assert list(found.files) == ["opt/a", "b", "opt/c"]
    one = found.files["opt/a"]
    assert (one.size_bytes, one.mode, one.content) == (3, 0o755, hashlib.sha256(b"one").hexdigest())
    assert found.files["opt/c"].content == "-> a"


@pytest.mark.parametrize("piece", [1, 7, 512, 1 << 20])
def test_a_layer_of_many_gzip_members_is_one_tar(piece: int) -> None:
    raw = tar({f"file-{n}": bytes([n]) * 700 for n in range(9)})
    members = b"".join(gzip.compress(raw[n : n + 600]) for n in range(0, len(raw), 600))
    assert read(members, piece=piece) == read(raw) == read(gzip.compress(raw))
    assert len(read(members).files) == 9


def test_a_layer_that_is_cut_off_or_damaged_is_refused() -> None:
    packed = gzip.compress(tar({"a": b"x" * 9000}))
    damaged = packed[:-8] + bytes(8)
    for content in (packed[:-9], packed[:40], damaged, b"no tar at all" * 99):
        with pytest.raises(DockwrightError, match="layer x is not a whole layer"):
            read(content)
    with pytest.raises(DockwrightError, match="layer x is compressed by zstd"):
        read(b"\x28\xb5\x2f\xfd and so on")


def test_a_layer_hides_files_of_those_below() -> None:
    below = read(tar({"opt/a": b"1", "opt/old/b": b"2", "opt/old/c": b"3", "opt/d": b"4"}))
    above = read(tar({"opt/.wh.a": b"", "opt/old/.wh..wh..opq": b"", "opt/old/e": b"5"}))
    assert set(listings.merged([below, above]).files) == {"opt/d", "opt/old/e"}
    assert above.removed == {"opt/a", "opt/old"}


def test_what_is_installed_follows_from_the_files() -> None:
    found = read(
        tar(
            {
                f"{SITE}/Hugging_Face.Hub-1.2.0+cpu.dist-info/METADATA": b"",
                f"{SITE}/other/thing.dist-info": b"",
                "var/lib/dpkg/status": STATUS,
            }
        )
    )
    assert listings.packages(found) == {
        (PackageKind.PYTHON, "hugging-face-hub"): "1.2.0+cpu",
        (PackageKind.DEBIAN, "bash"): "5.2-1",
        (PackageKind.DEBIAN, "tini"): "0.19-1",
    }


def test_every_file_is_its_package_s_compiled_ones_too() -> None:
    record = b'thing/a.py,sha256=x,1\n"thing/b,c.py",,\n../../../bin/thing,,\n'
    found = read(
        tar(
            {
                f"{SITE}/thing-1.dist-info/RECORD": record,
                "var/lib/dpkg/info/libc6:amd64.list": b"/.\n/lib/libc.so\n",
            }
        )
    )
    known = listings.owners(found)
    for path, owner in {
        f"{SITE}/thing/a.py": "thing",
        f"{SITE}/thing/b,c.py": "thing",
        f"{SITE}/thing/__pycache__/a.cpython-311.pyc": "thing",
        "opt/venv/bin/thing": "thing",
        "lib/libc.so": "libc6",
        "var/lib/dpkg/info/libc6:amd64.list": "libc6",
        f"{SITE}/stray.py": listings.NOBODY,
    }.items():
        assert listings.owner_of(path, known) == owner
