"""The networks: frames in, logits out, so that the picture's scale and the network are exported as one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.alphabet import ALPHABET
from edgedigits.errors import UnknownNameError
from edgedigits.training.distributed import GlobalBatchNorm2d

__all__ = [
    "NETWORKS",
    "NO_DIGIT",
    "Conv",
    "ConvNetwork",
    "DigitNetwork",
    "LineNetwork",
    "PaperNetwork",
    "build_network",
    "hand_on",
]

MNIST_MEAN, MNIST_STD = 0.1307, 0.3081
"""Of MNIST's 60,000 training digits, pixels taken as 0 to 1."""
NO_DIGIT = 10
"""The class after the ten digits: what is no digit at all. Of networks that were taught it."""


class DigitNetwork(nn.Module, ABC):
    """Base of all: `forward` maps frames `uint8 [n, 28, 28]` to logits `float32 [n, classes]`; of a `LineNetwork`,
    lines of any width.

    `classes` is 10, or 11 with `NO_DIGIT`. Frames still being augmented may be `float32`, 0 to 255.
    """

    classes: int
    mean: float
    std: float

    def forward(self, frames: Tensor) -> Tensor:
        """Logits `float32 [n, classes]` of frames `uint8 [n, 28, 28]`."""
        pixels = frames.to(torch.float32).unsqueeze(1) * (1 / (255 * self.std))
        return self.logits(pixels - self.mean / self.std if self.mean else pixels)

    @abstractmethod
    def logits(self, pixels: Tensor) -> Tensor:
        """Logits `float32 [n, classes]` of normalised pixels `float32 [n, 1, 28, 28]`."""

    @abstractmethod
    def layers(self) -> list[nn.Module]:
        """The layers that make logits of normalised pixels, one after the other, without those only for training."""

    def begin_with(self, other: DigitNetwork) -> None:
        """Take the weights of another network of the same layers."""
        self.load_state_dict(other.state_dict())


class PaperNetwork(DigitNetwork):
    """The paper's improved LeNet-5: 21,840 parameters, two convolutions and two linear layers, ReLU and dropout."""

    classes = 10
    mean, std = MNIST_MEAN, MNIST_STD

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_dropout = nn.Dropout2d(0.5)
        self.linear1 = nn.Linear(320, 50)
        self.linear1_dropout = nn.Dropout(0.5)
        self.linear2 = nn.Linear(50, 10)

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits `float32 [n, 10]` of normalised pixels `float32 [n, 1, 28, 28]`."""
        x = F.relu(F.max_pool2d(self.conv1(pixels), 2))
        x = F.relu(F.max_pool2d(self.conv2_dropout(self.conv2(x)), 2))
        x = self.linear1_dropout(F.relu(self.linear1(x.flatten(1))))
        logits: Tensor = self.linear2(x)
        return logits

    def layers(self) -> list[nn.Module]:
        """As in `DigitNetwork`."""
        pooled = [nn.MaxPool2d(2), nn.ReLU()]
        linear = [nn.Flatten(), self.linear1, nn.ReLU(), self.linear2]
        return [self.conv1, *pooled, self.conv2, *pooled, *linear]


@dataclass(frozen=True)
class Conv:
    """A convolution of a `ConvNetwork`, and whether each 2×2 of what it gives is then pooled to its maximum."""

    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    pool: bool = False


class ConvNetwork(DigitNetwork):
    """A plain stack of convolutions and one linear layer, made to cost an edge device little.

    After each convolution come batch normalisation, which is folded into it when the network is exported, and ReLU,
    which runtimes fuse with it: one operator is left of the three. Paper is 0, so that padding is paper.
    """

    classes = 11
    mean, std = 0.0, 1.0

    def __init__(self, *convolutions: Conv) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, size = 1, 28
        for conv in convolutions:
            layers += [
                nn.Conv2d(inputs, conv.channels, conv.kernel, conv.stride, conv.padding, bias=False),
                GlobalBatchNorm2d(conv.channels),
                nn.ReLU(inplace=True),
            ]
            inputs, size = conv.channels, (size + 2 * conv.padding - conv.kernel) // conv.stride + 1
            if conv.pool:
                layers.append(nn.MaxPool2d(2))
                size //= 2
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(inputs * size**2, self.classes)
        # The CPU's convolutions are faster so, in training; what is exported does not know of it.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits `float32 [n, 11]` of pixels `float32 [n, 1, 28, 28]`, 0 to 1."""
        logits: Tensor = self.head(self.features(pixels).flatten(1))
        return logits

    def layers(self) -> list[nn.Module]:
        """As in `DigitNetwork`."""
        return [*self.features, nn.Flatten(), self.head]


