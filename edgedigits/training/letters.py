"""Letters to refuse: printed ones, and by hand those that are easily taken for digits.

`nondigits` writes letters of all kinds, mostly unlike digits; those here are Greek η, δ, γ, α, φ, θ and ε and the
capitals D, E and J, in more allographs and in hands that differ more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedigits.framing import FRAME_SIZE
from edgedigits.training.printed import draw_printed
from edgedigits.training.synthetic import PICTURE_SIZE, draw_strokes, frame_drawing, strokes_of

__all__ = ["draw_letters"]

PRINTED = 0.5
"""Share of the letters that are printed."""
INK = 100
"""Level from which a pixel is a letter's, of 255."""
BAR_WHOLE, BAR_EVEN, BAR_WIDTH = 0.8, 0.65, 0.7
"""A blot is a bar where more of its rows than so are of one piece, their mean width is more than so much of the
greatest, and that less than so much of its height.
"""

GLYPHS: dict[str, tuple[str, ...]] = {
    "eta": (
        "0,6 10,0 14,10 14,62 14,62 22,22 36,4 46,14 46,60 46,112",
        "0,2 14,2 14,66 14,66 24,20 44,2 56,16 56,112",
        "0,14 8,0 16,12 16,70 16,70 24,26 38,6 48,16 48,60 50,104 60,104",
        "2,0 6,70 6,70 14,24 32,0 44,14 44,70 42,112",
        "0,4 6,0 10,12 10,60 10,60 16,20 28,6 36,20 36,60 36,116",
        "0,8 10,0 16,8 14,56 14,56 26,14 44,4 54,20 50,70 44,110",
        "0,12 8,2 16,2 18,66 / 18,20 36,4 50,8 54,30 54,114",
        "0,0 12,4 12,60 / 12,16 40,2 46,20 46,116",
    ),
    "delta": (
        "58,22 46,2 24,2 18,18 34,36 58,60 60,86 36,100 10,92 6,68 24,50 46,44",
        "52,12 34,0 18,12 24,30 50,46 64,70 50,96 20,98 4,76 16,54 44,44",
        "50,14 30,4 22,18 40,40 66,70 60,92 30,100 2,92 6,72 34,48",
        "64,10 40,0 24,14 40,34 58,56 56,84 34,100 10,88 8,66 24,50 42,46",
        "70,10 52,0 34,6 32,22 54,44 66,66 52,94 22,98 4,78 14,54 44,38",
        "56,20 50,4 32,2 20,14 30,32 58,52 72,76 54,98 18,96 2,76 22,54 50,40",
        "50,6 34,0 20,10 26,26 40,42 48,64 42,90 22,100 6,86 6,62 22,46 36,40",
    ),
    "gamma": (
        "0,2 30,50 / 62,0 30,52 20,100",
        "0,0 10,2 28,54 / 58,0 36,44 24,100",
        "0,0 32,48 / 66,0 40,44 14,100",
        "0,0 16,6 36,60 40,86 30,100 22,88 34,56 64,2",
        "0,10 14,0 30,22 46,66 42,96 26,100 20,82 36,52 70,0",
        "4,0 20,30 42,62 48,86 36,100 24,88 34,56 66,4",
    ),
    "alpha": (
        "100,0 74,40 40,92 8,94 0,64 20,40 52,52 76,80 104,92",
        "84,10 60,60 30,90 4,70 6,30 30,10 52,30 62,70 74,96 94,86",
    ),
    "phi": (
        "30,10 6,30 4,60 34,76 64,64 70,36 54,14 40,24 38,60 36,108",
        "24,20 8,36 10,62 36,70 60,58 62,34 48,22 36,34 34,112",
    ),
    "theta": (
        "28,0 6,20 2,60 14,94 30,100 46,84 50,36 40,6 28,0 / 6,50 48,50",
        "24,0 4,30 4,72 22,100 42,72 42,28 24,0 / 4,52 42,50",
        "30,0 10,30 6,70 20,98 40,80 50,40 44,8 30,0 / 8,54 46,44",
        "30,0 4,30 4,70 30,100 60,70 60,30 30,0 / 16,50 46,50",
    ),
    "J": (
        "0,4 60,0 / 38,2 38,70 22,98 2,84",
        "20,0 70,0 70,0 / 48,2 46,72 30,98 6,90 0,70",
        "4,4 40,4 40,4 40,78 24,100 2,86",
    ),
    "D": (
        "10,0 9,50 8,100 / 0,1 40,4 78,40 70,80 34,98 0,100",
        "12,0 12,100 / 0,0 62,14 78,50 60,86 0,100",
        "8,0 6,100 6,100 50,90 66,50 48,8 2,2",
    ),
    "E": ("56,10 30,0 8,16 20,40 40,46 40,46 8,56 4,84 30,100 64,90",),
}
"""Ways to write letters, in the notation of the synthetic digits' allographs."""

_ALLOGRAPHS = tuple(allograph for allographs in GLYPHS.values() for allograph in allographs)


def draw_letters(count: int, seed: int) -> NDArray[np.uint8]:
    """Draw frames `uint8 [count, 28, 28]` of letters.

    Frame `i` depends on `(seed, i)` alone, so a smaller set is the beginning of a larger one with the same seed. Raises
    `ValueError` for a negative count.
    """
    if count < 0:
        raise ValueError(f"count must not be negative, got {count}")
    frames = np.empty((count, FRAME_SIZE, FRAME_SIZE), np.uint8)
    for i in range(count):
        rng = np.random.default_rng((seed, i))
        draw = draw_printed if rng.random() < PRINTED else _write
        frames[i] = draw(rng)
        while _is_bar(frames[i]):
            frames[i] = draw(rng)
    return frames


def _is_bar(frame: NDArray[np.uint8]) -> bool:
    """Whether ink ran into one blot, upright or leaning, of about the same width all the way down: that is a 1."""
    ink = frame > INK
    rows = ink[ink.any(axis=1)]
    rows = rows[len(rows) // 10 : len(rows) - len(rows) // 10]
    widths = rows.sum(axis=1)
    whole = np.diff(np.pad(rows, ((0, 0), (1, 1))).astype(np.int8), axis=1).clip(0).sum(axis=1) == 1
    return bool(
        whole.mean() > BAR_WHOLE and widths.mean() > BAR_EVEN * widths.max() and widths.max() < BAR_WIDTH * len(rows)
    )


def _write(rng: np.random.Generator) -> NDArray[np.uint8]:
    """The frame of some letter by hand: its control points strewn, wider or narrower, the pen finer where narrow."""
    strokes = strokes_of(_ALLOGRAPHS[rng.integers(len(_ALLOGRAPHS))])
    strewn = rng.uniform(0, 0.05)
    strokes = tuple(stroke + rng.normal(0, strewn, stroke.shape) for stroke in strokes)
    corner = np.concatenate(strokes).min(axis=0)
    narrower = rng.normal(0.1, 0.2)
    moved = [(stroke - corner) * (np.exp(-narrower), 1.0) for stroke in strokes]
    finer = rng.uniform(0, 0.3) + max(0.0, narrower)
    return frame_drawing(draw_strokes(moved, rng, PICTURE_SIZE, finer), rng)
