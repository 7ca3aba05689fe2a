"""Framing as part of a model: the steps of `edgedigits.framing.frame_clean`, written as standard ONNX operators.

A client in any language then hands over grey levels and needs no image code of its own. Frames are those of Python, bit
for bit. Hence the arithmetic: pixels are counted in integers, and what is computed from the counts, for the 256 levels,
is `float64`, as numpy does it, since in `float32` two thresholds that are nearly as good may change places. Pillow
scales in fixed point; `float64` holds its sums of up to 31 bits without rounding.

No shape depends on what a picture shows, and nothing needs a loop or a branch: a blank picture takes the same way as
any other, past divisors that are kept from zero, and its frame is cleared at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from onnx import helper

from edgedigits.export.graph import Graph
from edgedigits.framing import BOX_SIZE, FRAME_SIZE, MOST_EROSIONS, THICKEST, WORKING_SIZE
from edgedigits.ink import MIN_CONTRAST, TRACE

__all__ = ["frame_in_graph"]

LEVELS = 256
FIXED_POINT = 2.0**22
"""What Pillow stands for 1 in the weights with which it scales."""


@dataclass(frozen=True)
class _Value:
    """A value of a graph. Python's operators on it add those of ONNX, with numpy's broadcasting.

    Both sides have the same type, since ONNX converts nothing by itself; a number takes that of the value beside it.
    """

    graph: Graph
    name: str
    dtype: np.dtype[Any]

    def apply(
        self, operator: str, *others: _Value | float, dtype: DTypeLike | None = None, **attributes: Any
    ) -> _Value:
        """The result, of type `dtype` or of this value's, of an operator whose first input this value is."""
        names = [self.like(other).name for other in others]
        name = self.graph.add(operator, self.name, *names, **attributes)
        return _Value(self.graph, name, np.dtype(dtype or self.dtype))

    def like(self, other: _Value | float) -> _Value:
        """A number as a constant of this value's type."""
        return other if isinstance(other, _Value) else self.constant(other, self.dtype)

    def constant(self, value: Any, dtype: DTypeLike) -> _Value:
        """A constant of the same graph."""
        array = np.asarray(value, dtype)
        return _Value(self.graph, self.graph.constant(array), array.dtype)

    def cast(self, dtype: DTypeLike) -> _Value:
        """The same numbers in another type; to integers, they are cut off."""
        return self.apply("Cast", dtype=dtype, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def __add__(self, other: _Value | float) -> _Value:
        return self.apply("Add", other)

    def __sub__(self, other: _Value | float) -> _Value:
        return self.apply("Sub", other)

    def __rsub__(self, other: float) -> _Value:
        return self.like(other).apply("Sub", self)

    def __mul__(self, other: _Value | float) -> _Value:
        return self.apply("Mul", other)

    def __rmul__(self, other: float) -> _Value:
        return self * other

    def __truediv__(self, other: _Value | float) -> _Value:
        return self.apply("Div", other)

    def __rtruediv__(self, other: float) -> _Value:
        return self.like(other).apply("Div", self)

    def __floordiv__(self, other: _Value | float) -> _Value:
        """The quotient of integers that are not negative."""
        return self.apply("Div", other)

    def __matmul__(self, other: _Value) -> _Value:
        return self.apply("MatMul", other)

    def __gt__(self, other: _Value | float) -> _Value:
        return self.apply("Greater", other, dtype=bool)

    def __lt__(self, other: _Value | float) -> _Value:
        return self.apply("Less", other, dtype=bool)

    def __and__(self, other: _Value) -> _Value:
        return self.apply("And", other)

    def __xor__(self, other: _Value) -> _Value:
        return self.apply("Xor", other)

    def __invert__(self) -> _Value:
        return self.apply("Not")

    def at_least(self, lowest: float) -> _Value:
        return self.apply("Max", lowest)

    def at_most(self, highest: _Value | float) -> _Value:
        return self.apply("Min", highest)

    def round(self) -> _Value:
        """To the nearest whole numbers, halves to even ones."""
        return self.apply("Round")

    def sum(self) -> _Value:
        """The sum of all elements, a scalar."""
        return self.apply("ReduceSum", keepdims=0)

    def max(self) -> _Value:
        """The largest of all elements, a scalar."""
        return self.apply("ReduceMax", keepdims=0)

    def count(self) -> _Value:
        """How many of a `bool` tensor's elements are true, a `float64` scalar."""
        return self.cast(np.float64).sum()

    def running_sum(self) -> _Value:
        return self.apply("CumSum", self.constant(0, np.int64))

    def reshape(self, *shape: int) -> _Value:
        return self.apply("Reshape", self.constant(shape, np.int64))

    def range(self) -> _Value:
        """The numbers from 0 up to, not including, this scalar."""
        return self.constant(0, self.dtype).apply("Range", self, 1)

    def where(self, true: _Value | float, false: _Value) -> _Value:
        """One or the other, as this `bool` tensor says."""
        return self.apply("Where", false.like(true), false, dtype=false.dtype)

    def take(self, indices: _Value | int, axis: int = 0) -> _Value:
        """The elements at the given places of an axis; -1 is the last."""
        if isinstance(indices, int):
            indices = self.constant(indices, np.int64)
        return self.apply("Gather", indices, axis=axis)


@dataclass(frozen=True)
class _Extent:
    """The part of a picture's rows or columns that has ink, all `float64`."""

    places: _Value
    """Of each of the picture's rows or columns, counted from the part's first: `[pixels]`."""
    length: _Value
    """Of the part, a scalar."""


def frame_in_graph(graph: Graph, picture: str) -> tuple[str, str]:
    """Add the framing of a picture, value `picture` `uint8 [height, width]`, of any size from 1x1 up.

    Returns the names of the frame, `uint8 [1, 28, 28]`, and of `float32 [1, 1]`: 1 where a digit was framed, 0 where
    the picture is blank, and with it the frame.
    """
    small = _shrink(_Value(graph, picture, np.dtype(np.uint8)))
    counts, paper = _histogram(small), _paper(small)
    threshold = _otsu_threshold(counts)
    is_dark = paper > threshold

    def lit(levels: _Value) -> _Value:
        """Levels as if the ink were light."""
        return is_dark.where(255 - levels, levels)

    levels = small.constant(np.arange(LEVELS), np.int32)
    is_strong = (levels.cast(np.float64) > threshold) ^ is_dark
    strong = is_strong.where(counts, counts.constant(0, np.float64)).take(lit(levels))
    paper = lit(paper)
    ink = (levels.cast(np.float64) - paper).at_least(0)
    # Not by the mean: there may be no pixels to divide by.
    has_contrast = (strong.sum() > 0) & ~((strong * (ink - MIN_CONTRAST)).sum() < 0)
    level = (_upper_quartile(strong) - paper).at_least(1)
    bright = lit(small)
    scaled = (ink * (255.0 / level)).at_most(255).cast(np.uint8).cast(np.float64)
    rows, columns = (_extent(bright, axis, (scaled < TRACE).count() - 1) for axis in (0, 1))
    frame, has_ink = _centre(scaled.take(bright), rows, columns)
    frame = _thinned(frame)
    is_digit = has_contrast & has_ink
    frame = is_digit.where(frame, frame.constant(0, np.float64)).cast(np.uint8).reshape(1, FRAME_SIZE, FRAME_SIZE)
    return frame.name, is_digit.cast(np.float32).reshape(1, 1).name


def _shrink(picture: _Value) -> _Value:
    """Pillow's `reduce`: means of square blocks, so many pixels wide that at most `WORKING_SIZE` of them are left.

    From `uint8 [height, width]` to `int32 [rows, columns]`.
    """
    shape = picture.apply("Shape", dtype=np.int64)
    step = (shape.max() + (WORKING_SIZE - 1)) // WORKING_SIZE
    blocks = (shape + (step - 1)) // step
    no_padding = picture.constant([0, 0], np.int64)
    padded = picture.apply("Pad", no_padding.apply("Concat", blocks * step - shape, axis=0), mode="constant")
    rows, columns, width = (scalar.reshape(1) for scalar in (blocks.take(0), blocks.take(1), step))
    split = padded.apply("Reshape", rows.apply("Concat", width, columns, width, axis=0)).cast(np.int32)
    sums = split.apply("ReduceSum", axes=[1, 3], keepdims=0).cast(np.float64)

    def filled(axis: int) -> _Value:
        """How many of a block's rows or columns are in the picture."""
        left = shape.take(axis) - blocks.take(axis).range() * step
        return left.cast(np.float64).at_most(step.cast(np.float64))

    pixels = filled(0).apply("Unsqueeze", axes=[1]) * filled(1)
    # Pillow multiplies by the reciprocal in fixed point, cut off, which makes some means lower by one.
    reciprocal = (2.0**24 / pixels).apply("Floor")
    return ((sums + (pixels * 0.5).apply("Floor")) * reciprocal * 2.0**-24).cast(np.int32)


def _histogram(levels: _Value) -> _Value:
    """How often each level occurs in an `int32` tensor, `float64 [256]`.

    The product of two one-hot tables, for the upper and the lower four bits, counts them: 32 bytes a pixel, not 256.
    """
    flat = levels.reshape(-1)
    upper = flat // 16
    lower = flat - upper * 16
    nibbles = levels.constant(np.arange(16), np.int32)
    is_upper = nibbles.reshape(16, 1).apply("Equal", upper, dtype=bool).cast(np.uint8)
    is_lower = levels.constant(np.eye(16), np.uint8).take(lower)
    counts = is_upper.apply("MatMulInteger", is_lower, dtype=np.int32)
    return counts.reshape(LEVELS).cast(np.float64)


def _paper(picture: _Value) -> _Value:
    """The border's median level, a `float64` scalar; corners count twice."""
    ends = picture.constant([0, -1], np.int64)
    sides = [picture.take(ends, axis).reshape(-1) for axis in (0, 1)]
    below = _histogram(sides[0].apply("Concat", sides[1], axis=0)).running_sum()
    half = below.take(-1) / 2
    # The number of pixels is even: the median lies between the two in the middle.
    return ((below < half).count() + (~(below > half)).count()) / 2


def _otsu_threshold(counts: _Value) -> _Value:
    """The first level, a `float64` scalar, that parts a histogram with the largest variance between its two classes."""
    levels = counts.constant(np.arange(LEVELS), np.float64)
    below, total_below = counts.running_sum(), (counts * levels).running_sum()
    above = below.take(-1) - below
    gap = total_below / below.at_least(1) - (total_below.take(-1) - total_below) / above.at_least(1)
    between = below * above * (gap * gap)
    return between.apply("ArgMax", axis=0, keepdims=0, dtype=np.int64).cast(np.float64)


def _upper_quartile(counts: _Value) -> _Value:
    """The upper quartile's level in a histogram, a `float64` scalar; 256 where nothing was counted."""
    below = counts.running_sum()
    return (~(below > below.take(-1) * 0.75)).count()


def _extent(picture: _Value, axis: int, edge: _Value) -> _Extent:
    """The rows (axis 0) or columns (1) from the first to the last with a level above `edge`; all where none has one."""
    has_trace = (picture.apply("ReduceMax", axes=[1 - axis], keepdims=0).cast(np.float64) > edge).cast(np.int32)
    first = has_trace.apply("ArgMax", axis=0, keepdims=0, dtype=np.int64)
    last = has_trace.apply("ArgMax", axis=0, keepdims=0, select_last_index=1, dtype=np.int64)
    pixels = picture.apply("Shape", dtype=np.int64).take(axis).range().cast(np.float64)
    start = first.cast(np.float64)
    return _Extent(pixels - start, last.cast(np.float64) - start + 1)


def _centre(ink: _Value, rows: _Extent, columns: _Extent) -> tuple[_Value, _Value]:
    """What lies within an extent of whole numbers 0 to 255, `float64 [height, width]`, scaled into the box and centred.

    Returns the frame, `float64 [28, 28]`, and whether any ink is left, a `bool` scalar.
    """
    scale = BOX_SIZE / rows.length.apply("Max", columns.length)
    is_shrunk = scale < 1
    height, width = (_target(side, scale) for side in (rows, columns))
    # Columns first, and rounded, as `centre_ink` does.
    wide = _round(ink @ _weights(columns, width, is_shrunk).apply("Transpose"))
    scaled = _round(_weights(rows, height, is_shrunk) @ wide)
    darkest = scaled.max()
    scaled = (scaled * (255.0 / darkest.at_least(1))).round()
    down = _places(scaled.apply("ReduceSum", axes=[1], keepdims=0), height)
    across = _places(scaled.apply("ReduceSum", axes=[0], keepdims=0), width)
    return down @ scaled @ across.apply("Transpose"), darkest > 0


def _thinned(frame: _Value) -> _Value:
    """A frame, `float64 [28, 28]`, with strokes no thicker than `THICKEST`."""
    mass = frame.sum()
    surplus = mass / (mass - _eroded(frame).sum()).at_least(1) - THICKEST / 2
    for _ in range(MOST_EROSIONS):
        frame = frame + surplus.at_least(0).at_most(1) * (_eroded(frame) - frame)
        surplus = surplus - 1
    return (frame * (255.0 / frame.max().at_least(1))).round()


def _eroded(frame: _Value) -> _Value:
    """The least of each pixel and its four neighbours."""
    pixels = np.arange(FRAME_SIZE)
    shifts = [frame.constant(np.clip(pixels + by, 0, FRAME_SIZE - 1), np.int64) for by in (-1, 1)]
    return frame.apply("Min", *(frame.take(shift, axis) for axis in (0, 1) for shift in shifts))


def _weights(side: _Extent, size: _Value, is_shrunk: _Value) -> _Value:
    """Each pixel's share, times `FIXED_POINT`, in each of the `size` that an extent is scaled to.

    It is `float64 [20, pixels]`; rows from `size` on are 0. Filters are Pillow's, BOX to shrink and BICUBIC to enlarge,
    in the order of its own computation: on the edge of a box, rounding decides.
    """
    scale = side.length / size
    targets = size.constant(np.arange(BOX_SIZE)[:, None], np.float64)
    centres = (targets + 0.5) * scale
    reach = is_shrunk.where(0.5 * scale, scale.constant(2, np.float64))
    starts, ends = side.places, side.places + 1
    is_inside = (ends > 0) & (side.length > starts) & (size > targets)
    is_reached = (ends > centres - reach + 0.5) & ~(ends > centres + reach + 0.5)
    offsets = (starts - centres + 0.5) * (1.0 / scale.at_least(1))
    in_box = (offsets > -0.5) & ~(offsets > 0.5)
    weights = is_shrunk.where(in_box.cast(np.float64), _bicubic(offsets.apply("Abs")))
    weights = weights * (is_inside & is_reached).cast(np.float64)
    # The sum of a row that is used is the number of pixels in a box, or 1 or nearly so: only of the others it is less.
    weights = weights / weights.apply("ReduceSum", axes=[1], keepdims=1).at_least(0.5)
    return (weights * FIXED_POINT).round()


def _bicubic(x: _Value) -> _Value:
    """The filter's weight at distances `x` of at most 2; beyond, nothing is reached."""
    near = (x * 1.5 - 2.5) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * -0.5
    return (x < 1).where(near, far)


def _target(side: _Extent, scale: _Value) -> _Value:
    """How many pixels of the box an extent is scaled to, a `float64` scalar."""
    return (side.length * scale).round().at_least(1)


def _round(sums: _Value) -> _Value:
    """From Pillow's fixed point back to whole levels, halves rounded up."""
    return (sums / FIXED_POINT + 0.5).apply("Floor").at_least(0).at_most(255)


def _places(masses: _Value, size: _Value) -> _Value:
    """Which pixel of the frame each pixel of the box comes to lie on, `float64 [28, 20]`, 1 where it does.

    The centre of mass is brought to the frame's middle, as far as the `size` pixels that may have ink stay inside.
    """
    pixels = masses.constant(np.arange(BOX_SIZE), np.float64)
    centre = (masses * pixels).sum() / masses.sum().at_least(1)
    offset = (FRAME_SIZE / 2 - centre).round().at_least(0).at_most(FRAME_SIZE - size)
    frame = pixels.constant(np.arange(FRAME_SIZE)[:, None], np.float64)
    return frame.apply("Equal", pixels + offset, dtype=bool).cast(np.float64)
