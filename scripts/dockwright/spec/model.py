"""The manifest's shape: strict pydantic models of what buildspec/*.yml may say."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from dockwright.spec.axes import ACCELERATOR_PATTERN, Framework, Job

# Every string is matched against a closed pattern: nothing that is parsed here can carry a
# character that means something to a shell, a Dockerfile or a path.
Version = Annotated[
    str,
    StringConstraints(
        pattern=r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*((a|b|rc)[0-9]+)?(\.post[0-9]+)?$",
        max_length=24,  # two of them and the rest of a tag are within the 128 that a tag may have
    ),
]
PythonVersion = Annotated[str, StringConstraints(pattern=r"^3\.[1-9][0-9]$")]
DriverVersion = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{2}(\.[0-9]+)*$")]
Distribution = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
ImageVersion = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,2}\.(0|[1-9][0-9]{0,2})$")]
BaseName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(\.[a-z0-9]+)*$", max_length=20)
]
DebianPackage = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]
DebianPackages = Annotated[tuple[DebianPackage, ...], Field(min_length=1)]
AcceleratorName = Annotated[str, StringConstraints(pattern=f"^({ACCELERATOR_PATTERN.pattern})$")]
# A job's, or those of one framework's images of the job.
JobPackages = Annotated[
    str, StringConstraints(pattern=f"^({'|'.join(Job)})(-({'|'.join(Framework)}))?$")
]
WheelPin = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*==[a-z0-9]+([.!+][a-z0-9]+)*$")
]
# Below site-packages, in a folder that has a plain name and so is no wheel's own metadata.
FilePattern = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_]+/[A-Za-z0-9_*.+/-]+$", max_length=200)
]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
EnvValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.,:/@+-]+$")]
# Goes into labels and comments of Dockerfiles, between double quotes.
Title = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9 .,+&()/_-]*[A-Za-z0-9.)])?$", max_length=80
    ),
]
# For people to read. None of the characters that end a line, a blank neither first nor last.
Sentence = Annotated[
    str,
    StringConstraints(
        pattern=r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\s\x00-\x1f\x7f-\x9f])?$",
        max_length=300,
    ),
]
IndexUrl = Annotated[
    str, StringConstraints(pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*/?$")
]
# An address, or a file's name alone: such a file comes from carried folders.
AddOnUrl = Annotated[
    str,
    StringConstraints(
        pattern=r"^(https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~+%-]+)*/)?"
        r"[A-Za-z0-9]([A-Za-z0-9._+!-]|%2[Bb])*\.(whl|tar\.gz|tgz)$",
        max_length=500,
    ),
]
AddOnFolder = Annotated[
    str, StringConstraints(pattern=r"^/opt/[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$")
]
OUR_FOLDERS = ("venv", "ml")
"""Below /opt: the virtual environment, and SageMaker's."""
WHEEL_FILENAME = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._]*-[0-9][A-Za-z0-9._+!]*(-[0-9][A-Za-z0-9_]*)?(-[A-Za-z0-9._]+){3}\.whl"
)
Megabytes = Annotated[int, Field(gt=0, description="decimal megabytes")]


class Model(BaseModel):
    """Base of every manifest model."""

    # Deferred: a model is compiled with the file that holds it, not once more by itself.
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class BaseImage(Model):
    """A Debian root file system that images start from."""

    suite: Word
    architecture: Literal["amd64"]
    python: PythonVersion
    glibc: Annotated[str, StringConstraints(pattern=r"^2\.[0-9]{2}$")]
    epoch: Annotated[
        int, Field(ge=315532800, lt=4102444800, description="SOURCE_DATE_EPOCH, in seconds")
    ]
    end_of_support: date
    packages: DebianPackages
    job_packages: dict[JobPackages, DebianPackages] = {}


class Tools(Model):
    """What makes the virtual environment: `pip` goes into it, `uv` fills it during a build."""

    pip: Version
    uv: Version


class Rule(Model):
    """What no package's metadata says: versions that a framework's releases must keep to."""

    framework: Framework
    package: Distribution
    wants: Annotated[str, StringConstraints(pattern=r"^(<|<=|>|>=|!=|==)[0-9]+(\.[0-9]+)*$")]
    reason: Sentence
    source: IndexUrl


class CudaDriver(Model):
    """The oldest driver that a major version of CUDA runs on."""

    cuda: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]$")]
    driver: DriverVersion
    source: IndexUrl


class Gpus(Model):
    """GPUs that run the same instructions, by the names that `nvidia-smi` begins with for them."""

    capability: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]?\.[0-9]$")]
    names: Annotated[tuple[Title, ...], Field(min_length=1)]
    source: IndexUrl


class Common(Model):
    """buildspec/common.yml: what all frameworks share."""

    frameworks: Annotated[tuple[Framework, ...], Field(min_length=1)]
    vendor: Title
    tools: Tools
    bases: Annotated[dict[BaseName, BaseImage], Field(min_length=1)]
    indexes: dict[Word, IndexUrl] = {}
    runtimes: dict[Job, Word] = {}
    cooling_off_days: Annotated[
        int | None, Field(ge=1, le=90, description="how old what is bumped to must be")
    ] = None
    rules: tuple[Rule, ...] = ()
    cuda_drivers: tuple[CudaDriver, ...] = ()
    gpus: tuple[Gpus, ...] = ()

    @field_validator("frameworks")
    @classmethod
    def _once(cls, frameworks: tuple[Framework, ...]) -> tuple[Framework, ...]:
        if len(set(frameworks)) != len(frameworks):
            msg = f"a framework is written twice: {', '.join(frameworks)}"
            raise ValueError(msg)
        return frameworks


