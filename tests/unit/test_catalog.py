"""The catalogue claims of an image what records say of its digest, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dockwright.composition import site
from dockwright.spec import catalog, records
from dockwright.spec.bench_records import (
    BenchRecord,
    BenchVerdict,
    Interval,
    MetricRecord,
    SuiteRecord,
    SuiteStatus,
)
from dockwright.spec.records import (
    BuildRecord,
    CheckRecord,
    ExportRecord,
    LayerRecord,
    PushRecord,
    ScanRecord,
    SmokeRecord,
    Status,
)
from dockwright.spec.support import SOON_DAYS
from dockwright.stages import plan

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.catalog import Catalog
    from dockwright.spec.records import Record
    from sample import Sample
    from unit.conftest import Run

IDENTIFIER = "pytorch-9.1.0-transformers7.8.0-py311-debian12-inference-cpu"
DIGEST = "sha256:" + "d" * 64
WHEN = "2026-01-01T00:00:00+00:00"


def made(run: Run, tmp_path: Path) -> Catalog:
    code, out, talk = run(f"catalog --to {tmp_path}/site")
    assert code == 0, talk
    assert out.strip() == f"{tmp_path}/site/index.html"
    return catalog.parse((tmp_path / "site/catalog.json").read_bytes(), name="it")


def build_record(good: Sample, *, inputs_sha256: str | None = None) -> BuildRecord:
    """Return the record of an image that was built from the sample as it is."""
    variants = good.manifest().variants
    (forecast,) = plan.forecast(good.ws, [v for v in variants if v.identifier == IDENTIFIER])
    assert forecast.inputs_sha256
    layers = [
        LayerRecord(name=layer.name, digest=f"sha256:{n:064}", size_bytes=n, unpacked_bytes=3 * n)
        for n, layer in enumerate(forecast.image.layers, start=1)
    ]
    return BuildRecord(
        identifier=IDENTIFIER,
        digest=DIGEST,
        finished_at=WHEN,
        seconds=1.0,
        reference="here:1",
        builder="buildkit",
        inputs_sha256=inputs_sha256 or forecast.inputs_sha256,
        base_digest="sha256:" + "b" * 64,
        is_base_drifted=False,
        media_type="application/vnd.docker.distribution.manifest.v2+json",
        layers=tuple(layers),
        size_bytes=sum(layer.size_bytes for layer in layers),
    )


def smoke_record(digest: str = DIGEST) -> SmokeRecord:
    checks = (
        CheckRecord(name="common/check_pip", status=Status.PASSED, seconds=1.0, detail="clean"),
        CheckRecord(name="cuda/check_gpu", status=Status.DEFERRED, seconds=0.0, detail="needs gpu"),
    )
    return SmokeRecord(
        identifier=IDENTIFIER,
        digest=digest,
        finished_at=WHEN,
        seconds=1.0,
        checks_sha256="0" * 64,
        checks=checks,
    )


def push_record() -> PushRecord:
    return PushRecord(
        identifier=IDENTIFIER,
        digest=DIGEST,
        finished_at=WHEN,
        seconds=1.0,
        repository="registry.test/team/huggingface-pytorch-inference",
        immutable_tag="1-v1.0-now",
        tags=("1",),
        present_blobs=0,
        mounted_blobs=0,
        mounted_bytes=0,
        sent_blobs=0,
        sent_bytes=0,
        evidence_sha256="0" * 64,
    )


def scan_record() -> ScanRecord:
    newest = ("2026-01-02T00:00:00+00:00", "2025-12-31T00:00:00+00:00")
    return ScanRecord(
        identifier=IDENTIFIER,
        digest=DIGEST,
        finished_at=WHEN,
        seconds=1.0,
        exports=tuple(
            ExportRecord(origin="all.zip", sha256="0" * 64, entries=2, newest=when)
            for when in newest
        ),
        scanned={"PyPI": 2},
        unscanned={"fabric": "in no index"},
        findings=(),
        problems=("fabric could not be looked up",),
    )


def bench_record() -> BenchRecord:
    metric = MetricRecord(
        name="batch=1",
        unit="ms",
        value=Interval(median=2.0, low=1.0, high=3.0),
        starts=3,
        verdict=BenchVerdict.UNKNOWN,
        reason="nothing to compare with",
    )
    return BenchRecord(
        identifier=IDENTIFIER,
        digest=DIGEST,
        finished_at=WHEN,
        seconds=1.0,
        host="here",
        against=None,
        against_identifier=None,
        suites=(
            SuiteRecord(
                name="latency/bert", status=SuiteStatus.MEASURED, detail="", metrics=(metric,)
            ),
            SuiteRecord(name="compiled", status=SuiteStatus.DEFERRED, detail="needs gpu"),
        ),
    )


def write(good: Sample, **by_stage: Record) -> None:
    for stage, record in by_stage.items():
        records.write(good.ws.out_path, stage, record)


def image(found: Catalog) -> catalog.Image:
    return next(one for one in found.images if one.identifier == IDENTIFIER)


def test_of_an_image_that_was_not_built_only_the_plan_is_told(
    good: Sample, run: Run, tmp_path: Path
) -> None:
    found = made(run, tmp_path)
    assert {one.identifier for one in found.images} == {
        variant.identifier for variant in good.manifest().variants
    }
    one = image(found)
    assert (one.digest, one.smoke, one.pushed_to, one.unpacked_bytes) == (None, None, None, None)
    assert one.layers
    assert set(one.layers) <= set(found.layers)


def test_records_of_its_digest_are_told_deferred_checks_by_name(
    good: Sample, run: Run, tmp_path: Path
) -> None:
    build = build_record(good)
    write(good, build=build, smoke=smoke_record(), push=push_record())
    found = made(run, tmp_path)
    one = image(found)
    assert (one.digest, one.size_bytes) == (DIGEST, build.size_bytes)
    assert one.unpacked_bytes == 3 * build.size_bytes
    assert one.pushed_to == "registry.test/team/huggingface-pytorch-inference"
    assert one.smoke is not None
    assert one.smoke.passed == 1
    assert [(c.name, c.status, c.detail) for c in one.smoke.others] == [
        ("cuda/check_gpu", Status.DEFERRED, "needs gpu")
    ]
    assert one.layers == tuple(layer.digest for layer in build.layers)
    assert any("torch==" in package for key in one.layers for package in found.layers[key].packages)


def test_scans_and_benchmarks_are_told_with_what_they_lack(
    good: Sample, run: Run, tmp_path: Path
) -> None:
    write(good, build=build_record(good), scan=scan_record(), bench=bench_record())
    one = image(made(run, tmp_path))
    assert one.scan is not None
    assert one.scan.newest.startswith("2025-12-31")
    assert one.scan.problems == ("fabric could not be looked up",)
    assert one.bench is not None
    assert [(m.suite, m.name, m.median) for m in one.bench.metrics] == [
        ("latency/bert", "batch=1", 2.0)
    ]
    assert one.bench.others == {"compiled": "deferred: needs gpu"}


def test_a_record_of_another_digest_is_no_claim(good: Sample, run: Run, tmp_path: Path) -> None:
    write(good, build=build_record(good), smoke=smoke_record("sha256:" + "e" * 64))
    assert image(made(run, tmp_path)).smoke is None


def test_an_image_of_other_inputs_counts_as_not_built(
    good: Sample, run: Run, tmp_path: Path
) -> None:
    write(good, build=build_record(good, inputs_sha256="1" * 64), smoke=smoke_record())
    one = image(made(run, tmp_path))
    assert (one.digest, one.smoke) == (None, None)


@pytest.mark.usefixtures("good")
def test_the_pages_data_is_the_catalogue_and_cannot_end_its_script(
    run: Run, tmp_path: Path
) -> None:
    found = made(run, tmp_path)
    image_ = found.images[0].model_copy(update={"title": "</script><!--"})
    files = site.files(found.model_copy(update={"images": (image_,)}))
    data = files["catalog-data.js"]
    assert "<" not in data
    soon, catalog = data.splitlines()
    assert soon == f"window.SOON_DAYS = {SOON_DAYS};"
    script = catalog.removeprefix("window.CATALOG = ").removesuffix(";")
    assert json.loads(script) == json.loads(files["catalog.json"])


@pytest.mark.usefixtures("good")
def test_uri_prints_one_name(run: Run) -> None:
    code, out, _ = run("uri --framework pytorch --job inference --accelerator gpu")
    assert (code, out) == (
        0,
        "huggingface-pytorch-inference:9.1.0-transformers7.8.0-gpu-py311-cu999-debian12\n",
    )
    code, out, talk = run("uri --framework pytorch --driver 550 --accelerator gpu")
    assert (code, out) == (3, "")
    assert "driver 999.10" in talk


@pytest.mark.usefixtures("good")
def test_pull_wants_to_know_what(run: Run) -> None:
    for words in ("", "* --framework pytorch"):
        code, _, talk = run(f"pull {words} --from h.test")
        assert (code, "name images by GLOB, or say" in talk) == (2, True)


def test_a_catalogue_is_stale_when_what_it_tells_has_changed(
    good: Sample, run: Run, tmp_path: Path
) -> None:
    check = f"catalog --to {tmp_path}/site --check"
    code, _, talk = run(check)
    assert (code, "catalog.json is not there" in talk) == (4, True)
    write(good, build=build_record(good))
    made(run, tmp_path)
    assert run(check)[0] == 0
    write(good, smoke=smoke_record())
    (tmp_path / "site/view.js").write_text("old")
    code, _, talk = run(check)
    assert code == 4
    assert f"{IDENTIFIER}: smoke: nothing -> {{'finished_at'" in talk
    assert "view.js: differs" in talk
    made(run, tmp_path)
    assert run(check)[0] == 0


@pytest.mark.usefixtures("good")
def test_each_release_has_notes_of_what_is_pinned_and_what_has_changed(
    run: Run, tmp_path: Path
) -> None:
    found = made(run, tmp_path)
    assert {one.release for one in found.images} == found.releases.keys()
    one = found.releases["pytorch-9.1.0-transformers7.8.0-py311-debian12"]
    assert (one.since, one.changes) == (None, ())
    assert one.pins["transformers"] == "7.8.0"
    notes = (tmp_path / "site/notes/pytorch-9.1.0-transformers7.8.0-py311-debian12.md").read_text()
    assert notes.startswith("# PyTorch 9.1.0 with Transformers 7.8.0\n")
    assert "| transformers | 7.8.0 |" in notes


@pytest.mark.usefixtures("good")
def test_gpu_images_tell_what_they_run_on(run: Run, tmp_path: Path) -> None:
    by_name = {one.identifier: one for one in made(run, tmp_path).images}
    cpu, gpu = by_name[IDENTIFIER], by_name[IDENTIFIER.replace("-cpu", "-cu999")]
    assert (cpu.cuda, cpu.targets) == (None, ())
    assert gpu.cuda is not None
    assert gpu.driver == "999.10"
