"""Ruled lines, and how writing on them is told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgedigits.marks import CUT_OUT, find_marks, runs_of

__all__ = ["ruled_across", "without_rules"]

SLOPES = np.tan(np.radians(np.linspace(-5, 5, 41)))
"""By which a line may rise or fall: paper is seldom laid down straight."""
THINNEST, THIN = 3.0, 0.035
"""Pixels, and part of the picture's longer side, that a rule may be thick."""
COVERED, REPEATED = 0.6, 0.5
"""Least part of the picture's width that a rule covers, and a further one beside it; what is written across covers
the rest."""
SMOOTH, HAIR = 0.43, 0.5
"""Least part of the picture's width at which a rule's middle is within a hair's breadth, in pixels, of a smooth curve.
Feet of digits stand on one line, too, but not so exactly."""
REACH = 0.1
"""Most that a rule, crossed by writing, may stay away from the picture's left or right side, as a part of its width."""
EDGE = 0.06
"""Part of the picture's height, at the top and at the bottom, where a lone line, if no longer than the picture is high,
may be a digit's, cut out closely."""
RAGGED = 1.0
"""Pixels by which a rule's edges may wander."""


@dataclass(frozen=True, eq=False)
class _Rule:
    """A line across, straight or bowed a little as on paper that was: a polynomial of x, in pixels downwards."""

    curve: NDArray[np.float64]
    thickness: float

    def distance(self, x: NDArray[np.int64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far above or below the line's middle places are."""
        away: NDArray[np.float64] = np.abs(y - np.polyval(self.curve, x))
        return away


def without_rules(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask of ink `bool [height, width]` without the rules that run across the picture, or down it.

    Strokes that cross a rule stay whole, for where they do, the ink is thicker than the rule.
    """
    across, across_band, _ = _rules(mask)
    down, down_band, _ = _rules(mask.T)
    # Where two rules cross, ink is thick both ways.
    return mask & ~across & ~down.T & ~(across_band & down_band.T)


def ruled_across(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the ink `bool [height, width]` is that of rules that run across the picture.

    Feet of digits that stand right on a rule make it thicker: what is beside the rule itself is theirs, where more than
    half of the mark that it is a part of is no rule's at all. So is the bar of a digit that is as high as the picture,
    cut out closely around it; but for a sliver of paper it may go from side to side.
    """
    ruled, _, cores = _rules(mask)
    height, width = mask.shape
    if COVERED * width <= height and ruled.any() and not (ruled[:, 0].any() and ruled[:, -1].any()):
        marks = find_marks(mask)
        ruled[mask] &= (marks.y1 - marks.y0 < CUT_OUT * height)[marks.of_pixel]
    beside = ruled & ~cores
    if not beside.any():
        return ruled
    others = (mask & ~ruled) | beside
    marks = find_marks(others)
    theirs = np.bincount(marks.of_pixel, beside[others]) < marks.area / 2
    beside[others] &= theirs[marks.of_pixel]
    return ruled & ~beside


def _rules(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """The pixels of a mask that belong to rules across, the bands in which these lie, and their cores, which are no
    wider than the rules are thick: all `bool`, of its shape.
    """
    height, width = mask.shape
    ruled, bands, cores = (np.zeros_like(mask) for _ in range(3))
    runs = runs_of(mask.T)
    lengths = runs.end - runs.start
    most = max(THINNEST, THIN * max(mask.shape))
    thin = np.flatnonzero(lengths <= most)
    if len(thin) < COVERED * width:
        return ruled, bands, cores
    x, y, thickness = runs.row[thin], (runs.start[thin] + runs.end[thin]) / 2, lengths[thin]
    rules = _found(x, y, thickness, mask.shape, most / 2)
    is_lone = all(not EDGE * height < np.polyval(rule.curve, width / 2) < (1 - EDGE) * height for rule in rules)
    if is_lone and COVERED * width <= height:
        return ruled, bands, cores
    is_rule = np.zeros(len(lengths), np.bool_)
    rows, columns = np.arange(0.5, height)[:, np.newaxis], np.arange(width)
    for rule in rules:
        reach = rule.thickness / 2 + RAGGED
        is_rule[thin[(rule.distance(x, y) <= reach) & (thickness <= 2 * rule.thickness + RAGGED)]] = True
        away = rule.distance(columns, rows)
        bands |= away <= reach
        cores |= away <= (rule.thickness + RAGGED) / 2
    ruled.T[mask.T] = np.repeat(is_rule, lengths)
    return ruled, bands, cores


def _found(
    x: NDArray[np.int64], y: NDArray[np.float64], thickness: NDArray[np.int64], shape: tuple[int, ...], step: float
) -> list[_Rule]:
    """The rules that short runs downwards, at `x` with their middle at `y`, are pieces of.

    Along the right slope all of a rule is on one rung of a ladder, `step` apart, or on two; along others on many.
    """
    width = shape[1]
    place, covered = max((_ladder(y - slope * x, step) for slope in SLOPES), key=lambda ladder: _peakedness(ladder[1]))
    rules: list[_Rule] = []
    if covered.max() < COVERED * width:
        return rules
    for rung in np.flatnonzero(covered >= REPEATED * width):
        on = np.flatnonzero((place == rung) | (place == rung + 1))
        if x[on[0]] <= REACH * width and x[on[-1]] >= (1 - REACH) * width:
            thick = float(np.median(thickness[on]))
            away = _Rule(np.polyfit(x[on], y[on], 1), thick).distance(x[on], y[on])
            on = on[away <= max(RAGGED, 2 * float(np.median(away)))]
            rule = _Rule(np.polyfit(x[on], y[on], 2), thick)
            if len(np.unique(x[rule.distance(x, y) <= HAIR])) >= SMOOTH * width:
                rules.append(rule)
    return rules


def _ladder(heights: NDArray[np.float64], step: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """On which rung, `step` apart, each height lies, and how many lie on each rung and the next."""
    place = np.rint(heights / step).astype(np.int64)
    place -= place.min()
    counts = np.bincount(place)
    return place, counts + np.append(counts[1:], 0)


def _peakedness(covered: NDArray[np.int64]) -> int:
    """A sum of squares, larger the fewer rungs hold all; of pairs that do not overlap, lest two count for four."""
    return max(int(covered[::2] @ covered[::2]), int(covered[1::2] @ covered[1::2]))
