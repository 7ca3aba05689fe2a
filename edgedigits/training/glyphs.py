"""What lines are composed of: the ink of digits by many hands, of separators, and of what is neither.

Each glyph is its own ink alone, scaled to fit a box, with its size and place in units of a digit's height: digits
stand on the line and are 1 high, a dot is a tenth of that, a dash floats at half height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from edgedigits.alphabet import ALPHABET, OTHER, SEPARATORS
from edgedigits.framing import bounding_box
from edgedigits.training import ballpen, optdigits, pendigits
from edgedigits.training.allographs import GLYPHS_PER_HAND, draw_hands
from edgedigits.training.copies import copy_digits
from edgedigits.training.digits import Digits
from edgedigits.training.letters import draw_letters
from edgedigits.training.typefaces import draw_typefaces

__all__ = [
    "BOX_HEIGHT",
    "BOX_WIDTH",
    "Glyphs",
    "copied_glyphs",
    "digit_glyphs",
    "drawn_glyphs",
    "joined_glyphs",
    "mark_glyphs",
    "pen_glyphs",
    "scanned_glyphs",
    "typeface_glyphs",
]

BOX_HEIGHT, BOX_WIDTH = 40, 48
INK = 48
"""Level from which a pixel belongs to a glyph, of 255."""
PENS = (6, 8, 10, 12, 15, 18)
"""Widths of the tablet's pens, in turns, in pixels of `pendigits.PAPER`: fine as a ball pen's to bold as MNIST's."""
OVERSAMPLING = 4
MARKS_SEED = 11
STEEP = 0.2
"""How steeply dashes rise or fall, as a standard deviation."""


@dataclass(frozen=True, eq=False)
class Glyphs:
    """`n` glyphs of one or more collections.

    `ink` uint8 [n, BOX_HEIGHT, BOX_WIDTH], ink 255, each in the upper left corner of its box; `size` int64 [n, 2], its
    height and width there; `symbol` int64 [n], its place in the alphabet; `height`, `top` float32 [n]: in units of a
    digit's height, how high it is and how far its top is below a digit's; `collection` int64 [n], the one it is of;
    `writer` int64 [n], who wrote it, from 0 on in each collection; in one whose writers are unknown, all are 0.
    """

    ink: NDArray[np.uint8]
    size: NDArray[np.int64]
    symbol: NDArray[np.int64]
    height: NDArray[np.float32]
    top: NDArray[np.float32]
    collection: NDArray[np.int64]
    writer: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.symbol)


def digit_glyphs(digits: Digits) -> Glyphs:
    """The digits on frames: those whose writers are known are a collection, and the others are.

    Half of the writers, and of those others, write with ball pens.
    """
    writers = np.full(len(digits), -1) if digits.writers is None else digits.writers
    is_known = writers >= 0
    known, others = digits.only(is_known), digits.only(~is_known)
    parts = [
        _whole(_half_by_ball_pens(others.frames, np.arange(len(others))), others.labels),
        _whole(_half_by_ball_pens(known.frames, writers[is_known]), known.labels, writers[is_known]),
    ]
    return joined_glyphs(*(part for part in parts if len(part)))


def pen_glyphs(root: Path, start: int, stop: int, left_out: Sequence[int] = ()) -> Glyphs:
    """Digits from the tablet, but for those `left_out`: their places in the file. A writer has one of several pens."""
    writers = np.arange(start, stop) // pendigits.BY_ONE
    pens = [PENS[writer % len(PENS)] for writer in writers.tolist()]
    pictures, labels = pendigits.draw_written(root, slice(start, stop), pens)
    kept = [i for i in range(len(pictures)) if start + i not in left_out]
    return _whole([pictures[i] for i in kept], labels[kept], writers[kept])


def copied_glyphs(root: Path, start: int, stop: int, left_out: Sequence[int] = (), *, copies: int, seed: int) -> Glyphs:
    """Digits from the tablet, but for those `left_out`, each in `copies` by other hands."""
    return _whole(*copy_digits(root, slice(start, stop), left_out, copies, seed))


def scanned_glyphs(root: Path) -> Glyphs:
    """Digits that were scanned, by other writers than MNIST's, half of them with ball pens."""
    pictures, labels = optdigits.load_scanned(root)
    writers = np.arange(len(labels)) // optdigits.BY_ONE
    return _whole(_half_by_ball_pens(pictures, writers), labels, writers)


