"""A copy of the sample in; its releases, as tiny images with records, pushed to a registry, out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import images
from dockwright import process
from dockwright.clients import cosign, evidence
from dockwright.clients.registry import Repository
from dockwright.composition import image_layout
from dockwright.spec import records, registries, selector
from dockwright.spec.bench_records import (
    BenchRecord,
    BenchVerdict,
    Interval,
    MetricRecord,
    SuiteRecord,
    SuiteStatus,
)
from dockwright.spec.evidence import Kind
from dockwright.spec.records import BuildRecord, CheckRecord, SmokeRecord, Status
from dockwright.stages.push import parcels, send
from dockwright.stages.push.sources import Layouts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dockwright.clients.cosign import Signer
    from dockwright.clients.registry_session import Session
    from dockwright.spec.image import AssembledImage
    from dockwright.spec.records import PushRecord
    from dockwright.spec.variants import Variant
    from dockwright.stages.push.parcels import Parcel
    from sample import Sample

RELEASE = "tensorflow-8.2.0-transformers4.99.0-py311-debian12"
GPU_CHECK = "cuda/check_gpu"
REGISTRIES = """\
registries:
  staging: {{place: "{host}/staging", retention_days: 30}}
  production: {{place: "{users}/production"}}
  signed: {{place: "{users}/signed", requires: [smoke, signature], key: release.pub}}
"""


@dataclass
class Publisher:
    """Someone who builds, checks and pushes the sample's release, by a clock of their own."""

    sample: Sample
    folder: Path
    glob: str = f"{RELEASE}-*"
    extra_bytes: int = 20_000
    """What each image weighs, about."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    digests: dict[str, str] = field(default_factory=dict)
    signer: Signer | None = None

    @property
    def every(self) -> tuple[Variant, ...]:
        return self.sample.manifest().variants

    @property
    def variants(self) -> tuple[Variant, ...]:
        return selector.pick(self.every, [self.glob])

    def know(self, host: str, *, users: str | None = None) -> None:
        """Write registries.yml: staging is on a host, users' places there or on a host of their own."""
        path = self.sample.ws.buildspec_path / registries.FILE
        path.write_text(REGISTRIES.format(host=host, users=users or host), encoding="utf-8")

    def build(self, seed: int, *, statuses: Sequence[Status] = (Status.PASSED,)) -> None:
        """Make images that only a seed tells from others, and records that they were checked."""
        for number, variant in enumerate(self.variants):
            made = images.tiny(
                self.folder / "blobs", extra_bytes=self.extra_bytes, seed=seed * 100 + number
            )
            path = self.folder / variant.identifier
            image_layout.write(path, made, reference=variant.reference)
            self.digests[variant.identifier] = made.digest
            self.record_build(variant, made)
            self.record_smoke(variant, made.digest, statuses)

    def record_build(self, variant: Variant, image: AssembledImage) -> None:
        record = BuildRecord(
            identifier=variant.identifier,
            digest=image.digest,
            finished_at=self.now.isoformat(timespec="seconds"),
            seconds=1.0,
            reference=variant.reference,
            builder="assemble",
            inputs_sha256="0" * 64,
            base_digest="sha256:" + "b" * 64,
            is_base_drifted=False,
            media_type=image.manifest_type,
            layers=(),
            size_bytes=image.size_bytes,
        )
        records.write(self.sample.ws.out_path, "build", record)

    def record_smoke(self, variant: Variant, digest: str, statuses: Sequence[Status]) -> None:
        names = {Status.PASSED: "common/check", Status.FAILED: "common/bad"}
        record = SmokeRecord(
            identifier=variant.identifier,
            digest=digest,
            finished_at=self.now.isoformat(timespec="seconds"),
            seconds=1.0,
            checks_sha256="c" * 64,
            checks=tuple(
                CheckRecord(name=names.get(s, GPU_CHECK), status=s, seconds=1.0, detail="")
                for s in statuses
            ),
        )
        records.write(self.sample.ws.out_path, "smoke", record)

    def record_bench(
        self,
        verdict: BenchVerdict,
        *,
        against: Mapping[str, str],
        status: SuiteStatus = SuiteStatus.MEASURED,
    ) -> None:
        """Note what benchmarks said of all images that were built last; `against` by identifier."""
        for variant in self.variants:
            name = variant.identifier
            record = bench_record(
                name, self.digests[name], verdict, against=against.get(name), status=status
            )
            records.write(self.sample.ws.out_path, "bench", record)

    def push(self, session: Session, place: str = "staging") -> tuple[PushRecord, ...]:
        """Push what was built last; the clock goes on by a minute."""
        target = registries.find(self.sample.ws.buildspec_path, f"{session.host}/{place}")
        source = Layouts(folder=self.folder)
        every = self.every
        variants = selector.pick(every, [self.glob])
        current = {variant.identifier for variant in variants}
        prepared = parcels.prepare(
            self.sample.ws,
            variants,
            every,
            target,
            source,
            current=current,
            signed_by=self.signer.fingerprint if self.signer else None,
        )
        pushed = send.push(
            self.sample.ws,
            prepared,
            source,
            session,
            target,
            attest=self.attest,
            clock=lambda: self.now,
            mount_from=[],
        )
        self.now += timedelta(minutes=1)
        return pushed

    def attest(
        self, repository: Repository, parcel: Parcel, *, also: Sequence[str], now: datetime
    ) -> None:
        """Attach the records alone: the sample's wheels, which the rest is made of, do not exist."""
        digest, created_at = parcel.record.digest, now.isoformat(timespec="seconds")
        attached = [*also]
        for kind in (Kind.BUILD, Kind.SMOKE, Kind.BENCH):
            content = records.content_of(self.sample.ws.out_path, parcel.record, kind)
            if content is not None:
                attached.append(
                    evidence.attach(repository, digest, kind, content, created_at=created_at)
                )
        if self.signer:
            cosign.sign(self.signer, repository, (digest, *attached))

    def tags(self, session: Session, place: str) -> dict[str, str]:
        """Return what every tag of users in a place names, by `<image>:<tag>`."""
        found = {}
        for name in dict.fromkeys(variant.repository for variant in self.every):
            repository = Repository(session=session, name=f"{place}/{name}")
            for tag in repository.tags():
                digest = repository.manifest_digest(tag)
                if not tag.startswith("sha256-") and digest is not None:
                    found[f"{name}:{tag}"] = digest
        return found


def new_key(program: str, folder: Path) -> Signer:
    """Have cosign make a key pair in a folder; its password is COSIGN_PASSWORD's."""
    process.run((program, "generate-key-pair"), cwd=folder, timeout_s=120)
    return cosign.Signer(program=program, key=str(folder / "cosign.key"))


def bench_record(
    identifier: str,
    digest: str,
    verdict: BenchVerdict,
    *,
    against: str | None,
    status: SuiteStatus = SuiteStatus.MEASURED,
) -> BenchRecord:
    """Return the record of a benchmark with one metric."""
    metric = MetricRecord(
        name="batch=1",
        unit="s",
        value=Interval(median=1.0, low=0.9, high=1.1),
        starts=5,
        verdict=verdict,
        reason="as measured",
    )
    metrics = (metric,) if status is SuiteStatus.MEASURED else ()
    suite = SuiteRecord(name="latency/x", status=status, detail="", metrics=metrics)
    return BenchRecord(
        identifier=identifier,
        digest=digest,
        finished_at="2026-11-26T12:00:00+00:00",
        seconds=60.0,
        host="local",
        against=against,
        against_identifier="another" if against else None,
        suites=(suite,),
    )
