"""Where everything of a training job lies, by SageMaker's contract."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders below /opt/ml."""

    base: Path = Path("/opt/ml")

    @property
    def input(self) -> Path:
        """What comes in: config/ and data/."""
        return self.base / "input"

    @property
    def config(self) -> Path:
        """The three JSON files that describe the job."""
        return self.input / "config"

    @property
    def data(self) -> Path:
        """A folder per channel."""
        return self.input / "data"

    @property
    def code(self) -> Path:
        """Where the user's code is put, or mounted."""
        return self.base / "code"

    @property
    def model(self) -> Path:
        """What is here at the end is the result."""
        return self.base / "model"

    @property
    def output(self) -> Path:
        """Where `failure` or `success` goes."""
        return self.base / "output"

    @property
    def output_data(self) -> Path:
        """Further results."""
        return self.output / "data"

    @property
    def output_intermediate(self) -> Path:
        """Results that may be looked at while the job runs."""
        return self.output / "intermediate"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's event files."""
        return self.output / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        """What survives an interruption: SageMaker keeps it in S3 where the job asks for that."""
        return self.base / "checkpoints"
