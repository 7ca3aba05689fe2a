"""int8 by static quantisation: what a network computes, in whole numbers.

Weights are symmetric, one scale per output channel; activations are unsigned with their zero at 0, as ReLU leaves them;
sums are int32 (Jacob et al., arXiv 1712.05877). Scales are those with the least squared error, and biases are moved by
what rounding shifts a channel's mean (Nagel et al., arXiv 1906.04721, section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.export.deployable import Folded
from edgedigits.export.folding import bias_of, pool_size

__all__ = ["Quantised", "QuantisedConv", "QuantisedLinear", "quantise"]

WEIGHT_MAX = 63
"""Seven bits: two products of a weight and a byte then fit 16 bits, in which processors without VNNI add them up.
With eight they would saturate, and a kiosk's older processor would answer otherwise than the one that verified."""
ACTIVATION_MAX = 255
BIAS_STEPS = 2**24
"""Steps that a bias is told apart by at most: as finely as `float32` does, and an int32 sum has room for more."""
CLIPS = tuple(step / 40 for step in range(16, 41))
"""Shares of the largest value that are tried as the largest that can be told apart."""


@dataclass(frozen=True)
class QuantisedConv:
    """A convolution with ReLU and maybe pooling: `uint8` in and out, `weight` int8 `[out, in, height, width]`.

    A value is its number times its scale; `bias`, int32 `[out]`, is in steps of `input_scale * weight_scale`.
    """

    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    input_scale: np.float32
    weight_scale: NDArray[np.float32]
    output_scale: np.float32
    stride: int
    padding: int
    pool: int = 1


@dataclass(frozen=True)
class QuantisedLinear:
    """The last layer: `uint8 [n, in]`, `weight` int8 `[in, out]`, and `bias` float32 `[out]` as it is."""

    weight: NDArray[np.int8]
    input_scale: np.float32
    weight_scale: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class Quantised:
    """A network from frames, `uint8 [n, 28, 28]`, to logits, of which the first 10 of `classes` are the digits'."""

    convolutions: tuple[QuantisedConv, ...]
    head: QuantisedLinear
    classes: int


@torch.inference_mode()
def quantise(folded: Folded, frames: NDArray[np.uint8]) -> Quantised:
    """Quantise a network by the activations that `frames`, `uint8 [n, 28, 28]`, give rise to.

    Each layer is fitted to what the quantised ones before it give, so that later biases make up for earlier rounding.
    """
    exact = torch.from_numpy(frames).to(torch.float32).unsqueeze(1)
    counts = exact
    scale = 1.0
    convolutions = []
    *before, head = _as_convolutions(folded.layers, exact[:1])
    for layer in before:
        exact = layer.run(exact)
        quantised = _quantised_conv(layer, counts, scale, exact)
        counts, scale = _run(quantised, counts), float(quantised.output_scale)
        exact = layer.pooled(exact)
        convolutions.append(quantised)
    return Quantised(tuple(convolutions), _quantised_head(head, counts, scale, exact), folded.classes)


@dataclass(frozen=True)
class _Layer:
    """A convolution, or a linear layer written as one, with ReLU and maybe pooling."""

    weight: Tensor
    bias: Tensor
    stride: int = 1
    padding: int = 0
    pool: int = 1

    def run(self, x: Tensor) -> Tensor:
        """Without pooling, which changes no scale."""
        return F.relu(F.conv2d(x, self.weight, self.bias, self.stride, self.padding))

    def pooled(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, self.pool) if self.pool > 1 else x


def _as_convolutions(layers: nn.Sequential, x: Tensor) -> list[_Layer]:
    """The layers, each with the ReLU and pooling after it; a linear one as a convolution over all that it sees."""
    found: list[_Layer] = []
    sees = x.shape
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            found.append(_Layer(layer.weight, bias_of(layer), int(layer.stride[0]), int(layer.padding[0])))
        elif isinstance(layer, nn.Linear):
            found.append(_Layer(layer.weight.view(len(layer.weight), *sees[1:]), layer.bias))
            x = x.view(*x.shape, 1, 1)[..., 0, 0]
        elif isinstance(layer, nn.MaxPool2d):
            *rest, last = found
            # Pooling and ReLU may change places.
            found = [*rest, _Layer(last.weight, last.bias, last.stride, last.padding, pool_size(layer))]
        x = layer(x)
        if not isinstance(layer, nn.Flatten):
            sees = torch.Size((*x.shape, 1, 1)[:4])
    return found


