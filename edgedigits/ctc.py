"""How likely pieces of a line are, and where their digits stand, by connectionist temporal classification.

A string has the probability of all ways to spell it, a class to each step, with nothing between digits that are equal
and anywhere else (Graves et al., ICML 2006). Where steps are all but certain to hold nothing, a line is cut into
segments; in each, a prefix beam search (Hannun et al., arXiv 1408.2873) proposes pieces, whose probabilities are then
summed exactly.
"""

from __future__ import annotations

import itertools
import math
import operator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import ALPHABET, OTHER
from edgedigits.errors import ArtifactError

__all__ = ["NARROW", "TINY", "WIDE", "Line", "Ranked", "Search", "Span"]

CLASSES = (*ALPHABET[:10], ALPHABET[OTHER])
"""What counts in a string."""
COLUMNS = np.array([ALPHABET.index(name) for name in CLASSES])
QUIET = 3e-4
"""Most that any class but nothing may have in a step where a line is cut. What is lost are the ways to spell a string
that have it there, and leave the place where it is likelier empty: less than 1e-4, but where that was in doubt."""
MOST_STEPS = 128
"""Of one segment; where nothing is quiet for longer, no hand wrote digits, and cutting is what bounds the search."""
MOST_IN_ALL = 1.01
"""That a step's probabilities may add up to, by rounding."""
TINY = 1e-300
"""Stands for zero in logarithms."""

Ranked: TypeAlias = list[tuple[str, float]]
"""Strings with their probabilities, or with their shares of the likeliest's, the likeliest first."""
Span: TypeAlias = tuple[int, int]
"""The first of some steps, and the one after their last."""


class Search(NamedTuple):
    """How far to search: the least probability that a class needs in a step to be tried there, the least share of the
    best that strings need to be kept, and how many are, of pieces and of strings.
    """

    least: float
    floor: float
    pieces: int
    strings: int


NARROW = Search(least=1e-3, floor=1e-4, pieces=16, strings=32)
WIDE = Search(least=1e-5, floor=1e-9, pieces=24, strings=128)


