"""What differs between two images is told by their bytes, or by their locks, and nothing else is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

import images
from dockwright.cli import diff as commands
from dockwright.clients import evidence, image_source
from dockwright.composition import difference
from dockwright.composition import image as documents
from dockwright.composition.difference import Change, Told
from dockwright.composition.image import Step
from dockwright.composition.listings import PackageKind
from dockwright.errors import HashMismatchError, NothingSelectedError, RecordError, RegistryError
from dockwright.spec.evidence import Kind
from dockwright.spec.image import OCI_INDEX_TYPE
from dockwright.spec.publication import Yank
from dockwright.spec.records import CheckRecord, SmokeRecord, Status
from dockwright.stages import diff, diff_sides
from fake_registry import FakeRegistry, opened

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.clients.image_source import Source
    from dockwright.clients.registry import Repository
    from dockwright.composition.difference import Difference
    from dockwright.spec.image import AssembledImage
    from sample import Sample
    from unit.conftest import Run

NAME = "team/image"
SITE = "opt/venv/lib/python3.11/site-packages"
PY, DEB = PackageKind.PYTHON, PackageKind.DEBIAN
Files = dict[str, bytes]


def wheel(name: str, version: str, **files: bytes) -> Files:
    """Return an installed wheel's files; a double underscore in a name is a dot."""
    paths = {f"{name}/{path.replace('__', '.')}": content for path, content in files.items()}
    info = f"{name}-{version}.dist-info"
    record = "".join(f"{path},,\n" for path in (*paths, f"{info}/METADATA", f"{info}/RECORD"))
    paths |= {f"{info}/METADATA": b"", f"{info}/RECORD": record.encode()}
    return {f"{SITE}/{path}": content for path, content in paths.items()}


def dpkg(**versions: str) -> Files:
    text = "".join(f"Package: {name}\nVersion: {v}\n\n" for name, v in versions.items())
    return {"var/lib/dpkg/status": text.encode()}


BASE = {"bin/sh": b"#!", **dpkg(bash="5.2-1")}
TORCH = wheel("torch", "2.13.0+cpu", a__py=b"1")


def made(
    folder: Path, *layers: Files, env: dict[str, str] | None = None, **labels: str
) -> AssembledImage:
    blobs = [images.layer(folder, files) for files in layers]
    steps = [
        Step(created_by=f"dockwright layer l{n}", diff_id=diff_id)
        for n, (_, diff_id) in enumerate(blobs)
    ]
    config = documents.image_config(
        architecture="amd64", epoch=images.EPOCH, steps=steps, env=env, labels=labels
    )
    return documents.assembled(config, [blob for blob, _ in blobs])


def put(registry: FakeRegistry, image: AssembledImage, tag: str) -> None:
    held = {layer.digest: layer.path.read_bytes() for layer in image.layers}
    registry.blobs.setdefault(NAME, {}).update(held | {image.config_digest: image.config})
    for target in (tag, image.digest):
        registry.manifests[NAME, target] = (image.manifest_type, image.manifest)


def compared(a: AssembledImage, b: AssembledImage) -> tuple[Difference, FakeRegistry]:
    registry = FakeRegistry()
    put(registry, a, "a")
    put(registry, b, "b")
    with opened(registry, name=NAME) as repository:
        sides = [image_source.in_registry(repository, tag) for tag in ("a", "b")]
        return diff.of_images(sides[0], sides[1], Told(), Told()), registry


def told(found: Difference) -> list[tuple[str, str | None, str | None, Change]]:
    return [(one.name, one.before, one.after, one.change) for one in found.packages]


def test_only_what_differs_is_fetched_read_and_told(tmp_path: Path) -> None:
    old = made(tmp_path, BASE, TORCH, wheel("hub", "0.36.0", a__py=b"1", b__py=b"2", c__py=b"3"))
    new = made(tmp_path, BASE, TORCH, wheel("hub", "2.4.0", a__py=b"1", b__py=b"4", d__py=b"5"))
    found, registry = compared(old, new)
    assert told(found) == [("hub", "0.36.0", "2.4.0", Change.MAJOR)]
    assert [layer.name for layer in found.fetched] == ["l2"]
    assert found.fetched_bytes == new.layers[2].size_bytes
    assert found.files is not None
    counts = difference.by_package(found.files)
    assert counts == {"hub": {Change.ADDED: 3, Change.REMOVED: 3, Change.CHANGED: 1}}
    read = {line for line in registry.log if line.startswith("GET") and "/blobs/" in line}
    digests = (
        *(layer.digest for layer in (old.layers[2], new.layers[2])),
        old.config_digest,
        new.config_digest,
    )
    assert read == {f"GET /v2/{NAME}/blobs/{digest}" for digest in digests}