def typeface_glyphs(root: Path) -> Glyphs:
    """Digits of handwriting typefaces, each weight of each as by a writer of its own."""
    pictures, labels = draw_typefaces(root)
    return _whole(pictures, labels, np.arange(len(labels)) // 10)


def drawn_glyphs(hands: int, seed: int) -> Glyphs:
    """Digits from stroke skeletons, 40 by each hand."""
    pictures, labels = draw_hands(hands, seed)
    return _whole(pictures, labels, np.arange(len(labels)) // GLYPHS_PER_HAND)


def mark_glyphs(letters: int, marks: int, seed: int) -> Glyphs:
    """Letters, and `marks` of each separator and of the signs that are none."""
    rng = np.random.default_rng((seed, MARKS_SEED))
    others = _whole(list(draw_letters(letters, seed)), np.full(letters, OTHER))
    drawn = (*SEPARATORS, ALPHABET[OTHER])
    signs = [_mark(symbol, rng) for symbol in drawn for _ in range(marks)]
    symbols = np.array([ALPHABET.index(symbol) for symbol in drawn for _ in range(marks)])
    boxed = _whole([ink for ink, _, _ in signs], symbols)
    separators = Glyphs(
        boxed.ink,
        boxed.size,
        symbols,
        np.array([height for _, height, _ in signs], np.float32),
        np.array([top for _, _, top in signs], np.float32),
        boxed.collection,
        boxed.writer,
    )
    return joined_glyphs(others, separators)


def joined_glyphs(*parts: Glyphs) -> Glyphs:
    """Collections as one."""
    collections, count = [], 0
    for part in parts:
        collections.append(count + part.collection)
        count += len(set(part.collection.tolist()))
    return Glyphs(
        np.concatenate([part.ink for part in parts]),
        np.concatenate([part.size for part in parts]),
        np.concatenate([part.symbol for part in parts]),
        np.concatenate([part.height for part in parts]),
        np.concatenate([part.top for part in parts]),
        np.concatenate(collections),
        np.concatenate([part.writer for part in parts]),
    )


def _half_by_ball_pens(pictures: NDArray[np.uint8], writers: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    """The pictures, those by every second of the writers written again, each with one of the ball pens."""
    mixed = list(pictures)
    for pen in range(len(ballpen.PENS)):
        places = np.flatnonzero(writers % (2 * len(ballpen.PENS)) == 2 * pen + 1)
        for place, picture in zip(places.tolist(), ballpen.rewritten(pictures[places], pen), strict=True):
            mixed[place] = picture
    return mixed


def _whole(
    pictures: list[NDArray[np.uint8]], symbols: NDArray[np.int64], writers: NDArray[np.int64] | None = None
) -> Glyphs:
    """Glyphs of one collection, as high as a digit, of pictures whose ink is theirs alone; `writers` in any numbers."""
    ink = np.zeros((len(pictures), BOX_HEIGHT, BOX_WIDTH), np.uint8)
    size = np.zeros((len(pictures), 2), np.int64)
    for i, picture in enumerate(pictures):
        x0, y0, x1, y1 = bounding_box(picture >= INK)
        scale = min(BOX_HEIGHT / (y1 - y0), BOX_WIDTH / (x1 - x0))
        height, width = max(1, round((y1 - y0) * scale)), max(1, round((x1 - x0) * scale))
        filtering = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX
        scaled = Image.fromarray(picture[y0:y1, x0:x1]).resize((width, height), filtering)
        ink[i, :height, :width] = np.asarray(scaled)
        size[i] = height, width
    n = len(pictures)
    one = np.zeros(n, np.int64)
    numbered = one if writers is None else np.unique(writers, return_inverse=True)[1]
    return Glyphs(ink, size, symbols, np.ones(n, np.float32), np.zeros(n, np.float32), one, numbered)


class _Pen:
    """Draws a separator in units of a digit's height, from the top of its upper left corner."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._unit = 64 * OVERSAMPLING
        self._image = Image.new("L", (2 * self._unit, 2 * self._unit))
        self._draw = ImageDraw.Draw(self._image)
        self._width = float(np.exp(rng.uniform(np.log(0.05), np.log(0.14))))

    def stroke(self, *points: tuple[float, float], bold: float = 1.0) -> None:
        path = [((x + 0.5) * self._unit, (y + 0.3) * self._unit) for x, y in points]
        r = bold * self._width * self._unit / 2
        self._draw.line(path, fill=255, width=max(1, round(2 * r)), joint="curve")
        for x, y in path:
            self._draw.ellipse((x - r, y - r, x + r, y + r), fill=255)

    def wobble(self, amount: float = 0.03) -> float:
        return float(self._rng.normal(0, amount))

    def drawn(self) -> tuple[NDArray[np.uint8], float, float]:
        """The ink, its height and the place of its top."""
        picture = np.asarray(self._image.reduce(OVERSAMPLING))
        _, y0, _, y1 = bounding_box(picture >= INK)
        unit = self._unit / OVERSAMPLING
        return picture, (y1 - y0) / unit, y0 / unit - 0.3


def _mark(symbol: str, rng: np.random.Generator) -> tuple[NDArray[np.uint8], float, float]:
    """The ink of a separator, its height and the place of its top."""
    pen = _Pen(rng)
    stroke, wobble = pen.stroke, pen.wobble
    match symbol:
        case ".":
            stroke((0, 0.9), (wobble(0.04), 0.9 + wobble(0.04)), bold=rng.uniform(1, 1.8))
        case ",":
            drop = rng.uniform(0.12, 0.4)
            stroke((0, 0.85), (0.03 + wobble(), 0.85 + drop / 2), (-0.1 + wobble(0.06), 0.85 + drop))
        case "-":
            length = rng.uniform(0.2, 1.1)
            y = rng.uniform(0.08, 0.75)
            rise = length * rng.normal(0, STEEP)
            stroke(
                (0, y + rise / 2 + wobble(0.06)), (length / 2, y + wobble(0.05)), (length, y - rise / 2 + wobble(0.06))
            )
        case "=":
            length, y, gap = rng.uniform(0.25, 0.9), rng.uniform(0.05, 0.6), rng.uniform(0.14, 0.3)
            for below in (0.0, gap):
                stroke(
                    (wobble(), y + below + wobble()),
                    (length / 2, y + below + wobble(0.02)),
                    (length + wobble(0.06), y + below + wobble()),
                )
        case "#":
            _fill_up(pen, rng)
        case _:
            _sign(pen, rng)
    return pen.drawn()


def _sign(pen: _Pen, rng: np.random.Generator) -> None:
    """A plus or a parenthesis, which make of digits beside them something else than one number.

    A slash is none of these: many write their 1s so.
    """
    stroke, wobble = pen.stroke, pen.wobble
    if rng.random() < 0.5:
        wide, y = rng.uniform(0.35, 0.7), rng.uniform(0.45, 0.65)
        stroke((wobble(), y + wobble()), (wide, y + wobble()))
        stroke((wide / 2 + wobble(), y - wide / 2), (wide / 2 + wobble(), y + wide / 2))
    else:
        above, below = rng.uniform(-0.28, -0.12), rng.uniform(1.12, 1.4)
        way = rng.choice((-1, 1)) * rng.uniform(0.15, 0.35)
        stroke(*((0.4 - way * (1 - t * t), above + (t + 1) / 2 * (below - above)) for t in (-1, -0.6, 0, 0.6, 1)))


def _fill_up(pen: _Pen, rng: np.random.Generator) -> None:
    """What amounts are filled up with."""
    stroke, wobble = pen.stroke, pen.wobble
    match rng.integers(4):
        case 0:  # a hash
            wide, lean = rng.uniform(0.4, 0.9), rng.uniform(-0.1, 0.25)
            top, high = rng.uniform(0, 0.3), rng.uniform(0.5, 0.8)
            for part in (0.3, 0.7):
                x, y = wide * part, top + high * part
                stroke((x + lean + wobble(), top + wobble()), (x + wobble(), top + high + wobble()))
                stroke((wobble(), y + wobble()), (wide + lean / 2 + wobble(), y - 0.05 + wobble()))
        case 1:  # a dollar sign
            stroke(
                *((0.45 + wobble(), 0.2), (0.2, 0.1 + wobble()), (0.05 + wobble(), 0.3), (0.25, 0.5 + wobble())),
                *((0.45 + wobble(), 0.7), (0.3, 0.9 + wobble()), (0.0, 0.8 + wobble())),
            )
            for x in (0.25, 0.32)[: rng.integers(1, 3)]:
                stroke((x + 0.05 + wobble(), -0.05 + wobble()), (x - 0.03 + wobble(), 1.05 + wobble()))
        case 2:  # a star
            for angle in np.pi * (np.arange(3) / 3 + rng.uniform(0, 0.3)):
                dx, dy = 0.2 * float(np.cos(angle)), 0.2 * float(np.sin(angle))
                stroke((0.2 - dx, 0.4 - dy), (0.2 + dx + wobble(), 0.4 + dy + wobble()))
        case _:  # a dash crossed by two strokes
            length, y = rng.uniform(0.5, 1.3), rng.uniform(0.35, 0.6)
            stroke((0, y + wobble(0.06)), (length, y + wobble(0.06)))
            for x in (0.4, 0.6):
                stroke((x * length + 0.1, y - 0.25 + wobble()), (x * length - 0.08, y + 0.25 + wobble()))
