"""A picture of whole numbers: where its lines are, and each of them as a line model takes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import LINE_HEIGHT
from edgedigits.grouping import Group, are_frames, are_wide, group_marks
from edgedigits.ink import FAINT, LEVELS, MIN_CONTRAST, TRACE, denoised, even_ink, grain_of
from edgedigits.light import flattened, is_banded, is_other_ink, is_uneven, lacks_ink
from edgedigits.marks import Box, Marks, find_marks
from edgedigits.rules import ruled_across

__all__ = ["INK", "Layout", "LineInk", "Unreadable", "find_lines"]

Unreadable: TypeAlias = Literal["blank", "low contrast", "too much"]

WORKING_PIXELS = 1_500_000
"""Larger pictures are shrunk first: a page of paper is then 1,000 pixels wide, and its digits 20 high or more."""
SMOOTHED_PIXELS, FINEST = 100_000, 1.5
"""Smaller pictures keep their grain: smoothed, their fine strokes would go first. Others are smoothed by a radius of so
many pixels at most."""
INK = 112
"""Ink from which a pixel is part of a mark: security print is mostly fainter."""
MAX_WIDTH = 4096
"""Columns of a line from which it is too long: more than two hundred digits."""
MAX_LINES, MAX_MARKS = 200, 20_000
"""More are on no picture of amounts; each costs time."""
STROKE, LONG, HIGHEST = 3, 18, 28
"""Rows of a line that a stroke is wide at least where a border crosses it; from which it counts as two; and that it has
at most."""
TIGHT = 0.05
"""Paper on any side of a picture that was cut out around its digits, as a part of its height."""


@dataclass(frozen=True, eq=False)
class LineInk:
    """One line's ink, `uint8 [32, width]`, 255 is full ink; None where it is longer than anybody writes numbers.

    Its column `u` and row `v` are in the picture at `x = left + u / scale`, `y = top + v / scale + slope * (x - left)`.
    `box` holds its digits, in the picture's pixels, of which there are `shape`: `[height, width]`. Something large that
    is no digit reaches into a line that is `disturbed`, and may hide one; or it is doubtful what on the picture is ink.
    """

    picture: NDArray[np.uint8] | None
    left: float
    top: float
    scale: float
    slope: float
    box: Box
    shape: tuple[int, ...]
    disturbed: bool = False

    def in_picture(self, x0: int, y0: int, x1: int, y1: int) -> Box:
        """The box in the picture that holds one of the line's own columns and rows."""
        left, right = self.left + x0 / self.scale, self.left + x1 / self.scale
        falls = (self.slope * (left - self.left), self.slope * (right - self.left))
        top, bottom = self.top + y0 / self.scale + min(falls), self.top + y1 / self.scale + max(falls)
        return _within(self.shape, left, top, right, bottom)

    @property
    def is_cut(self) -> bool:
        """Whether a digit goes on beyond the picture's left or right border: it is crossed there twice, or along most
        of a digit's height, where a stroke that ends is once.

        A picture that ends where the digits do on all sides was cut out around them, and cuts nothing off.
        """
        height, width = self.shape
        x0, y0, x1, y1 = self.box
        if self.picture is None or max(x0, y0, width - x1, height - y1) <= TIGHT * height:
            return False
        columns = []
        # The border itself goes through columns that are blurred with the paper beyond.
        for u in (-self.left * self.scale, (width - self.left) * self.scale - 1):
            # Farther away than their own paper reaches, no digit goes on.
            if 0 <= u <= self.picture.shape[1] - 1:
                columns += [self.picture[:, math.floor(u)], self.picture[:, math.ceil(u)]]
        return any(_crossings(column >= INK) > 1 for column in columns)


def _crossings(column: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(column, prepend=False, append=False))
    lengths = edges[1::2] - edges[::2]
    # What is higher than a digit is a line down, or the edge of the paper.
    is_stroke = (lengths >= STROKE) & (lengths <= HIGHEST)
    return int(np.count_nonzero(is_stroke) + np.count_nonzero(is_stroke & (lengths >= LONG)))


def _within(shape: tuple[int, ...], left: float, top: float, right: float, bottom: float) -> Box:
    """The box of whole pixels that holds one, as far as the picture goes."""
    height, width = shape
    x0, y0 = min(max(0, math.floor(left)), width - 1), min(max(0, math.floor(top)), height - 1)
    return x0, y0, max(x0 + 1, min(math.ceil(right), width)), max(y0 + 1, min(math.ceil(bottom), height))


@dataclass(frozen=True, eq=False)
class Layout:
    """The lines on a picture from top to bottom, and from left to right; where there are none, the reason why."""

    lines: tuple[LineInk, ...]
    reason: Unreadable | None = None


