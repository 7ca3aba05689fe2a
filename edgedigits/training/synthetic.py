"""Handwritten digits drawn by a program: a data set named `synthetic` that needs no download.

Each digit is a pen's path. An allograph, one of several ways to write the digit, gives control points; a warp, a slant
and a writer's proportions move them; a Catmull-Rom spline (Catmull & Rom, "A class of local interpolating splines",
1974) joins them; an oval pen of varying pressure follows. The pictures stand in for MNIST in demonstrations and tests
and are never counted as MNIST's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from edgedigits.framing import FRAME_SIZE, bounding_box, centre_ink

__all__ = [
    "PICTURE_SIZE",
    "Points",
    "draw_digit",
    "draw_strokes",
    "frame_drawing",
    "strokes_of",
    "synthetic_digits",
    "warp",
]

ALLOGRAPHS: tuple[tuple[str, ...], ...] = (
    (  # 0: closed, open at the top, with the end crossing the start, wide
        "40,2 18,8 2,38 4,74 24,98 48,92 66,62 64,26 46,5 28,3",
        "52,10 32,1 9,24 3,58 16,92 38,98 58,72 62,35 50,8 36,2",
        "48,16 24,6 2,38 4,78 32,98 64,84 74,48 62,14 38,2 20,14",
        "60,6 26,8 0,46 16,86 50,94 84,62 84,22 54,4 40,10",
    ),
    (  # 1: plain and straight, bent either way, with a flag, with flag and foot
        "10,0 10,35 10,70 10,100",
        "12,0 11,50 8,100",
        "8,0 11,50 12,100",
        "4,16 13,9 22,0 22,0 22,35 21,70 20,100",
        "6,18 15,10 24,0 24,0 24,50 24,98 / 0,99 24,98 48,98",
    ),
    (  # 2: with a corner, like a Z, with a wavy base, with a small, a wide and a tall loop
        "4,22 16,6 36,0 56,12 56,34 36,64 4,97 4,97 38,96 74,96",
        "4,14 22,3 50,3 60,16 42,48 4,94 4,94 48,92 96,96",
        "6,26 16,4 42,0 58,18 50,44 26,78 6,94 6,94 22,90 46,97 76,92",
        "4,20 22,2 46,2 58,20 46,50 24,82 8,96 1,88 12,78 36,88 76,98",
        "4,24 24,2 50,12 50,46 28,88 8,99 0,84 18,70 48,86 90,84",
        "8,16 32,0 56,12 56,46 40,84 16,98 0,86 12,66 38,66 70,96",
    ),
    (  # 3: round, flat at the top, angular, with a loop in the waist
        "6,12 28,0 50,10 48,32 24,46 24,46 52,56 56,82 30,100 2,88",
        "6,4 30,3 56,2 56,2 28,40 28,40 54,54 56,84 30,100 2,90",
        "4,10 30,0 52,8 46,28 22,46 22,46 50,60 48,84 0,100",
        "8,14 30,0 52,14 44,36 24,48 18,43 28,40 52,56 56,82 30,100 4,92",
    ),
    (  # 4: open, closed, in one stroke
        "8,0 5,28 3,50 3,50 34,53 72,48 / 60,2 58,50 54,100",
        "50,0 26,30 2,62 2,62 38,64 78,60 / 52,1 51,50 49,100",
        "8,4 4,36 16,54 42,50 60,34 66,4 66,4 62,50 56,100",
        "14,0 6,28 2,46 14,54 44,48 74,42 / 56,10 50,50 46,100",
    ),
    (  # 5: with a separate top stroke, with a long one, with a rising one, in one stroke, rounded
        "14,4 10,42 10,42 34,36 56,56 50,86 24,100 2,90 / 14,4 36,3 62,0",
        "30,6 18,44 18,44 42,42 54,64 40,92 14,100 0,90 / 30,6 60,4 92,0",
        "22,8 18,46 18,46 42,46 52,68 38,92 6,98 / 22,9 44,6 68,0",
        "60,0 38,2 15,4 15,4 8,42 8,42 40,36 56,62 44,92 16,100 0,90",
        "60,4 34,2 16,10 12,36 30,46 54,62 48,90 22,100 0,92",
    ),
    (  # 6: round, with a straight stem, with the bowl's end crossing the stem, with a wide bowl
        "46,0 20,26 4,62 12,92 36,100 54,80 44,58 22,60 8,76",
        "36,0 14,40 4,76 18,99 42,96 50,74 32,62 12,72 6,84",
        "52,4 26,14 6,50 8,86 32,100 56,82 46,56 22,58 2,72",
        "30,0 12,36 5,72 22,98 54,96 68,76 50,60 26,70 10,90",
    ),
    (  # 7: plain, with a crossbar, with a serif, with a round shoulder, with a wave
        "2,6 30,5 58,4 58,4 40,46 26,100",
        "2,6 30,5 60,3 60,3 42,46 28,100 / 18,54 40,52 62,49",
        "4,24 7,5 7,5 34,6 62,3 62,3 46,42 40,100",
        "2,24 8,8 34,6 56,4 60,14 46,48 32,100",
        "0,30 18,8 30,12 62,2 62,2 46,42 24,100",
    ),
    (  # 8: in one stroke, as two circles, begun at the upper right, narrow, top-heavy, open at the top
        "52,14 32,0 10,12 16,34 42,54 56,78 34,100 8,84 14,62 40,42 56,20 46,4",
        "30,0 8,10 10,36 30,46 50,36 52,12 30,0 20,3 / 30,46 6,58 4,86 30,100 56,86 54,58 30,46 22,48",
        "58,8 34,0 14,16 26,38 46,58 44,88 22,100 6,84 18,60 44,38 56,14",
        "52,8 36,0 18,10 22,34 38,56 38,86 22,100 8,86 18,62 40,38 58,6",
        "54,14 30,0 6,18 14,40 36,58 34,86 20,100 12,86 22,64 48,36 56,10",
        "60,10 36,4 8,12 12,36 40,52 46,82 28,100 10,86 22,58 44,36 78,0",
    ),
    (  # 9: with a straight tail, with a small bowl, with a curved tail, in one sweep, slender, like an a
        "52,12 30,0 6,14 4,36 24,48 46,36 54,8 54,8 50,56 46,100",
        "48,10 30,2 10,12 6,30 22,40 42,26 50,6 50,6 46,50 40,100",
        "52,12 28,0 4,16 6,42 28,50 50,34 54,8 54,8 56,50 44,88 14,98",
        "54,18 34,0 8,12 4,38 24,46 46,34 56,14 50,50 34,78 18,100",
        "50,12 26,4 4,24 12,44 40,36 58,12 58,12 46,52 34,100",
        "46,8 24,2 4,22 14,42 38,36 50,16 52,56 54,100",
    ),
)
"""Ways to write each digit, 100 high: strokes parted by `/`, points `x,y`, y downwards; a point twice is a corner."""

Points = NDArray[np.float64]
"""Places in the plane, `[points, 2]`, x to the right and y downwards."""

PICTURE_SIZE = 2 * FRAME_SIZE
MARGIN = 0.15
"""Around the pen's path, as a part of the picture's side: room for half the widest pen."""
DOT_SPACING = 0.02
"""Between the dots that make up a stroke, as a part of a digit's height: little enough for the finest pen's edge."""
OVERSAMPLING = 2
"""Pillow draws without grey edges, so pictures are drawn larger and then reduced."""


def synthetic_digits(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw `count` digits: frames `uint8 [count, 28, 28]`, ink 255 on paper 0 as in MNIST, and labels `int64 [count]`.

    Digit `i` depends on `(seed, i)` alone, so a smaller data set is the beginning of a larger one with the same seed.
    """
    if count < 0:
        raise ValueError(f"count must not be negative, got {count}")
    frames = np.empty((count, FRAME_SIZE, FRAME_SIZE), np.uint8)
    labels = np.empty(count, np.int64)
    for i in range(count):
        rng = np.random.default_rng((seed, i))
        labels[i] = rng.integers(len(ALLOGRAPHS))
        frames[i] = frame_drawing(draw_digit(int(labels[i]), rng, PICTURE_SIZE), rng)
    return frames, labels


