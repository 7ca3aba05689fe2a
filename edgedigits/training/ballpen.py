"""Digits written again with a ball pen, which is finer and more even than what most of MNIST's were written with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["PENS", "rewritten", "thinned"]

ENLARGED = 2
INK = 127
LAYERS = 8
"""So many leave nothing but middle lines of MNIST's strokes, and of most that were scanned."""
CHUNK = 2048
"""Pictures that are thinned at once, of which the processor's caches hold more than of all."""
AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""The eight neighbours of a pixel, down and across: clockwise, from the one above on."""
CROSS, SQUARE = AROUND[::2], AROUND
PENS = ((CROSS,), (SQUARE,), (CROSS, SQUARE))
"""What is added around a middle line, one after the other, for pens of about 3 to 5 pixels where digits are 40 high, as
MNIST's are here; what fills its picture comes out finer."""


def rewritten(pictures: NDArray[np.uint8], pen: int) -> NDArray[np.uint8]:
    """Pictures of digits `uint8 [n, side, side]`, ink 255, as a pen, counted from 0 in `PENS`, would have written them:
    `uint8 [n, 2 * side, 2 * side]`.
    """
    side = ENLARGED * pictures.shape[1]
    written = np.zeros((len(pictures), side, side), np.uint8)
    for start in range(0, len(pictures), CHUNK):
        chunk = [Image.fromarray(picture).resize((side, side)) for picture in pictures[start : start + CHUNK]]
        ink = thinned(np.stack([np.asarray(picture) for picture in chunk]) > INK, LAYERS)
        for around in PENS[pen]:
            ink = np.any([ink, *(_shifted(ink, *step) for step in around)], axis=0)
        written[start : start + CHUNK] = 255 * ink.astype(np.uint8)
    return written


def thinned(ink: NDArray[np.bool_], layers: int) -> NDArray[np.bool_]:
    """Ink `bool [n, height, width]` without so many of its outermost layers of pixels, but for what it hangs together
    by: T. Y. Zhang & C. Y. Suen, 'A Fast Parallel Algorithm for Thinning Digital Patterns' (CACM 27, 1984).
    A square of two by two pixels goes altogether.
    """
    for _ in range(layers):
        for removable in REMOVABLE:
            around = np.zeros(ink.shape, np.uint8)
            for i, step in enumerate(AROUND):
                around |= _shifted(ink, *step).view(np.uint8) << i
            ink = ink & ~removable[around]
    return ink


def _shifted(ink: NDArray[np.bool_], down: int, across: int) -> NDArray[np.bool_]:
    """What each pixel has so far away from it; beyond the border is paper."""
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    _, height, width = ink.shape
    return padded[:, 1 + down : 1 + down + height, 1 + across : 1 + across + width]


def _removable() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """By which of its neighbours are ink, a bit each, whether a pixel goes: in one turn at the lower right of strokes
    or in their upper left corners, in the next the other way about.
    """
    around = np.arange(256)[:, None] >> np.arange(8) & 1
    above, right, below, left = around[:, ::2].T
    count, begins = around.sum(axis=1), ((1 - around) * np.roll(around, -1, axis=1)).sum(axis=1)
    is_edge = (count >= 2) & (count <= 6) & (begins == 1)
    return (
        is_edge & (above * right * below + right * below * left == 0),
        is_edge & (above * right * left + above * below * left == 0),
    )


REMOVABLE = _removable()
