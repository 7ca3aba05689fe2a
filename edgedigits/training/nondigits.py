"""Frames that show no digit, drawn by a program: what a network learns to refuse.

Letters and signs are written by the pen that writes the synthetic digits, in allographs of their own, or set in
Pillow's own typeface. Scribbles are random strokes of that pen. Pairs, cut and turned digits are made from digits at
hand. Whatever could rightly be read as a digit is left out, so that refusing these frames costs no digit: the letters
O, I, Z, S, B, G and their like, and every cut or turn that leaves one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from edgedigits.framing import FRAME_SIZE, bounding_box, centre_ink
from edgedigits.training.digits import Digits
from edgedigits.training.synthetic import PICTURE_SIZE, Points, draw_strokes, frame_drawing, strokes_of

__all__ = ["KINDS", "draw_nondigits"]

KINDS = ("letter", "scribble", "pair", "cut", "turned", "texture")
SHARES = (0.45, 0.10, 0.15, 0.12, 0.13, 0.05)

GLYPHS: dict[str, tuple[str, ...]] = {
    "A": (
        "0,100 20,50 40,0 / 40,0 58,50 78,100 / 14,64 40,63 66,64",
        "0,98 6,40 32,2 60,40 64,98 / 4,58 34,57 64,58",
        "0,100 38,0 38,0 74,100 74,100 50,66 12,62",
    ),
    "C": ("70,16 44,0 12,20 4,54 16,88 44,100 74,86", "74,22 60,2 24,6 4,44 14,88 50,99 80,84"),
    "D": ("10,0 9,50 8,100 / 0,1 40,4 78,40 70,80 34,98 0,100", "12,0 12,100 / 0,0 62,14 78,50 60,86 0,100"),
    "E": (
        "6,0 5,50 6,100 / 6,2 32,1 60,0 / 6,50 30,49 52,48 / 6,100 34,99 62,98",
        "60,0 6,2 6,2 5,98 5,98 62,96 / 6,48 48,46",
        "4,0 2,98 2,98 56,96 / 4,2 58,2 / 4,52 56,48",
    ),
    "F": (
        "6,0 6,100 / 6,2 34,1 62,0 / 6,46 28,45 50,44",
        "60,2 10,4 10,4 8,50 4,100 / 8,48 46,46",
        "0,8 14,2 40,8 68,0 / 30,6 26,70 8,98 / 14,50 52,46",
    ),
    "H": ("4,0 4,100 / 64,0 64,100 / 4,50 34,49 64,48", "6,0 4,50 2,100 / 58,2 60,50 56,98 / 4,56 60,44"),
    "K": (
        "4,0 4,100 / 60,0 32,28 6,54 / 20,42 40,70 66,100",
        "6,0 4,100 / 58,4 10,50 10,50 64,98",
        "8,2 4,98 / 64,2 40,40 12,52 12,52 36,60 46,88 70,96",
    ),
    "L": ("6,0 5,50 4,98 4,98 32,97 66,96", "20,0 10,50 2,97 2,97 30,99 64,94"),
    "M": (
        "0,100 6,0 6,0 44,62 44,62 82,0 82,0 88,100",
        "4,100 4,0 / 4,2 40,54 / 40,54 76,2 / 76,0 76,100",
        "0,100 8,10 24,2 38,30 42,70 48,26 62,2 78,14 86,100",
    ),
    "N": (
        "4,100 4,0 4,0 62,100 62,100 62,0",
        "4,0 4,100 / 4,2 60,98 / 60,0 60,100",
        "0,100 14,4 14,4 50,96 50,96 66,0",
    ),
    "P": ("6,0 5,50 4,100 / 6,4 40,0 58,22 42,48 6,54", "10,2 8,100 / 0,10 30,0 60,12 56,40 12,52"),
    "Q": (
        "44,0 10,20 4,60 28,92 64,82 78,44 64,10 40,0 / 44,56 66,82 94,108",
        "40,2 6,30 10,78 46,92 80,60 72,16 38,2 / 36,70 56,66 70,98 98,100",
    ),
    "R": (
        "6,0 6,100 / 6,4 42,0 56,24 40,46 8,50 / 24,50 42,74 64,100",
        "8,0 6,100 / 2,8 34,0 58,18 40,46 14,52 14,52 40,74 66,98",
    ),
    "T": ("0,2 42,1 84,0 / 42,2 42,50 42,100", "0,6 44,3 88,2 / 42,0 43,100"),
    "U": ("2,0 4,60 20,96 46,96 60,66 62,0", "0,2 0,66 16,96 54,96 70,66 70,0"),
    "V": ("0,0 32,98 32,98 66,0", "0,2 18,56 34,98 48,54 68,0"),
    "W": (
        "0,0 20,98 20,98 42,24 42,24 62,98 62,98 86,0",
        "0,4 8,70 24,98 40,64 42,30 46,70 62,98 80,60 86,0",
        "0,0 26,98 / 26,98 48,6 / 44,6 66,98 / 66,98 92,0",
    ),
    "X": ("0,0 32,50 64,100 / 64,0 32,50 0,100", "0,6 40,50 78,98 / 74,0 38,48 4,100"),
    "Y": ("0,0 36,48 / 72,0 36,50 36,50 36,100", "0,0 18,34 38,44 60,30 74,0 / 38,44 37,100"),
    "a": (
        "8,22 34,0 66,12 70,40 70,98 / 70,44 26,48 2,74 22,98 56,90 70,72",
        "62,14 30,2 4,40 14,92 48,86 66,10 66,10 66,80 92,98",
    ),
    "d": (
        "56,58 30,40 4,62 14,96 40,94 58,66 / 58,0 58,50 60,100",
        "54,60 24,42 2,74 20,100 48,84 60,0 60,0 60,80 76,100",
    ),
    "e": ("6,54 34,52 62,48 62,48 54,10 30,0 6,24 4,70 28,100 68,86", "4,50 70,46 70,46 54,4 20,6 2,48 20,96 72,88"),
    "f": ("60,8 42,0 28,16 26,50 26,100 / 0,42 28,41 58,40", "66,14 48,0 34,30 30,100 / 4,46 64,42"),
    "h": ("6,0 5,50 4,100 / 5,64 26,46 46,54 50,76 50,100", "10,0 6,100 6,100 8,66 30,48 46,62 48,98"),
    "k": ("6,0 5,100 / 46,42 26,56 6,70 / 18,62 34,80 52,100", "8,0 6,98 / 48,36 8,68 8,68 54,98"),
    "m": (
        "0,4 4,98 4,98 8,34 36,4 56,26 60,96 60,96 64,34 92,4 112,26 116,98",
        "0,2 2,98 / 2,30 26,2 50,30 50,98 / 50,30 76,2 100,30 102,98",
    ),
    "n": ("4,4 6,98 6,98 10,34 40,2 66,24 70,98", "6,0 4,98 / 4,36 34,2 66,26 66,98"),
    "p": ("6,2 5,50 4,100 / 6,14 32,0 52,20 44,50 24,58 6,46", "0,4 12,2 10,100 / 12,18 40,2 62,28 44,60 12,52"),
    "r": ("6,4 6,98 / 6,44 26,10 70,8", "4,2 8,98 8,98 12,36 38,4 72,16"),
    "t": ("24,0 22,60 30,94 60,92 / 0,28 26,27 56,26", "30,0 28,100 / 0,30 62,26"),
    "u": ("2,4 4,66 26,96 54,70 62,2 62,2 62,66 80,96", "0,2 2,70 30,98 66,64 / 66,0 68,98"),
    "y": ("0,0 36,52 / 74,0 36,54 8,100",),
    "Gamma": ("4,100 4,2 4,2 34,1 66,0", "0,2 70,0 / 12,0 10,100"),
    "Delta": ("36,0 0,98 0,98 74,98 74,98 36,0", "40,2 20,50 0,100 / 40,0 60,50 82,98 / 0,98 84,96"),
    "Lambda": ("0,100 52,0 52,0 106,100", "0,98 52,4 / 50,0 74,50 104,100"),
    "Xi": ("0,2 36,1 70,0 / 10,50 60,49 / 0,100 70,98", "0,6 4,2 70,0 / 8,52 60,48 / 0,96 66,98 68,90"),
    "Pi": ("0,4 80,2 / 16,4 14,100 / 64,4 66,100", "4,100 4,2 4,2 64,0 64,0 64,100"),
    "Sigma": ("66,6 4,2 4,2 40,48 40,48 0,98 0,98 70,94", "70,14 68,2 0,2 0,2 44,50 44,50 0,98 0,98 70,98 72,86"),
    "Phi": (
        "40,20 8,30 4,60 34,76 70,62 70,32 40,20 / 38,0 38,100",
        "42,26 4,34 6,64 40,74 78,64 76,32 40,26 / 46,0 34,104",
    ),
    "Psi": ("0,10 8,50 38,66 70,50 78,8 / 38,0 40,100", "0,20 10,6 14,50 40,64 66,48 74,4 / 44,0 34,104"),
    "Omega": (
        "0,98 26,96 26,96 4,56 14,14 42,2 72,16 78,56 56,96 56,96 84,96",
        "0,96 32,94 6,50 26,4 62,4 82,46 58,94 90,98",
    ),
    "alpha": ("90,6 66,60 36,94 6,70 6,28 34,4 62,44 78,84 96,94", "104,0 70,66 34,98 2,66 10,18 44,10 70,60 104,98"),
    "beta": (
        "2,120 8,24 26,0 48,10 46,34 22,46 22,46 52,54 60,78 40,98 8,86",
        "0,116 10,30 30,2 50,16 26,44 56,62 42,92 10,88",
    ),
    "gamma": (
        "0,4 18,14 44,60 44,88 34,100 24,88 30,58 66,0",
        "0,16 12,4 26,16 36,58 34,96 26,84 34,50 64,2",
        "0,12 14,2 30,26 36,62 / 66,0 36,62 22,104",
    ),
    "delta": (
        "62,8 40,0 22,10 30,30 56,48 62,76 40,100 14,94 4,70 16,48 44,42",
        "72,2 44,2 30,14 54,40 62,70 44,98 16,92 6,66 24,44 50,46",
        "66,16 44,0 26,14 44,40 60,66 46,96 14,94 2,72 14,52 40,48",
    ),
    "epsilon": (
        "60,10 34,0 12,14 20,38 44,46 44,46 12,56 4,80 28,100 62,90",
        "64,14 40,2 16,16 26,42 10,60 8,84 34,100 66,86",
    ),
    "eta": (
        "0,14 10,2 14,66 14,66 28,18 56,4 66,28 62,100",
        "0,10 12,2 18,20 16,64 16,64 24,24 44,4 60,14 62,50 58,112",
        "4,4 6,62 6,62 20,14 42,2 54,22 52,70 54,112",
    ),
    "theta": (
        "34,0 8,24 2,56 14,90 34,100 54,88 64,52 56,16 34,0 / 4,50 32,49 62,50",
        "30,0 4,30 4,70 28,100 54,74 56,30 32,0 / 2,54 30,48 58,46",
        "36,2 4,30 8,80 40,98 72,66 66,18 34,0 / 0,50 40,48 78,52",
    ),
    "lambda": ("6,2 22,4 40,50 70,98 / 38,44 0,100", "0,8 14,0 28,16 54,88 74,96 / 34,46 2,98"),
    "mu": ("10,0 0,100 / 8,6 10,54 32,66 54,46 62,0 / 62,0 60,54 80,62",),
    "pi": ("0,16 14,4 50,6 86,0 / 26,6 22,60 8,98 / 60,4 58,70 74,98", "0,4 84,2 / 22,4 18,98 / 62,4 64,98"),
    "tau": ("0,20 16,4 44,6 80,2 / 40,6 36,60 46,92 64,90", "0,12 12,2 74,4 / 38,6 34,70 44,98 62,88"),
    "phi": ("24,6 4,30 10,62 40,70 74,52 70,18 48,12 38,40 30,110", "16,10 2,40 20,66 60,62 74,28 52,6 40,30 34,112"),
    "psi": ("0,10 12,20 16,56 40,70 66,54 80,4 / 44,0 32,110",),
    "omega": (
        "20,6 2,40 8,90 34,92 44,50 44,50 54,92 82,88 88,40 70,4",
        "4,4 0,60 20,96 44,70 46,30 50,72 76,96 96,56 84,2",
    ),
    "kappa": ("6,2 4,98 / 62,4 6,52 6,52 36,62 66,98",),
    "chi": ("0,6 14,2 56,94 72,98 / 68,0 2,100",),
    "Zhe": (
        "0,0 90,100 / 90,0 0,100 / 45,0 45,100",
        "0,2 20,10 40,50 18,90 0,98 / 88,2 66,14 46,50 68,86 90,98 / 44,0 44,100",
    ),
    "Sha": ("0,0 2,98 2,98 78,98 78,98 80,0 / 40,4 40,98",),
    "I": ("4,0 4,98 4,98 62,4 62,4 62,98",),
    "Ya": ("56,0 56,100 / 56,4 20,0 6,24 22,48 54,50 / 38,52 0,100",),
    "Yu": ("4,0 4,100 / 4,50 34,50 / 60,6 36,30 38,76 64,98 92,70 90,26 60,6",),
    "great": ("0,30 86,28 / 44,0 36,56 0,100 / 42,40 88,100",),
    "tree": ("0,28 88,26 / 44,0 44,100 / 42,30 0,82 / 46,30 90,80",),
    "field": ("0,0 2,98 / 0,2 84,0 84,0 84,98 / 2,50 84,48 / 42,2 42,98 / 2,97 84,96",),
    "plus": ("40,0 40,84 / 0,42 80,42", "44,0 42,44 40,90 / 0,50 46,44 90,46"),
    "minus": ("0,50 50,49 100,50", "0,56 30,48 100,52"),
    "equals": ("0,20 80,18 / 0,60 80,58",),
    "unequal": ("0,30 80,28 / 0,66 80,64 / 64,0 16,100",),
    "divided": ("0,50 88,50 / 44,12 44,18 / 44,84 44,90",),
    "asks": ("4,20 20,2 46,2 58,22 40,42 30,50 30,60 / 29,96 30,100",),
    "hash": ("26,0 18,100 / 62,0 54,100 / 0,34 84,32 / 0,68 82,66",),
    "and": ("64,14 34,8 14,24 36,46 36,46 6,64 12,90 44,94 70,80 / 38,0 36,8 / 34,94 32,104",),
    "at": ("58,60 44,34 26,44 26,66 44,72 58,40 62,70 86,62 84,24 50,2 14,16 2,56 18,92 56,100 80,90",),
    "percent": ("20,0 4,12 10,30 28,24 20,0 / 80,0 10,100 / 74,68 56,80 64,98 82,92 76,68",),
    "asterisk": ("40,0 40,80 / 4,18 76,62 / 76,18 4,62",),
    "euro": ("78,10 48,0 22,30 20,70 44,98 80,90 / 0,38 60,36 / 0,60 56,58",),
    "right": ("0,40 100,40 / 68,10 100,40 100,40 70,72",),
    "left": ("0,40 100,42 / 34,8 0,40 0,40 32,74",),
    "up": ("38,0 38,100 / 0,40 38,0 38,0 76,40",),
    "down": ("38,0 38,100 / 0,60 38,100 38,100 76,60",),
    "check": ("0,60 26,98 26,98 90,0", "0,50 20,66 28,96 28,96 60,40 110,6"),
    "root": ("0,56 16,50 34,98 34,98 60,2 60,2 116,0",),
    "less": ("76,0 0,50 0,50 76,100",),
    "bracket": ("46,0 4,2 4,2 4,98 4,98 48,98",),
    "perpendicular": ("0,98 80,98 / 40,0 40,98",),
    "tilde": ("0,60 20,30 50,50 80,70 100,36",),
    "star": ("20,100 50,0 50,0 82,100 82,100 0,36 0,36 100,36 100,36 20,100",),
    "heart": ("50,100 4,46 10,8 36,4 50,28 50,28 64,4 92,10 96,46 50,100",),
    "square": ("4,2 2,98 2,98 102,98 102,98 104,2 104,2 4,2",),
    "house": ("0,44 50,0 50,0 100,44 / 10,40 10,100 10,100 90,100 90,100 90,40",),
    "face": ("50,0 8,20 4,70 46,100 92,76 94,24 50,0 / 32,34 32,40 / 66,34 66,40 / 26,66 50,80 74,64",),
}
"""Ways to write letters and signs that are like no digit, in the notation of the synthetic digits' allographs."""

