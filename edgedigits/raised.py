"""Whether a number's last digits are raised, as cents are that no comma parts from the others, or a power."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgedigits.marks import Box
from edgedigits.slopes import median, slope_of

__all__ = ["are_raised"]

MOST = 2
"""Digits that may be raised."""
LOWEST, HIGHEST = 0.72, 0.3
"""Part of the others' height that they reach down to at most, and by which they begin higher at most: a line may rise
more than its digits tell."""
SMALLER = 0.8
"""Part of the others' height that they have at most."""
LEAST_SLOPING, LEVEL = 3, 0.08
"""How many of the others it takes to tell a slope: one of two may reach below the line; and up to which part of their
height they may seem to fall or rise where they do not: boxes are told to two rows of a line's picture."""


def are_raised(digits: Sequence[Box], separators: Sequence[Box]) -> bool:
    """Whether the last one or two digits are smaller than those before them and end above their feet, as these rise or
    fall, and no separator begins between the two parts.
    """
    for count in range(min(MOST, len(digits) - 1), 0, -1):
        if _are_raised(digits[:-count], digits[-count:]):
            last, first = digits[-count - 1], digits[-count]
            return not any(last[0] < separator[0] < first[2] for separator in separators)
    return False


def _are_raised(others: Sequence[Box], few: Sequence[Box]) -> bool:
    # To look at sizes alone takes next to no time, and most lines end with digits as high as the others.
    usual = sorted(bottom - top for _, top, _, bottom in others)[len(others) // 2]
    if max(bottom - top for _, top, _, bottom in few) > SMALLER * usual:
        return False
    x0, y0, x1, y1 = np.array([*others, *few], np.float64).T
    middle = (x0 + x1) / 2
    n = len(others)
    # By their feet: of smaller digits on a level line, heads and middles fall.
    slope = slope_of(middle[:n], y1[:n], apart=1.0) if n >= LEAST_SLOPING else 0.0
    slopes = {slope, 0.0} if abs(slope) * np.ptp(middle[:n]) <= LEVEL * usual else {slope}
    return any(_end_above(n, y0 - slope * middle, y1 - slope * middle) for slope in slopes)


def _end_above(n: int, tops: NDArray[np.float64], bottoms: NDArray[np.float64]) -> bool:
    """Whether digits after the first `n` end above the feet of those, and begin not far above their heads."""
    top, bottom = median(tops[:n]), median(bottoms[:n])
    size = bottom - top
    return bool(bottoms[n:].max() < top + LOWEST * size and tops[n:].min() > top - HIGHEST * size)
