"""What a model's code raised over a request in; the sentence its caller gets, out.

Transformers checks requests as it goes, with whatever exception comes up. Their words are passed on
where they speak of the request; where they may speak of files or code, the caller is told what the
task expects instead, and the log has the rest.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dockwright_serving.errors import BadRequestError, ServingError
from dockwright_serving.tasks import names

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNKNOWN_PARAMETER = re.compile(r"unexpected keyword argument '(\w+)'")
_UNUSED_PARAMETERS = re.compile(r"model_kwargs` are not used by the model: \[([^\]]*)\]")
_TOO_LONG = re.compile(
    r"index out of range in self|indices\[[\d, ]+\] = \d+ is not in \[0|size of tensor a \(\d+\) must match|expanded size of the tensor"
    r"|sequence length .* (exceeds|longer|greater)|too short",
    re.IGNORECASE,
)
_INTERNAL = re.compile(
    r"/\w+/|\w\.py\b|\w\(\)|https?:|0x[0-9a-f]{6}|<class|tensor|Transformers", re.IGNORECASE
)
_MAX_CHARACTERS = 300
_NAMED = frozenset({"PanicException", "PipelineException"})


@contextmanager
def bad_input_refused(task: str) -> Iterator[None]:
    """Raise BadRequestError instead of what bad inputs or parameters make Transformers raise."""
    try:
        yield
    except ServingError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise BadRequestError(_sentence(task, error)) from error
    except BaseException as error:
        # A PanicException, of tokenizers' Rust, is no Exception and would end the process.
        if not (_TOO_LONG.search(str(error)) or type(error).__name__ in _NAMED):
            raise
        raise BadRequestError(_sentence(task, error)) from error


def _sentence(task: str, error: BaseException) -> str:
    text = str(error)
    if found := _UNKNOWN_PARAMETER.search(text):
        return f"{task} has no parameter {found[1]!r}"
    if found := _UNUSED_PARAMETERS.search(text):
        return f"{task} has no parameter {found[1]}"
    if _TOO_LONG.search(text):
        return (
            "the input has more tokens than the model reads; send less, or where the task has it "
            'the parameter {"truncation": true}'
        )
    fallback = (
        f"{task} can't answer this: its inputs are {names.expected(task)}, and parameters must "
        "suit the model"
    )
    first = text.strip().partition("\n")[0]
    tells = isinstance(error, ValueError) or type(error).__name__ == "PipelineException"
    if not tells or not first or _INTERNAL.search(first) or len(first) > _MAX_CHARACTERS:
        return fallback
    return f"{fallback}; it says: {first}"
