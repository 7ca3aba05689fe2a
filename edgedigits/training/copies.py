"""Digits from the tablet, written again as other hands might: strayed from, hooked and rounded off, by other pens.

Each copy of what one writer wrote is by one hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedigits.training import pendigits
from edgedigits.training.allographs import FINEST
from edgedigits.training.synthetic import PICTURE_SIZE, Points, draw_strokes

__all__ = ["copy_digits"]

WILD = (0.8, 1.6)
"""How many times as far as in `synthetic` a hand may stray from what it copies."""
SPACING = 0.11
"""Between the points of a stroke that are kept, in units of a digit's height: a corner is cut by less than a pen."""
HOOKED, LONGEST = 0.25, 0.28
"""Share of strokes' ends that get a hook, and how long it may be, in units of a digit's height."""
ROUNDED = 0.5
"""Share of strokes whose turns are rounded off."""


def copy_digits(
    root: Path, which: slice, left_out: Sequence[int], copies: int, seed: int
) -> tuple[list[NDArray[np.uint8]], NDArray[np.int64], NDArray[np.int64]]:
    """Pictures `uint8 [size, size]`, ink 255, of `copies` of each digit but for those `left_out`, which are places in
    the file; labels, and numbers of the hands, `int64 [n]`.

    Raises `DatasetError`.
    """
    written, labels = pendigits.read_strokes(root, which)
    kept = [i for i in range(len(written)) if i + (which.start or 0) not in left_out]
    pictures, hands = [], []
    for i in kept:
        strokes = _upright([np.array(stroke, np.float64) for stroke in written[i]])
        writer = ((which.start or 0) + i) // pendigits.BY_ONE
        for copy in range(copies):
            rng = np.random.default_rng((seed, i, copy))
            of_hand = np.random.default_rng((seed, writer, copy, 1))
            finer, wild = of_hand.uniform(-0.1, FINEST), of_hand.uniform(*WILD)
            of_digit = np.random.default_rng((seed, writer, copy, 2, int(labels[i])))
            copied = _upright([_rewritten(stroke, of_digit) for stroke in strokes])
            alike = np.random.default_rng((seed, writer, copy, 3))
            pictures.append(draw_strokes(copied, rng, 2 * PICTURE_SIZE, finer, wild, hand=alike))
            hands.append(writer * copies + copy)
    return pictures, np.repeat(labels[kept], copies), np.array(hands, np.int64)


def _upright(strokes: list[Points]) -> list[Points]:
    """The same strokes, 1 high, or 2 wide where they are very flat, the first place to the left and on top at 0."""
    every = np.concatenate(strokes)
    width, height = np.maximum(np.ptp(every, axis=0), 1e-9)
    return [(stroke - every.min(axis=0)) / max(height, width / 2) for stroke in strokes]


def _rewritten(stroke: Points, rng: np.random.Generator) -> Points:
    """A few points along a stroke, hooked and rounded off as may be."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    even = np.linspace(0, length[-1], 2 + int(length[-1] / SPACING))
    points = np.stack([np.interp(even, length, stroke[:, axis]) for axis in (0, 1)], axis=1)
    if len(points) > 3 and rng.random() < ROUNDED:
        points[1:-1] += rng.uniform(0, 0.5) * ((points[:-2] + points[2:]) / 2 - points[1:-1])
    for end in (0, -1):
        if len(points) > 3 and rng.random() < HOOKED:
            points = _hooked(points[::-1], rng)[::-1] if end else _hooked(points, rng)
    return points


def _hooked(points: Points, rng: np.random.Generator) -> Points:
    """The same points with two before them, from which the pen comes round a turn."""
    away = points[0] - points[1]
    away *= rng.uniform(0.2, 1) * LONGEST / 2 / max(float(np.hypot(*away)), 1e-9)
    hook = [points[0]]
    turn = rng.choice((-1, 1)) * rng.uniform(0.3, 1.3)
    for _ in range(2):
        cos, sin = np.cos(turn), np.sin(turn)
        away = np.array([cos * away[0] - sin * away[1], sin * away[0] + cos * away[1]])
        hook.insert(0, hook[0] + away)
    return np.concatenate([hook[:-1], points])
