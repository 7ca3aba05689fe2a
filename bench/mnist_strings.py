"""Strings of MNIST's digits: of every length from 2 to 10, and every spacing from touching to 8 pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgedigits.marks import Box, bounding_box
from edgedigits.training.digits import Digits

__all__ = ["LENGTHS", "MARGIN", "SPACINGS", "MnistString", "compose", "mnist_strings"]

LENGTHS, SPACINGS = range(2, 11), range(9)
REPEATS = 13
"""Strings of each length and spacing: 1,053 in all, of 6,318 digits, so that none of MNIST's 10,000 is used twice."""
MARGIN = 12
"""Paper around a string, in pixels."""


class MnistString(NamedTuple):
    """A picture `uint8 [height, width]`, dark on light, its digits, a box of each, and the columns between those."""

    picture: NDArray[np.uint8]
    label: str
    boxes: tuple[Box, ...]
    spacing: int


def mnist_strings(digits: Digits) -> Iterator[MnistString]:
    """The strings, the same ones of the same `digits` each time; of few digits, some are used again."""
    kinds = [(length, spacing) for length in LENGTHS for spacing in SPACINGS] * REPEATS
    order = np.random.default_rng(0).permutation(len(digits))
    order = np.resize(order, sum(length for length, _ in kinds))
    start = 0
    for length, spacing in kinds:
        chosen = order[start : start + length]
        start += length
        picture, boxes = compose(digits.frames[chosen], spacing)
        yield MnistString(picture, "".join(map(str, digits.labels[chosen].tolist())), boxes, spacing)


def compose(frames: NDArray[np.uint8], spacing: int) -> tuple[NDArray[np.uint8], tuple[Box, ...]]:
    """A picture `uint8 [height, width]` of `frames` `uint8 [n, 28, 28]` side by side, dark on light, and their boxes.

    The boxes are of ink that is darker than half. So many columns are between two of them: at 0, strokes touch where
    they reach their boxes' edges at the same height. Paler pixels go beyond, and the darker of two stays. Frames keep
    their rows: a string stands as evenly as MNIST's digits are centred.
    """
    size = frames.shape[1]
    found = [bounding_box(frame >= 128) for frame in frames]
    ink_width = sum(x1 - x0 for x0, _, x1, _ in found) + spacing * (len(found) - 1)
    # The frames at both ends are wider than their digits: what goes beyond the margin is cut off below.
    ink = np.zeros((size + 2 * MARGIN, ink_width + 2 * size), np.uint8)
    boxes, x = [], 0
    for frame, (x0, y0, x1, y1) in zip(frames, found, strict=True):
        place = ink[MARGIN : MARGIN + size, size + x - x0 : 2 * size + x - x0]
        np.maximum(place, frame, out=place)
        boxes.append((MARGIN + x, MARGIN + y0, MARGIN + x + x1 - x0, MARGIN + y1))
        x += x1 - x0 + spacing
    return 255 - ink[:, size - MARGIN : size + ink_width + MARGIN], tuple(boxes)
