"""A trained network as the fewest layers that give the same answers."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgedigits.training.networks import Attention, Context, DigitNetwork

__all__ = ["bias_of", "fold", "padding_of", "pool_size"]


PLAIN = (Attention, Context, nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d, nn.Flatten)


def fold(network: DigitNetwork, temperature: float) -> nn.Sequential:
    """From pixels `float32 [n, 1, height, width]`, 0 to 255, to logits divided by `temperature`.

    They are `float32 [n, classes]`; of a network that takes lines, `[n, classes, 1, steps]`.

    What a constant multiplies or adds is taken into the weights beside it: the picture's scale into the first
    convolution, batch normalisation into the convolution before it, the temperature into the last layer. Left are
    convolutions, linear layers, ReLU, pooling, flattening, contexts and attention.
    """
    layers = _fused(copy.deepcopy(network).eval().layers())
    first, last = layers[0], layers[-1]
    if not isinstance(first, nn.Conv2d) or not isinstance(last, (nn.Linear, nn.Conv2d)):
        raise TypeError(f"what is folded begins with a convolution and ends with one or with a linear layer: {network}")
    if odd := [layer for layer in layers if not isinstance(layer, PLAIN)]:
        raise TypeError(f"nothing takes in {odd[0]}: it has to follow a convolution, or be a layer for training only")
    with torch.no_grad():
        if network.mean:
            # On the border, where padding stands for pixels, the mean would not be what is subtracted.
            if any(map(int, first.padding)) or first.bias is None:
                raise TypeError(f"a mean can only be folded into a convolution that has a bias and no padding: {first}")
            first.bias.sub_(first.weight.sum(dim=(1, 2, 3)) * (network.mean / network.std))
        first.weight.mul_(1 / (255 * network.std))
        for parameter in last.parameters():
            parameter.mul_(1 / temperature)
    # The layout that was fast in training is not what is written to files.
    folded = nn.Sequential(*layers).requires_grad_(requires_grad=False)
    folded.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch's stubs lack it
    return folded


def bias_of(layer: nn.Conv2d) -> Tensor:
    """The bias, `float32 [out]`. Raises `TypeError` where there is none."""
    if layer.bias is None:
        raise TypeError(f"what is exported has a bias, as folding batch normalisation gives, not {layer}")
    return layer.bias


def padding_of(layer: nn.Conv2d) -> tuple[int, int]:
    """Rows above and below, and columns at either side. Raises `TypeError` for padding that is said in words."""
    if isinstance(layer.padding, str):
        raise TypeError(f"what is exported says its padding in numbers, not {layer}")
    rows, columns = layer.padding
    return rows, columns


def pool_size(layer: nn.MaxPool2d) -> int:
    """The side of the squares that are pooled, none over another. Raises `TypeError` for other pooling."""
    if not isinstance(layer.kernel_size, int) or layer.stride != layer.kernel_size or layer.padding:
        raise TypeError(f"what is exported pools squares, side by side, not {layer}")
    return layer.kernel_size


def _fused(layers: Iterable[nn.Module]) -> list[nn.Module]:
    fused: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d) and fused and isinstance(fused[-1], nn.Conv2d):
            fused[-1] = fuse_conv_bn_eval(fused[-1], layer)
        else:
            fused.append(layer)
    return fused
