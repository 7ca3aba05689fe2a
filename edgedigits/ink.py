"""From grey levels to ink: 0 is paper, 255 the digit's own ink, whatever the light, the pen and the paper are."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FAINT",
    "LEVELS",
    "MIN_CONTRAST",
    "TRACE",
    "denoised",
    "even_ink",
    "grain_of",
    "otsu_threshold",
    "separation",
]

MIN_CONTRAST = 32
"""Grey levels between paper and ink below which a picture is too faint to read."""
FAINT = 8
"""Grey levels up to which there is nothing at all."""
TRACE = 64
"""Ink from which a pixel is the digit's: a stroke's soft edge is, the paper's grain is not."""
LEVELS = np.arange(256, dtype=np.float64)
"""All there are of grey, or of ink."""

GRAINY = 2.5
"""Grain, in grey levels, from which a picture is smoothed."""


def even_ink(
    grey: NDArray[np.uint8], paper: float | Literal["median"] | None = None
) -> tuple[NDArray[np.uint8], float]:
    """The ink on a picture `uint8 [height, width]` that is evenly lit, dark on light or light on dark.

    The level of the `paper` may be the median of all; where it is not given, the border tells it, and so the polarity.
    Otsu's threshold (IEEE Trans. SMC 9(1), 1979) parts ink from paper, and the upper quartile of what is ink is full
    ink. Returns `uint8 [height, width]` and the contrast: the mean distance of ink from paper in grey levels, 0 where
    there is no ink.
    """
    if paper is None:
        border = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
        border.sort()
        paper = (float(border[(len(border) - 1) // 2]) + float(border[len(border) // 2])) / 2
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    if paper == "median":
        low, high = counts.cumsum().searchsorted(((grey.size - 1) // 2, grey.size // 2), "right")
        paper = float(low + high) / 2
    threshold = otsu_threshold(counts)
    is_dark = paper > threshold
    # Ink's levels, from the one next to paper on, and how far that is from it.
    strong = counts[threshold::-1] if is_dark else counts[threshold + 1 :]
    nearest = paper - threshold if is_dark else threshold + 1 - paper
    below = strong.cumsum()
    if not len(below) or not below[-1]:
        return np.zeros_like(grey), 0.0
    contrast = nearest + float(strong @ LEVELS[: len(strong)] / below[-1])
    level = max(1.0, nearest + int(below.searchsorted(3 * below[-1] // 4, "right")))
    ink = paper - LEVELS if is_dark else LEVELS - paper
    table = np.minimum(np.maximum(ink, 0) * (255.0 / level), 255).astype(np.uint8)
    return table.take(grey), contrast


def otsu_threshold(counts: NDArray[np.float64]) -> int:
    """Grey level that parts a histogram `float64 [256]` into two classes with the largest variance between them."""
    return int(_between(counts).argmax())


def separation(counts: NDArray[np.float64]) -> float:
    """That variance: how clearly ink can be told from paper by a histogram `float64 [256]`."""
    return float(_between(counts).max()) / float(counts.sum()) ** 2


def _between(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    below, total_below = counts.cumsum(), (counts * LEVELS).cumsum()
    above = below[-1] - below
    gap = total_below / np.maximum(below, 1) - (total_below[-1] - total_below) / np.maximum(above, 1)
    between: NDArray[np.float64] = below * above * (gap * gap)
    return between


def grain_of(grey: NDArray[np.uint8]) -> float:
    """The median difference between neighbours in a row, in grey levels: of normal noise, 0.95 standard deviations."""
    if grey.shape[1] < 2:
        return 0.0
    differences = np.abs(np.diff(grey.astype(np.int16), axis=1)).ravel()
    return float(np.partition(differences, differences.size // 2)[differences.size // 2])


def denoised(grey: NDArray[np.uint8], grain: float, most: float = math.inf) -> NDArray[np.uint8]:
    """A picture `uint8 [height, width]` smoothed as much as its grain asks for, by at most `most` pixels."""
    if grain < GRAINY:
        return grey
    from PIL import Image, ImageFilter

    radius = min(most, max(grey.shape) / 200 * min(3.0, grain / 5))
    return np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(radius)))
