"""The networks: frames in, logits out, so that the picture's scale and the network are exported as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.errors import UnknownNameError

__all__ = ["NETWORKS", "DigitNetwork", "PaperNetwork", "build_network"]

MNIST_MEAN, MNIST_STD = 0.1307, 0.3081
"""Of MNIST's 60,000 training digits, pixels taken as 0 to 1."""


class DigitNetwork(nn.Module, ABC):
    """Base of all: `forward` maps frames `uint8 [n, 28, 28]` to logits `float32 [n, 10]`."""

    def forward(self, frames: Tensor) -> Tensor:
        """Logits `float32 [n, 10]` of frames `uint8 [n, 28, 28]`."""
        pixels = frames.to(torch.float32).unsqueeze(1)
        return self.logits(pixels * (1 / (255 * MNIST_STD)) - MNIST_MEAN / MNIST_STD)

    @abstractmethod
    def logits(self, pixels: Tensor) -> Tensor:
        """Logits `float32 [n, 10]` of normalised pixels `float32 [n, 1, 28, 28]`."""


class PaperNetwork(DigitNetwork):
    """The paper's improved LeNet-5: 21,840 parameters, two convolutions and two linear layers, ReLU and dropout."""

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


NETWORKS: Mapping[str, Callable[[], DigitNetwork]] = MappingProxyType({"paper": PaperNetwork})


def build_network(name: str) -> DigitNetwork:
    """A network by name, its weights drawn from torch's global random state. Raises `UnknownNameError`."""
    if name not in NETWORKS:
        raise UnknownNameError("network", name, NETWORKS)
    return NETWORKS[name]()