class Line:
    """The probabilities `float32 [steps, len(ALPHABET)]` of a line, as lists: loops in Python are fast over these.

    `chances` has per digit, and for `?`, its probability in each step; `blank` that of all else, separators included.
    `spans` are the segments, `cuts` the steps between them. Raises `ArtifactError` for what are no probabilities.
    """

    def __init__(self, probabilities: NDArray[np.float32]) -> None:
        # So written that it does not hold for what is not a number either.
        if not (probabilities.min(initial=0) >= 0 and probabilities.sum(axis=1).max(initial=0) <= MOST_IN_ALL):
            raise ArtifactError("the model does not answer with probabilities: it is damaged, or reads no lines")
        self._classes = probabilities[:, COLUMNS].astype(np.float64)
        blank = np.maximum(1 - self._classes.sum(axis=1), 0)
        gains = np.log(np.maximum(self._classes, TINY)) - np.log(np.maximum(blank, TINY))[:, np.newaxis]
        self.chances: dict[str, list[float]] = dict(zip(CLASSES, self._classes.T.tolist(), strict=True))
        self.blank: list[float] = blank.tolist()
        self._gains = gains.T
        self.spans, self.cuts = _segments(self._classes.max(axis=1).tolist())

    def pieces(self, search: Search) -> list[Ranked]:
        """What each segment may say, with exact probabilities."""
        likely: dict[int, list[tuple[str, float]]] = {}
        steps, columns = (self._classes >= search.least).nonzero()
        for step, column in zip(steps.tolist(), columns.tolist(), strict=True):
            likely.setdefault(step, []).append((CLASSES[column], self.chances[CLASSES[column]][step]))
        return [self._summed(span, self._proposed(span, likely, search)) for span in self.spans]

    def _proposed(self, span: Span, likely: dict[int, list[tuple[str, float]]], search: Search) -> list[str]:
        """What the steps of a segment may say, by prefix beam search over those where any class is likely."""
        # To each prefix the probability of its spellings that end in nothing, and of those that end in its last class.
        beam = {"": [1.0, 0.0]}
        before = span[0]
        for step in range(*span):
            if step not in likely:
                continue
            if step > before:
                beam = {prefix: [in_blank + in_class, 0.0] for prefix, (in_blank, in_class) in beam.items()}
            before = step + 1
            blank, trials = self.blank[step], likely[step]
            following: dict[str, list[float]] = {}
            for prefix, (in_blank, in_class) in beam.items():
                total, last = in_blank + in_class, prefix[-1:]
                ends = following.setdefault(prefix, [0.0, 0.0])
                ends[0] += total * blank
                if in_class:
                    ends[1] += in_class * self.chances[last][step]
                for character, chance in trials:
                    ends = following.setdefault(prefix + character, [0.0, 0.0])
                    ends[1] += chance * (in_blank if character == last else total)
            least = search.least * max([in_blank + in_class for in_blank, in_class in following.values()])
            beam = {prefix: ends for prefix, ends in following.items() if ends[0] + ends[1] >= least}
            if len(beam) > search.pieces:
                beam = dict(sorted(beam.items(), key=lambda item: -sum(item[1]))[: search.pieces])
        return list(beam)

    def _summed(self, span: Span, proposed: list[str]) -> Ranked:
        """The proposed pieces with their probabilities in a segment: Graves' sums, shared by equal beginnings."""
        start, stop = span
        blanks = self.blank[start:stop]
        nothing = list(itertools.accumulate(blanks, operator.mul, initial=1.0))
        # To each prefix, after no step, one step and so on, what its spellings sum to that end in nothing, and all.
        sums = {"": (nothing, nothing)}
        for piece in proposed:
            for length in range(1, len(piece) + 1):
                prefix = piece[:length]
                if prefix in sums:
                    continue
                in_blank, total = sums[prefix[:-1]]
                entering = in_blank if prefix[-2:-1] == prefix[-1] else total
                ends_blank, ends_class = 0.0, 0.0
                in_blank, total = [0.0], [0.0]
                for blank, chance, enters in zip(blanks, self.chances[prefix[-1]][start:stop], entering, strict=False):
                    ends_blank = blank * (ends_blank + ends_class)
                    ends_class = chance * (ends_class + enters)
                    in_blank.append(ends_blank)
                    total.append(ends_blank + ends_class)
                sums[prefix] = in_blank, total
        return sorted([(piece, sums[piece][1][-1]) for piece in proposed], key=lambda piece: -piece[1])

    def peaks(self, span: Span, text: str) -> list[Span]:
        """The steps of each character, where a segment's likeliest spelling of a text has it (Viterbi).

        Scores are logarithms of what a spelling's probability is to that of nothing at all.
        """
        start, stop = span
        # After no step, one step and so on: the best score of the text before a character, and where its peak ended.
        best, before = [0.0] * (stop - start + 1), ""
        table: list[tuple[list[int], list[int]]] = []
        for character in text:
            # Between equal characters a step holds nothing.
            entering = [-math.inf, *best[:-1]] if character == before else best
            here, score, first = -math.inf, -math.inf, 0
            begins, ends, scores = [], [0], [-math.inf]
            gains: list[float] = self._gains[CLASSES.index(character), start:stop].tolist()
            for step, (gain, enters) in enumerate(zip(gains, entering, strict=False)):
                if enters > here:
                    here, first = enters, step
                here += gain
                begins.append(first)
                if here > score:
                    score = here
                    ends.append(step)
                else:
                    ends.append(ends[-1])
                scores.append(score)
            table.append((begins, ends))
            best, before = scores, character
        peaks = []
        step, after = stop - start, ""
        for character, (begins, ends) in zip(reversed(text), reversed(table), strict=True):
            last = ends[step - (character == after)]
            step, after = begins[last], character
            peaks.append((start + step, start + last + 1))
        return peaks[::-1]


def _segments(tops: list[float]) -> tuple[list[Span], list[int]]:
    """The segments and the steps between them, by the highest that a class has in each step."""
    busy = [step for step, top in enumerate(tops) if top >= NARROW.least]
    cuts: list[int] = []
    for left, right in itertools.pairwise(busy):
        # Beside a digit's peak, a step may still be a part of it.
        if right - left > 3:
            quietest = min(range(left + 2, right - 1), key=tops.__getitem__)
            if tops[quietest] <= QUIET:
                cuts.append(quietest)
    spans: list[Span] = []
    start, forced = 0, []
    for stop in (*cuts, len(tops)):
        while stop - start > MOST_STEPS:
            quietest = min(range(start + MOST_STEPS // 2, start + MOST_STEPS), key=tops.__getitem__)
            forced.append(quietest)
            spans.append((start, quietest))
            start = quietest + 1
        spans.append((start, stop))
        start = stop + 1
    return spans, cuts + forced
