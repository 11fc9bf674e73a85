"""A script's process in; numbers in what its Trainer prints, and an end that gloo can't abort, out.

Transformers 5 prints `{'loss': '0.69', 'learning_rate': '2e-05'}`, which the metric definitions of
Hugging Face's SageMaker examples (`'loss': ([0-9]+(.|e\\-)[0-9]+),?`) do not match: every job's metrics
would be lost. And gloo's threads may abort a process at its end; they are waited for
(`dockwright_training.end`). Python imports this module by its name at its start, because `train` puts
this folder on the script's PYTHONPATH; a `sitecustomize.py` of the user's own wins, and then nothing
changes.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_MODULE = "transformers.trainer_callback"
_PRINTERS = ("ProgressCallback", "PrinterCallback")


class _Finder:
    """Waits for the one module; nothing is imported for it before."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            run = _then_mend(spec.loader.exec_module)
            spec.loader.exec_module = run  # type: ignore[method-assign,assignment]
        return spec


def _then_mend(execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    def run(module: ModuleType) -> None:
        execute(module)
        for name in _PRINTERS:
            printer = getattr(module, name, None)
            if printer is not None:
                printer.on_log = _with_numbers(printer.on_log)

    return run


def _with_numbers(on_log: Callable[..., None]) -> Callable[..., None]:
    def run(
        self: object,
        args: object,
        state: object,
        control: object,
        logs: Mapping[str, Any] | None = None,
        **rest: object,
    ) -> None:
        plain = logs and {
            k: _Bare(_digits(v)) if isinstance(v, float) else v for k, v in logs.items()
        }
        on_log(self, args, state, control, logs=plain, **rest)

    return run


class _Bare(str):
    """A text that has no quotes in a dictionary's."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _digits(value: float) -> str:
    """Return a number as the patterns read it: `0.00002`, not `2e-05`; `3.0`, not `3`."""
    from decimal import Decimal

    number = Decimal(f"{value:.6g}")
    text = format(number, "f") if number.is_finite() else str(value)
    return text if "." in text or not number.is_finite() else f"{text}.0"


def _end() -> None:
    """Wait for gloo, where PyTorch was used."""
    if "torch.distributed" in sys.modules:
        # An interpreter of the user's own inherits this folder, but not that package.
        with contextlib.suppress(ImportError):
            from dockwright_training.end import wait_for_gloo

            wait_for_gloo()


sys.meta_path.insert(0, _Finder())
atexit.register(_end)  # The first to be registered is the last to run.
