"""What is exported: the network with everything around it, from frames to calibrated probabilities."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgedigits.training.networks import ConvNetwork, DigitNetwork

__all__ = ["Deployable"]


class Deployable(nn.Module):
    """Frames `uint8 [n, 28, 28]` in, probabilities `float32 [n, 10]` out: `softmax(logits / temperature)`.

    Of a network that knows what is no digit, the probabilities of the ten digits add up to less than 1 by that of none.
    """

    def __init__(self, network: DigitNetwork, temperature: float) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(requires_grad=False)
        self._temperature = temperature
        self.eval()

    def forward(self, frames: Tensor) -> Tensor:
        """Probabilities of frames."""
        logits: Tensor = self.network(frames)
        # What changes nothing would be an operator that a device pays for.
        probabilities = torch.softmax(logits if self._temperature == 1 else logits / self._temperature, dim=1)
        return probabilities if self.network.classes == 10 else probabilities[:, :10]

    def folded(self) -> Deployable:
        """The same in fewer operators: what a constant multiplies or adds is taken into the weights beside it."""
        if isinstance(self.network, ConvNetwork):
            return Deployable(self.network.folded(self._temperature), 1.0)
        return self

    @torch.inference_mode()
    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`forward` for arrays, as every artifact's `run`."""
        probabilities: NDArray[np.float32] = self(torch.from_numpy(frames)).numpy()
        return probabilities