def find_lines(grey: NDArray[np.uint8]) -> Layout:
    """The lines on a picture `uint8 [height, width]`, in any light, dark on light or light on dark."""
    step, small = _shrunk(grey)
    ink, contrast, is_doubtful = _ink(small)
    if contrast < MIN_CONTRAST:
        return Layout((), "low contrast" if contrast > max(FAINT, 2 * grain_of(small)) else "blank")
    mask, marks = _marks(ink)
    if len(marks.area) > MAX_MARKS:
        return Layout((), "too much")
    groups = group_marks(marks, mask, ink)
    if not groups:
        return Layout((), "blank")
    if len(groups) > MAX_LINES:
        return Layout((), "too much")
    of_pixel = None
    if len(groups) > 1:
        of_pixel = np.full(mask.shape, -1)
        of_pixel[mask] = marks.of_pixel
    return Layout(
        tuple(
            LineInk(
                picture=_cut_out(ink, of_pixel, group, groups) if group.columns <= MAX_WIDTH else None,
                left=group.left * step,
                top=group.top * step,
                scale=group.scale / step,
                slope=group.slope,
                box=_within(grey.shape, *(step * edge for edge in group.box)),
                shape=grey.shape,
                disturbed=group.disturbed or is_doubtful,
            )
            for group in groups
        )
    )


def _shrunk(grey: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint8]]:
    step = math.ceil(math.sqrt(grey.size / WORKING_PIXELS))
    if step == 1:
        return step, grey
    from PIL import Image

    return step, np.asarray(Image.fromarray(grey).reduce(step))


def _ink(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float, bool]:
    """The ink on a picture, its contrast, and whether it is doubtful: what was taken for light may be ink."""
    smooth = denoised(grey, grain_of(grey), FINEST) if grey.size > SMOOTHED_PIXELS else grey
    ink, contrast = even_ink(smooth, paper="median")
    if contrast < MIN_CONTRAST or is_uneven(ink):
        flat, its_contrast = even_ink(flattened(smooth), paper=255.0)
        if not lacks_ink(smooth, flat):
            return flat, its_contrast, False
        return (ink, contrast, True) if contrast >= MIN_CONTRAST else (flat, its_contrast, True)
    if is_banded(ink):
        flat, its_contrast = even_ink(flattened(smooth), paper=255.0)
        if is_other_ink(smooth, ink, flat) and not lacks_ink(smooth, flat):
            return flat, its_contrast, True
    return ink, contrast, False


def _marks(ink: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], Marks]:
    """The marks of what is written, and their mask: without the rules that digits stand on, and frames around them,
    which are wiped from the ink.
    """
    mask = ink >= INK
    marks = find_marks(mask)
    if len(marks.area) > MAX_MARKS:
        return mask, marks
    if are_wide(marks, mask.shape).any():
        _wipe(ink, ruled_across(mask))
        mask = ink >= INK
        marks = find_marks(mask)
    if (frames := are_frames(marks, mask)).any():
        kept = mask.copy()
        kept[mask] = ~frames[marks.of_pixel]
        ink[mask & ~kept] = 0
        mask, marks = kept, find_marks(kept)
    return mask, marks


def _wipe(ink: NDArray[np.uint8], rules: NDArray[np.bool_]) -> None:
    """Make paper of rules, and of their soft edges."""
    beside = np.zeros_like(rules)
    beside[1:] |= rules[:-1]
    beside[:-1] |= rules[1:]
    ink[rules | (beside & (ink < INK))] = 0


def _cut_out(
    ink: NDArray[np.uint8], of_pixel: NDArray[np.int64] | None, group: Group, groups: list[Group]
) -> NDArray[np.uint8]:
    """A line's own ink, brought level and to its size; `of_pixel` tells the mark of each pixel, or -1, where
    there are other lines.
    """
    from PIL import Image

    first, rows = math.floor(group.top), math.ceil(LINE_HEIGHT / group.scale) + 1
    width = group.right - group.left
    fall = round(group.slope * (width - 1))
    place = (first + min(fall, 0), group.left, rows + abs(fall), width)
    own = _window(ink, *place, paper=0)
    if of_pixel is not None:
        is_foreign = np.zeros(int(of_pixel.max()) + 2, np.bool_)
        is_foreign[np.concatenate([other.marks for other in groups if other is not group])] = True
        is_foreign[group.marks] = False
        own = np.where(is_foreign[_window(of_pixel, *place, paper=-1)], 0, own)
    if fall:
        columns = np.arange(width)
        falls = np.rint(group.slope * columns).astype(np.int64)
        own = own[np.arange(rows)[:, np.newaxis] + falls - min(fall, 0), columns]
    top = group.top - first
    picture = Image.fromarray(own).resize(
        (group.columns, LINE_HEIGHT),
        Image.Resampling.BILINEAR,
        (0, top, width, top + LINE_HEIGHT / group.scale),
    )
    return _leveled(np.asarray(picture))


def _window(pixels: NDArray[Any], top: int, left: int, height: int, width: int, *, paper: int) -> NDArray[Any]:
    """Part of a picture, with paper where it goes beyond."""
    window = np.full((height, width), paper, pixels.dtype)
    y0, x0 = max(0, -top), max(0, -left)
    inside = pixels[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
    window[y0 : y0 + inside.shape[0], x0 : x0 + inside.shape[1]] = inside
    return window


def _leveled(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A line's picture with its full ink at 255."""
    strong = np.bincount(picture.ravel(), minlength=256)[TRACE:].cumsum()
    if not strong[-1]:
        return picture
    level = TRACE + int(strong.searchsorted(3 * strong[-1] // 4, "right"))
    table = np.minimum(LEVELS * (255.0 / level), 255).astype(np.uint8)
    return table.take(picture)