TYPE = "ACEFHKLMNPRTUVWXYacdfhkmnptuvwx#&@%*+="
"""Printed characters that are like no digit though they lean or are bold: r, y and ? are then like a 7, a 4 and a 2,
D and Q like a 0, and e like an 8.
"""
TYPE_SHARE = 0.25
TYPE_SIZE = 64

Ink = NDArray[np.uint8]
"""Ink 255 on paper 0, `uint8 [height, width]`."""


class _Shelf:
    """Digits at hand, by class."""

    def __init__(self, digits: Digits) -> None:
        self._frames = digits.frames
        inked = digits.frames.any(axis=(1, 2))
        self._places = [np.flatnonzero(inked & (digits.labels == digit)) for digit in range(10)]
        if missing := [digit for digit, places in enumerate(self._places) if not len(places)]:
            raise ValueError(f"digits of every class are needed, there are none of {missing}")

    def take(self, digit: int, rng: np.random.Generator) -> Ink:
        """Some digit's frame `uint8 [28, 28]`, not to be written to."""
        places = self._places[digit]
        frame: Ink = self._frames[places[rng.integers(len(places))]]
        return frame


def draw_nondigits(digits: Digits, count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw `count` frames `uint8 [count, 28, 28]` of no digit, and their kinds `int64 [count]`, places in `KINDS`.

    `digits`, of every class, are what pairs, cut and turned digits are made from. Frame `i` depends on them and on
    `(seed, i)` alone, so a smaller set is the beginning of a larger one with the same seed.
    """
    if count < 0:
        raise ValueError(f"count must not be negative, got {count}")
    shelf = _Shelf(digits)
    frames = np.empty((count, FRAME_SIZE, FRAME_SIZE), np.uint8)
    kinds = np.empty(count, np.int64)
    bounds = np.cumsum(SHARES[:-1])
    for i in range(count):
        rng = np.random.default_rng((seed, i))
        kinds[i] = np.searchsorted(bounds, rng.random(), side="right")
        frames[i] = _DRAW[kinds[i]](shelf, rng)
    return frames, kinds


def _letter(_: _Shelf, rng: np.random.Generator) -> Ink:
    if rng.random() < TYPE_SHARE:
        return frame_drawing(_set_in_type(TYPE[rng.integers(len(TYPE))], rng), rng)
    allographs = _ALLOGRAPHS[rng.integers(len(_ALLOGRAPHS))]
    strokes = strokes_of(allographs[rng.integers(len(allographs))])
    return _written(strokes, rng)


def _written(strokes: Sequence[Points], rng: np.random.Generator) -> Ink:
    """The frame of some strokes, the pen finer where there are many in little room, lest they run into a blot."""
    length = sum(float(np.hypot(*np.diff(stroke, axis=0).T).sum()) for stroke in strokes)
    finer = min(1.0, 0.25 * max(0.0, length - 2.5))
    return frame_drawing(draw_strokes(strokes, rng, PICTURE_SIZE, finer), rng)


def _set_in_type(character: str, rng: np.random.Generator) -> Ink:
    """A printed character, wider or narrower, leaning, bolder or lighter."""
    side = 2 * TYPE_SIZE
    image = Image.new("L", (side, side))
    ImageDraw.Draw(image).text((TYPE_SIZE, TYPE_SIZE), character, fill=255, font=_typeface(), anchor="mm")
    weight = rng.integers(-1, 3)
    if weight < 0:
        image = image.filter(ImageFilter.MinFilter(3))
    elif weight > 0:
        image = image.filter(ImageFilter.MaxFilter(int(2 * weight + 1)))
    across, lean, turn = np.exp(rng.normal(0, 0.2)), rng.normal(0.1, 0.15), rng.normal(0, 0.08)
    matrix = np.array([[across, lean], [turn, 1.0]])
    offset = TYPE_SIZE - matrix @ (TYPE_SIZE, TYPE_SIZE)
    rows = np.column_stack([matrix, offset]).ravel().tolist()
    return np.asarray(image.transform((side, side), Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR))


@cache
def _typeface() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(TYPE_SIZE)


def _scribble(_: _Shelf, rng: np.random.Generator) -> Ink:
    """One busy scrawl with one to three more over it: fewer lines could be a 1, a 7 or a 0."""
    scrawl = (_coil, _zigzag, _hatching, _tangle)[rng.integers(4)]
    strokes = scrawl(rng)
    for _line in range(rng.integers(1, 4)):
        strokes += [rng.uniform(0, 1, (rng.integers(2, 6), 2))]
    return _written(strokes, rng)


def _coil(rng: np.random.Generator) -> list[Points]:
    """Loops that grow smaller and smaller, on one spot or along a line: of one size, they could be a 0."""
    turns, way = rng.uniform(3, 6), rng.uniform(0, 2 * np.pi)
    t = np.linspace(0, 1, int(8 * turns))
    round_about = way + 2 * np.pi * turns * t
    radii = rng.uniform(0.2, 0.5, 2) * (1 - rng.uniform(0.3, 0.9) * t[:, None])
    loops = radii * np.stack([np.cos(round_about), np.sin(round_about)], axis=1)
    along = t[:, None] * rng.uniform(0, 1) * np.array([np.cos(way), np.sin(way)])
    return [_downwards(loops + along + rng.normal(0, 0.03, loops.shape))]


def _zigzag(rng: np.random.Generator) -> list[Points]:
    """A line to and fro, with corners or with bends."""
    corners = rng.integers(5, 10)
    t = np.linspace(0, 1, corners)
    to_and_fro = np.stack([t * rng.uniform(0.6, 1.2), np.arange(corners) % 2 * rng.uniform(0.5, 1)], axis=1)
    points = to_and_fro + rng.normal(0, 0.06, to_and_fro.shape)
    upright = points if rng.random() < 0.5 else points[:, ::-1]
    return [_downwards(np.repeat(upright, rng.integers(1, 3), axis=0))]


def _hatching(rng: np.random.Generator) -> list[Points]:
    """Lines side by side, at times crossed by others."""
    strokes = []
    for _pass in range(rng.integers(1, 3)):
        way = rng.uniform(0, np.pi)
        ahead = np.array([np.cos(way), np.sin(way)])
        aside = ahead[::-1] * (-1, 1)
        for place in np.linspace(-0.5, 0.5, rng.integers(3, 6)):
            ends = 0.5 + place * aside + np.outer((-0.5, 0.5), ahead)
            strokes.append(ends + rng.normal(0, 0.05, ends.shape))
    every = np.concatenate(strokes)
    return [stroke - every.min(axis=0) for stroke in strokes]


def _tangle(rng: np.random.Generator) -> list[Points]:
    """One long line through many places at random."""
    return [rng.uniform(0, 1, (rng.integers(7, 13), 2))]


def _downwards(points: Points) -> Points:
    """The same points with none above or left of 0."""
    moved: Points = points - points.min(axis=0)
    return moved


STACKED = (2, 3, 4, 5, 6, 7, 8, 9)
"""Digits that may stand one above the other: with a 0 or a 1 among them, two could be an 8, a 6 or a 9."""


def _pair(shelf: _Shelf, rng: np.random.Generator) -> Ink:
    """Two digits side by side or one above the other, apart or running into each other."""
    is_stacked = rng.random() < 0.15
    choice = rng.choice(STACKED, 2) if is_stacked else rng.integers(10, size=2)
    one, other = (_crop(shelf.take(digit, rng)) for digit in choice.tolist())
    other = _resized(other, rng.uniform(0.75, 1))
    # A 1 that runs into another digit is taken for a part of it, and two that touch for one.
    gap = int(rng.integers(2 if 1 in choice else -3, 7))
    if rng.random() < 0.5:
        one, other = other, one
    return _framed(_joined(one.T, other.T, gap, rng).T if is_stacked else _joined(one, other, gap, rng))


def _resized(ink: Ink, scale: float) -> Ink:
    height, width = ink.shape
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BILINEAR))


def _joined(left: Ink, right: Ink, gap: int, rng: np.random.Generator) -> Ink:
    """Two pieces of ink side by side, one a little higher than the other."""
    height = max(len(left), len(right)) + rng.integers(0, 5)
    start = max(0, left.shape[1] + gap)
    canvas = np.zeros((height, max(left.shape[1], start + right.shape[1])), np.uint8)
    for ink, x in ((left, 0), (right, start)):
        y = rng.integers(height - len(ink) + 1)
        part = canvas[y : y + len(ink), x : x + ink.shape[1]]
        np.maximum(part, ink, out=part)
    return canvas


SIDES = ("top", "right", "bottom", "left")
CUTS: tuple[tuple[int, str, float], ...] = (
    (0, "top", 0.40),
    (0, "bottom", 0.40),
    (2, "top", 0.45),
    (3, "right", 0.45),
    (4, "bottom", 0.50),
)
"""Digits, the sides they may be cut from and the least of their ink that is cut away there.

A part of the ink rather than of its box, for a long end widens a box without being half the digit. Left out is whatever
leaves a digit: the sides of 0, 6, 8 and 9 as a bent 1, their rounds as a 0, the upper part of 2, 3 and 5 and most of
a 7 as a 7, the stems of 4, 7 and 9 as a 1, any part of a 1 as a 1.
"""
MOST_CUT = 0.6


def _cut(shelf: _Shelf, rng: np.random.Generator) -> Ink:
    """Part of a digit: framed anew, left where it was, or with its cut edge at the frame's border."""
    digit, side, least = CUTS[rng.integers(len(CUTS))]
    quarters = SIDES.index(side)
    frame = np.rot90(shelf.take(digit, rng), quarters).copy()
    removed = np.cumsum(frame.sum(axis=1, dtype=np.float64))
    edge = int(np.searchsorted(removed, rng.uniform(least, MOST_CUT) * removed[-1]))
    frame[:edge] = 0
    where = rng.random()
    if where < 0.5:
        return _framed(np.rot90(frame, -quarters))
    if where < 0.75:
        frame = np.roll(frame, -edge, axis=0)
    return np.rot90(frame, -quarters)


TURNS: dict[str, Callable[[Ink], Ink]] = {
    "mirrored": lambda frame: frame[:, ::-1],
    "upended": lambda frame: frame[::-1],
    "to the left": lambda frame: np.rot90(frame, 1),
    "to the right": lambda frame: np.rot90(frame, -1),
    "halfway round": lambda frame: np.rot90(frame, 2),
}
TURNED: tuple[tuple[int, str], ...] = (
    *((3, way) for way in ("mirrored", "to the left", "to the right", "halfway round")),
    *((6, way) for way in ("mirrored", "upended")),
    *((7, way) for way in ("mirrored", "upended", "halfway round")),
    *((9, way) for way in ("mirrored", "upended")),
)
"""Digits and how they may be turned.

Left out are 0, 1 and 8, which stay what they are or become a stroke; 2, 4 and 5, which are like themselves, each other
or an 8 whichever way they lie, as hands slant and loop; and the turns of 6, 7 and 9 that give each other or a 0.
"""


def _turned(shelf: _Shelf, rng: np.random.Generator) -> Ink:
    digit, way = TURNED[rng.integers(len(TURNED))]
    return _framed(TURNS[way](shelf.take(digit, rng)))


def _texture(_: _Shelf, rng: np.random.Generator) -> Ink:
    """No writing at all, over the whole frame or in the box that ink is scaled to."""
    texture = (_noise, _blotches, _ruled, _shade, _specks)[rng.integers(5)]
    field = texture(rng)
    ink: Ink = np.rint(field * (255.0 / field.max())).astype(np.uint8)
    if rng.random() < 0.5:
        return ink
    # Not much narrower than high or the other way about: a bar is a 1.
    height, width = rng.integers(20, FRAME_SIZE + 1, 2)
    return _framed(ink[:height, :width]) if ink[:height, :width].any() else ink


def _noise(rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise `float64 [28, 28]` of some grain and contrast."""
    smooth = (Image.Resampling.NEAREST, Image.Resampling.BICUBIC)[rng.integers(2)]
    field = _enlarged(rng.random(2 * (rng.integers(6, FRAME_SIZE + 1),)), smooth)
    return np.power(field, np.exp(rng.normal(0.5, 0.7)))


def _blotches(rng: np.random.Generator) -> NDArray[np.float64]:
    """Soft blotches `float64 [28, 28]`."""
    field = _enlarged(rng.normal(0, 1, 2 * (rng.integers(6, 11),)), Image.Resampling.BICUBIC)
    return np.clip((field - np.quantile(field, rng.uniform(0.3, 0.65))) * rng.uniform(1, 6), 0, 1)


def _enlarged(field: NDArray[np.float64], resampling: Image.Resampling) -> NDArray[np.float64]:
    image = Image.fromarray(field.astype(np.float32)).resize((FRAME_SIZE, FRAME_SIZE), resampling)
    return np.clip(np.asarray(image, np.float64), 0, None)


def _ruled(rng: np.random.Generator) -> NDArray[np.float64]:
    """Lines `float64 [28, 28]`, parallel or in a grid, of which at least three are in the frame."""
    y, x = np.indices((FRAME_SIZE, FRAME_SIZE))
    way, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi, 2)
    pace = 2 * np.pi / rng.uniform(3, 7)
    across = np.sin(pace * (x * np.cos(way) + y * np.sin(way)) + phase[0])
    along = np.sin(pace * (y * np.cos(way) - x * np.sin(way)) + phase[1])
    waves = np.maximum(across, along) if rng.random() < 0.4 else across
    lines = np.clip((waves - rng.uniform(0, 0.7)) * rng.uniform(2, 8), 0, 1)
    grainy: NDArray[np.float64] = np.clip(lines * rng.normal(1, 0.1, lines.shape), 0, None)
    return grainy


def _shade(rng: np.random.Generator) -> NDArray[np.float64]:
    """A shade `float64 [28, 28]` from even to steep, grainy or smooth."""
    y, x = np.indices((FRAME_SIZE, FRAME_SIZE)) / (FRAME_SIZE - 1) - 0.5
    way, steepness = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1)
    grain = rng.normal(1, rng.uniform(0, 0.3), x.shape)
    shade: NDArray[np.float64] = np.maximum((1 + steepness * (x * np.cos(way) + y * np.sin(way))) * grain, 0.01)
    return shade


def _specks(rng: np.random.Generator) -> NDArray[np.float64]:
    """A few specks `float64 [28, 28]` on paper that is blank."""
    frame = np.zeros((FRAME_SIZE, FRAME_SIZE))
    for y, x in rng.integers(0, FRAME_SIZE, (rng.integers(8, 20), 2)):
        frame[y : y + rng.integers(1, 3), x : x + rng.integers(1, 3)] = rng.uniform(0.3, 1)
    return frame


def _framed(ink: Ink) -> Ink:
    return centre_ink(_crop(ink))


def _crop(ink: Ink) -> Ink:
    x0, y0, x1, y1 = bounding_box(ink > 0)
    return ink[y0:y1, x0:x1]


_ALLOGRAPHS = tuple(GLYPHS.values())
_DRAW = (_letter, _scribble, _pair, _cut, _turned, _texture)
