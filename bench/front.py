"""Which candidates are worth a look: those that no other beats in speed, accuracy and trust, as far as can be told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgedigits.bench.measure import Timing
from edgedigits.bench.runtimes import Candidate
from edgedigits.risk import acceptance_score
from edgedigits.training.evaluation import Z95, Evaluation

__all__ = ["ALIKE", "Entry", "dominates", "front", "more_accurate", "told_apart"]

ALIKE = 1.05
"""Two sessions of one file differ by up to so much in speed: where memory happens to lie stays the same for a run."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A candidate, its calls one digit at a time, and its answers to the digits at hand."""

    candidate: Candidate
    timing: Timing
    evaluation: Evaluation

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Per digit, whether it was read right, bool [n]."""
        right: NDArray[np.bool_] = self.evaluation.probabilities.argmax(axis=1) == self.evaluation.digits.labels
        return right

    @cached_property
    def accepted(self) -> NDArray[np.bool_]:
        """Per digit, whether it was accepted at the card's threshold, bool [n]."""
        return acceptance_score(self.evaluation.probabilities) >= self.candidate.accept_threshold


def front(entries: Sequence[Entry]) -> list[bool]:
    """For each of the entries, whether no other dominates it."""
    return [not any(dominates(other, entry) for other in entries) for entry in entries]


def dominates(one: Entry, other: Entry) -> bool:
    """Whether one is better beyond noise in at least one way, and worse in none: latency, digits read right, digits
    accepted, digits accepted wrongly.
    """
    ways = (
        _faster(one.timing, other.timing),
        more_accurate(one, other),
        _more(one.accepted, other.accepted),
        _more(other.accepted & ~other.right, one.accepted & ~one.right),
    )
    return max(ways) > 0 and min(ways) >= 0


def more_accurate(one: Entry, other: Entry) -> int:
    """1 where one reads more digits right, -1 where fewer, 0 where that cannot be told."""
    return _more(one.right, other.right)


def told_apart(one: Timing, other: Timing) -> bool:
    """Whether one of two is faster, as far as this run can tell."""
    return _faster(one, other) != 0


def _faster(one: Timing, other: Timing) -> int:
    """1 where one is faster, -1 where it is slower, 0 where that cannot be told.

    They were measured in turns: the sign test (J. Arbuthnot, Phil. Trans. 27, 1710) of their medians, round by round,
    at 5%, and a difference beyond that of two sessions of the same file.
    """
    gain = np.log(np.median(other.nanoseconds, axis=1) / np.median(one.nanoseconds, axis=1))
    wins = np.sign(gain).sum()
    if abs(wins) <= Z95 * math.sqrt(len(gain)) or abs(np.median(gain)) < math.log(ALIKE):
        return 0
    return 1 if wins > 0 else -1


def _more(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> int:
    """McNemar's test (Psychometrika 12, 1947) at 5%, of what two candidates made of the same digits."""
    alone, others = int((one & ~other).sum()), int((other & ~one).sum())
    if abs(alone - others) <= Z95 * math.sqrt(alone + others):
        return 0
    return 1 if alone > others else -1
