"""Drawing a touch screen's strokes as a frame, without a picture between.

A frame's geometry is that of `framing`: a 20-pixel box, the centre of mass at pixel 14. Here both are kept to fractions
of a pixel, so that a frame changes as little as the strokes do while they grow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import PictureError
from edgedigits.framing import BOX_SIZE, FRAME_SIZE, Framing

__all__ = ["MAX_COORDINATE", "MAX_POINTS", "Strokes", "frame_strokes"]

Strokes: TypeAlias = "Sequence[Sequence[Sequence[float]] | NDArray[Any]] | NDArray[Any]"
"""Strokes of points `(x, y)`, `(x, y, time)` or `(x, y, time, pressure)`, y downwards, in any unit and in any order.

A stroke may be an array `[points, 2 to 4]` too. Time is not looked at. Pressure, 0 to 1, varies the pen's width a
little about its mean; a digit of which a stroke has none is drawn evenly."""

FORMS = "give each as (x, y), (x, y, time) or (x, y, time, pressure)"

MAX_POINTS = 100_000
"""More points in all are refused: 14 minutes of writing at 120 points per second."""
MAX_COORDINATE = 1e9
"""Larger coordinates, of either sign, are refused: float64 still tells points apart there that are `DOT` apart."""
DOT = 1e-6
"""Strokes that extend less than this, in their own unit, are one dot."""

PEN = 2.5
"""Width of the pen, in the frame's pixels. Twice the ink over the length of its edge, the sum of the gradient, is then
2.69 on the mean of the first 6,000 digits of `pendigits_train_strokes.json`, as of MNIST's 60,000 training digits."""
EDGE = 1.2
"""Pixels over which the ink fades out. With it 19% of a frame's pixels have ink, and 36% of those, 250 or more of
255; of MNIST's, 19% and 38%."""
FLEXIBILITY = 0.3
"""Share of its width by which a pen grows as pressure goes from 0 to 1."""
SPACING = 0.5
"""Pixels between the points a path is drawn by: a line's edge is then straight to a fortieth of a pixel."""
LONGEST = 10_000
"""Length of path, in pixels, from which points are set wider apart: 20×20 pixels are full long before."""

MARGIN = 2
"""Pixels to each side of a point that its ink may reach; the ink of points at the frame's edge, beyond the frame."""
STRIDE = FRAME_SIZE + 2 * MARGIN
PIXELS = np.arange(FRAME_SIZE, dtype=np.float64)
AROUND = np.arange(-MARGIN, MARGIN + 1, dtype=np.float64)
NEIGHBOURS = np.add.outer(np.arange(-MARGIN, MARGIN + 1) * STRIDE, np.arange(-MARGIN, MARGIN + 1))[:, :, np.newaxis]


def frame_strokes(strokes: Strokes) -> Framing:
    """Frame the strokes of one digit, drawn with a round pen.

    The frame does not depend on where and how large the digit is written, on the order and the direction of strokes,
    nor on how densely a path is sampled. The box is of whole units and holds the points, without the pen's width; its
    right and lower edges are exclusive. Strokes without points are left out; where none has a point, the
    framing is blank. A tap, or points that all lie within a millionth of a unit, is a dot as wide as the pen.

    Raises `PictureError` for what is no sequence of strokes, points that are not 2 to 4 real and finite numbers each,
    and more or larger ones than `MAX_POINTS` and `MAX_COORDINATE`.
    """
    arrays = _arrays(strokes)
    if not arrays:
        return Framing(None, None, "blank")
    points = np.concatenate([array[:, :2] for array in arrays]).T.astype(np.float64)
    lowest, highest = points.min(axis=1), points.max(axis=1)
    (x0, y0), (x1, y1) = lowest.tolist(), highest.tolist()
    if not all(abs(edge) <= MAX_COORDINATE for edge in (x0, y0, x1, y1)):  # so NaN is refused too
        raise PictureError(f"strokes have coordinates that are not finite or beyond {MAX_COORDINATE:g}")
    longest = max(x1 - x0, y1 - y0)
    scale = (BOX_SIZE - PEN) / longest if longest >= DOT else 0.0
    extent = (highest - lowest)[:, np.newaxis] * scale
    placed = (points - lowest[:, np.newaxis]) * scale
    travelled, along = _travel(placed, [len(array) for array in arrays])
    path = np.array([np.interp(along, travelled, row) for row in placed])
    width = _width(arrays, along, travelled)
    # The centre of mass is known when the ink is drawn: drawn in the middle first, then where it belongs.
    corner = (FRAME_SIZE - 1 - extent) / 2
    corner += FRAME_SIZE / 2 - _centre(_draw(path + corner, width))
    nearest = (PEN - 1) / 2
    corner = np.minimum(np.maximum(corner, nearest), FRAME_SIZE - 1 - nearest - extent)
    frame = np.rint(_draw(path + corner, width)).astype(np.uint8)
    return Framing(frame, (math.floor(x0), math.floor(y0), math.floor(x1) + 1, math.floor(y1) + 1), None)


