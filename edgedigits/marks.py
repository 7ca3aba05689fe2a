"""Marks: the connected pieces of ink on a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CUT_OUT", "Box", "Marks", "Runs", "bounding_box", "find_marks", "grown", "runs_of"]

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels, right and lower edges exclusive."""
CUT_OUT = 0.75
"""Part of a picture's height that a digit has at least that the picture was cut out closely around."""
JUMPS = 3
"""Times that nodes ask whom they know before they look at their neighbours again: it is cheap."""


@dataclass(frozen=True)
class Runs:
    """The runs of ink in a mask's rows, from top to bottom and left to right: int64 [n] each, `end` exclusive.

    `row` is counted in rows, `start` and `end` in pixels of the row.
    """

    row: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


@dataclass(frozen=True)
class Marks:
    """The connected pieces of a mask's ink, diagonal neighbours included; int64 [n] each, an entry per mark.

    `area` is in pixels; `x0`, `y0`, `x1`, `y1` are the boxes, right and lower edges exclusive. `of_pixel`
    int64 [pixels] tells the mark of each pixel that is set in the mask, in the mask's own order.
    """

    area: NDArray[np.int64]
    x0: NDArray[np.int64]
    y0: NDArray[np.int64]
    x1: NDArray[np.int64]
    y1: NDArray[np.int64]
    of_pixel: NDArray[np.int64]


def bounding_box(mask: NDArray[np.bool_]) -> Box:
    """The box `(x0, y0, x1, y1)` of what is set in a mask `bool [height, width]`, right and lower edges exclusive."""
    rows, columns = mask.any(axis=1).tobytes(), mask.any(axis=0).tobytes()
    return columns.find(1), rows.find(1), columns.rfind(1) + 1, rows.rfind(1) + 1


def grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask `bool [height, width]` with the four neighbours of what is set, for the soft edge of strokes."""
    wider = mask.copy()
    wider[1:] |= mask[:-1]
    wider[:-1] |= mask[1:]
    wider[:, 1:] |= mask[:, :-1]
    wider[:, :-1] |= mask[:, 1:]
    return wider


def runs_of(mask: NDArray[np.bool_]) -> Runs:
    """The runs of a mask `bool [height, width]`."""
    height, width = mask.shape
    # A column of paper at the right ends each row, so that runs are found in one long row, with paper before it.
    row = np.zeros(1 + height * (width + 1), np.bool_)
    row[1:].reshape(height, width + 1)[:, :width] = mask
    changes = np.flatnonzero(row[1:] != row[:-1])
    starts, ends = changes[::2], changes[1::2]
    rows = starts // (width + 1)
    return Runs(rows, starts - rows * (width + 1), ends - rows * (width + 1))


def find_marks(mask: NDArray[np.bool_]) -> Marks:
    """The marks of a mask `bool [height, width]`."""
    width = mask.shape[1]
    runs = runs_of(mask)
    # Moved down by a row, a run touches those there that begin before it has ended and end after it has begun.
    below = (runs.row + 1) * (width + 1)
    places = runs.row * (width + 1)
    first = np.searchsorted(places + runs.end, below + runs.start, "left")
    count = np.searchsorted(places + runs.start, below + runs.end, "right") - first
    upper = np.repeat(np.arange(len(first)), count)
    lower = np.arange(len(upper)) + np.repeat(first - (np.cumsum(count) - count), count)
    least = _connected(len(first), upper, lower)
    is_first = least == np.arange(len(least))
    mark = (np.cumsum(is_first, dtype=np.int64) - 1)[least]
    y0 = runs.row[is_first]
    x0, x1, y1 = (np.full(len(y0), most) for most in (width, 0, 0))
    np.minimum.at(x0, mark, runs.start)
    np.maximum.at(x1, mark, runs.end)
    # Of a mark's runs, the last counts, which is the lowest.
    y1[mark] = runs.row + 1
    of_pixel = np.repeat(mark, runs.end - runs.start)
    return Marks(np.bincount(of_pixel, minlength=len(y0)), x0, y0, x1, y1, of_pixel)


def _connected(count: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of `count` nodes the least that it is connected to by the edges from `one` to `other`.

    A node knows one that is not above it, at first itself; by and by, that which this one knows, and the least that its
    neighbours know. Where all neighbours know the same, it is the least.
    """
    least = np.arange(count)
    np.minimum.at(least, other, one)
    while True:
        for _ in range(JUMPS):
            least = least[least]
        its, theirs = least[one], least[other]
        differ = its != theirs
        if not differ.any():
            return least
        its, theirs = its[differ], theirs[differ]
        np.minimum.at(least, np.maximum(its, theirs), np.minimum(its, theirs))
