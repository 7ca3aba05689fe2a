"""A photograph or a scan of a page: which of all that is on it is the digit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.ink import FAINT, MIN_CONTRAST, TRACE, denoised, even_ink, grain_of
from edgedigits.light import flattened, is_uneven
from edgedigits.marks import Box, Marks, bounding_box, find_marks, grown
from edgedigits.rules import without_rules

__all__ = ["Doubt", "Missing", "Sought", "find_digit", "is_cut_off", "reaches_border"]

Missing: TypeAlias = Literal["blank", "low contrast", "several digits"]
Doubt: TypeAlias = Literal["several digits", "cut off"]

STRONG = 128
"""Ink that a mark reaches somewhere; what does not is a trace of the paper."""
SLIM = 0.1
"""Part of its length that a line may be wide, tilted as it may be."""
INNER_AREA, INNER_SIZE = 0.15, 0.3
"""Parts of the largest mark's area and size from which a mark is the digit instead, where only the former is cut."""
SPECK = 0.22
"""Part of the digit's size below which a mark is a speck or a full stop."""
BROKEN = 0.25
"""Part of the digit's area from which specks close by are ink of its own, that a dry pen has left in pieces."""
NEAR, CLOSE = 0.3, 0.1
"""Distance, as a part of the digit's size, within which a mark is a stroke of it, and a speck may be."""
TALL = 0.55
"""Part of the digit's height from which a mark may be a digit itself."""
APART = 0.12
"""Distance, as a part of the digit's height, from which a tall mark is another digit."""
AS_TALL, BESIDE = 0.7, 0.4
"""Height and sideways distance of its middle, as parts of the digit's height, from which a slanted one is, too."""
FEW = 0.3
"""Part of the digit's area below which what is cut off at the border is left out, tall or not."""


@dataclass(frozen=True)
class Sought:
    """The ink of the digit alone, `uint8 [height, width]`, or why there is none.

    `is_cut` says that the digit goes on beyond the border; `doubt` is what may be wrong where its reading is not
    trusted.
    """

    ink: NDArray[np.uint8] | None
    missing: Missing | None = None
    is_cut: bool = False
    doubt: Doubt | None = None


def find_digit(grey: NDArray[np.uint8]) -> Sought:
    """The digit on a picture `uint8 [height, width]` in any light, among specks, rules and parts of neighbours."""
    grain = grain_of(grey)
    smooth = denoised(grey, grain)
    ink, contrast = even_ink(smooth)
    if is_lit := contrast < MIN_CONTRAST or is_uneven(ink):
        ink, contrast = even_ink(flattened(smooth))
    if contrast < MIN_CONTRAST:
        return Sought(None, "low contrast" if contrast > max(FAINT, 2 * grain) else "blank")
    mask = without_rules(ink >= TRACE)
    marks = find_marks(mask)
    peaks = np.zeros(len(marks.area), np.uint8)
    np.maximum.at(peaks, marks.of_pixel, ink[mask])
    sides = _sides(marks, ink.shape)
    # What remains at the border of a picture that was lit unevenly is the light's own edge as often as ink.
    is_ink = (peaks >= STRONG) & ~(is_lit & (sides.sum(axis=0) > 0)) & ~_lines(marks, sides, ink.shape)
    if not is_ink.any():
        return Sought(None, "blank")
    digit = _likeliest(marks, is_ink, sides)
    is_own, others = _belonging(marks, is_ink, sides, digit)
    if others.any():
        return Sought(None, "several digits")
    own = np.zeros_like(mask)
    own[mask] = is_own[marks.of_pixel]
    found = np.where(grown(own) & ~(mask & ~own), ink, 0).astype(np.uint8)
    if reaches_border(bounding_box(own), own.shape):
        return Sought(found, is_cut=is_cut_off(own), doubt="cut off")
    return Sought(found, doubt="several digits" if _is_divided(marks, is_own, digit) else None)