def _arrays(strokes: object) -> list[NDArray[Any]]:
    """The strokes that have points, as arrays of numbers `[n, 2 to 4]`."""
    if not _is_sequence(strokes):
        raise PictureError(f"cannot read strokes from a {type(strokes).__name__}: give a list of strokes")
    arrays, count = [], 0
    for number, stroke in enumerate(strokes, 1):
        if not _is_sequence(stroke):
            raise PictureError(f"stroke {number} is a {type(stroke).__name__}: give a list of points (x, y)")
        count += len(stroke)
        if count > MAX_POINTS:
            raise PictureError(f"strokes have more than {MAX_POINTS} points: give those of one digit")
        if len(stroke):
            arrays.append(_array(stroke, number))
    return arrays


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _array(stroke: Sequence[Any], number: int) -> NDArray[Any]:
    try:
        array = np.asarray(stroke)
    except (ValueError, TypeError, OverflowError) as error:
        raise PictureError(f"stroke {number} has points that are not alike: {FORMS}") from error
    if array.dtype.kind not in "iuf":
        raise PictureError(f"stroke {number} has coordinates that are no real numbers: give integers or floats")
    if array.ndim != 2 or array.shape[1] not in (2, 3, 4):
        raise PictureError(f"stroke {number} is an array of shape {list(array.shape)}, not of points: {FORMS}")
    return array


def _travel(points: NDArray[np.float64], counts: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far the pen has come at each point of `float64 [2, n]`, in pixels, and where on its way to set ink.

    Ink is set `SPACING` apart along each stroke, of `counts` points, both ends included.
    """
    steps = np.hypot(*(points[:, 1:] - points[:, :-1]))
    ends = np.cumsum(counts)
    steps[ends[:-1] - 1] = 1.0  # where the pen is lifted: no ink is set there, and strokes stay apart
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    spans = list(zip(travelled[ends - counts].tolist(), travelled[ends - 1].tolist(), strict=True))
    spacing = SPACING * max(1.0, sum(end - start for start, end in spans) / LONGEST)
    along = []
    for start, end in spans:
        # Less a trifle, so that rounding does not decide where a length is a multiple of the spacing.
        intervals = max(1, math.ceil((end - start) / spacing - 1e-6))
        along.append(start + np.arange(intervals + 1) * ((end - start) / intervals))
    return travelled, np.concatenate(along)


def _width(
    arrays: list[NDArray[Any]], along: NDArray[np.float64], travelled: NDArray[np.float64]
) -> NDArray[np.float64] | float:
    """The pen's width along its way, as a multiple of `PEN`."""
    if any(array.shape[1] < 4 for array in arrays):
        return 1.0
    pressure = np.concatenate([array[:, 3] for array in arrays]).astype(np.float64)
    if not np.isfinite(pressure).all():
        raise PictureError("strokes have a pressure that is not finite: give 0 to 1, or none")
    pressure = np.interp(along, travelled, np.minimum(np.maximum(pressure, 0.0), 1.0))
    width: NDArray[np.float64] = 1.0 + FLEXIBILITY * (pressure - pressure.mean())
    return width


def _draw(path: NDArray[np.float64], width: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Ink, `float64 [28, 28]` of 0 to 255, around points `[2, n]` of a path, of `width` pens each."""
    pixel = np.rint(path)
    apart = np.square((pixel - path)[:, np.newaxis] + AROUND[:, np.newaxis]) / np.square(width)
    distance = apart[1, :, np.newaxis] + apart[0]
    place = (pixel[1] * STRIDE + (pixel[0] + MARGIN * (STRIDE + 1))).astype(np.intp)
    places = NEIGHBOURS + place
    nearest = np.full(STRIDE * STRIDE, np.inf)
    np.minimum.at(nearest, places.ravel(), distance.ravel())
    inside = PEN / 2 - np.sqrt(nearest.reshape(STRIDE, STRIDE)[MARGIN:-MARGIN, MARGIN:-MARGIN])
    ink: NDArray[np.float64] = np.minimum(np.maximum(inside * (255 / EDGE) + 127.5, 0.0), 255.0)
    return ink


def _centre(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre of mass, `float64 [2, 1]`, x and y."""
    columns, rows = ink.sum(axis=0), ink.sum(axis=1)
    centre: NDArray[np.float64] = np.array([[columns @ PIXELS], [rows @ PIXELS]]) / rows.sum()
    return centre
