"""The folder with the user's code in; their functions, each taking a context, out.

What runs is what the user has put there: `code/inference.py` of a mounted or unpacked model, or
SAGEMAKER_PROGRAM. Code of a model from the hub runs only with HF_TRUST_REMOTE_CODE=true. Pickle is
held to the same line: weights are read from safetensors where there are any; pytorch_model.bin is
read with torch's weights_only, which runs no code; and nothing in a request is ever unpickled.
"""

from __future__ import annotations

import importlib.util
import inspect
import logging
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright_serving.errors import ModelError
from dockwright_serving.models import code_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from dockwright_serving.settings import ModelSettings

    Function = Callable[..., object]

log = logging.getLogger(__name__)
POSITIONAL = {"model_fn": 1, "input_fn": 2, "predict_fn": 2, "output_fn": 2, "transform_fn": 4}
"""How many arguments each function takes before the context."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UserCode:
    """The user's functions; each is called with a context as last argument, taken or not."""

    model_fn: Function | None = None
    """(model_dir) -> model"""
    input_fn: Function | None = None
    """(body, content_type) -> data"""
    predict_fn: Function | None = None
    """(data, model) -> prediction"""
    output_fn: Function | None = None
    """(prediction, accept) -> answer"""
    transform_fn: Function | None = None
    """(model, body, content_type, accept) -> answer"""


def load(settings: ModelSettings, model_path: Path) -> UserCode | None:
    """Import the user's program and return its functions; None where there is none.

    Raises:
        ModelError: it is nowhere, does not import, or its functions do not fit together.
    """
    scratch = Path(tempfile.gettempdir())
    if settings.submit_directory and Path(settings.submit_directory).is_file():
        scratch = Path(tempfile.mkdtemp(prefix="serving-code-"))
    folder = code_folder.find(settings, model_path, scratch)
    file = folder and folder / code_folder.program(settings)
    if folder is None or file is None or not file.is_file():
        return None
    module = _imported(file, folder)
    found = {name: getattr(module, name, None) for name in POSITIONAL}
    functions = {name: function for name, function in found.items() if function is not None}
    log.info("user code", extra={"file": str(file), "functions": sorted(functions)})
    if not functions:
        return None
    replaced = sorted(functions.keys() & {"input_fn", "predict_fn", "output_fn"})
    if "transform_fn" in functions and replaced:
        msg = f"{file}: transform_fn does the work of {', '.join(replaced)}: keep one or the other"
        raise ModelError(msg)
    normal = {
        name: with_context(function, POSITIONAL[name]) for name, function in functions.items()
    }
    return UserCode(**normal)


def _imported(file: Path, folder: Path) -> ModuleType:
    """Import a file by its own name, so that its neighbours can import it, too."""
    for place in {str(folder), str(file.parent)} - set(sys.path):
        sys.path.insert(0, place)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        msg = f"{file}: no Python file"
        raise ModelError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as e:
        sys.modules.pop(file.stem, None)
        log.exception("user code failed", extra={"file": str(file)})
        msg = f"{_where(e, file)}: {type(e).__name__}: {getattr(e, 'msg', e)}"
        raise ModelError(msg) from e
    return module


def _where(error: BaseException, file: Path) -> str:
    """Return file and line: of the innermost of the user's own lines."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(file.parent)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else str(file)


def with_context(function: object, positional: int) -> Function:
    """Return a function that takes a context as last argument and passes it on where it is wanted.

    Raises:
        ModelError: it takes neither that many arguments nor one more.
    """
    name = getattr(function, "__name__", type(function).__name__)
    if not callable(function):
        msg = f"{name} in the user's code is a {type(function).__name__}, no function"
        raise ModelError(msg)
    if inspect.iscoroutinefunction(function):
        msg = f"{name} in the user's code is async; the functions are called in worker processes"
        raise ModelError(msg)
    match _wish(function, name, positional):
        case "last":
            return function
        case "named":
            return lambda *arguments: function(*arguments[:-1], context=arguments[-1])
        case _:
            return lambda *arguments: function(*arguments[:-1])


def _wish(function: Function, name: str, positional: int) -> str:
    """Return how a function wants its context: "last", "named", or "" for not at all."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""  # compiled functions tell nothing
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ordered = [p for p in signature.parameters.values() if p.kind in plain]
    further = ordered[positional] if len(ordered) > positional else None
    # An optional argument of another name is the author's own: `top_k=5` is no context.
    wants = further is not None and (
        further.default is further.empty or "context" in further.name or "ctx" in further.name
    )
    named = signature.parameters.get("context")
    is_named = named is not None and named.kind is inspect.Parameter.KEYWORD_ONLY
    try:
        signature.bind(*range(positional + wants), **({"context": None} if is_named else {}))
    except TypeError as e:
        msg = f"{name}{signature}: {e}; it is called with {positional} arguments, or a context more"
        raise ModelError(msg) from None
    return "last" if wants else "named" if is_named else ""
