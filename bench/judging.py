"""What is right and wrong in readings of strings that are labelled.

Where a picture has one line, all that is read on it counts as that line; of several, those read are matched with those
labelled in order, so that the fewest digits differ.

A mistake is of the first kind that fits:

- `refused: REASON`: no text, for a reason other than that nothing is there.
- `background`: nothing was found, or several lines where there is one, or a line where there is none.
- `class`: the fewest edits replace digits; none is missing, none too many.
- `separator`: the same holds once those digits are left out that stand where none is labelled, as where a dash was read
  as 1, and what was read as no digit. A digit stands where its box has its middle.
- `segmentation`: digits are missing, too many, or merged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from edgedigits.marks import Box
from edgedigits.pictures import Picture
from edgedigits.results import Digit, Line, Reading
from edgedigits.training.evaluation import wilson_interval

__all__ = ["Item", "Outcome", "accepted", "distance", "fewest_edits", "iou", "judge", "told"]

A = TypeVar("A")
B = TypeVar("B")
MOVES = ((1, 1), (1, 0), (0, 1))
"""To replace or keep, to leave out, to add."""
NOTHING_THERE = (None, "blank", "low contrast")


@dataclass(frozen=True)
class Item:
    """A picture, the digits of each of its lines, and of an only line the digits' boxes, where they are known."""

    picture: Picture
    lines: tuple[str, ...]
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """A labelled line and what was read there; `label` is empty where no line is.

    `kind` is the mistake's, None where all is right; `fit` is then the intersection over union of each digit's box with
    the labelled one.
    """

    item: Item
    label: str
    text: str
    accepted: bool
    kind: str | None
    fit: tuple[float, ...] = ()


def judge(item: Item, reading: Reading) -> list[Outcome]:
    """What is right and wrong in a reading, line by line."""
    if len(item.lines) == 1:
        return [_judge(item, item.lines[0], reading)]
    outcomes = []
    for label, line in fewest_edits(item.lines, reading.lines, _line_distance):
        if line is not None and (label is not None or line.text):
            outcomes.append(_judge(item, label or "", line))
        elif label is not None:
            reason = None if reading.text else reading.reason
            outcomes.append(_judge(item, label, Reading("", 0.0, False, reason, ())))
    return outcomes


def told(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of a collection, as JSON types; `accepted` is at the threshold that the readings were made with."""
    strings = sum(bool(outcome.label) for outcome in outcomes)
    right = sum(outcome.kind is None for outcome in outcomes)
    digits = sum(len(outcome.label) for outcome in outcomes)
    edits = sum(distance(outcome.label, outcome.text.replace("\n", "")) for outcome in outcomes)
    fits = [fit for outcome in outcomes for fit in outcome.fit]
    return {
        "strings": strings,
        "right": right,
        "accuracy": right / strings,
        "ci95": wilson_interval(right, strings),
        "digits": digits,
        "digit_accuracy": 1 - edits / digits,
        "accepted": accepted(outcomes),
        "mistakes": dict(sorted(Counter(outcome.kind for outcome in outcomes if outcome.kind).items())),
        **({"box_iou": sum(fits) / len(fits)} if fits else {}),
    }


def accepted(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """How many are accepted, which share of the strings that is, and how many of those are right."""
    trusted = [outcome.kind is None for outcome in outcomes if outcome.accepted]
    right = sum(trusted)
    return {
        "n": len(trusted),
        "share": len(trusted) / sum(bool(outcome.label) for outcome in outcomes),
        "right": right,
        "accuracy": right / len(trusted) if trusted else None,
        "ci95": wilson_interval(right, len(trusted)) if trusted else None,
    }


def fewest_edits(
    label: Sequence[A], found: Sequence[B], cost: Callable[[A | None, B | None], int]
) -> list[tuple[A | None, B | None]]:
    """What is labelled beside what was found, in order, at the least cost in all; None is what the other side lacks.

    `cost` is of a pair. Of edits that cost the same, those replace where they can. The table is R. A. Wagner's & M. J.
    Fischer's (J. ACM 21(1), 1974).
    """
    n, m = len(label), len(found)
    least = [[0] * (m + 1) for _ in range(n + 1)]
    moves: list[list[tuple[int, int]]] = [[(0, 0)] * (m + 1) for _ in range(n + 1)]
    for i in range(n + 1):
        for j in range(m + 1):
            ways = [
                (
                    least[i - down][j - across]
                    + cost(label[i - 1] if down else None, found[j - 1] if across else None),
                    k,
                )
                for k, (down, across) in enumerate(MOVES)
                if i >= down and j >= across
            ]
            if ways:
                least[i][j], best = min(ways)
                moves[i][j] = MOVES[best]
    pairs: list[tuple[A | None, B | None]] = []
    i, j = n, m
    while i or j:
        down, across = moves[i][j]
        pairs.append((label[i - 1] if down else None, found[j - 1] if across else None))
        i, j = i - down, j - across
    return pairs[::-1]


def distance(label: str, text: str) -> int:
    """The fewest characters to replace, leave out or add (V. I. Levenshtein, Sov. Phys. Dokl. 10(8), 1966)."""
    return sum(ours != theirs for ours, theirs in _edits(label, text))


def iou(ours: Box, theirs: Box) -> float:
    """Intersection over union of two boxes that are not empty."""
    width = min(ours[2], theirs[2]) - max(ours[0], theirs[0])
    height = min(ours[3], theirs[3]) - max(ours[1], theirs[1])
    shared = max(0, width) * max(0, height)
    return shared / (_area(ours) + _area(theirs) - shared)


def _judge(item: Item, label: str, read: Reading | Line) -> Outcome:
    kind = _kind(label, read, item.boxes)
    fit = () if kind else tuple(iou(digit.box, box) for digit, box in zip(read.digits, item.boxes, strict=False))
    return Outcome(item, label, read.text, read.accepted, kind, fit)


def _kind(label: str, read: Reading | Line, boxes: Sequence[Box]) -> str | None:
    """The kind of a mistake, as the module says; None where there is none."""
    if read.text == label:
        return None
    if not read.text and read.reason not in NOTHING_THERE:
        return f"refused: {read.reason}"
    if not label or not read.text or "\n" in read.text:
        return "background"
    if _replaces_alone(label, read.text):
        return "class"
    placed = [digit for digit in read.digits if not boxes or any(_stands_in(digit, box) for box in boxes)]
    return "separator" if _replaces_alone(label, "".join(str(digit.value) for digit in placed)) else "segmentation"


def _replaces_alone(label: str, text: str) -> bool:
    return all(ours is not None and theirs is not None for ours, theirs in _edits(label, text))


def _stands_in(digit: Digit, box: Box) -> bool:
    x, y = (digit.box[0] + digit.box[2]) / 2, (digit.box[1] + digit.box[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _edits(label: str, text: str) -> list[tuple[str | None, str | None]]:
    return fewest_edits(label, text, lambda ours, theirs: ours != theirs)


def _line_distance(label: str | None, line: Line | None) -> int:
    return distance(label or "", line.text if line else "")


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
