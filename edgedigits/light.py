"""Light that is not the same everywhere on a picture, and shadow that was taken for ink, or ink for shadow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedigits.ink import TRACE, otsu_threshold
from edgedigits.marks import CUT_OUT, find_marks, grown

__all__ = ["flattened", "is_banded", "is_other_ink", "is_uneven", "lacks_ink"]

COARSE = 64
"""Longer side, in cells, of the grid that light is looked at by."""
LIGHT = 33
"""Side, in cells, of the square whose median is the paper's level in its middle: ink covers less than half of it."""

HALF_INK = np.uint8(32), np.uint8(192)
SOFT = 0.4
"""Part of a picture that is neither paper nor ink where it is light that fades, not a stroke's edge."""
MUCH = 0.45
"""Part of a picture that ink does not cover; half as much softness is then enough."""
REGION = 0.35
"""Side of a square that no pen fills, as a part of the longer side of all ink."""
CORNER, ALONG = 0.2, 0.15
"""Part of the shorter side of a corner that no digit fills while it touches the other part of the border."""
FULL, BAND = 0.75, 0.13
"""Share of a row that other paper covers, and the part of a picture's rows from which it is a band."""
BEYOND = 0.3
"""How far from paper ink is at least, in units of how far a band of other paper is, on the other side."""
MOST = 4.0
"""Size of a digit at most, in units of what flattening left of it: more is shadow."""
AS_FAR = 0.9
"""Distance from paper, as a part of the ink's, that few shadows have: what is written in one is darker still."""


def flattened(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture `uint8 [height, width]` as it would be if it were evenly lit, its ink dark and its paper 255.

    The paper's level is the median around, which keeps a shadow's edge. Beside one, whatever lies between the light on
    its two sides is paper.
    """
    from PIL import Image, ImageFilter

    height, width = grey.shape
    coarse = Image.fromarray(grey).reduce(max(1, round(max(grey.shape) / COARSE)))
    light = coarse.filter(ImageFilter.MedianFilter(min(LIGHT, max(coarse.size) // 2 | 1)))
    nearby = (light.filter(ImageFilter.MinFilter(3)), light.filter(ImageFilter.MaxFilter(3)))
    low, high = (np.asarray(level.resize((width, height), Image.Resampling.BILINEAR), np.float64) for level in nearby)
    darker: NDArray[np.float64] = np.maximum(low - grey, 0)
    lighter: NDArray[np.float64] = np.maximum(grey - high, 0)
    # Cubes, for ink is far from paper and grain is near.
    if (lighter**3).sum() > (darker**3).sum():
        return np.rint(255 - lighter).astype(np.uint8)
    # A share of the light: ink in a shadow is then as dark as ink beside it.
    return np.rint(255 - 255 * darker / np.maximum(low, 1)).astype(np.uint8)


def is_uneven(ink: NDArray[np.uint8]) -> bool:
    """Whether what was taken for ink, `uint8 [height, width]`, is partly shadow: it fades, or is wider than pens."""
    mask = ink >= TRACE
    # What is less wraps around, and is more.
    soft = np.count_nonzero(ink - HALF_INK[0] < HALF_INK[1] - HALF_INK[0]) / ink.size
    if soft > SOFT or (soft > SOFT / 2 and mask.mean() > MUCH):
        return True
    border = np.concatenate((mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    corner = int(CORNER * min(mask.shape))
    corners = (mask[y : y + corner or None, x : x + corner or None] for y in (0, -corner) for x in (0, -corner))
    is_along = np.count_nonzero(border) > ALONG * len(border)
    return (is_along and any(corner.all() for corner in corners)) or _is_wide(mask)


def is_banded(ink: NDArray[np.uint8]) -> bool:
    """Whether what was taken for ink, `uint8 [height, width]`, fills rows, as a band of other paper does, and as rules,
    frames, and bars of digits that were cut out closely may.
    """
    is_full = np.count_nonzero(ink >= TRACE, axis=1) > FULL * ink.shape[1]
    return int(np.count_nonzero(is_full)) > BAND * len(is_full)


def is_other_ink(grey: NDArray[np.uint8], ink: NDArray[np.uint8], flat: NDArray[np.uint8]) -> bool:
    """Whether the ink that a picture `grey` has once it is `flat` is darker than paper, where the `ink` that it had is
    lighter, or the other way round: all `uint8 [height, width]`.
    """
    taken, found = ink >= TRACE, flat >= TRACE
    if taken.all() or not (taken.any() and found.any()):
        return False
    paper = np.median(grey[~taken])
    away, beyond = np.median(grey[taken]) - paper, paper - np.median(grey[found])
    return bool(np.sign(away) * beyond > BEYOND * abs(away))


def lacks_ink(grey: NDArray[np.uint8], ink: NDArray[np.uint8]) -> bool:
    """Whether the `ink` that a picture `grey` has once it is flat, both `uint8 [height, width]`, lacks some that was
    taken for its light: parts of marks as high as the picture that are as far from paper as what is left of them.
    """
    kept = ink >= TRACE
    threshold = otsu_threshold(np.bincount(grey.ravel(), minlength=256).astype(np.float64))
    is_ink = grey <= threshold
    if kept.any() and np.median(grey[kept]) > threshold:
        is_ink = ~is_ink
    marks = find_marks(is_ink)
    left = np.bincount(marks.of_pixel, kept[is_ink], len(marks.area))
    theirs = np.zeros_like(is_ink)
    is_high = marks.y1 - marks.y0 >= CUT_OUT * len(grey)
    theirs[is_ink] = (is_high & (marks.area <= MOST * left))[marks.of_pixel]
    lost = theirs & ~grown(kept)
    if not lost.any() or is_ink.all():
        return False
    paper, ink_left, ink_lost = (float(np.median(grey[mask])) for mask in (~is_ink, theirs & kept, lost))
    return abs(ink_lost - paper) >= AS_FAR * abs(ink_left - paper)


def _is_wide(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask holds a square that no pen fills."""
    inked = np.count_nonzero(mask, axis=1)
    rows, columns = np.flatnonzero(inked), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return False
    side = max(2, int(REGION * max(rows[-1] - rows[0], columns[-1] - columns[0])))
    if side > min(mask.shape) or np.count_nonzero(inked >= side) < side:
        return False
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int64)
    mask.cumsum(axis=0).cumsum(axis=1, out=sums[1:, 1:])
    filled = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return int(filled.max()) == side * side
