"""What is exported: the network with everything around it, from frames or lines to calibrated probabilities."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgedigits.card import Takes
from edgedigits.export.folding import fold
from edgedigits.training.networks import DigitNetwork, LineNetwork

__all__ = ["Deployable", "Folded"]


class Deployable(nn.Module):
    """Frames `uint8 [n, 28, 28]` in, probabilities `float32 [n, 10]` out: `softmax(logits / temperature)`.

    Of a network that knows what is no digit, the probabilities of the ten digits add up to less than 1 by that of none.
    One for lines maps `uint8 [n, 32, width]` to `float32 [n, steps, 17]`.
    """

    def __init__(self, network: DigitNetwork, temperature: float) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(requires_grad=False)
        self.takes: Takes = "lines" if isinstance(network, LineNetwork) else "frames"
        self.temperature = temperature
        self.eval()

    def forward(self, frames: Tensor) -> Tensor:
        """Probabilities of frames, or of lines."""
        probabilities = torch.softmax(self.network(frames) / self.temperature, dim=-1)
        return probabilities if self.takes == "lines" else probabilities[:, :10]

    def folded(self) -> Folded:
        """The same in fewer operators."""
        return Folded(fold(self.network, self.temperature), self.network.classes, self.takes)

    @torch.inference_mode()
    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`forward` for arrays, as every artifact's `run`."""
        probabilities: NDArray[np.float32] = self(torch.from_numpy(frames)).numpy()
        return probabilities


class Folded(nn.Module):
    """A `Deployable` whose layers are as few as can be."""

    def __init__(self, layers: nn.Sequential, classes: int, takes: Takes = "frames") -> None:
        super().__init__()
        self.layers = layers
        self.classes = classes
        self.takes = takes
        self.eval()

    def forward(self, frames: Tensor) -> Tensor:
        """Probabilities `float32 [n, 10]` of frames `uint8 [n, 28, 28]`, or as in `Deployable` of lines."""
        probabilities = torch.softmax(self.layers(frames.to(torch.float32).unsqueeze(1)), dim=1)
        if self.takes == "lines":
            return probabilities.squeeze(2).transpose(1, 2)
        # What changes nothing would be an operator that a device pays for.
        return probabilities if self.classes == 10 else probabilities[:, :10]