def reaches_border(box: Box, shape: tuple[int, ...]) -> bool:
    """Whether a digit's box reaches the border of a picture `[height, width]` where it may go on beyond it.

    A picture that ends where the digit does on two opposite sides was cut out around it, and cuts nothing off.
    """
    x0, y0, x1, y1 = box
    left, top, right, bottom = x0 == 0, y0 == 0, x1 == shape[1], y1 == shape[0]
    return (left or top or right or bottom) and not (left and right) and not (top and bottom)


def is_cut_off(mask: NDArray[np.bool_]) -> bool:
    """Whether a digit at the border goes on there: a stroke may end, but no digit crosses one side twice."""
    borders = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return any(np.count_nonzero(np.diff(border.astype(np.int8), prepend=0) == 1) > 1 for border in borders)


def _sides(marks: Marks, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which sides of the picture, left, top, right and bottom, each mark touches: `bool [4, n]`."""
    return np.stack([marks.x0 == 0, marks.y0 == 0, marks.x1 == shape[1], marks.y1 == shape[0]])


def _lines(marks: Marks, sides: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which marks are lines from one side of the picture to the other, as rules are that lie near its edge."""
    width, height = marks.x1 - marks.x0, marks.y1 - marks.y0
    across = sides[0] & sides[2] & (height <= SLIM * width) & (height < shape[0] / 2)
    down = sides[1] & sides[3] & (width <= SLIM * height) & (width < shape[1] / 2)
    lines: NDArray[np.bool_] = across | down
    return lines


def _likeliest(marks: Marks, is_ink: NDArray[np.bool_], sides: NDArray[np.bool_]) -> int:
    """The digit's main mark: the largest, unless that is cut at the border and another, not much smaller, is whole."""
    area = np.where(is_ink, marks.area, 0)
    size = np.maximum(marks.x1 - marks.x0, marks.y1 - marks.y0)
    at_border = sides.sum(axis=0) > 0
    largest = int(area.argmax())
    inner = int(np.where(at_border, 0, area).argmax())
    is_whole = area[inner] >= INNER_AREA * area[largest] and size[inner] >= INNER_SIZE * size[largest]
    return inner if at_border[largest] and not at_border[inner] and is_whole else largest


def _belonging(
    marks: Marks, is_ink: NDArray[np.bool_], sides: NDArray[np.bool_], digit: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which marks are strokes of the digit whose main mark is `digit`, itself included; and which are other digits."""
    at_border = sides.sum(axis=0) > 0
    height = marks.y1 - marks.y0
    size = np.maximum(marks.x1 - marks.x0, height)
    across = np.maximum(marks.x0 - marks.x1[digit], marks.x0[digit] - marks.x1)
    gap = np.maximum(across, np.maximum(marks.y0 - marks.y1[digit], marks.y0[digit] - marks.y1))
    beside = np.abs(marks.x0 + marks.x1 - marks.x0[digit] - marks.x1[digit]) / 2
    is_tall = height >= TALL * height[digit]
    # At the border: neighbours that the picture cuts, margins, the table's edge.
    runs_through = (sides[0] & sides[2]) | (sides[1] & sides[3])
    is_remnant = at_border & (~at_border[digit] | runs_through | ~is_tall | (marks.area < FEW * marks.area[digit]))
    is_speck = size < SPECK * size[digit]
    is_rest = is_ink & ~is_remnant & ~is_speck
    is_other = (
        is_rest
        & is_tall
        & ((gap >= APART * height[digit]) | ((height >= AS_TALL * height[digit]) & (beside >= BESIDE * height[digit])))
    )
    is_own = is_rest & ~is_other & (gap <= NEAR * size[digit])
    is_close = is_ink & ~is_remnant & is_speck & (gap < CLOSE * size[digit])
    if marks.area[is_close].sum() > BROKEN * marks.area[digit]:
        is_own |= is_close
    is_own[digit], is_other[digit] = True, False
    return is_own, is_other


def _is_divided(marks: Marks, is_own: NDArray[np.bool_], digit: int) -> bool:
    """Whether a digit's marks stand side by side, as two digits would and an open 4 may."""
    height = marks.y1 - marks.y0
    across = np.maximum(marks.x0 - marks.x1[digit], marks.x0[digit] - marks.x1)
    return bool((is_own & (height >= TALL * height[digit]) & (across >= 0)).any())