class Context(nn.Module):
    """Adds to every step what is anywhere in the line: how its hand writes other digits tells more of this one.

    As in GCNet (Cao, Xu, Lin, Wei & Hu, arXiv 1904.11492), but of each of some features the most, which more paper at
    the end of a line does not change once some is there. It begins with adding nothing.
    """

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, features, 1)
        self.up = nn.Conv2d(features, channels, 1)
        for parameter in self.up.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """`x` float32 [n, channels, rows, steps]."""
        most: Tensor = self.up(torch.relu(self.down(x)).amax(dim=(2, 3), keepdim=True))
        return x + most


class Attention(nn.Module):
    """Adds to every step what it finds at steps like it: a digit that is written as another of its line is the same.

    Scaled dot-product attention (Vaswani et al., arXiv 1706.03762) of some heads, each of as many features. It begins
    with looking for what is alike, and with adding nothing. Paper is attended to as well, little as it may say, so that
    more of it anywhere changes all steps a little; time and memory grow with the square of the steps.
    """

    def __init__(self, channels: int, heads: int, features: int) -> None:
        super().__init__()
        self.heads, self.features = heads, features
        self.query, self.key, self.value = (nn.Conv2d(channels, heads * features, 1) for _ in range(3))
        self.up = nn.Conv2d(heads * features, channels, 1)
        self.key.load_state_dict(self.query.state_dict())
        for parameter in self.up.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """`x` float32 [n, channels, 1, steps]."""
        steps = x.shape[3]
        query, key, value = (
            part(x).reshape(-1, self.heads, self.features, steps).transpose(2, 3)
            for part in (self.query, self.key, self.value)
        )
        found = F.scaled_dot_product_attention(query, key, value)
        added: Tensor = self.up(found.transpose(2, 3).reshape(-1, self.heads * self.features, 1, steps))
        return x + added


