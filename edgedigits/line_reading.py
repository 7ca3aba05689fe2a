"""From a picture's lines to its reading: what each says, where its digits stand, and whether to trust all of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import ALPHABET, LINE_HEIGHT, OTHER, STRIDE
from edgedigits.decoding import Decoded, Symbol, decode
from edgedigits.expectation import Expected
from edgedigits.lines import INK, Layout, LineInk
from edgedigits.looks import Run, looked_at
from edgedigits.marks import Box
from edgedigits.raised import are_raised
from edgedigits.results import Digit, Line, Reading, Reason, Separator
from edgedigits.strikes import is_struck_out

__all__ = ["Bar", "read_layout"]

WIDTH_STEP = 4
"""Lines are as wide as a multiple of this, paper being added, so that a session meets few shapes."""
REACH = LINE_HEIGHT
"""Columns from its middle within which all of a symbol's ink is."""
LIKELY, SURER = 0.5, 3.0
"""Confidence from which a line is called upside down, and how many times likelier than as it is it then has to be."""
LEAST_STRUCK = 3
"""Digits of a line that may be struck out: the bars of two may happen to be one."""
LEAST_SPELLED = 0.1
"""Share of a likely string's probability that its likeliest spelling has: to find it takes next to no time."""


@dataclass(frozen=True)
class Bar:
    """What a line has to reach to be accepted: `alone`, by its probability from the ink alone, or `expected`, by its
    probability given what was expected of it.

    The former was chosen where lines were counted, and promises what they showed. Nobody counted lines of which
    something was expected, so the latter takes the probability at its word.
    """

    alone: float
    expected: float


def read_layout(layout: Layout, run: Run, bar: Bar, expected: Expected | None) -> Reading:
    """What the lines of a picture say; each, and all together, have to reach the bar.

    A line that surely says nothing, such as a stroke of the pen, is left out, and how sure that is counts.
    """
    if not layout.lines:
        return Reading("", 0.0, False, layout.reason, ())
    read = [_read_line(line, run, bar, expected) for line in layout.lines]
    lines = tuple(line for line in read if line.text or not line.accepted)
    if not lines:
        return Reading("", 0.0, False, "blank", ())
    confidence = math.prod(line.confidence for line in read)
    reasons: list[Reason | None] = [line.reason for line in lines if not line.accepted]
    if not reasons and not _reaches(confidence, bar.alone):
        reasons = ["unsure"]
    return Reading(
        text="\n".join(line.text for line in lines),
        confidence=confidence,
        accepted=not reasons,
        reason=reasons[0] if reasons else None,
        digits=tuple(digit for line in lines for digit in line.digits),
        lines=lines,
    )


def _read_line(line: LineInk, run: Run, bar: Bar, expected: Expected | None) -> Line:
    if line.picture is None:
        return Line("", "", 0.0, False, "too long", (), (), (), line.box)
    picture = _padded(line.picture)
    probabilities, decoded = looked_at(picture, run(picture[np.newaxis])[0], run)
    # Of what is no number, nothing is expected.
    expected = expected if decoded.text else None
    if expected:
        decoded = decode(probabilities, expected)
    reason = _reason(decoded, bar, expected)
    if reason in {"no digit", "unsure"} and _is_upside_down(picture, run, decoded):
        reason = "upside down"
    if decoded.text and reason in {None, "unsure"} and line.is_cut:
        reason = "cut off"
    if reason is None and line.disturbed:
        reason = "unsure"
    if reason is None and len(decoded.digits) >= LEAST_STRUCK and is_struck_out(_between(picture, decoded.digits)):
        reason = "struck out"
    digits, separators = _placed(line, line.picture, decoded, bar.alone)
    if reason is None and are_raised([digit.box for digit in digits], [separator.box for separator in separators]):
        reason = "raised"
    return Line(
        text=decoded.text,
        written=decoded.written,
        confidence=decoded.confidence,
        accepted=reason is None,
        reason=reason,
        digits=digits,
        separators=separators,
        alternatives=decoded.alternatives,
        box=line.box,
    )


