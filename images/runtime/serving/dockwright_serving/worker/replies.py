"""What a request came to in; the reply that says so out."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import orjson

from dockwright_serving.content.accept import negotiate
from dockwright_serving.content.encode import encode
from dockwright_serving.errors import ServingError
from dockwright_serving.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockwright_serving.wire import Request

log = logging.getLogger(__name__)
_GPU_FAILED = 70


def answered(request: Request, answer: object, media_type: str) -> Reply:
    """Return the reply with a model's answer.

    Raises:
        NotAcceptableError: the answer can't be written in that type.
    """
    return Reply(id=request.id, body=encode(answer, media_type), content_type=media_type)


def answered_by_user(request: Request, answer: object, accept: str) -> Reply:
    """Return the reply with what output_fn or transform_fn gave: a body, or a body and its type."""
    kind = None
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], str):
        answer, kind = answer
    if kind is None:
        kind = negotiate(accept, "application/json")
    if isinstance(answer, str):
        answer = answer.encode()
    if isinstance(answer, (bytes, bytearray, memoryview)):
        return Reply(id=request.id, body=bytes(answer), content_type=kind)
    return answered(request, answer, kind)


def guarded(request: Request, run: Callable[[], Reply]) -> Reply:
    """Return what a function replies, or the refusal that its error asks for."""
    try:
        return run()
    except Exception as error:  # noqa: BLE001 - user code and models may raise anything
        return refused(request, error)


def refused(request: Request, error: Exception) -> Reply:
    """Return the reply that says what went wrong; a traceback goes to the log only.

    After an error of the GPU nothing that a process computes can be trusted: it ends here, its
    requests are answered with 503 and it is replaced.
    """
    if _leaves_gpu_broken(error):
        log.critical("the GPU failed; this worker ends", exc_info=error)
        logging.shutdown()
        os._exit(_GPU_FAILED)
    status, reason = _status_and_reason(error)
    log.log(
        logging.INFO if status < 500 else logging.ERROR,
        "request refused",
        exc_info=error,
        extra={"status": status, "request_id": request.headers.get("x-request-id")},
    )
    after = error.retry_after_seconds if isinstance(error, ServingError) else None
    return Reply(
        id=request.id, status=status, body=orjson.dumps({"error": reason}), retry_after=after
    )


def _leaves_gpu_broken(error: Exception) -> bool:
    """Whether it is an error of CUDA that sticks: all but a lack of memory do."""
    is_memory = type(error).__name__ == "OutOfMemoryError"
    return isinstance(error, RuntimeError) and "CUDA error" in str(error) and not is_memory


def _status_and_reason(error: Exception) -> tuple[int, str]:
    if isinstance(error, ServingError):
        return error.status, str(error)
    # sagemaker-inference's errors, by which user code has always chosen a status
    status, message = getattr(error, "status_code", None), getattr(error, "message", None)
    if isinstance(status, int) and 400 <= status < 600 and isinstance(message, str):
        return status, message
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's
        return 507, "the memory does not suffice for this request"
    return 500, f"the model raised {type(error).__name__}; the log has the traceback"
