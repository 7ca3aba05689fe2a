"""A picture of whole numbers: where its lines are, and each of them as a line model takes it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import LINE_HEIGHT
from edgedigits.ink import FAINT, MIN_CONTRAST, TRACE, denoised, even_ink, flattened, grain_of, is_uneven
from edgedigits.marks import Box, Marks, find_marks

__all__ = ["INK", "Layout", "LineInk", "Unreadable", "find_lines"]

Unreadable: TypeAlias = Literal["blank", "low contrast", "too long", "too much"]

WORKING_PIXELS = 1_500_000
"""Larger pictures are shrunk first: a page of paper is then 1,000 pixels wide, and its digits 20 high or more."""
INK = 112
"""Ink from which a pixel is part of a mark: security print is mostly fainter."""
SPECK = 3
"""Pixels, each way, up to which a mark is a speck."""
TALL, TALLEST = 0.5, 2.5
"""Height of what decides where a line is, in units of the usual height of marks."""
SLIM = 0.12
"""Part of its length that a ruled line may be wide."""
ACROSS, DOWN = 0.6, 0.9
"""Part of the picture's width, and of its height, from which a slim mark is a ruled line."""
CORE = 0.5
"""Part of a mark's height, in its middle, that has to be beside another's for both to be in one line."""
STEEP, STEEPEST = 0.05, 0.25
"""Slopes of a line from which it is brought level, and that it may have at most."""
GAP = 4.0
"""Paper between two digits, in units of their height, from which they are in two lines."""
ABOVE, BELOW, ASIDE = 0.1, 0.25, 2.0
"""Distances from the digits, in units of their height, within which small marks are theirs."""
MARGIN, SIDE = 0.14, 0.45
"""Paper above and below a line, and beside it, as a part of its height."""
MAX_WIDTH = 4096
"""Columns of a line from which it is too long: more than two hundred digits."""
MAX_LINES, MAX_MARKS = 200, 20_000
"""More are on no picture of amounts; each costs time."""
MAX_FITTED = 100
"""Digits of a line up to which its slope is told: it takes a number for each pair."""


@dataclass(frozen=True)
class LineInk:
    """One line's ink, `uint8 [32, width]`, 255 is full ink.

    Its column `u` and row `v` are in the picture at `x = left + u / scale`, `y = top + v / scale + slope * (x - left)`.
    `box` holds its digits, in the picture's pixels.
    """

    picture: NDArray[np.uint8]
    left: float
    top: float
    scale: float
    slope: float
    box: Box

    def in_picture(self, x0: int, y0: int, x1: int, y1: int) -> Box:
        """The box in the picture that holds one of the line's own columns and rows."""
        left, right = self.left + x0 / self.scale, self.left + x1 / self.scale
        falls = (self.slope * (left - self.left), self.slope * (right - self.left))
        top, bottom = self.top + y0 / self.scale + min(falls), self.top + y1 / self.scale + max(falls)
        return max(0, math.floor(left)), max(0, math.floor(top)), math.ceil(right), math.ceil(bottom)


@dataclass(frozen=True)
class Layout:
    """The lines on a picture from top to bottom, and from left to right; where there are none, the reason why."""

    lines: tuple[LineInk, ...]
    reason: Unreadable | None = None


def find_lines(grey: NDArray[np.uint8]) -> Layout:
    """The lines on a picture `uint8 [height, width]`, in any light, dark on light or light on dark."""
    step, small = _shrunk(grey)
    grain = grain_of(small)
    ink, contrast = _ink(small, grain)
    if contrast < MIN_CONTRAST:
        return Layout((), "low contrast" if contrast > max(FAINT, 2 * grain) else "blank")
    mask = ink >= INK
    marks = find_marks(mask)
    if len(marks.area) > MAX_MARKS:
        return Layout((), "too much")
    groups = list(_grouped(marks, small.shape))
    if not groups:
        return Layout((), "blank")
    if len(groups) > MAX_LINES:
        return Layout((), "too much")
    if any(group.columns > MAX_WIDTH for group in groups):
        return Layout((), "too long")
    of_pixel = np.full(mask.shape, -1)
    of_pixel[mask] = marks.of_pixel
    return Layout(tuple(_cut_out(ink, of_pixel, group, groups, step) for group in groups))


def _shrunk(grey: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint8]]:
    step = int(np.ceil(np.sqrt(grey.size / WORKING_PIXELS)))
    if step == 1:
        return step, grey
    from PIL import Image

    return step, np.asarray(Image.fromarray(grey).reduce(step))


def _ink(grey: NDArray[np.uint8], grain: float) -> tuple[NDArray[np.uint8], float]:
    smooth = denoised(grey, grain)
    ink, contrast = even_ink(smooth, paper=float(np.median(smooth)))
    if contrast < MIN_CONTRAST or is_uneven(ink):
        ink, contrast = even_ink(flattened(smooth), paper=255.0)
    return ink, contrast


@dataclass(frozen=True)
class _Group:
    """Marks of one line: which, and the box of all from `x0` to `x1` and of the tall ones from `y0` to `y1`, both in
    pixels; its rows are told at its left end, from where it falls by `slope`.
    """

    marks: NDArray[np.int64]
    x0: int
    y0: float
    x1: int
    y1: float
    slope: float

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
    def columns(self) -> int:
        """Of the line's picture."""
        return max(2, round((self.right - self.left) * self.scale))


