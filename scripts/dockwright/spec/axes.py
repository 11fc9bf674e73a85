"""The closed vocabularies of the matrix: framework, job and accelerator."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

ACCELERATOR_PATTERN = re.compile(r"cpu|cu[1-9][0-9]{2}")


class Framework(StrEnum):
    """The library that a release is built around; also its manifest's file name."""

    PYTORCH = "pytorch"
    TENSORFLOW = "tensorflow"


class Job(StrEnum):
    """What an image is for."""

    TRAINING = "training"
    INFERENCE = "inference"

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What SageMaker may ask of the job's runtime, as its labels name it."""
        return ("accept-bind-to-port", "multi-models") if self is Job.INFERENCE else ()

    @property
    def ports(self) -> tuple[str, ...]:
        """What the job's runtime listens on, by SageMaker's contract."""
        return ("8080/tcp",) if self is Job.INFERENCE else ()


@dataclass(frozen=True, slots=True, order=True)
class Accelerator:
    """`cpu`, or `cuXYZ`: the CUDA runtime's major.minor without the dot.

    >>> Accelerator("cu132").trait, Accelerator("cpu").trait
    ('cuda', 'cpu')
    """

    name: str

    def __post_init__(self) -> None:
        if not ACCELERATOR_PATTERN.fullmatch(self.name):
            msg = f"{self.name!r} is not an accelerator; use 'cpu' or 'cuXYZ' such as 'cu132'"
            raise ValueError(msg)

    def __str__(self) -> str:
        return self.name

    @property
    def trait(self) -> str:
        """The folder of smoke checks that this accelerator asks for."""
        return "cpu" if self.name == "cpu" else "cuda"

    @property
    def kind(self) -> str:
        """`cpu` or `gpu`, as tags have it."""
        return "cpu" if self.name == "cpu" else "gpu"
