"""What is exported: the network with everything around it, from frames to calibrated probabilities."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgedigits.training.networks import DigitNetwork

__all__ = ["Deployable"]


class Deployable(nn.Module):
    """Frames `uint8 [n, 28, 28]` in, probabilities `float32 [n, 10]` out: `softmax(logits / temperature)`."""

    def __init__(self, network: DigitNetwork, temperature: float) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(requires_grad=False)
        self._temperature = temperature
        self.eval()

    def forward(self, frames: Tensor) -> Tensor:
        """Probabilities of frames."""
        logits: Tensor = self.network(frames)
        # A temperature of 1 changes nothing, and would be an operator that a device pays for.
        return torch.softmax(logits if self._temperature == 1 else logits / self._temperature, dim=1)

    @torch.inference_mode()
    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`forward` for arrays, as every artifact's `run`."""
        probabilities: NDArray[np.float32] = self(torch.from_numpy(frames)).numpy()
        return probabilities
