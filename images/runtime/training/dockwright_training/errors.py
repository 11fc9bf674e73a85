"""What ends a training job: each error knows the exit code and the paragraph for `failure`.

A script's own exit code passes through; these are of what goes wrong around it, after sysexits.h.
"""

from __future__ import annotations


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