class FrameworkDistribution(Model):
    """The Python distribution that carries a framework for one kind of accelerator."""

    name: Distribution
    local: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+$")] | None = None
    extra: Distribution | None = None
    index: Word | None = None
    replaces: Distribution | None = None
    environment: dict[EnvName, EnvValue] = {}


class AcceleratorSpec(Model):
    """What a release says about one accelerator."""

    budget_mb: dict[Job, Megabytes]
    unpacked_mb: dict[Job, Megabytes] = {}
    driver: DriverVersion | None = None


class AllowedConflict(Model):
    """One line of `pip check` that is right to be there."""

    line: Sentence
    reason: Sentence
    accelerators: tuple[AcceleratorName, ...] = ()
    """The images that it is in; all when none is named."""


class LeftOut(Model):
    """Files of wheels that no image needs, proven for these versions of the wheels."""

    wheels: Annotated[tuple[WheelPin, ...], Field(min_length=1)]
    files: Annotated[tuple[FilePattern, ...], Field(min_length=1)]
    named_in: tuple[FilePattern, ...] = ()
    """Files that name them all the same, and load none of them."""
    reason: Sentence


class AddOn(Model):
    """A wheel or an archive that no index has: a layer of its own, laid after all locked wheels."""

    name: Word
    url: AddOnUrl
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(gt=0, description="bytes of the file")]
    reason: Sentence
    jobs: Annotated[tuple[Job, ...], Field(min_length=1)] | None = None
    accelerators: Annotated[tuple[AcceleratorName, ...], Field(min_length=1)] | None = None
    into: AddOnFolder | None = None
    environment: dict[EnvName, EnvValue] = {}

    @property
    def filename(self) -> str:
        """The file's name, which its address ends with."""
        return unquote(self.url.rpartition("/")[2])

    @property
    def is_wheel(self) -> bool:
        """Whether it is installed as a wheel; else it is unpacked."""
        return self.filename.endswith(".whl")

    @model_validator(mode="after")
    def _consistent(self) -> AddOn:
        if not self.is_wheel and self.into is None:
            msg = "an archive needs `into`, the folder that it is unpacked in"
            raise ValueError(msg)
        if self.is_wheel and self.into is not None:
            msg = "`into` is for archives: wheels go where wheels go"
            raise ValueError(msg)
        if self.into is not None and self.into.split("/")[2] in OUR_FOLDERS:
            msg = f"{self.into} is not for add-ons; take another folder below /opt"
            raise ValueError(msg)
        if self.is_wheel and not WHEEL_FILENAME.fullmatch(self.filename):
            msg = f"{self.filename} is not a wheel's file name"
            raise ValueError(msg)
        return self

    def is_in(self, job: Job, accelerator: str) -> bool:
        """Tell whether the images for a job on an accelerator have it: all, unless it says which."""
        return (self.jobs is None or job in self.jobs) and (
            self.accelerators is None or accelerator in self.accelerators
        )


class ReleaseSpec(Model):
    """One release: a set of pins shared by all of its variants."""

    version: Version
    base: BaseName
    image: Annotated[ImageVersion, Field(description="of what we make of these versions")] = "1.0"
    ga: date
    end_of_patch: date
    jobs: Annotated[tuple[Job, ...], Field(min_length=1)]
    accelerators: Annotated[dict[AcceleratorName, AcceleratorSpec], Field(min_length=1)]
    companions: dict[Distribution, Version] = {}
    huggingface: dict[Distribution, Version]
    extras: dict[Job, dict[Distribution, Version]] = {}
    pip_check: tuple[AllowedConflict, ...] = ()
    add_ons: Annotated[tuple[AddOn, ...], Field(title="Add-ons")] = ()

    @model_validator(mode="after")
    def _consistent(self) -> ReleaseSpec:
        if "transformers" not in self.huggingface:
            msg = "huggingface has no pin for transformers, which names the release"
            raise ValueError(msg)
        if self.end_of_patch <= self.ga:
            msg = f"end_of_patch {self.end_of_patch} is not after ga {self.ga}"
            raise ValueError(msg)
        return self


class Exclude(Model):
    """Variants that are not built, and why."""

    match: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.*?\[\]!-]+$")]
    reason: Sentence


class FrameworkFile(Model):
    """buildspec/<framework>.yml: the releases of one framework."""

    title: Title
    module: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    distributions: dict[Literal["cpu", "gpu"], FrameworkDistribution]
    environment: dict[EnvName, EnvValue] = {}
    drops: tuple[Distribution, ...] = ()
    left_out: Annotated[tuple[LeftOut, ...], Field(title="Left out")] = ()
    releases: Annotated[tuple[ReleaseSpec, ...], Field(min_length=1)]
    exclude: tuple[Exclude, ...] = ()