class LineNetwork(DigitNetwork):
    """Reads a line from left to right: `forward` maps lines `uint8 [n, 32, width]` to logits `float32 [n, steps, 17]`
    over the alphabet, for CTC (Graves, Fernández, Gomez & Schmidhuber, ICML 2006).

    A plain stack of convolutions, so that a line takes time in proportion to its width, but for attention. Columns are
    halved once, rows until one is left: a step is two columns, fewer than any digit is wide. Paper is 0, so that
    padding is paper. `more` convolutions than one, one and two follow each other where eight, four and one row are
    left; before the last of these, so many features make a `Context`, if any, and so many heads of so many features an
    `Attention`, if any: on an amount it takes a fourteenth of all time, on a line of 4,096 columns half or more.
    """

    classes = len(ALPHABET)
    mean, std = 0.0, 1.0

    def __init__(
        self,
        *channels: int,
        more: tuple[int, int, int] = (0, 0, 0),
        context: int = 0,
        attention: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        first, second, third, wide = channels
        at_eight, at_four, at_one = more
        self.features = nn.Sequential(
            *_normalised(1, first, (4, 4), (2, 2), (1, 1)),
            *_normalised(first, second, (3, 3), (2, 1), (1, 1)),
            *(layer for _ in range(1 + at_eight) for layer in _normalised(second, second, (3, 3), (1, 1), (1, 1))),
            *_normalised(second, third, (3, 3), (2, 1), (1, 1)),
            *(layer for _ in range(1 + at_four) for layer in _normalised(third, third, (3, 3), (1, 1), (1, 1))),
            *_normalised(third, wide, (4, 3), (1, 1), (0, 1)),
            *(layer for _ in range(2) for layer in _normalised(wide, wide, (1, 5), (1, 1), (0, 2))),
            *([Context(wide, context)] if context else []),
            *([Attention(wide, *attention)] if attention else []),
            *(layer for _ in range(at_one) for layer in _normalised(wide, wide, (1, 5), (1, 1), (0, 2))),
        )
        self.head = nn.Conv2d(wide, self.classes, 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits `float32 [n, steps, 17]` of pixels `float32 [n, 1, 32, width]`, 0 to 1; a step is two columns."""
        logits: Tensor = self.head(self.features(pixels)).squeeze(2).transpose(1, 2)
        return logits

    def layers(self) -> list[nn.Module]:
        """The layers that make `[n, 17, 1, steps]` of pixels, one after the other."""
        return [*self.features, self.head]

    @torch.no_grad()
    def begin_with(self, other: DigitNetwork) -> None:
        """Take the weights of another network for lines; where it lacks `more` convolutions, those of this one hand on
        what they are given, and where it lacks a context or attention, this one's adds nothing yet.
        """
        shallower = cast("LineNetwork", other)
        for kind in (Context, Attention):
            for layer, other_layer in zip(_layers(self, kind), _layers(shallower, kind), strict=False):
                layer.load_state_dict(other_layer.state_dict())
        known, own = (_convolutional(network) for network in (shallower, self))
        for i in range(0, len(own), 3):
            convolution, norm = cast("nn.Conv2d", own[i]), cast("nn.BatchNorm2d", own[i + 1])
            if known and cast("nn.Conv2d", known[0]).weight.shape == convolution.weight.shape:
                convolution.load_state_dict(known.pop(0).state_dict())
                norm.load_state_dict(known.pop(0).state_dict())
                known.pop(0)
            else:
                nn.init.dirac_(convolution.weight)
                hand_on(cast("nn.BatchNorm2d", own[i - 2]), norm)
        self.head.load_state_dict(shallower.head.state_dict())


@torch.no_grad()
def hand_on(before: nn.BatchNorm2d, norm: nn.BatchNorm2d) -> None:
    """Let `norm` change nothing of what comes out of `before` and ReLU; nor in training, where the former is normally
    distributed.
    """
    mean, spread = before.bias, before.weight.abs().clamp(min=1e-3)
    ratio = mean / spread
    density, above = (-(ratio**2) / 2).exp() / math.sqrt(2 * math.pi), torch.special.ndtr(ratio)
    # Mean and mean square of a normally distributed number that is 0 where it would be below.
    rectified = mean * above + spread * density
    square = (mean**2 + spread**2) * above + mean * spread * density
    variance = (square - rectified**2).clamp(min=0)
    norm.load_state_dict(
        {
            "weight": (variance + norm.eps).sqrt(),
            "bias": rectified,
            "running_mean": rectified,
            "running_var": variance,
        },
        strict=False,
    )


def _layers(network: LineNetwork, kind: type[nn.Module]) -> list[nn.Module]:
    return [layer for layer in network.features if isinstance(layer, kind)]


def _convolutional(network: LineNetwork) -> list[nn.Module]:
    return [layer for layer in network.features if not isinstance(layer, Context | Attention)]


def _normalised(
    inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
    return [convolution, GlobalBatchNorm2d(outputs), nn.ReLU(inplace=True)]


NETWORKS: Mapping[str, Callable[[], DigitNetwork]] = MappingProxyType(
    {
        "paper": PaperNetwork,
        "nano": partial(ConvNetwork, Conv(16, 4, 3, 0), Conv(16, padding=0), Conv(16, stride=2, padding=0)),
        "small": partial(
            ConvNetwork,
            Conv(16, 4, 2),
            Conv(32, padding=0),
            Conv(32, stride=2, padding=0),
            Conv(32, stride=2, padding=0),
        ),
        "base": partial(
            ConvNetwork,
            Conv(16, pool=True),
            Conv(32),
            Conv(32, pool=True),
            Conv(64),
            Conv(64),
            Conv(64, pool=True),
        ),
        "amount-shallow": partial(LineNetwork, 16, 32, 48, 96),
        "amount": partial(LineNetwork, 16, 32, 48, 96, more=(1, 2, 2)),
        "amount-context": partial(LineNetwork, 16, 32, 48, 96, more=(1, 2, 2), context=64),
        "amount-attention": partial(LineNetwork, 16, 32, 48, 96, more=(1, 2, 2), context=64, attention=(4, 16)),
    }
)


def build_network(name: str) -> DigitNetwork:
    """A network by name, its weights drawn from torch's global random state. Raises `UnknownNameError`."""
    if name not in NETWORKS:
        raise UnknownNameError("network", name, NETWORKS)
    return NETWORKS[name]()
