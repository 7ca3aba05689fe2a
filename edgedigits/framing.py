"""Turning any picture of one digit into a frame.

A frame has MNIST's geometry (LeCun, Cortes & Burges, "The MNIST database of handwritten digits"): the ink's bounding
box is scaled, its aspect kept, to fit 20×20 pixels, and set into 28×28 so that the centre of mass is in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgedigits.ink import FAINT, MIN_CONTRAST, TRACE, even_ink
from edgedigits.marks import Box, bounding_box
from edgedigits.scene import Doubt, Missing, find_digit, is_cut_off, reaches_border

__all__ = ["FRAME_SIZE", "Box", "Framing", "bounding_box", "centre_ink", "frame_clean", "frame_picture", "thinned"]

FRAME_SIZE = 28
BOX_SIZE = 20
WORKING_SIZE = 512
"""Longer side, in pixels, above which a picture is shrunk first: 25 times the box is detail enough."""
SMALL = 34
"""Shorter side, in pixels, below which a picture is a digit that was cut out already, with no room for more."""
THICKEST = 2.9
"""Width, in pixels, that thicker strokes are brought to: the median of MNIST's, told as `thinned` tells it."""
MOST_EROSIONS = 4
"""Enough to bring a square of 20 pixels to that."""
PLACES = np.arange(BOX_SIZE, dtype=np.float64)


@dataclass(frozen=True)
class Framing:
    """One picture, framed: `uint8 [28, 28]` and the ink's box `(x0, y0, x1, y1)`, or a reason why there is none.

    A digit that is cut off is framed, and not to be trusted whatever it is read as. `doubt` is the reason to give where
    a reading is not trusted.
    """

    frame: NDArray[np.uint8] | None
    box: Box | None
    reason: Missing | Literal["cut off"] | None
    doubt: Doubt | None = None


def frame_picture(grey: NDArray[np.uint8]) -> Framing:
    """Frame the digit on a picture, `uint8 [height, width]`, dark on light or light on dark.

    One that is small, or shows the digit alone with paper all around, is framed as `frame_clean` does it. On others the
    digit is found first. The box is in the picture's own pixels, its right and lower edges exclusive.
    """
    step, small = _shrunk(grey)
    ink, contrast = even_ink(small)
    if min(small.shape) >= SMALL and not (contrast >= MIN_CONTRAST and _is_alone(ink)):
        sought = find_digit(small)
        if sought.ink is None:
            return Framing(None, None, sought.missing)
        framing = _framed(sought.ink, MIN_CONTRAST, step, grey.shape)
        is_cut, doubt = sought.is_cut, sought.doubt
    else:
        framing = _framed(ink, contrast, step, grey.shape)
        doubt = "cut off" if framing.box and reaches_border(framing.box, grey.shape) else None
        is_cut = doubt is not None and is_cut_off(ink >= TRACE)
    if not framing.box or not doubt:
        return framing
    return Framing(framing.frame, framing.box, "cut off" if is_cut else None, doubt)


def frame_clean(grey: NDArray[np.uint8]) -> Framing:
    """Frame all ink on a picture, `uint8 [height, width]`, that is evenly lit, as one digit."""
    step, small = _shrunk(grey)
    return _framed(*even_ink(small), step, grey.shape)


def _framed(ink: NDArray[np.uint8], contrast: float, step: int, shape: tuple[int, ...]) -> Framing:
    if contrast < MIN_CONTRAST:
        return Framing(None, None, "low contrast" if contrast > FAINT else "blank")
    x0, y0, x1, y1 = bounding_box(ink >= TRACE)
    frame = centre_ink(ink[y0:y1, x0:x1])
    if not frame.any():
        return Framing(None, None, "blank")
    return Framing(thinned(frame), (x0 * step, y0 * step, min(x1 * step, shape[1]), min(y1 * step, shape[0])), None)


def _is_alone(ink: NDArray[np.uint8]) -> bool:
    """Whether ink is in one piece, as far as its shadows on the sides tell, and the picture's border is paper."""
    mask = ink >= TRACE
    for shadow in (mask.any(axis=0).tobytes(), mask.any(axis=1).tobytes()):
        if shadow[0] or shadow[-1] or b"\0" in shadow.strip(b"\0"):
            return False
    return True


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
    image = Image.frombuffer("L", (width, height), ink.tobytes(), "raw", "L", 0, 1)
    scaled = np.asarray(image.resize((size[0], height), filtering).resize(size, filtering))
    frame = np.zeros((FRAME_SIZE, FRAME_SIZE), np.uint8)
    darkest = scaled.max()
    if not darkest:
        return frame
    levels = np.rint(scaled * (255.0 / darkest))
    rows, columns = levels.sum(axis=1), levels.sum(axis=0)
    mass = float(rows.sum())
    y = _place(float(rows @ PLACES[: size[1]]) / mass, size[1])
    x = _place(float(columns @ PLACES[: size[0]]) / mass, size[0])
    frame[y : y + size[1], x : x + size[0]] = levels
    return frame


def thinned(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame `uint8 [28, 28]` whose strokes are brought towards `THICKEST` where they are thicker: so are MNIST's.

    Erosion takes a pixel from either side of a stroke and so tells its width: twice all ink over the ink it takes.
    """
    eroded = _eroded(frame)
    mass = float(frame.sum())
    surplus = mass / max(1.0, mass - float(eroded.sum())) - THICKEST / 2
    if surplus <= 0:
        return frame
    ink, eroded = frame.astype(np.float64), eroded.astype(np.float64)
    for _ in range(MOST_EROSIONS):
        ink += min(surplus, 1.0) * (eroded - ink)
        surplus -= 1
        if surplus <= 0:
            break
        eroded = _eroded(ink)
    return np.rint(ink * (255.0 / max(1.0, float(ink.max())))).astype(np.uint8)


def _eroded(ink: NDArray[Any]) -> NDArray[Any]:
    """The least of each pixel and its four neighbours."""
    least = ink.copy()
    np.minimum(least[1:], ink[:-1], out=least[1:])
    np.minimum(least[:-1], ink[1:], out=least[:-1])
    np.minimum(least[:, 1:], ink[:, :-1], out=least[:, 1:])
    np.minimum(least[:, :-1], ink[:, 1:], out=least[:, :-1])
    return least


def _place(centre: float, length: int) -> int:
    """Offset that brings a centre of mass to MNIST's middle, pixel 14 of 0 to 27, as far as the ink stays inside."""
    return min(max(round(FRAME_SIZE / 2 - centre), 0), FRAME_SIZE - length)


def _shrunk(grey: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint8]]:
    """How many times a picture is shrunk, and what it then is."""
    step = -(-max(grey.shape) // WORKING_SIZE)
    if step == 1:
        return step, grey
    from PIL import Image

    return step, np.asarray(Image.fromarray(grey).reduce(step))
