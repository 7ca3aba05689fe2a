"""Whether a number was struck out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import LINE_HEIGHT

__all__ = ["is_struck_out"]

FALLS = np.arange(-18, 19, 3)
"""Rows by which a stroke may fall from one end to the other."""
HIGHEST, LOWEST = 9, 22
"""Rows between which it crosses the middle of what it strikes out."""
COVERED = 0.9
"""Part of the columns from the first digit's middle to the last one's in which it has ink."""


def is_struck_out(mask: NDArray[np.bool_]) -> bool:
    """Whether a stroke goes across what stands on a line `bool [32, width]`, a column at least wide."""
    # Without one, there is paper between most digits, which takes next to no time to see.
    if np.count_nonzero(mask.any(axis=0)) < COVERED * mask.shape[1]:
        return False
    width = mask.shape[1]
    x = np.arange(0, width, 2)  # every other column tells as much
    falls = np.rint(FALLS[:, np.newaxis] * (x / width - 0.5)).astype(np.int64)
    rows = np.arange(HIGHEST, LOWEST + 1)[:, np.newaxis] + falls[:, np.newaxis]
    inside = (rows >= 0) & (rows < LINE_HEIGHT)
    ink = mask[rows.clip(0, LINE_HEIGHT - 1), x] & inside
    # What falls by rows in between wanders from one row to the next.
    return bool((ink[:, 1:] | ink[:, :-1]).mean(axis=2).max() >= COVERED)
