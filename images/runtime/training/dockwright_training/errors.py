"""What ends a training job: each error knows the exit code and the paragraph for `failure`.

A script's own exit code passes through; these are of what goes wrong around it, after sysexits.h.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dockwright_shared.errors import ContentError, DiskFullError

if TYPE_CHECKING:
    from collections.abc import Iterator


class TrainingError(Exception):
    """An error whose message is meant for the person who started the job."""

    exit_code = 1


class InputError(TrainingError):
    """The script, a channel or a file that was named is not there, or can't be read."""

    exit_code = 66


class HostsError(TrainingError):
    """Another host of the job can't be reached, is lost, or has failed."""

    exit_code = 69


class RequirementError(TrainingError):
    """What the script requires can't be installed, or is not in this image."""

    exit_code = 69


class DriverError(TrainingError):
    """There is a GPU, and its driver is too old for this image."""

    exit_code = 69


class InternalError(TrainingError):
    """A fault of `train` itself; the log has the traceback."""

    exit_code = 70


class OutputError(TrainingError):
    """Results have no place: a folder can't be written, or the disk is full."""

    exit_code = 73


class ConfigError(TrainingError):
    """The configuration makes no sense: malformed JSON, an unknown combination of settings."""

    exit_code = 78


class ScriptError(TrainingError):
    """The script ended without success; its own exit code, or 128 + signal, passes through."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class OtherHostError(ScriptError):
    """Another host has failed; its exit code is that of every host."""


class StoppedError(TrainingError):
    """The container was told to stop before the script had started: 128 + signal."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@contextmanager
def of_content(kind: type[InputError | RequirementError]) -> Iterator[None]:
    """Turn what is wrong with a file that was handed over into an error of the job."""
    try:
        yield
    except DiskFullError as e:
        raise OutputError(str(e)) from e
    except ContentError as e:
        raise kind(str(e)) from e


def of_the_unexpected(error: Exception) -> TrainingError:
    """Return the error for what nobody has foreseen."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return OutputError(f"the disk is full: {error}")
    return InternalError(f"a fault of `train` itself: {type(error).__name__}: {error}")