def _grouped(marks: Marks, shape: tuple[int, ...]) -> Iterator[_Group]:
    """The marks of each line, lines from top to bottom, from left to right where they are beside each other."""
    width, height = marks.x1 - marks.x0, marks.y1 - marks.y0
    across = (height <= SLIM * width) & (width > ACROSS * shape[1])
    down = (width <= SLIM * height) & (height > DOWN * shape[0])
    at_border = (marks.x0 == 0) | (marks.y0 == 0) | (marks.x1 == shape[1]) | (marks.y1 == shape[0])
    is_mark = ~across & ~down & ((height > SPECK) | (width > SPECK))
    if not is_mark.any():
        return
    # The edge of the paper has more ink than all digits may have.
    is_usual = is_mark & ~(at_border & (height > DOWN * shape[0]) & (height > width))
    is_usual = is_usual if is_usual.any() else is_mark
    usual = _weighted_median(height[is_usual], marks.area[is_usual])
    tall = np.flatnonzero(is_mark & (height >= TALL * usual) & (height <= TALLEST * usual))
    small = np.flatnonzero(is_mark & (height < TALL * usual))
    core = CORE * height / 2
    middle = (marks.y0 + marks.y1) / 2
    parts = [
        part
        for row in _overlapping(tall, middle - core, middle + core)
        for part in _overlapping(row, marks.x0, marks.x1 + GAP * np.median(height[row]))
    ]
    # What the picture cuts is the edge of the paper, or belongs to others, where there is a line that it does not cut.
    whole = [part for part in parts if not at_border[part].all()]
    for part in whole or parts:
        slope = _slope((marks.x0[part] + marks.x1[part]) / 2, middle[part], float(np.median(height[part])))
        left = int(marks.x0[part].min())
        falls = slope * ((marks.x0 + marks.x1) / 2 - left)
        y0, y1 = float((marks.y0 - falls)[part].min()), float((marks.y1 - falls)[part].max())
        size = y1 - y0
        level = (middle - falls)[small]
        is_near = (
            (level >= y0 - ABOVE * size)
            & (level <= y1 + BELOW * size)
            & (marks.x1[small] >= left - ASIDE * size)
            & (marks.x0[small] <= marks.x1[part].max() + ASIDE * size)
        )
        own = np.concatenate([part, small[is_near]])
        x0 = int(marks.x0[own].min())
        fall = slope * (x0 - left)
        yield _Group(own, x0, y0 + fall, int(marks.x1[own].max()), y1 + fall, slope)


def _overlapping(items: NDArray[np.int64], low: NDArray[Any], high: NDArray[Any]) -> list[NDArray[np.int64]]:
    """Items in groups of those whose intervals, from `low` to `high` by item, overlap one after the other."""
    order = items[np.argsort(low[items], kind="stable")]
    reach = np.maximum.accumulate(high[order])
    return np.split(order, np.flatnonzero(low[order][1:] >= reach[:-1]) + 1)


def _weighted_median(values: NDArray[np.int64], weights: NDArray[np.int64]) -> float:
    order = np.argsort(values)
    below = weights[order].cumsum()
    return float(values[order][np.searchsorted(below, below[-1] / 2)])


def _slope(x: NDArray[np.float64], y: NDArray[np.float64], size: float) -> float:
    """By how much a line falls to the right: the median over pairs of digits (Theil & Sen); 0 where it hardly does."""
    if not 3 <= len(x) <= MAX_FITTED or np.ptp(x) < 3 * size:
        return 0.0
    one, other = np.triu_indices(len(x), 1)
    apart = np.abs(x[other] - x[one]) >= size
    if not apart.any():
        return 0.0
    one, other = one[apart], other[apart]
    slope = float(np.median((y[other] - y[one]) / (x[other] - x[one])))
    return slope if STEEP < abs(slope) <= STEEPEST else 0.0


def _cut_out(
    ink: NDArray[np.uint8], of_pixel: NDArray[np.int64], group: _Group, groups: list[_Group], step: int
) -> LineInk:
    """A line's own ink, brought level and to its size; `of_pixel` tells the mark of each pixel, or -1."""
    from PIL import Image

    left, scale = group.left, group.scale
    top = group.y0 - MARGIN * (group.y1 - group.y0) + group.slope * (left - group.x0)
    first, rows = math.floor(top), math.ceil(LINE_HEIGHT / scale) + 1
    columns = np.arange(left, group.right)
    y = np.arange(first, first + rows)[:, np.newaxis] + np.rint(group.slope * (columns - left)).astype(np.int64)
    inside = (y >= 0) & (y < ink.shape[0]) & (columns >= 0) & (columns < ink.shape[1])
    y, x = y.clip(0, ink.shape[0] - 1), columns.clip(0, ink.shape[1] - 1)
    if len(groups) > 1:
        is_foreign = np.zeros(int(of_pixel.max()) + 2, np.bool_)
        is_foreign[np.concatenate([other.marks for other in groups if other is not group])] = True
        is_foreign[group.marks] = False
        inside &= ~is_foreign[of_pixel[y, x]]
    area = np.where(inside, ink[y, x], 0)
    picture = np.asarray(
        Image.fromarray(area).resize(
            (group.columns, LINE_HEIGHT),
            Image.Resampling.BILINEAR,
            (0, top - first, len(columns), top - first + LINE_HEIGHT / scale),
        )
    )
    falls = group.slope * (group.x1 - group.x0)
    box = (
        group.x0 * step,
        max(0, math.floor((group.y0 + min(0, falls)) * step)),
        group.x1 * step,
        math.ceil((group.y1 + max(0, falls)) * step),
    )
    return LineInk(_leveled(picture), left * step, top * step, scale / step, group.slope, box)


def _leveled(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A line's picture with its full ink at 255."""
    strong = picture[picture >= TRACE]
    if not len(strong):
        return picture
    quartile = 3 * len(strong) // 4
    level = float(np.partition(strong, quartile)[quartile])
    leveled: NDArray[np.uint8] = np.minimum(picture * (255.0 / level), 255).astype(np.uint8)
    return leveled
