"""Turning any picture of one digit into a frame.

A frame has MNIST's geometry (LeCun, Cortes & Burges, "The MNIST database of handwritten digits"): the ink's bounding
box is scaled, its aspect kept, to fit 20×20 pixels, and set into 28×28 so that the centre of mass is in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["FRAME_SIZE", "Framing", "bounding_box", "centre_ink", "frame_picture"]

FRAME_SIZE = 28
BOX_SIZE = 20
WORKING_SIZE = 512
"""Longer side, in pixels, above which a picture is shrunk first: 25 times the box is detail enough."""
MIN_CONTRAST = 32
"""Grey levels between paper and ink below which a picture counts as blank."""
EDGE = 0.25
"""Share of the ink's level from which a pixel is the digit's: a stroke's soft edge is, the paper's grain is not."""


@dataclass(frozen=True)
class Framing:
    """One picture, framed: `uint8 [28, 28]` and the ink's box `(x0, y0, x1, y1)`, or a reason why not."""

    frame: NDArray[np.uint8] | None
    box: tuple[int, int, int, int] | None
    reason: Literal["blank"] | None


def frame_picture(grey: NDArray[np.uint8]) -> Framing:
    """Frame a clean picture of one digit, `uint8 [height, width]`, dark on light or light on dark.

    The border tells the paper's level and so the polarity; Otsu's threshold (IEEE Trans. SMC 9(1), 1979) parts ink
    from paper. The box is in the picture's own pixels, its right and lower edges exclusive.
    """
    step = max(1, -(-max(grey.shape) // WORKING_SIZE))
    small = _shrink(grey, step)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    paper = float(np.median(border))
    threshold = otsu_threshold(small)
    is_dark = paper > threshold
    mask = small <= threshold if is_dark else small > threshold
    ink = np.clip(paper - small if is_dark else small - paper, 0, 255)
    strong = ink[mask]
    if not strong.size or strong.mean() < MIN_CONTRAST:
        return Framing(None, None, "blank")
    # The upper quartile. numpy's own `percentile` would load its masked arrays, a tenth of the time to a first reading.
    quartile = 3 * strong.size // 4
    level = np.partition(strong, quartile)[quartile]
    traces = ink > EDGE * level
    x0, y0, x1, y1 = bounding_box(traces)
    cut = ink[y0:y1, x0:x1] * (255.0 / level)
    frame = centre_ink(np.clip(cut, 0, 255).astype(np.uint8))
    if not frame.any():
        return Framing(None, None, "blank")
    height, width = grey.shape
    box = (x0 * step, y0 * step, min(x1 * step, width), min(y1 * step, height))
    return Framing(frame, box, None)


def centre_ink(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale ink, `uint8 [height, width]` cropped to its bounding box, into the 20×20 box and centre it by mass.

    Returns `uint8 [28, 28]`, its darkest ink brought to 255; where the ink is too thin to be seen at that scale, as
    specks of dust far apart are, a frame without any.
    """
    from PIL import Image

    height, width = ink.shape
    scale = BOX_SIZE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    filtering = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    # In two steps, for which comes first is otherwise up to Pillow's version, and rounds in between.
    scaled = np.asarray(Image.fromarray(ink).resize((size[0], height), filtering).resize(size, filtering))
    frame = np.zeros((FRAME_SIZE, FRAME_SIZE), np.uint8)
    if not scaled.any():
        return frame
    scaled = np.rint(scaled * (255.0 / scaled.max())).astype(np.uint8)
    mass = scaled.sum(dtype=np.float64)
    rows, columns = np.arange(size[1]), np.arange(size[0])
    y = _place(float(scaled.sum(axis=1) @ rows / mass), size[1])
    x = _place(float(scaled.sum(axis=0) @ columns / mass), size[0])
    frame[y : y + size[1], x : x + size[0]] = scaled
    return frame


def bounding_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The box `(x0, y0, x1, y1)` of what is set in a mask `bool [height, width]`, right and lower edges exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def otsu_threshold(grey: NDArray[np.uint8]) -> int:
    """Grey level that parts a picture into two classes with the largest variance between them."""
    count = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(count)
    total_below = np.cumsum(count * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = total_below / below - (total_below[-1] - total_below) / above
    between = np.where((below > 0) & (above > 0), below * above * gap**2, 0.0)
    return int(between.argmax())


def _place(centre: float, length: int) -> int:
    """Offset that brings a centre of mass to MNIST's middle, pixel 14 of 0 to 27, as far as the ink stays inside."""
    return int(np.clip(round(FRAME_SIZE / 2 - centre), 0, FRAME_SIZE - length))


def _shrink(grey: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    if step == 1:
        return grey
    from PIL import Image

    return np.asarray(Image.fromarray(grey).reduce(step))