def _between(picture: NDArray[np.uint8], digits: Sequence[Symbol]) -> NDArray[np.bool_]:
    """Where there is ink from the middle of the first digit to that of the last."""
    first, last = (round(digit.step * STRIDE) for digit in (digits[0], digits[-1]))
    return picture[:, first : last + 1] >= INK


def _reason(decoded: Decoded, bar: Bar, expected: Expected | None) -> Reason | None:
    """Why not to trust a line; None where it is accepted."""
    if ALPHABET[OTHER] in decoded.text:
        return "no digit"
    if decoded.says_ink != decoded.text or (expected and not expected.allows(decoded.text)):
        return "unexpected"
    if _reaches(decoded.alone, bar.alone) or (expected and _reaches(decoded.confidence, bar.expected)):
        return None
    return "unsure"


def _reaches(confidence: float, accepted_from: float) -> bool:
    """Whether it is high enough, in `float32`, as it was when the threshold was chosen."""
    return float(np.float32(confidence)) >= accepted_from


def _is_upside_down(picture: NDArray[np.uint8], run: Run, decoded: Decoded) -> bool:
    probabilities = run(np.ascontiguousarray(picture[np.newaxis, ::-1, ::-1]))[0]
    # Of what makes sense, the likeliest way to spell it is not much less likely than all together.
    if float(probabilities.max(axis=1).prod(dtype=np.float64)) < LEAST_SPELLED * LIKELY:
        return False
    turned = decode(probabilities)
    return turned.text.isdigit() and turned.confidence > max(LIKELY, SURER * decoded.confidence)


def _padded(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape
    padded = np.zeros((height, width + -width % WIDTH_STEP), np.uint8)
    padded[:, :width] = picture
    return padded


def _placed(
    line: LineInk, picture: NDArray[np.uint8], decoded: Decoded, accepted_from: float
) -> tuple[tuple[Digit, ...], tuple[Separator, ...]]:
    """Digits and separators with their boxes: of the ink between the emptiest columns beside their middles."""
    symbols = sorted((*decoded.digits, *decoded.separators), key=lambda symbol: symbol.step)
    boxes = dict(zip(map(id, symbols), _boxes(line, picture, symbols), strict=True))
    digits = tuple(
        Digit(
            value=symbol.index,
            confidence=symbol.confidence,
            accepted=(accepted := _reaches(symbol.confidence, accepted_from)),
            reason=None if accepted else "unsure",
            box=boxes[id(symbol)],
            runner_up=symbol.runner_up,
        )
        for symbol in decoded.digits
        if symbol.index != OTHER
    )
    separators = tuple(
        Separator(ALPHABET[symbol.index], symbol.confidence, boxes[id(symbol)]) for symbol in decoded.separators
    )
    return digits, separators


def _boxes(line: LineInk, picture: NDArray[np.uint8], symbols: Sequence[Symbol]) -> list[Box]:
    if not symbols:
        return []
    mask = picture >= INK
    counted = np.count_nonzero(mask, axis=0)
    density, inked = counted.tolist(), (counted > 0).tobytes()
    width = len(density)
    middles = [min(width - 1, round((symbol.step + 0.5) * STRIDE)) for symbol in symbols]
    cuts = [0, *(_emptiest(density, left, right) for left, right in pairwise(middles)), width]
    boxes = []
    for middle, (first, last) in zip(middles, pairwise(cuts), strict=True):
        left, right = max(first, middle - REACH), max(min(last, middle + REACH), middle + 1)
        x0, y0, x1, y1 = left, 0, right, LINE_HEIGHT
        if 1 in inked[left:right]:
            x0, x1 = inked.find(1, left, right), inked.rfind(1, left, right) + 1
            rows = mask[:, x0:x1].any(axis=1).tobytes()
            y0, y1 = rows.find(1), rows.rfind(1) + 1
        boxes.append(line.in_picture(x0, y0, x1, y1))
    return boxes


def _emptiest(density: Sequence[int], left: int, right: int) -> int:
    """The column between two middles with the least ink, of several the one nearest to half way."""
    if right - left < 2:
        return right
    least = min(density[left + 1 : right])
    emptiest = [column for column in range(left + 1, right) if density[column] == least]
    return min(emptiest, key=lambda column: abs(2 * column - left - right))
