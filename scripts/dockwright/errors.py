"""Every failure dockwright reports: one class and one exit code per kind of way out."""

from __future__ import annotations


class DockwrightError(Exception):
    """Something the user can act on; the message says what happened, where, and what to do."""

    exit_code: int = 1


class ManifestError(DockwrightError):
    """The manifest is missing, unreadable or wrong; every problem is listed."""

    exit_code = 2


class NothingSelectedError(DockwrightError):
    """No variant matches the globs."""

    exit_code = 3


class StaleError(DockwrightError):
    """A committed, derived file (lock, Dockerfile, schema) no longer follows from its source."""

    exit_code = 4


class SolveError(DockwrightError):
    """The requirements of a release have no common solution."""

    exit_code = 5


class NetworkError(DockwrightError):
    """A package index or mirror could not be reached, or does not have what was asked for."""

    exit_code = 6


class HashMismatchError(DockwrightError):
    """Bytes differ from the hash that the lock records."""

    exit_code = 7


class NoEngineError(DockwrightError):
    """No container engine answers and none can be brought up here."""

    exit_code = 8


class EngineUnfitError(DockwrightError):
    """An engine answers but is too old or uses an unfit image store."""

    exit_code = 9


class NoSpaceError(DockwrightError):
    """The disk has too little room for what was asked."""

    exit_code = 10


class NotRootError(DockwrightError):
    """The step needs root and the user is not."""

    exit_code = 11


class BaseImageError(DockwrightError):
    """The base image could not be bootstrapped or does not match its lock."""

    exit_code = 12


class BuildError(DockwrightError):
    """At least one image failed to build."""

    exit_code = 13


class SmokeError(DockwrightError):
    """At least one check failed, or a variant has no check."""

    exit_code = 14


class RecordError(DockwrightError):
    """A record is missing, or speaks of another digest than the one at hand."""

    exit_code = 15


class ProcessError(DockwrightError):
    """An external program failed, timed out or is not installed.

    `stderr` is all that a failed program said, for callers that know how to read it.
    """

    exit_code = 16

    def __init__(self, message: str, *, stderr: str = "") -> None:
        super().__init__(message)
        self.stderr = stderr


class BusyError(DockwrightError):
    """Another dockwright process holds the lock on the same working copy."""

    exit_code = 17


class RegistryError(DockwrightError):
    """A container registry could not be reached, refused, or does not have what was asked for."""

    exit_code = 18


class JobError(DockwrightError):
    """A job of `dockwright run` failed; where it has an exit code, that is the program's."""

    exit_code = 19

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        if exit_code is not None:
            self.exit_code = exit_code


class BenchError(DockwrightError):
    """A benchmark failed, or an image is not known to be as fast as the one it replaces."""

    exit_code = 20


class VerifyError(DockwrightError):
    """Something that is claimed of an image in a registry does not hold, or is not signed."""

    exit_code = 21


class ScanError(DockwrightError):
    """A vulnerability is overdue, or something could not be scanned or judged."""

    exit_code = 22


class PolicyError(DockwrightError):
    """An image must not have what it was to get: it is unproven, unsigned, or yanked."""

    exit_code = 23


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect it."""
