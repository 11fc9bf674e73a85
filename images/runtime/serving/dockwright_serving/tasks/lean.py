"""Import Transformers without the compiler and the sharding of PyTorch, which serving never uses.

Importing any model class of Transformers 5 imports `torch._dynamo`, `torch._inductor`,
`torch.distributed.tensor` and sympy: 800 modules, a quarter of the time until a model is loaded and
75 MB of memory, for a handful of names that inference on one device does not need. While a model is
being loaded, stand-ins have these names; whatever else is asked of them is the real thing.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMPILER = "torch._dynamo"
_HIGHER_ORDER = "torch._dynamo._trace_wrapped_higher_order_op"
_SHAPES = "torch.fx.experimental.symbolic_shapes"
_Function = TypeVar("_Function", bound="Callable[..., Any]")


@contextmanager
def lean_imports() -> Iterator[None]:
    """Defer what is heavy; nothing where the process has it already, or has no PyTorch.

    Not for processes that run a user's code, which may compile.
    """
    if _COMPILER in sys.modules or importlib.util.find_spec("torch") is None:
        yield
        return
    import torch

    is_available, normal = torch.distributed.is_available, torch.nn.init.normal_
    torch.distributed.is_available = lambda: False
    torch.nn.init.normal_ = _filled_unless_meta(normal)
    torch._dynamo = sys.modules[_COMPILER] = _Compiler(_COMPILER)
    sys.modules[_HIGHER_ORDER] = _HigherOrder(_HIGHER_ORDER)
    sys.modules.setdefault(_SHAPES, _Shapes(_SHAPES))
    try:
        yield
    finally:
        torch.distributed.is_available, torch.nn.init.normal_ = is_available, normal
        _remove_stand_ins()


class _StandIn(ModuleType):
    """Becomes the real module when asked for anything it does not have."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        if name.startswith("__") and (name, self.__name__) != ("__path__", _COMPILER):
            raise AttributeError(name)  # the import system asks; a path is wanted for submodules
        _remove_stand_ins()
        return getattr(importlib.import_module(self.__name__), name)


def _filled_unless_meta(fill: Callable[..., Any]) -> Callable[..., Any]:
    """Leave tensors without memory alone: PyTorch imports sympy to fill nothing with numbers."""

    def call(tensor: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the real one
        return tensor if tensor.is_meta else fill(tensor, *args, **kwargs)

    functools.update_wrapper(call, fill)
    return call


def _unmarked(fn: _Function) -> _Function:
    """Stand for a decorator that tells a compiler what to do with a function: without one, nothing."""
    return fn


def _disabled(
    fn: Callable[..., Any] | None = None, *options: object, **named_options: object
) -> Callable[..., Any]:
    """Stand for what keeps a compiler out of a function; when there is one, ask it."""
    if fn is None:
        return lambda function: _disabled(function, *options, **named_options)

    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        compiler = sys.modules.get(_COMPILER)
        if compiler is None or isinstance(compiler, _StandIn):
            return fn(*args, **kwargs)
        return compiler.disable(fn, *options, **named_options)(*args, **kwargs)

    functools.update_wrapper(call, fn)
    return call


class _Compiler(_StandIn):
    allow_in_graph = staticmethod(_unmarked)
    assume_constant_result = staticmethod(_unmarked)
    disable = staticmethod(_disabled)


class _HigherOrder(_StandIn):
    class TransformGetItemToIndex:
        """Masks are made with it where a model needs vmap."""

        def __new__(cls) -> Any:  # noqa: ANN401 - gives the real one
            _remove_stand_ins()
            return importlib.import_module(_HIGHER_ORDER).TransformGetItemToIndex()


class _Shapes(_StandIn):
    """Checks of arguments ask these of shapes, which are numbers here and never symbols."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        for asked in ("expect_true", "guard_or_false", "guard_or_true", "guard_size_oblivious"):
            setattr(self, asked, functools.partial(self._decided, asked))

    def sym_eq(self, one: Any, other: Any) -> Any:  # noqa: ANN401 - shapes or numbers
        """Return whether they are equal."""
        if all(type(size) is int for size in (*one, *other)):
            return tuple(one) == tuple(other)
        return self.__getattr__("sym_eq")(one, other)

    def is_nested_int(self, size: Any) -> Any:  # noqa: ANN401 - a number, or a symbol of one
        """Return whether a size is one of a nested tensor's."""
        return False if type(size) is int else self.__getattr__("is_nested_int")(size)

    def _decided(self, asked: str, condition: Any) -> Any:  # noqa: ANN401 - a bool, or a symbol
        return condition if isinstance(condition, bool) else self.__getattr__(asked)(condition)


def _remove_stand_ins() -> None:
    import torch

    for name in (_COMPILER, _HIGHER_ORDER, _SHAPES):
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]
    if isinstance(vars(torch).get("_dynamo"), _StandIn):
        del torch._dynamo
