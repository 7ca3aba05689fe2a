"""Which of the marks on a picture are lines of digits, and where each line is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import LINE_HEIGHT
from edgedigits.marks import Marks
from edgedigits.slopes import median, slope_of

__all__ = ["Group", "are_frames", "are_wide", "group_marks"]

SPECK = 3
"""Pixels, each way, up to which a mark is a speck."""
TALL, TALLEST = 0.5, 2.5
"""Height of what decides where a line is, in units of the usual height of marks."""
SLIM = 0.12
"""Part of its length that a ruled line may be wide."""
ACROSS, DOWN = 0.6, 0.9
"""Part of the picture's width, and of its height, from which a slim mark is a ruled line."""
OUTGROWN = 1.6
"""Height, in units of the others' median, from which a mark may be a line down: in a picture cut out closely, a 1 is as
high as the picture."""
HOLLOW, LEAST_FRAME = 0.3, 12
"""Share of its box that the ink of a frame is at most, and pixels that it is wide and high at least."""
EDGE, SIDED = 0.1, 0.85
"""How far from its box's edges, as a part of its size, a frame's sides are, and the share of their length with ink."""
CORE = 0.5
"""Part of a mark's height, in its middle, that has to be beside another's for both to be in one line."""
LARGEST, NEAR = 3.5, 0.5
"""Height, in units of the usual, that a number's first digit has at most where it is far larger than the others, and
paper between it and the next, as a part of its own height."""
LOW = 0.8
"""Height, in units of the usual, of a mark of which any part may be beside: a raised sign, say."""
STEEP, STEEPEST = 0.05, 0.25
"""Slopes of a line from which it is brought level, and that it may have at most."""
SPARSE = 0.1
"""Share of its box that the ink of a digit is at least, but for those that fine pens write large."""
LITTLE = 0.15
"""Share of all ink that is too little to be all digits."""
GAP = 2.5
"""Paper between two digits, in units of their height, from which they are in two lines."""
ABOVE, BELOW, ASIDE = 0.1, 0.25, 2.0
"""Distances from the digits, in units of their height, within which small marks are theirs."""
MARGIN, SIDE = 0.14, 0.2
"""Paper above and below a line, and beside it, as a part of its height."""
SMALLER, AS_DARK = 0.2, 0.7
"""Height and ink of marks that may be a line of smaller digits, in units of those of the larger ones."""
SMALLEST = 10
"""Pixels that these are high at least: less is grain and print."""
MAX_FITTED = 100
"""Digits of a line up to which its slope is told: it takes a number for each pair."""


@dataclass(frozen=True, eq=False)
class Group:
    """Marks of one line: which, and the box of all from `x0` to `x1` and of the tall ones from `y0` to `y1`, both in
    pixels; its rows are told at its left end, from where it falls by `slope`. Where it is `disturbed`, something large
    that is no digit reaches into it, and may hide one.
    """

    marks: NDArray[np.int64]
    x0: int
    y0: float
    x1: int
    y1: float
    slope: float
    disturbed: bool

    @property
    def scale(self) -> float:
        """Rows of a line's picture to a pixel."""
        return LINE_HEIGHT / ((self.y1 - self.y0) * (1 + 2 * MARGIN))

    @property
    def left(self) -> int:
        """Where the line's picture begins."""
        return int(self.x0 - SIDE * (self.y1 - self.y0))

    @property
    def right(self) -> int:
        """Where it ends."""
        return math.ceil(self.x1 + SIDE * (self.y1 - self.y0))

    @property
    def top(self) -> float:
        """Its upper edge, at the left one."""
        return self.y0 - MARGIN * (self.y1 - self.y0) + self.slope * (self.left - self.x0)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """What holds its digits."""
        falls = self.slope * (self.x1 - self.x0)
        return self.x0, self.y0 + min(0, falls), self.x1, self.y1 + max(0, falls)

    @property
    def columns(self) -> int:
        """Of the line's picture."""
        return max(2, round((self.right - self.left) * self.scale))


