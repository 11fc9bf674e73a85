"""What goes wrong while serving: each error knows the HTTP status and the sentence a caller gets."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dockwright_shared.errors import ContentError, DiskFullError

if TYPE_CHECKING:
    from collections.abc import Iterator


class ServingError(Exception):
    """An error whose message is meant for the caller; anything else is answered as a plain 500."""

    status = 500
    retry_after_seconds: int | None = None


class BadRequestError(ServingError):
    """The request can't be understood or the model refuses its content."""

    status = 400


class NotFoundError(ServingError):
    """There is no such model or page."""

    status = 404


class NotAcceptableError(ServingError):
    """The answer can't be written in any of the types the caller accepts."""

    status = 406


class ConflictError(ServingError):
    """A model of that name is loaded already."""

    status = 409


class PayloadTooLargeError(ServingError):
    """The body, or what it unpacks to, exceeds a limit."""

    status = 413


class UnsupportedMediaTypeError(ServingError):
    """Nothing here reads the request's content type."""

    status = 415


class UnavailableError(ServingError):
    """Not now: starting, busy, draining, or the worker that had the request is gone."""

    status = 503
    retry_after_seconds: int | None = 1


class ModelError(ServingError):
    """A model can't be loaded: its files, its code or its requirements are at fault."""

    status = 500


class OutOfMemoryError(ServingError):
    """The memory, or the disk, does not suffice for a model."""

    status = 507


class DeadlineError(ServingError):
    """The time a request may take is over."""

    status = 504


@contextmanager
def of_content() -> Iterator[None]:
    """Turn what the shared package refuses into errors of serving.

    Raises:
        ModelError: an archive or a requirement is at fault.
        OutOfMemoryError: the disk is too small for it.
    """
    try:
        yield
    except DiskFullError as e:
        raise OutOfMemoryError(str(e)) from e
    except ContentError as e:
        raise ModelError(str(e)) from e