def _quantised_conv(layer: _Layer, counts: Tensor, scale: float, exact: Tensor) -> QuantisedConv:
    # Where a channel's weights are next to nothing, its bias, in steps of their scale, would not fit int32.
    weight, weight_scale = _quantised_weight(layer.weight, layer.bias.abs() / (BIAS_STEPS * scale))
    sums = F.conv2d(counts, weight, None, layer.stride, layer.padding) * (scale * weight_scale).view(1, -1, 1, 1)
    # Only what ReLU lets through counts; a channel's mean over all would be that of what is cut off.
    bias = layer.bias.clone()
    for _ in range(4):
        got = F.relu(sums + bias.view(1, -1, 1, 1))
        alive = (got > 0).float().mean(dim=(0, 2, 3)).clamp_min(0.05)
        bias += (exact - got).mean(dim=(0, 2, 3)) / alive
    output_scale = _best_scale(exact, ACTIVATION_MAX)
    steps = torch.round(bias / (scale * weight_scale))
    return QuantisedConv(
        weight=weight.to(torch.int8).numpy(),
        bias=steps.to(torch.int32).numpy(),
        input_scale=np.float32(scale),
        weight_scale=weight_scale.numpy(),
        output_scale=np.float32(output_scale),
        stride=layer.stride,
        padding=layer.padding,
        pool=layer.pool,
    )


def _quantised_head(layer: _Layer, counts: Tensor, scale: float, exact: Tensor) -> QuantisedLinear:
    weight, weight_scale = _quantised_weight(layer.weight, torch.zeros(len(layer.weight)))
    mean_exact = F.conv2d(exact, layer.weight).mean(dim=(0, 2, 3))
    mean_got = F.conv2d(counts, weight).mean(dim=(0, 2, 3)) * scale * weight_scale
    return QuantisedLinear(
        weight=np.ascontiguousarray(weight.flatten(1).T.to(torch.int8).numpy()),
        input_scale=np.float32(scale),
        weight_scale=weight_scale.numpy(),
        bias=(layer.bias + mean_exact - mean_got).numpy(),
    )


def _quantised_weight(weight: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers `float32 [out, ...]` and their scale, `float32 [out]`, not below `least`."""
    best = torch.tensor([_best_scale(channel, WEIGHT_MAX) for channel in weight])
    is_empty = (weight.flatten(1) == 0).all(dim=1) & (least > 0)
    scale = torch.where(is_empty, least, torch.maximum(best, least))
    steps = torch.round(weight / scale.view(-1, 1, 1, 1)).clamp(-WEIGHT_MAX, WEIGHT_MAX)
    return steps, scale


def _best_scale(values: Tensor, most: int) -> float:
    """The scale at which `values`, rounded to whole numbers up to `most`, change least."""
    largest = float(values.abs().max())
    if not largest:
        return 1.0
    scales = [clip * largest / most for clip in CLIPS]
    errors = [
        float((torch.round(values / scale).clamp(-most, most) * scale - values).square().sum()) for scale in scales
    ]
    return scales[int(np.argmin(errors))]


def _run(conv: QuantisedConv, counts: Tensor) -> Tensor:
    """What a runtime makes of `counts`, whole numbers `float32 [n, in, height, width]`."""
    sums = F.conv2d(counts.double(), torch.from_numpy(conv.weight).double(), None, conv.stride, conv.padding)
    sums += torch.from_numpy(conv.bias).double().view(1, -1, 1, 1)
    factor = torch.from_numpy(conv.input_scale * conv.weight_scale / conv.output_scale).double().view(1, -1, 1, 1)
    result = torch.round(sums * factor).clamp(0, ACTIVATION_MAX).float()
    return F.max_pool2d(result, conv.pool) if conv.pool > 1 else result