def are_wide(marks: Marks, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which marks may be ruled lines across a picture `[height, width]`, or what has grown together with one."""
    wide: NDArray[np.bool_] = marks.x1 - marks.x0 > ACROSS * shape[1]
    return wide


def are_frames(marks: Marks, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which marks of a mask `bool [height, width]` are drawn around others: the box of a form."""
    width, height = marks.x1 - marks.x0, marks.y1 - marks.y0
    frames = np.zeros(len(width), np.bool_)
    hollow = np.flatnonzero((marks.area <= HOLLOW * width * height) & (np.minimum(width, height) >= LEAST_FRAME))
    x = (marks.x0 + marks.x1) / 2
    # Digits that stand beside each other hold no middle but their own.
    middles = np.sort(x)
    held = middles.searchsorted(marks.x1[hollow]) - middles.searchsorted(marks.x0[hollow], "right")
    hollow = hollow[held > 1]
    y = (marks.y0 + marks.y1) / 2
    of_pixel: NDArray[np.int64] | None = None
    for i in hollow.tolist():
        inside = (x > marks.x0[i]) & (x < marks.x1[i]) & (y > marks.y0[i]) & (y < marks.y1[i])
        inside &= (height > TALL * TALL * height[i]) & (height < height[i]) & (width < width[i])
        if np.count_nonzero(inside):
            rows, columns = slice(marks.y0[i], marks.y1[i]), slice(marks.x0[i], marks.x1[i])
            if of_pixel is None:
                of_pixel = np.full(mask.shape, -1)
                of_pixel[mask] = marks.of_pixel
            frames[i] = _has_four_sides(of_pixel[rows, columns] == i)
    return frames


def _has_four_sides(mask: NDArray[np.bool_]) -> bool:
    """Whether all sides of a mask, near its edges, are ink for most of their length, as of no digit."""
    rows, columns = (max(1, round(EDGE * length)) for length in mask.shape)
    sides = (mask[:rows].any(axis=0), mask[-rows:].any(axis=0), mask[:, :columns].any(1), mask[:, -columns:].any(1))
    return all(side.mean() >= SIDED for side in sides)


def group_marks(marks: Marks, mask: NDArray[np.bool_], ink: NDArray[np.uint8]) -> list[Group]:
    """The lines on a picture, from top to bottom, and from left to right where they are beside each other.

    `marks` are those of the `mask` of its `ink`, both [height, width]. Lines of smaller digits are looked for among
    what the larger ones leave.
    """
    shape = mask.shape
    width, height = marks.x1 - marks.x0, marks.y1 - marks.y0
    cut_above, cut_below = marks.y0 == 0, marks.y1 == shape[0]
    cut_aside = (marks.x0 == 0) | (marks.x1 == shape[1])
    at_border = cut_above | cut_below | cut_aside
    # Where the paper ends, or a box, is no digit, however large.
    may_hide = ~(cut_aside | (cut_above & cut_below) | (at_border & are_wide(marks, shape)))
    ruled = are_wide(marks, shape) & (height <= SLIM * width)
    left = ~ruled & ((height > SPECK) | (width > SPECK))
    left &= ~_lines_down(width, height, left, shape)
    if not left.any():
        return []
    # The edge of the paper, or a stamp's, has more ink than all digits may have; or all digits are joined.
    is_usual = left & ~(at_border & (height > DOWN * shape[0])) & (marks.area > SPARSE * width * height)
    if marks.area[is_usual].sum() < LITTLE * marks.area[left].sum():
        is_usual = left
    usual = _weighted_median(height[is_usual], marks.area[is_usual])
    groups = list(_grouped(marks, left, usual, at_border=at_border, ruled=ruled, may_hide=may_hide))
    if not groups:
        return []
    used = np.concatenate([group.marks for group in groups])
    left[used] = False
    if left.any():
        left &= (height >= max(SMALLER * usual, SMALLEST)) & (height < TALL * usual) & ~at_border
        left &= _as_dark(marks, ink[mask], used)
    if left.any():
        smaller = _weighted_median(height[left], marks.area[left])
        groups += _grouped(marks, left, smaller, at_border=at_border, ruled=ruled, may_hide=may_hide)
    return _in_order(groups)


def _as_dark(marks: Marks, ink: NDArray[np.uint8], used: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which marks are about as dark as those that are used; `ink` uint8 [pixels] is that of each pixel of marks."""
    mean = np.bincount(marks.of_pixel, ink) / marks.area
    darkness = float(np.average(mean[used], weights=marks.area[used]))
    is_dark: NDArray[np.bool_] = mean >= AS_DARK * darkness
    return is_dark


def _lines_down(
    width: NDArray[np.int64], height: NDArray[np.int64], is_mark: NDArray[np.bool_], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    down = is_mark & (width <= SLIM * height) & (height > DOWN * shape[0])
    others = is_mark & ~down
    if not down.any() or not others.any():
        return np.zeros_like(down)
    lines: NDArray[np.bool_] = down & (height > OUTGROWN * np.median(height[others]))
    return lines


def _grouped(
    marks: Marks,
    is_mark: NDArray[np.bool_],
    usual: float,
    *,
    at_border: NDArray[np.bool_],
    ruled: NDArray[np.bool_],
    may_hide: NDArray[np.bool_],
) -> Iterator[Group]:
    """Lines of digits that are about as high as `usual`, in pixels; what is far higher `may_hide` one of them, and what
    is `ruled` and nearly as high has grown together with some.
    """
    height = marks.y1 - marks.y0
    tall = np.flatnonzero(is_mark & (height >= TALL * usual) & (height <= TALLEST * usual))
    small = np.flatnonzero(is_mark & (height < TALL * usual))
    hiding = np.flatnonzero((is_mark & (height > TALLEST * usual) & may_hide) | (ruled & (height >= TALL * usual)))
    high = np.flatnonzero(is_mark & (height > TALLEST * usual) & (height <= LARGEST * usual) & may_hide & ~ruled)
    core = np.where(height < LOW * usual, height, CORE * height) / 2
    middle = (marks.y0 + marks.y1) / 2
    rows, bridges = _rows(tall, middle - core, middle + core, height)
    hiding = np.concatenate([hiding, *bridges])
    parts = [part for row in rows for part in _overlapping(row, marks.x0, marks.x1 + GAP * median(height[row]))]
    # What the picture cuts is the edge of the paper, or belongs to others, where there is a line that it does not cut.
    whole = [part for part in parts if not at_border[part].all()]
    for part in whole or parts:
        slope = _slope((marks.x0[part] + marks.x1[part]) / 2, middle[part], median(height[part]))
        left = int(marks.x0[part].min())
        falls = slope * ((marks.x0 + marks.x1) / 2 - left)
        tops, bottoms = marks.y0 - falls, marks.y1 - falls
        first = _large_first(marks, tops, bottoms, part, high=high, tall=tall)
        digits = np.concatenate([part, first])
        y0, y1 = float(tops[digits].min()), float(bottoms[digits].max())
        size = y1 - y0
        level = middle - falls
        is_near = (marks.x1 >= left - ASIDE * size) & (marks.x0 <= marks.x1[part].max() + ASIDE * size)
        is_beside = is_near & (level >= y0 - ABOVE * size) & (level <= y1 + BELOW * size)
        own = np.concatenate([digits, small[is_beside[small]]])
        x0 = int(marks.x0[own].min())
        fall = slope * (x0 - left)
        reaches_in = is_near & (bottoms > y0) & (tops < y1)
        # What is large and stands first may be no digit, and the promise was not measured on such lines.
        disturbed = bool(len(first)) or bool(reaches_in[hiding].any())
        yield Group(own, x0, y0 + fall, int(marks.x1[own].max()), y1 + fall, slope, disturbed)


def _rows(
    items: NDArray[np.int64], low: NDArray[np.float64], high: NDArray[np.float64], height: NDArray[np.int64]
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """Items in rows by what is from `low` to `high`, and what is no part of any: a line down, say, that is larger than
    others are high, and without which a row would be several, each of two digits or more.
    """
    rows, bridges = [], []
    for row in _overlapping(items, low, high):
        is_large = height[row] > OUTGROWN * median(height[row])
        apart = _overlapping(row[~is_large], low, high) if is_large.any() else [row]
        if len(apart) > 1 and min(map(len, apart)) > 1:
            rows += apart
            bridges.append(row[is_large])
        else:
            rows.append(row)
    return rows, bridges


def _large_first(
    marks: Marks,
    tops: NDArray[np.float64],
    bottoms: NDArray[np.float64],
    part: NDArray[np.int64],
    *,
    high: NDArray[np.int64],
    tall: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The one of the `high` marks that is the first digit of a line, before its other digits, which are a `part` of the
    marks; none, where there is none, or where it may be several, or stands before others of the `tall` ones, as a brace
    does before lines. `tops` and `bottoms` are as if the line were level.
    """
    if len(part) < 2 or not len(high):
        return high[:0]
    height = marks.y1 - marks.y0
    left, middle = marks.x0[part].min(), (tops[part].min() + bottoms[part].max()) / 2
    is_before = (marks.x0 + marks.x1 < 2 * left) & (marks.x1 > left - NEAR * height)
    # A line down is slim.
    is_before &= (tops < middle) & (bottoms > middle) & (marks.x1 - marks.x0 > SLIM * height)
    first: NDArray[np.int64] = high[is_before[high]]
    if len(first) != 1:
        return first[:0]
    others = np.setdiff1d(tall, part)
    centre = (marks.y0[others] + marks.y1[others]) / 2
    is_after = (marks.x0[others] > marks.x0[first]) & (marks.x0[others] < marks.x1[first] + NEAR * height[first])
    is_after &= (centre > marks.y0[first]) & (centre < marks.y1[first])
    return first[:0] if is_after.any() else first


def _in_order(groups: list[Group]) -> list[Group]:
    if len(groups) < 2:
        return groups
    tops, bottoms = (np.array(edges) for edges in ([g.box[1] for g in groups], [g.box[3] for g in groups]))
    middle, core = (tops + bottoms) / 2, CORE * (bottoms - tops) / 2
    rows = _overlapping(np.arange(len(groups)), middle - core, middle + core)
    return [groups[i] for row in rows for i in sorted(row.tolist(), key=lambda i: groups[i].x0)]


def _overlapping(items: NDArray[np.int64], low: NDArray[Any], high: NDArray[Any]) -> list[NDArray[np.int64]]:
    """Items in groups of those whose intervals, from `low` to `high` by item, overlap one after the other."""
    if not len(items):
        return []
    order = items[np.argsort(low[items], kind="stable")]
    reach = np.maximum.accumulate(high[order])
    return np.split(order, np.flatnonzero(low[order][1:] >= reach[:-1]) + 1)


def _weighted_median(values: NDArray[np.int64], weights: NDArray[np.int64]) -> float:
    order = np.argsort(values)
    below = weights[order].cumsum()
    return float(values[order][np.searchsorted(below, below[-1] / 2)])


def _slope(x: NDArray[np.float64], y: NDArray[np.float64], size: float) -> float:
    """By how much a line falls to the right; 0 where it hardly does."""
    if not 3 <= len(x) <= MAX_FITTED or np.ptp(x) < 3 * size:
        return 0.0
    slope = slope_of(x, y, apart=size)
    return slope if STEEP < abs(slope) <= STEEPEST else 0.0
