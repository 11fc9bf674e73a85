"""A batch of raw requests in; an answer to each out, by the task or with the user's functions.

Each request stands for itself as far as its faults go: what is wrong with one is its own answer
and touches no other. Requests that may share a forward pass do.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from dockwright_serving import wire
from dockwright_serving.content.accept import negotiate
from dockwright_serving.content.decode import decode
from dockwright_serving.content.media_types import parse
from dockwright_serving.content.texts import decode_text
from dockwright_serving.worker import calls, system
from dockwright_serving.worker.replies import answered, answered_by_user, guarded, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dockwright_serving.models.user_code import UserCode
    from dockwright_serving.settings import Settings
    from dockwright_serving.tasks.task import Task
    from dockwright_serving.wire import Message, Reply, Request
    from dockwright_serving.worker.calls import Call
    from dockwright_serving.worker.context import Context

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskHandler:
    """Answers with a task alone, whole batches at once."""

    task: Task
    settings: Settings
    device: str

    def facts(self) -> Message:
        """Return what the front must know to send requests."""
        limit = 1 if self.task.batch is None else min(self.task.max_batch, self.settings.max_batch)
        forkable = self.device == "cpu" and system.is_forkable()
        return {
            "task": self.task.name,
            "max_batch": limit,
            "concurrency": 1,
            "forkable": forkable,
        }

    def answer(self, requests: list[Request], write: Callable[[bytes], None]) -> None:
        """Write one frame with the replies to a batch."""
        write(wire.pack_replies(list(self._replies(requests))))

    def cancel(self, request_id: int) -> None:
        """Do nothing: a batch is not interrupted."""

    def stop(self) -> None:
        """Do nothing: there are no threads."""

    def _replies(self, requests: Sequence[Request]) -> Iterator[Reply]:
        groups: dict[bytes, list[Call]] = {}
        for request in requests:
            try:
                call = calls.read(request, self.settings.accept)
            except Exception as error:  # noqa: BLE001 - each fault is one request's answer
                yield refused(request, error)
            else:
                groups.setdefault(call.key, []).append(call)
        for group in groups.values():
            yield from self._group(group)

    def _group(self, group: Sequence[Call]) -> Iterator[Reply]:
        """Answer calls of equal parameters; when they fail together, find the guilty one by one."""
        answers = self._together(group) if len(group) > 1 else None
        if answers is None:
            for call in group:
                yield guarded(call.request, partial(self._one, call))
        else:
            for call, answer in zip(group, answers, strict=True):
                yield guarded(
                    call.request,
                    partial(answered, call.request, answer, call.accept),
                )

    def _together(self, group: Sequence[Call]) -> Sequence[object] | None:
        if self.task.batch is None:
            return None
        try:
            return self.task.batch([call.inputs for call in group], group[0].parameters)
        except Exception as error:  # noqa: BLE001 - whose fault it is shows when they run alone
            log.info("%d requests failed together and run alone: %r", len(group), error)
            return None

    def _one(self, call: Call) -> Reply:
        answer = self.task.call(call.inputs, **call.parameters)
        return answered(call.request, answer, call.accept)


@dataclass(frozen=True, kw_only=True, slots=True)
class UserHandler:
    """Answers with the user's functions, and the defaults for those left out, one by one."""

    model: object
    """What model_fn has made, or the task's callable."""
    task: str | None
    functions: UserCode
    settings: Settings
    context: Context

    def facts(self) -> Message:
        """Return what the front must know to send requests."""
        forkable = self.context.device == "cpu" and system.is_forkable()
        return {"task": self.task, "max_batch": 1, "concurrency": 1, "forkable": forkable}

    def answer(self, requests: list[Request], write: Callable[[bytes], None]) -> None:
        """Write a frame for each request."""
        for request in requests:
            reply = guarded(request, partial(self._one, request))
            write(wire.pack_replies([reply]))

    def cancel(self, request_id: int) -> None:
        """Do nothing: a function is not interrupted."""

    def stop(self) -> None:
        """Do nothing: there are no threads of ours."""

    def _one(self, request: Request) -> Reply:
        context = replace(
            self.context,
            headers=request.headers,
            request_id=request.headers.get("x-request-id", str(request.id)),
        )
        accept = request.accept or self.settings.accept
        if self.functions.transform_fn is not None:
            data, kind = self._raw(request)
            answer = self.functions.transform_fn(self.model, data, kind, accept, context)
            return answered_by_user(request, answer, accept)
        prediction = self._predict(self._input(request, context), context)
        if self.functions.output_fn is None:
            default = calls.default_type(request, self.settings.accept)
            return answered(request, prediction, negotiate(request.accept, default))
        answer = self.functions.output_fn(prediction, accept, context)
        return answered_by_user(request, answer, accept)

    def _input(self, request: Request, context: Context) -> object:
        if self.functions.input_fn is None:
            return decode(request.body, request.content_type)
        return self.functions.input_fn(*self._raw(request), context)

    def _predict(self, value: object, context: Context) -> object:
        if self.functions.predict_fn is not None:
            return self.functions.predict_fn(value, self.model, context)
        if not callable(self.model):
            msg = f"model_fn made a {type(self.model).__name__}, which can't be called: write predict_fn"
            raise TypeError(msg)
        inputs, parameters = calls.split(value)
        return self.model(inputs, **parameters)

    def _raw(self, request: Request) -> tuple[str | bytes, str]:
        """Return body and type as the toolkits' functions know them: text where it is text."""
        kind = request.content_type or self.settings.accept
        media = parse(kind)
        if media.name.startswith("text/") or "json" in media.name:
            return decode_text(request.body, media.charset), kind
        return request.body, kind
