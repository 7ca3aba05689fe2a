"""Digits written on a tablet by 30 people: UCI's Pen-Based Recognition of Handwritten Digits (E. Alpaydin and
F. Alimoglu, 1998, CC BY 4.0), from `pendigits_train_strokes.json` beside MNIST.

The file holds a list of `{"label": digit, "strokes": [[[x, y], ...], ...]}`, y downwards, in the order of the writers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from edgedigits.errors import DatasetError
from edgedigits.framing import frame_clean

__all__ = ["BY_ONE", "FILE", "TRAINED_ON", "Strokes", "draw_strokes", "draw_written", "load", "read_strokes"]

FILE = "pendigits_train_strokes.json"
TRAINED_ON = 6000
"""Digits from the beginning of the file that are trained on; the others, by later writers, are there to measure."""
BY_ONE = 50
"""So many in a row are taken to be by one writer, each of whom left about five times as many."""
PAPER = 160
"""The larger side of the picture that strokes are drawn on, in pixels."""
PENS = (10, 12, 14, 17, 20)
"""Widths of the pen, in turns, in pixels: from thinner than most of MNIST's to thicker."""

Strokes = Sequence[Sequence[Sequence[float]]]


def load(root: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The digits to train on: frames `uint8 [6000, 28, 28]` and labels `int64 [6000]`. Raises `DatasetError`."""
    pictures, labels = draw_written(root, slice(TRAINED_ON), PENS)
    return np.stack([_frame(picture, root) for picture in pictures]), labels


def draw_written(root: Path, which: slice, pens: Sequence[int]) -> tuple[list[NDArray[np.uint8]], NDArray[np.int64]]:
    """Pictures `uint8 [PAPER, PAPER]`, ink 255, of some of the digits, by pens of such widths in turns, and labels.

    Raises `DatasetError`.
    """
    written, labels = read_strokes(root, which)
    return [draw_strokes(strokes, pens[i % len(pens)]) for i, strokes in enumerate(written)], labels


def read_strokes(root: Path, which: slice) -> tuple[list[Strokes], NDArray[np.int64]]:
    """Strokes of some of the digits, and labels `int64 [n]`. Raises `DatasetError`."""
    path = root / FILE
    try:
        written = json.loads(path.read_text("utf-8"))[which]
        if not written:
            raise ValueError("no digits")
        labels = np.array([digit["label"] for digit in written], np.int64)
        strokes: list[Strokes] = [
            [[(float(x), float(y)) for x, y in stroke] for stroke in digit["strokes"]] for digit in written
        ]
        if not all(all(digit) and digit for digit in strokes):
            raise ValueError("no strokes")
        if not all(
            math.isfinite(place) for digit in strokes for stroke in digit for point in stroke for place in point
        ):
            raise ValueError("no places")
    except OSError as error:
        raise DatasetError(
            f"cannot open {path}: {error.strerror or error}; it is made from UCI's Pen-Based Recognition of "
            "Handwritten Digits (see the README); a recipe that ends in -mnist does without"
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise _damaged(path) from error
    return strokes, labels


def _damaged(path: Path) -> DatasetError:
    return DatasetError(f"{path} is damaged: a list of labels and strokes is expected")


def _frame(picture: NDArray[np.uint8], root: Path) -> NDArray[np.uint8]:
    frame = frame_clean(picture).frame
    if frame is None:
        raise _damaged(root / FILE)
    return frame


def draw_strokes(strokes: Strokes, pen: int) -> NDArray[np.uint8]:
    """A picture `uint8 [PAPER, PAPER]` of strokes, ink 255 on paper 0, drawn with a round pen `pen` pixels wide."""
    points = np.concatenate([np.array(stroke, np.float64) for stroke in strokes])
    origin = points.min(axis=0)
    scale = (PAPER - 3 * pen) / max(float(np.ptp(points, axis=0).max()), 1e-9)
    picture = Image.new("L", (PAPER, PAPER))
    draw = ImageDraw.Draw(picture)
    for stroke in strokes:
        path = [(float(x), float(y)) for x, y in (np.array(stroke) - origin) * scale + 1.5 * pen]
        draw.line(path, fill=255, width=pen, joint="curve")
        for x, y in (path[0], path[-1]):
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    return np.asarray(picture)
