"""A line that is not surely read at first sight, looked at again, a row lower or higher, and leaning to either side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import LINE_HEIGHT
from edgedigits.decoding import Decoded, decode

__all__ = ["Run", "looked_at"]

Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Lines `uint8 [n, 32, width]` to probabilities `float32 [n, steps, 17]`."""

HOPELESS, SURE = 0.1, 0.98
"""Confidences below which, and from which, the first look at a line is the last."""
LOOKS = ((-0.35, 1), (0.0, 1), (0.35, 1), (0.0, -1))
"""By how many columns a row a line is made to lean for another look, and by how many rows it is then lower, or higher
if less than none: the network's first convolution halves the rows, and they meet in it otherwise."""


def looked_at(
    picture: NDArray[np.uint8], probabilities: NDArray[np.float32], run: Run
) -> tuple[NDArray[np.float32], Decoded]:
    """The probabilities, `float32 [steps, 17]`, to read a line `uint8 [32, width]` by, and what they say.

    `probabilities` are those of the line as it is; where they are neither sure nor hopeless, these and those of other
    looks are brought together in their geometric mean. Whoever counts how often lines are right has to read them so.
    """
    first = decode(probabilities)
    if not HOPELESS <= first.confidence < SURE:
        return probabilities, first
    from PIL import Image

    image, middle = Image.fromarray(picture), LINE_HEIGHT / 2
    others = [
        image.transform(
            image.size, Image.Transform.AFFINE, (1, lean, -lean * middle, 0, 1, -lower), Image.Resampling.BILINEAR
        )
        for lean, lower in LOOKS
    ]
    # One by one, for a long line takes much memory.
    looks = np.concatenate([probabilities[np.newaxis], *(run(np.array(look)[np.newaxis]) for look in others)])
    mean = np.exp(np.log(np.maximum(looks, np.finfo(np.float32).tiny)).mean(axis=0))
    shares: NDArray[np.float32] = mean / mean.sum(axis=1, keepdims=True)
    return shares, decode(shares)
