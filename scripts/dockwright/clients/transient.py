"""A failed HTTP request in; whether, when and how often it is tried again out."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import httpx
import tenacity

from dockwright import console

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = TypeVar("Kind", bound=BaseException)

ATTEMPTS = 6
MAX_RETRY_AFTER_S = 60.0


def retrying(what: str, sleep: Callable[[float], None]) -> tenacity.Retrying:
    """Return the loop that tries again what failed for a passing reason, and says so."""

    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait_s = state.next_action.sleep if state.next_action else 0.0
        why = f"{type(error).__name__}: {reason(error)}"
        console.warn(f"{what}: {why}; trying again in {wait_s:.1f} s")

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_transient),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=_wait_s,
        sleep=sleep,
        before_sleep=tell,
        reraise=True,
    )


def is_transient(error: BaseException) -> bool:
    """Tell whether trying again may help: time-outs, resets, 429 and 5xx; never another 4xx."""
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        return status == httpx.codes.TOO_MANY_REQUESTS or status >= 500
    if isinstance(error, httpx.ConnectError):
        # Refused and unknown names are answers; only a reset on the way in may pass.
        return caused_by(error, ConnectionResetError) is not None
    passing = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)
    return isinstance(error, passing)


def reason(error: BaseException | None) -> str:
    """Return the failure in words; httpx's own text for a status quotes the whole address."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.response.status_code} {error.response.reason_phrase}"
    return str(error) or "no details"


def caused_by(error: BaseException, kind: type[Kind]) -> Kind | None:
    """Return the error of a kind that stands behind another."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, kind):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def _wait_s(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, httpx.HTTPStatusError):
        asked = error.response.headers.get("Retry-After", "")
        if asked.isdecimal():
            return min(float(asked), MAX_RETRY_AFTER_S)
    return float(tenacity.wait_random_exponential(multiplier=0.5, max=20)(state))