def test_equal_images_differ_in_nothing(tmp_path: Path) -> None:
    image = made(tmp_path, BASE, TORCH, env={"A": "1"}, x="y")
    found, _ = compared(image, image)
    assert (found.packages, found.fetched, found.settings, found.files) == ((), (), (), ())


def test_the_same_files_in_other_layers_are_no_change(tmp_path: Path) -> None:
    hub = wheel("hub", "1.0", a__py=b"1")
    found, _ = compared(made(tmp_path, BASE, TORCH, hub), made(tmp_path, BASE, TORCH | hub))
    assert found.fetched_bytes > 0
    assert (found.packages, found.files) == ((), ())


def test_a_job_s_system_packages_are_told_and_not_the_base_s_beneath(tmp_path: Path) -> None:
    more = {**dpkg(bash="5.2-1", git="1:2.39-1"), "usr/bin/git": b"git", "bin/sh": b"#!"}
    plain, job = made(tmp_path, BASE, TORCH), made(tmp_path, BASE, TORCH, more)
    found, _ = compared(plain, job)
    assert told(found) == [("git", None, "1:2.39-1", Change.ADDED)]
    assert found.files is not None
    assert {f.path: f.change for f in found.files} == {
        "usr/bin/git": Change.ADDED,
        "var/lib/dpkg/status": Change.CHANGED,
    }
    back, _ = compared(job, plain)
    assert told(back) == [("git", "1:2.39-1", None, Change.REMOVED)]


def test_labels_environment_and_command_are_told(tmp_path: Path) -> None:
    old = made(tmp_path, BASE, env={"A": "1", "B": "1"}, title="old", same="x")
    new = made(tmp_path, BASE, env={"A": "1", "C": "=1"}, title="new", same="x")
    found, _ = compared(old, new)
    assert [(f.kind, f.name, f.before, f.after) for f in found.settings] == [
        ("env", "B", "1", None),
        ("env", "C", None, "=1"),
        ("label", "title", "old", "new"),
    ]


@pytest.mark.parametrize(
    ("kind", "before", "after", "change", "is_older"),
    [
        (PY, "4.57.6", "5.23.0", Change.MAJOR, False),
        (PY, "5.23.0", "5.3.0", Change.MINOR, True),
        (PY, "2.13.0+cpu", "2.13.0+cu130", Change.PATCH, False),
        (PY, "2.13.0rc1", "2.13.0", Change.PATCH, False),
        (PY, "1.0", "1!1.0", Change.MAJOR, False),
        (PY, "5", "5.1", Change.MINOR, False),
        (DEB, "2.36-9+deb12u13", "2.36-9+deb12u14", Change.PATCH, False),
        (DEB, "1:2.39.5-1", "2.40.0-1", Change.MAJOR, True),
        (DEB, "2.5.0-1", "2.6.0~rc1-1", Change.MINOR, False),
        (DEB, "20230311", "20250419~deb12u2", Change.MAJOR, False),
    ],
)
def test_a_version_s_step_is_named(
    kind: PackageKind, before: str, after: str, change: Change, *, is_older: bool
) -> None:
    (one,) = difference.packages({(kind, "x"): before}, {(kind, "x"): after})
    assert (one.change, one.is_older) == (change, is_older)


def smoke(image: AssembledImage, status: Status) -> SmokeRecord:
    check = CheckRecord(name="common/check", status=status, seconds=1.0, detail="")
    return SmokeRecord(
        identifier="x",
        digest=image.digest,
        finished_at="2026-11-26T00:00:00+00:00",
        seconds=1.0,
        checks_sha256="0" * 64,
        checks=(check,),
    )


def attached(repository: Repository, tag: str, *records: SmokeRecord) -> Source:
    source = image_source.in_registry(repository, tag)
    for n, record in enumerate(records):
        evidence.attach(
            repository,
            source.digest,
            Kind.SMOKE,
            record.model_dump_json().encode(),
            created_at=datetime(2026, 11, n + 1, tzinfo=UTC).isoformat(),
        )
    return source


def test_checks_are_compared_by_the_newest_records_in_the_registry(tmp_path: Path) -> None:
    old, new = made(tmp_path, BASE), made(tmp_path, BASE, TORCH)
    registry = FakeRegistry()
    put(registry, old, "a")
    put(registry, new, "b")
    with opened(registry, name=NAME) as repository:
        a = attached(repository, "a", smoke(old, Status.PASSED))
        b = attached(repository, "b", smoke(new, Status.PASSED), smoke(new, Status.FAILED))
        told_a, told_b = (diff_sides.told_there(repository, source) for source in (a, b))
        found = diff.of_images(a, b, told_a, told_b)
        assert found.checks is not None
        assert [(c.name, c.before, c.after) for c in found.checks] == [
            ("common/check", "passed", "failed")
        ]
        assert found.findings is None
        attached(repository, "a", smoke(old, Status.PASSED), smoke(new, Status.PASSED))
        assert diff_sides.told_there(repository, a).smoke is None  # of another image
        evidence.attach(repository, a.digest, Kind.SCAN, b"{}", created_at="2026")
        with pytest.raises(RecordError, match="is no record of this dockwright's"):
            diff_sides.told_there(repository, a)


