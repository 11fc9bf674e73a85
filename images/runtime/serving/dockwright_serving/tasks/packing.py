"""A model in; the same model, its linear layers on weights laid out for this CPU, out.

PyTorch multiplies with MKL by default and lays a weight out anew for every call. oneDNN can keep
its own layout: on the AVX-512 machine this was measured on, a BERT of 11 million parameters takes
half the CPU time, and scores differ by less than 1e-5.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)
_TOLERANCE = 1e-4
_LEAST_WEIGHTS = 1 << 14
"""Smaller layers are not worth a kernel."""
_SMALL_WEIGHTS = 1 << 17
_FEW_ROWS = 48
_MOST_ROWS = 512
"""More are computed in parts."""


class PackedLinear(nn.Module):  # type: ignore[misc]
    """A linear layer without gradients, its weight in oneDNN's layout."""

    def __init__(self, linear: nn.Linear) -> None:
        """Pack a layer's weight; the layer itself is left as it is."""
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)
        self.bias = None if linear.bias is None else linear.bias.detach().clone()
        is_small = linear.weight.numel() < _SMALL_WEIGHTS
        self.plain = linear.weight.detach().clone() if is_small else None
        """The weight as it was, where a few rows are not worth the way to oneDNN."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return inputs times weight plus bias."""
        if self.plain is not None and inputs.numel() <= _FEW_ROWS * self.in_features:
            return nn.functional.linear(inputs, self.plain, self.bias)
        rows = inputs.reshape(-1, self.in_features)
        if rows.shape[0] <= _MOST_ROWS:
            result = self._product(rows)
        else:
            result = torch.cat([self._product(part) for part in rows.split(_MOST_ROWS)])
        return result.view(*inputs.shape[:-1], self.out_features)

    def _product(self, rows: torch.Tensor) -> torch.Tensor:
        count = rows.shape[0]
        step = step_above(count)
        if step != count:
            padded = rows.new_zeros((step, self.in_features))
            padded[:count] = rows
            rows = padded
        result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            rows, self.packed, self.bias, "none", [], ""
        )
        return result if step == count else result[:count]


def step_above(rows: int) -> int:
    """Return the number of rows that so many are padded to: a power of two or a multiple of 64.

    oneDNN compiles a kernel for each number of rows it meets, half a megabyte in half a
    millisecond: with every length of every batch that would be hundreds of megabytes.

    >>> [step_above(rows) for rows in (1, 9, 27, 65, 200, 512)]
    [8, 16, 32, 128, 256, 512]
    """
    if rows > 64:
        return -(-rows // 64) * 64
    return max(8, 1 << (rows - 1).bit_length())


def pack(model: nn.Module, run: Callable[[], torch.Tensor]) -> None:
    """Pack a model's linear layers in place, unless `run` gives something else afterwards.

    Args:
        model: in evaluation mode; left alone unless it is on a CPU and in float32.
        run: runs the model on fixed inputs and returns an output.
    """
    if not torch.backends.mkldnn.is_available():
        return
    places = [place for place in _places(model) if _can_be_packed(place[2])]
    with torch.inference_mode():
        before = run()
        for parent, name, linear in places:
            setattr(parent, name, PackedLinear(linear))
        try:
            difference = float((run() - before).abs().max())
        except (AttributeError, RuntimeError) as error:  # a model that looks at its layers' weights
            log.info("layers left as they are: %s", error)
            difference = float("inf")
    if not difference <= _TOLERANCE * max(1.0, float(before.abs().max())):
        for parent, name, linear in places:
            setattr(parent, name, linear)
        return
    if places:
        _let_go_of_file(model)
        _compile_kernels(model)


def _let_go_of_file(model: nn.Module) -> None:
    """Copy what is left of the weights out of the mapped file: it stays in memory as a whole."""
    with torch.inference_mode():
        for parameter in model.parameters():
            parameter.data = parameter.data.clone()


def _compile_kernels(model: nn.Module) -> None:
    """Run each shape of layer on each number of rows, so that forks share the kernels."""
    layers = {
        (m.in_features, m.out_features): m for m in model.modules() if isinstance(m, PackedLinear)
    }
    steps = sorted({step_above(rows) for rows in range(1, _MOST_ROWS + 1)})
    with torch.inference_mode():
        for layer in layers.values():
            for rows in steps:
                layer(torch.zeros((rows, layer.in_features)))


def _places(model: nn.Module) -> list[tuple[nn.Module, str, nn.Linear]]:
    """Return the linear layers whose weights nothing else uses, and where they are."""
    uses = Counter(
        id(parameter)
        for module in model.modules()
        for parameter in module.parameters(recurse=False)
    )
    return [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear and uses[id(child.weight)] == 1
    ]


def _can_be_packed(linear: nn.Linear) -> bool:
    weight = linear.weight
    if weight.numel() < _LEAST_WEIGHTS:
        return False
    is_hooked = bool(linear._forward_hooks or linear._forward_pre_hooks)
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and not is_hooked
