"""More ways to write digits than those of `synthetic`: hands of cheques and ledgers, joined-up, hasty and ornate.

Strokes are as in `synthetic.ALLOGRAPHS`: 100 high, parted by `/`, points `x,y`, y downwards; a point twice is a corner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedigits.training.synthetic import ALLOGRAPHS, PICTURE_SIZE, draw_strokes, strokes_of

__all__ = ["draw_hands"]

GLYPHS_PER_HAND = 40
FINEST = 0.9
"""How much finer than those of `synthetic` a hand's pen may be, as a logarithm."""
RARE = 0.08
"""Share of digits that a hand writes otherwise than it usually does."""

LEDGER: tuple[tuple[str, ...], ...] = (
    (  # 0: joined at the top, begun with a loop inside, with a tail, like an e, narrow and leaning
        "30,6 8,30 6,72 30,98 56,74 56,30 34,4 52,10 78,4",
        "22,44 44,36 56,16 36,2 12,16 2,52 14,90 40,98 60,76 56,34 38,8",
        "20,20 44,8 60,30 52,76 28,98 6,76 6,34 26,10 52,4 74,14",
        "14,50 42,46 58,24 40,2 14,12 2,48 12,88 40,98 64,80",
        "44,4 20,20 4,60 10,94 32,92 52,56 56,18 42,2",
        "34,30 40,6 16,8 2,50 14,94 44,92 62,50 48,10 24,2",
    ),
    (  # 1: with a long upstroke, like a lambda, with a curled start, with flag and foot, with a wave, leaning
        "0,60 20,30 44,0 44,0 40,50 36,100",
        "0,100 24,40 44,0 44,0 46,50 44,100",
        "4,40 18,22 40,0 40,0 36,60 30,100",
        "0,34 16,30 36,0 36,0 32,50 28,98 / 0,98 30,97 64,96",
        "0,70 14,44 34,20 56,0 56,0 44,50 30,100",
        "40,0 22,50 4,100",
        "0,30 10,16 24,20 40,0 40,0 30,50 20,98 20,98 44,94",
        "2,48 30,2 30,2 30,52 30,100",
    ),
    (  # 2: with a long tail, with a loop and a tail, like a Q, with a hook, small-headed
        "4,20 22,2 46,6 48,30 24,70 4,94 4,94 18,84 40,96 84,90",
        "10,30 6,12 30,0 52,14 44,48 18,80 2,92 10,80 30,84 56,98 86,92",
        "8,26 24,2 52,4 58,30 36,64 6,96 0,86 16,76 38,90 66,98 92,86",
        "2,14 20,0 40,8 38,34 18,70 0,98 0,98 30,94 62,98",
        "14,20 10,6 26,0 40,10 34,36 4,98 4,98 36,96 76,94",
    ),
    (  # 3: with a flat top and an angle, z-like, with small bowls, with a long tail
        "4,6 50,2 50,2 24,38 24,38 50,50 46,84 4,100",
        "0,4 28,6 54,0 54,0 26,36 26,36 52,42 58,70 36,96 0,92",
        "8,10 30,0 46,12 36,30 18,38 18,38 44,44 50,70 30,98 0,104",
        "10,6 34,0 44,16 30,38 20,40 40,44 48,66 28,92 -10,100",
    ),
    (  # 4: like an h, like a y, with a short second stroke, like an L with a stroke, leaning, with a wide angle
        "20,0 8,50 8,50 40,44 60,40 / 44,20 40,60 36,100",
        "4,6 6,40 24,52 46,40 52,4 52,4 50,60 44,100",
        "14,0 4,56 4,56 30,60 56,52 / 38,34 34,70 30,100",
        "10,0 2,60 2,60 40,62 78,54 / 46,30 42,70 40,104",
        "34,0 4,58 4,58 36,52 66,46 / 52,20 38,64 26,104",
        "30,0 20,30 0,64 0,64 40,62 84,58 / 56,36 50,70 46,100",
        "0,10 4,50 4,50 32,46 58,36 / 64,0 54,50 46,100",
    ),
    (  # 5: like an s, without a top, with a top far off, like an r, in one sweep
        "52,4 30,2 18,30 40,50 48,74 30,98 2,94",
        "26,0 18,36 40,40 54,62 40,92 8,98",
        "22,20 16,48 40,46 52,68 36,96 4,96 / 24,14 50,6 80,2",
        "20,10 16,40 36,36 46,60 34,90 10,100 / 20,8 44,8",
        "64,0 36,6 24,14 18,40 40,48 44,74 26,98 0,92",
        "30,8 20,44 42,46 48,72 30,98 -4,96 / 30,8 56,8 86,0",
        "40,0 22,8 20,30 40,46 44,72 28,96 0,100",
    ),
    (  # 6: like a b, with a small loop, in a sweep, open
        "30,0 10,44 4,84 26,100 50,84 44,58 20,60 8,80",
        "46,0 18,36 4,76 16,100 38,94 42,74 26,66 10,80",
        "56,4 26,20 4,62 12,96 40,98 54,74 36,58 14,72 22,86",
        "40,0 14,34 0,80 20,100 48,88 50,64 34,58",
    ),
    (  # 7: with a bar and a wave, like an F, with a hook and a bar, hooked without a bar, leaning
        "0,14 10,2 34,8 64,2 64,2 44,50 30,100 / 18,52 42,48 68,46",
        "6,18 18,4 44,8 70,0 70,0 46,48 34,100 / 24,54 46,48 66,44",
        "0,22 4,4 30,6 56,2 56,2 40,44 32,100 / 16,54 60,46",
        "0,20 6,4 24,10 54,0 54,0 30,50 10,100",
        "0,8 40,4 66,0 66,0 42,40 20,74 4,104 / 20,44 66,40",
    ),
    (  # 8: like an S and back, like a g, as two loops, narrow
        "54,10 30,0 12,16 26,40 48,60 46,88 22,100 4,84 18,58 46,34 56,12",
        "50,10 30,0 12,16 24,36 48,50 50,80 26,100 6,84 16,60 44,36 52,12",
        "34,44 14,26 26,2 52,6 50,30 30,46 8,68 16,98 44,96 50,68 32,46",
        "44,6 24,2 18,22 34,44 40,70 24,98 8,84 16,60 38,36 46,10",
    ),
    (  # 9: like a rho with the stem first, with a straight stem, with a loop to the right, like a g, like a q
        "10,100 16,60 22,20 30,4 48,0 62,10 58,32 40,44 22,42",
        "4,100 14,56 24,14 44,0 62,8 60,28 44,42 24,44",
        "0,104 12,60 26,10 26,10 50,0 64,16 50,38 26,46",
        "48,14 26,0 6,18 12,42 36,38 48,14 48,14 46,60 34,96 8,98",
        "50,8 24,0 4,20 10,44 34,42 50,14 50,14 46,56 44,104",
        "46,20 40,2 14,6 4,28 18,44 40,34 48,14 48,14 36,60 20,100",
        "16,44 40,30 44,6 22,2 12,24 24,42 46,30 46,30 30,70 20,100",
    ),
)


def draw_hands(hands: int, seed: int) -> tuple[list[NDArray[np.uint8]], NDArray[np.int64]]:
    """Pictures `uint8 [size, size]`, ink 255, of digits by one hand after the other, and labels `int64 [n]`.

    A hand has a pen, and mostly one way to write each digit.
    """
    pictures: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for hand in range(hands):
        rng = np.random.default_rng((seed, hand))
        ways = [(*usual, *ledger) for usual, ledger in zip(ALLOGRAPHS, LEDGER, strict=True)]
        habits = [int(rng.integers(len(way))) for way in ways]
        finer = rng.uniform(-0.1, FINEST)
        for i in range(GLYPHS_PER_HAND):
            digit = i % 10
            way = ways[digit]
            chosen = way[rng.integers(len(way)) if rng.random() < RARE else habits[digit]]
            pictures.append(draw_strokes(strokes_of(chosen), rng, 2 * PICTURE_SIZE, finer + rng.normal(0, 0.08)))
            labels.append(digit)
    return pictures, np.array(labels, np.int64)
