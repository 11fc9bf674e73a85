"""Add-ons: files of no index become layers of their own, never overwrite a wheel, and are named by hash."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

import wheel_maker
from dockwright.clients.index_config import IndexConfig
from dockwright.composition import add_ons, archive_layer, render, wheel_fetch, wheels
from dockwright.composition.layers import WheelLayer, layers_of_variant
from dockwright.errors import BuildError, HashMismatchError, ManifestError, NetworkError
from dockwright.spec import lock as locks
from dockwright.spec.lock import Group, LockedAddOn, LockedWheel, ReleaseLock, Wheel
from dockwright.stages.smoke.facts import facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace
    from sample import Sample

FOLDER = "training/cpu"
INTO = "/opt/vendor"
CONFIG = IndexConfig(index_url="https://index.example/simple")


def variant_of(sample: Sample, folder: str) -> Variant:
    (found,) = [
        v
        for v in sample.manifest().variants
        if v.folder == folder and v.release.framework == "tensorflow"
    ]
    return found


def lock_of(sample: Sample, variant: Variant) -> ReleaseLock:
    return locks.load(sample.ws.buildspec_path, variant.release)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("training/cu999", ["add-on-fabric", "add-on-vendor-parallel"]),
        ("training/cpu", []),
        ("inference/cpu", []),
    ],
)
def test_images_have_the_add_ons_of_their_job_and_accelerator_last(
    good: Sample, folder: str, expected: list[str]
) -> None:
    variant = variant_of(good, folder)
    layers = layers_of_variant(lock_of(good, variant), folder)
    assert [layer.name for layer in layers if layer.group is Group.ADD_ON] == expected
    assert [layer.name for layer in layers][len(layers) - len(expected) :] == expected
    assert ("FABRIC_HOME" in render.environment(variant)) == ("add-on-fabric" in expected)


def test_a_wheel_is_expected_among_the_installed_and_an_archive_is_not(good: Sample) -> None:
    variant = variant_of(good, "training/cu999")
    expected = facts(variant, lock_of(good, variant))["wheels"]
    assert expected["vendor-parallel"] == "2.0"
    assert "fabric" not in expected


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("into: /opt/vendor", "into: /usr/lib", "into"),
        ("into: /opt/vendor", "into: /opt/venv/lib", "is not for add-ons"),
        ("into: /opt/vendor", "into: /opt/a/../venv", "into"),
        ("        into: /opt/vendor\n", "", "needs `into`"),
        ("https://files.example.com/fabric/", "http://files.example.com/fabric/", "url"),
        ("https://files.example.com/fabric/", "https://user:secret@files.example.com/", "url"),
        ("fabric-3.1.tar.gz", "fabric.whl", "into"),
        ("fabric-3.1.tar.gz", "$(id).tar.gz", "url"),
        ('33333333"', 'xyz"', "sha256"),
        ("vendor_parallel-2.0-cp311-cp311-linux_x86_64.whl", "parallel.whl", "no"),
        ("size: 31000000", "size: 0", "size"),
        ("[cu999]\n        into", "[cu998]\n        into", "no such accelerator"),
        ("name: vendor-parallel", "name: fabric", "written twice"),
        ("FABRIC_HOME: /opt/vendor/fabric", "FABRIC_HOME: $(id)", "FABRIC_HOME"),
    ],
)
def test_what_makes_no_add_on_is_refused(good: Sample, old: str, new: str, problem: str) -> None:
    good.edit("tensorflow.yml", old, new)
    with pytest.raises(ManifestError, match=problem):
        good.manifest()


def test_two_things_that_set_one_variable_are_refused(good: Sample) -> None:
    good.edit(
        "tensorflow.yml",
        "        reason: The vendor hands",
        "        environment: {FABRIC_HOME: /x}\n        reason: The vendor hands",
    )
    with pytest.raises(ManifestError, match="fabric sets FABRIC_HOME already"):
        good.manifest()


def test_another_folder_makes_another_layer(good: Sample) -> None:
    variant = variant_of(good, "training/cu999")
    before = layers_of_variant(lock_of(good, variant), variant.folder)[-2]
    good.edit("tensorflow.yml", "into: /opt/vendor", "into: /opt/other")
    variant = variant_of(good, "training/cu999")
    after = layers_of_variant(lock_of(good, variant), variant.folder)[-2]
    assert (before.name, before.wheels) == (after.name, after.wheels)
    assert before.key != after.key


def file_of(name: str, content: bytes, filename: str) -> Wheel:
    return Wheel(
        name=name,
        version="1.0",
        filename=filename,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )


def test_a_file_is_fetched_by_its_own_address_and_checked(tmp_path: Path) -> None:
    wanted = file_of("fabric", b"content", "fabric.tar.gz")
    url = "https://files.example/a/fabric.tar.gz"
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        body = b"content" if len(asked) == 1 else b"another"
        return httpx.Response(200, stream=httpx.ByteStream(body))

    transport = httpx.MockTransport(answer)
    for store, error in ((tmp_path / "a", None), (tmp_path / "b", HashMismatchError)):
        if error is None:
            wheel_fetch.fetch(store, [wanted], CONFIG, urls={wanted: url}, transport=transport)
            wheels.verify(store, [wanted], thorough=True)
        else:
            with pytest.raises(error, match=r"fabric\.tar\.gz"):
                wheel_fetch.fetch(store, [wanted], CONFIG, urls={wanted: url}, transport=transport)
    assert asked == [url, url]


def test_a_file_without_an_address_is_carried(tmp_path: Path) -> None:
    wanted = file_of("fabric", b"content", "fabric.tar.gz")
    nobody = httpx.MockTransport(lambda _: httpx.Response(500))
    urls = {wanted: wanted.filename}
    with pytest.raises(NetworkError, match="DOCKWRIGHT_WHEELS"):
        wheel_fetch.fetch(tmp_path / "store", [wanted], CONFIG, urls=urls, transport=nobody)
    (tmp_path / wanted.filename).write_bytes(b"content")
    wheel_fetch.fetch(
        tmp_path / "store", [wanted], CONFIG, folders=[tmp_path], urls=urls, transport=nobody
    )
    wheels.verify(tmp_path / "store", [wanted], thorough=True)


def in_store(ws: Workspace, path: Path, name: str) -> Wheel:
    wheel = file_of(name, path.read_bytes(), path.name)
    wheels.put(ws.wheels_path, wheel, path)
    return wheel


def locked(wheel: Wheel, *added: LockedAddOn) -> ReleaseLock:
    row = LockedWheel(wheel=wheel, group=Group.COMMON, used_by=(FOLDER,))
    return ReleaseLock(format=1, requirements_sha256="0" * 64, wheels=(row,), add_ons=added)


def added(file: Wheel, into: str | None = None) -> LockedAddOn:
    return LockedAddOn(name=file.name, file=file, url=file.filename, into=into, used_by=(FOLDER,))


def archived(path: Path, members: Sequence[tarfile.TarInfo | tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return path


def test_an_add_on_never_overwrites_a_wheel_s_file(good: Sample, tmp_path: Path) -> None:
    files = {"shared/__init__.py": b"", "shared/one.py": b"1"}
    other = {"shared/__init__.py": b"", "shared/one.py": b"2"}
    of_lock = in_store(good.ws, wheel_maker.make(tmp_path, files, name="one"), "one")
    harmless = in_store(
        good.ws, wheel_maker.make(tmp_path, {"shared/__init__.py": b""}, name="two"), "two"
    )
    harmful = in_store(good.ws, wheel_maker.make(tmp_path, other, name="three"), "three")
    variant = variant_of(good, FOLDER)
    add_ons.require_apart(good.ws, variant, locked(of_lock, added(harmless)))
    with pytest.raises(BuildError, match=r"three-1.*would overwrite .*/shared/one.py of one-1"):
        add_ons.require_apart(good.ws, variant, locked(of_lock, added(harmful)))
    again = replace(harmless, name="one")
    with pytest.raises(BuildError, match="is the distribution of one-1"):
        add_ons.require_apart(good.ws, variant, locked(of_lock, added(again)))


def test_two_archives_never_overwrite_each_other(good: Sample, tmp_path: Path) -> None:
    of_lock = in_store(good.ws, wheel_maker.make(tmp_path, {"x.py": b""}, name="one"), "one")
    packed = [
        in_store(good.ws, archived(tmp_path / f"{n}.tar.gz", [("lib/x.so", n.encode())]), n)
        for n in ("a", "b")
    ]
    variant = variant_of(good, FOLDER)
    both = locked(of_lock, *(added(file, INTO) for file in packed))
    with pytest.raises(
        BuildError, match=r"b\.tar\.gz, an add-on, would overwrite /opt/vendor/lib/x"
    ):
        add_ons.require_apart(good.ws, variant, both)
    apart = locked(of_lock, added(packed[0], INTO), added(packed[1], f"{INTO}/b"))
    add_ons.require_apart(good.ws, variant, apart)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def unpacked(path: Path) -> Mapping[str, tarfile.TarInfo]:
    layer = WheelLayer(
        name="add-on-x",
        group=Group.ADD_ON,
        wheels=(file_of("x", path.read_bytes(), path.name),),
        used_by=(FOLDER,),
        into=INTO,
    )
    with tarfile.open(path) as archive:
        content = archive_layer.read(archive, layer)
        made = b"".join(archive_layer.tar(archive, content))
    with tarfile.open(fileobj=io.BytesIO(made)) as layers:
        return {member.name: member for member in layers}


def test_a_layer_says_nothing_of_who_packed_it(tmp_path: Path) -> None:
    program = tarfile.TarInfo("./bin/program")
    program.mode, program.uid, program.uname, program.mtime = 0o4711, 1000, "someone", 1_700_000_000
    long = "lib/" + "x" * 120
    members = unpacked(
        archived(
            tmp_path / "x.tar.gz",
            [
                program,
                ("lib/a", b"1"),
                link("lib/b", "a"),
                link("c", "lib/a", tarfile.LNKTYPE),
                link("lib/long", "x" * 120),
                (long, b"2"),
                link("abs", f"{INTO}/lib/a"),
            ],
        )
    )
    assert list(members) == sorted(members)
    assert {m.mtime for m in members.values()} == {render.MTIME}
    assert {(m.uid, m.gid, m.uname) for m in members.values()} == {(0, 0, "")}
    assert members["opt"].isdir()
    assert members["opt/vendor/bin/program"].mode == 0o755
    assert members["opt/vendor/lib/a"].mode == 0o644
    assert members["opt/vendor/lib/b"].linkname == "a"
    assert members["opt/vendor/lib/long"].linkname == "x" * 120
    assert members["opt/vendor/abs"].linkname == "/opt/vendor/lib/a"
    assert members["opt/vendor/c"].isreg()
    assert members["opt/vendor/c"].size == 1


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ([("../../etc/passwd", b"")], "leads out of /opt/vendor"),
        ([link("x", "/etc/passwd")], "leads to /etc/passwd"),
        ([link("a/x", "../../../venv")], "leads to"),
        ([("a", b""), ("./a", b"")], "twice"),
        ([("a", b""), ("a/b", b"")], "a folder and something else"),
        ([link("x", "nowhere", tarfile.LNKTYPE)], "a link to nothing"),
        ([link("device", "", tarfile.CHRTYPE)], "neither file, folder nor link"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_archive_with_what_must_not_be_in_an_image_is_refused(
    tmp_path: Path, members: list[tarfile.TarInfo | tuple[str, bytes]], problem: str
) -> None:
    with pytest.raises(BuildError, match=problem):
        unpacked(archived(tmp_path / "x.tar.gz", members))