def test_what_is_not_one_image_is_refused(tmp_path: Path) -> None:
    registry = FakeRegistry()
    put(registry, made(tmp_path, BASE), "a")
    index = {"manifests": [{"digest": "sha256:1"}, {"digest": "sha256:2"}]}
    registry.manifests[NAME, "both"] = (OCI_INDEX_TYPE, json.dumps(index).encode())
    with opened(registry, name=NAME) as repository:
        with pytest.raises(RegistryError, match=r"team/image:none is not there; check the name"):
            image_source.in_registry(repository, "none")
        with pytest.raises(RegistryError, match="name one of its digests: sha256:1, sha256:2"):
            image_source.in_registry(repository, "both")


def test_a_layer_that_was_changed_on_the_way_is_refused(tmp_path: Path) -> None:
    registry = FakeRegistry()
    a, b = made(tmp_path, BASE), made(tmp_path, TORCH)
    put(registry, a, "a")
    put(registry, b, "b")
    registry.blobs[NAME][b.layers[0].digest] = a.layers[0].path.read_bytes()
    with opened(registry, name=NAME) as repository:
        sides = [image_source.in_registry(repository, tag) for tag in ("a", "b")]
        with pytest.raises(HashMismatchError, match="do not use it"):
            diff.of_images(sides[0], sides[1], Told(), Told())


def test_a_yanked_side_is_told_to_be_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    registry = FakeRegistry()
    old, new = made(tmp_path, BASE), made(tmp_path, BASE, TORCH)
    put(registry, old, "a")
    put(registry, new, "b")
    with opened(registry, name=NAME) as repository:
        note = Yank(digest=old.digest, reason="it forgets", replacement="b", yanked_at="today")
        evidence.attach(repository, old.digest, Kind.YANK, note.content, created_at="2026")
        a, b = (image_source.in_registry(repository, tag) for tag in ("a", "b"))
        told_a, told_b = (diff_sides.told_there(repository, source) for source in (a, b))
        commands._show(diff.of_images(a, b, told_a, told_b), files=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].strip() == "yanked on today: it forgets; use b"
    assert sum("yanked" in line for line in lines) == 1


def by_locks(run: Run, a: str, b: str) -> list[dict[str, Any]]:
    code, out, err = run(f"diff {a} {b} --json")
    assert code == 0, err
    found = json.loads(out)
    assert isinstance(found, list)
    return found


@pytest.mark.usefixtures("good")
def test_what_was_not_built_is_compared_by_its_locks(run: Run) -> None:
    (found,) = by_locks(run, "pytorch-*-inference-cpu", "pytorch-*-training-cpu")
    assert found["a"]["place"] == "by its locks"
    changes = {(p["kind"], p["name"]): (p["before"], p["after"]) for p in found["packages"]}
    assert changes["debian", "git"] == (None, "1:2.39.5-0+deb12u2")
    assert changes["python", "sentencepiece"] == ("0.9", None)
    assert ("python", "numpy") not in changes
    assert found["files"] is found["checks"] is found["findings"] is None
    assert "dockwright.identifier" in {setting["name"] for setting in found["settings"]}


def test_two_releases_are_compared_image_by_image(good: Sample, run: Run) -> None:
    pytorch, tensorflow = dict.fromkeys(v.release.key for v in good.manifest().variants)
    found = by_locks(run, pytorch, tensorflow)
    sides = [(one["a"]["name"], one["b"]["name"]) for one in found]
    assert len(sides) == len(set(sides)) >= 3
    for a, b in sides:
        assert a.removeprefix(pytorch) == b.removeprefix(tensorflow)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("*", "pytorch-*", "several releases are named on one side"),
        ("pytorch-*-training-*", "tensorflow-*-inference-*", "no image of the one side is for"),
        ("no-such", "pytorch-*", "no variant matches 'no-such'"),
    ],
)
@pytest.mark.usefixtures("good")
def test_what_cannot_be_paired_is_refused(run: Run, a: str, b: str, message: str) -> None:
    code, out, err = run(f"diff {a} {b}")
    assert (code, out) == (NothingSelectedError.exit_code, "")
    assert message in err
