"""What JPEG leaves of pictures, for a batch at once on the device that trains."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["BLOCK", "compressed"]

BLOCK = 8
STEPS = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
"""That a block's frequencies are rounded to, row by row, at a quality of 50: ITU-T T.81 (1992), table K.1."""


def compressed(x: Tensor, coarseness: Tensor, top: int = 0, left: int = 0) -> Tensor:
    """Pictures `float32 [n, 1, height, width]` after they were compressed and opened again.

    `coarseness` float32, a number for each of the `n`: the size of JPEG's steps, in units of `STEPS`; 1 / 255 is what a
    quality of 50 has where 1 is white. Blocks begin so many pixels, less than `BLOCK`, before the `top` and the `left`
    border.
    """
    n, _, height, width = x.shape
    padded = F.pad(x, (left, -(left + width) % BLOCK, top, -(top + height) % BLOCK), mode="replicate")
    blocks = padded.view(n, padded.shape[2] // BLOCK, BLOCK, padded.shape[3] // BLOCK, BLOCK).transpose(2, 3)
    place = torch.arange(BLOCK, device=x.device)
    cosines = (math.pi / BLOCK * (place + 0.5) * place.unsqueeze(1)).cos() * math.sqrt(2 / BLOCK)
    cosines[0] /= math.sqrt(2)
    step = torch.tensor(STEPS, device=x.device).view(BLOCK, BLOCK) * coarseness.view(n, 1, 1, 1, 1)
    frequencies = (cosines @ blocks @ cosines.T / step).round() * step
    whole = (cosines.T @ frequencies @ cosines).transpose(2, 3).reshape(padded.shape)
    return whole[:, :, top : top + height, left : left + width]
