"""Manifest in, variants out: one frozen row per image of the matrix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockwright.spec import naming
from dockwright.spec.axes import Accelerator, Framework, Job

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dockwright.spec.base import BaseSpec, OsLayer
    from dockwright.spec.model import (
        AcceleratorSpec,
        AddOn,
        Common,
        FrameworkDistribution,
        FrameworkFile,
        ReleaseSpec,
    )
    from dockwright.spec.runtime import Runtime


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Overlay:
    """What makes a release one of a downstream team's: where it is written, and what it adds."""

    path: Path
    """The team's folder: its manifests, and all that is committed of what follows from them."""
    flavor: str
    """The word that its names end with."""
    extends: Release | None = None
    """Our release whose locked layers its images have, and more; None for one of the team's own."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Release:
    """One set of pins on one base, shared by all its variants."""

    framework: Framework
    spec: ReleaseSpec
    file: FrameworkFile
    common: Common
    base: BaseSpec
    runtimes: Mapping[Job, Runtime]
    """Our own packages that the images of a job run, where a job has any."""
    overlay: Overlay | None = None
    """None for a release of ours."""

    @property
    def flavor(self) -> str | None:
        """What its names end with, if it is a team's."""
        return self.overlay.flavor if self.overlay else None

    @property
    def extends(self) -> Release | None:
        """Our release that it adds to, if it is such a one."""
        return self.overlay.extends if self.overlay else None

    @property
    def transformers(self) -> str:
        return self.spec.huggingface["transformers"]

    @property
    def name(self) -> str:
        return naming.release_name(
            version=self.spec.version,
            transformers=self.transformers,
            python=self.base.python,
            base=self.base.name,
            flavor=self.flavor,
        )

    @property
    def key(self) -> str:
        """The release's name among those of all frameworks, in one path component."""
        return f"{self.framework}-{self.name}"

    @property
    def glibc(self) -> str:
        """The base's C library, `major.minor`: it decides which wheels run."""
        return self.common.bases[self.spec.base].glibc

    @property
    def folder(self) -> str:
        """The release's folder below `images/`, also the main context of its builds."""
        return f"{self.framework}/{self.name}"

    def locks_in(self, buildspec_path: Path) -> Path:
        """Return the folder of its locks and module lists: `buildspec/` of ours, or the team's."""
        return self.overlay.path if self.overlay else buildspec_path

    def images_in(self, images_path: Path) -> Path:
        """Return the folder that its own is in: `images/` of ours, or the team's."""
        return self.overlay.path / "images" if self.overlay else images_path

    def command(self, name: str) -> str:
        """Return a command of ours as it has to be typed for the release."""
        option = f"--spec {self.overlay.path} " if self.overlay else ""
        return f"dockwright {option}{name}"

    @property
    def accelerators(self) -> tuple[Accelerator, ...]:
        return tuple(sorted(Accelerator(name) for name in self.spec.accelerators))

    def distribution(self, accelerator: Accelerator) -> FrameworkDistribution:
        """Return what carries the framework on this accelerator."""
        return self.file.distributions["cpu" if accelerator.kind == "cpu" else "gpu"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Variant:
    """One image: a release for one job and one accelerator."""

    release: Release
    job: Job
    accelerator: Accelerator
    identifier: str

    @property
    def spec(self) -> AcceleratorSpec:
        return self.release.spec.accelerators[self.accelerator.name]

    @property
    def folder(self) -> str:
        """The variant's folder below its release's."""
        return f"{self.job}/{self.accelerator}"

    @property
    def repository(self) -> str:
        return naming.repository(self.release.framework, self.job)

    @property
    def tag(self) -> str:
        return naming.tag(
            version=self.release.spec.version,
            transformers=self.release.transformers,
            accelerator=self.accelerator,
            python=self.release.base.python,
            base=self.release.base.name,
            flavor=self.release.flavor,
        )

    @property
    def reference(self) -> str:
        """The image's name in a local engine."""
        return f"{self.repository}:{self.tag}"

    @property
    def traits(self) -> tuple[str, ...]:
        """The folders of smoke checks that every image of this kind must pass."""
        return ("common", self.release.framework.value, self.job.value, self.accelerator.trait)

    @property
    def runtime(self) -> Runtime | None:
        """Our own packages that the image runs, if its job has any."""
        return self.release.runtimes.get(self.job)

    @property
    def os_layer(self) -> OsLayer | None:
        """The Debian packages that the image has on its base, if any."""
        return self.release.base.os_layer(self.job, self.release.framework)

    @property
    def add_ons(self) -> tuple[AddOn, ...]:
        """What the image has that no index has."""
        name = self.accelerator.name
        return tuple(a for a in self.release.spec.add_ons if a.is_in(self.job, name))

    @property
    def budget_bytes(self) -> int:
        """The most that the image's compressed layers may weigh."""
        return self.spec.budget_mb[self.job] * 1_000_000

    @property
    def unpacked_budget_bytes(self) -> int | None:
        """The most that its layers may take once unpacked, if the manifest says."""
        budget_mb = self.spec.unpacked_mb.get(self.job)
        return None if budget_mb is None else budget_mb * 1_000_000


def all_variants(
    framework: Framework,
    file: FrameworkFile,
    common: Common,
    bases: Mapping[str, BaseSpec],
    runtimes: Mapping[Job, Runtime],
) -> Iterator[Variant]:
    """Yield a framework's variants in the manifest's order, those that excludes name included."""
    for spec in file.releases:
        release = Release(
            framework=framework,
            spec=spec,
            file=file,
            common=common,
            base=bases[spec.base],
            runtimes=runtimes,
        )
        for job in spec.jobs:
            for accelerator in release.accelerators:
                yield variant(release, job, accelerator)


def variant(release: Release, job: Job, accelerator: Accelerator) -> Variant:
    """Return one image of a release."""
    return Variant(
        release=release,
        job=job,
        accelerator=accelerator,
        identifier=naming.identifier(release.framework, release.name, job, accelerator),
    )