def draw_digit(digit: int, rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """Draw one digit from 0 to 9 as a picture `uint8 [size, size]`, ink 255 on paper 0."""
    allographs = ALLOGRAPHS[digit]
    return draw_strokes(strokes_of(allographs[rng.integers(len(allographs))]), rng, size)


def draw_strokes(
    strokes: Iterable[Points],
    rng: np.random.Generator,
    size: int,
    finer: float = 0.0,
    wilder: float = 1.0,
    *,
    hand: np.random.Generator | None = None,
) -> NDArray[np.uint8]:
    """Draw strokes in some writer's hand as a picture `uint8 [size, size]`, ink 255 on paper 0.

    Control points start at 0 and go down to about 1. The pen is `exp(finer)` times as fine as those that write digits,
    and strays `wilder` times as far. What a writer does alike each time is drawn from `hand`, or from `rng`, too.
    """
    hand = hand or rng
    # A power of the height makes upper bowls large and lower ones small, or the other way about.
    balance = np.array([1.0, np.exp(hand.normal(0, 0.2))])
    shape = warp(hand, 0.03 * wilder)
    tremor = warp(rng, 0.003, frequency=25)
    writer = _proportions(hand)
    paths = []
    for stroke in strokes:
        control = shape(stroke**balance) + rng.normal(0, 0.015, 2)
        paths.append(tremor(_evenly(_spline(control, rng))) @ writer)
    return _ink(_fit(paths), rng, size, finer, hand)


def frame_drawing(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Make the frame `uint8 [28, 28]` of a drawing, ink 255 on paper 0, its ink first made grainy."""
    grainy = _on_grainy_paper(picture, rng)
    x0, y0, x1, y1 = bounding_box(grainy > 0)
    return centre_ink(grainy[y0:y1, x0:x1])


@cache
def strokes_of(allograph: str) -> tuple[Points, ...]:
    """Control points `float64 [points, 2]` of each stroke of an allograph, which is 1 high."""
    return tuple(
        np.array([point.split(",") for point in stroke.split()], np.float64) / 100 for stroke in allograph.split("/")
    )


def warp(rng: np.random.Generator, amplitude: float, frequency: float = 4.5) -> Callable[[Points], Points]:
    """Make a displacement of the plane by a few waves: a function of place, so that strokes that meet still meet."""
    waves = rng.normal(0, frequency, (2, 4))
    phase = rng.uniform(0, 2 * np.pi, 4)
    swing = rng.normal(0, amplitude, (4, 2))
    return lambda points: points + np.sin(points @ waves + phase) @ swing


def _proportions(rng: np.random.Generator) -> Points:
    """A writer's width, slant and turn as a matrix `[2, 2]` to be multiplied from the right."""
    width = np.exp(rng.normal(0.07, 0.2))
    slant = rng.normal(-0.2, 0.25)
    turn = rng.normal(0, 0.12)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    matrix: Points = np.array([[width, 0.0], [slant, 1.0]]) @ rotation
    return matrix


def _spline(control: Points, rng: np.random.Generator) -> Points:
    """Points along the Catmull-Rom spline through control points, begun and ended a little early or late."""
    padded = np.concatenate([2 * control[:1] - control[1:2], control, 2 * control[-1:] - control[-2:-1]])
    segments = len(control) - 1
    early, late = rng.normal(0, 0.12, 2)
    t = np.linspace(-early, segments + late, 8 * segments)
    segment = np.clip(t.astype(np.int64), 0, segments - 1)
    u = (t - segment)[:, None]
    p0, p1, p2, p3 = (padded[segment + k] for k in range(4))
    path: Points = p1 + u / 2 * (p2 - p0 + u * (2 * p0 - 5 * p1 + 4 * p2 - p3 + u * (3 * (p1 - p2) + p3 - p0)))
    return path


def _evenly(path: Points) -> Points:
    """The same path with its points `DOT_SPACING` apart."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    even = np.linspace(0, length[-1], 2 + int(length[-1] / DOT_SPACING))
    return np.stack([np.interp(even, length, path[:, axis]) for axis in (0, 1)], axis=1)


def _fit(paths: list[Points]) -> list[Points]:
    """Move and scale strokes into the middle of the unit square."""
    every = np.concatenate(paths)
    low, high = every.min(axis=0), every.max(axis=0)
    scale = (1 - 2 * MARGIN) / (high - low).max()
    return [(path - (low + high) / 2) * scale + 0.5 for path in paths]


def _ink(
    paths: list[Points], rng: np.random.Generator, size: int, finer: float, hand: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw strokes, given in the unit square, with an oval pen whose pressure comes and goes and fades as it lifts."""
    side = OVERSAMPLING * size
    image = Image.new("L", (side, side))
    pen = ImageDraw.Draw(image)
    nib = np.exp(hand.uniform(-3.55, -2.43) + hand.normal(0, 0.1, 2) - finer)
    for path in paths:
        depth, beats, phase, lift = rng.uniform((0, 0.3, 0, 0), (0.25, 1.2, 2 * np.pi, 0.5))
        along = np.linspace(0, 1, len(path))
        pressure = 1 + depth * np.sin(phase + 2 * np.pi * beats * along) - lift * along**6
        radius = np.outer(pressure, nib)
        for box in (side * np.hstack([path - radius, path + radius])).tolist():
            pen.ellipse(box, fill=255)
    return np.asarray(image.reduce(OVERSAMPLING))


def _on_grainy_paper(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The same picture with noise in its ink, of another strength each time."""
    grain = rng.normal(1, rng.uniform(0, 0.4), picture.shape)
    return np.clip(picture * grain, 0, 255).astype(np.uint8)
