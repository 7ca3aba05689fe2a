"""What a line's probabilities say: its likeliest strings of digits, how likely each is, and where its digits stand.

Strings have the probability that connectionist temporal classification gives them (Graves et al., ICML 2006): that of
all ways to spell them, a class to each step, with nothing between digits that are equal and anywhere else. Where steps
are all but certain to hold nothing, a line is cut into segments; in each, a prefix beam search (Hannun et al., arXiv
1408.2873) proposes pieces, whose probabilities are then summed exactly. Pieces are joined to strings best first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import ALPHABET, BLANK, OTHER, SEPARATORS
from edgedigits.errors import ArtifactError
from edgedigits.expectation import Expected
from edgedigits.results import Alternative

__all__ = ["Decoded", "Symbol", "decode"]

DIGITS = 10
CLASSES = (*range(DIGITS), OTHER)
"""What counts in a string."""
COLUMN = {ALPHABET[index]: column for column, index in enumerate(CLASSES)}
MOST_ALTERNATIVES, LEAST_ALTERNATIVE = 5, 1e-3
QUIET = 3e-4
"""Most that any class but nothing may have in a step where a line is cut. What is lost are the ways to spell a string
that have it there, and leave the place where it is likelier empty: less than 1e-4, but where that was in doubt."""
MOST_STEPS = 128
"""Of one segment; where nothing is quiet for longer, no hand wrote digits, and cutting is what bounds the search."""
NEGLIGIBLE = 1e-4
"""Probability below which a string has no say in its digits."""
MOST_WRITTEN = 1.01
"""That a step's probabilities may add up to, by rounding."""
VANISHING = 1e-12
"""Share below which a beginning is not followed further; strings that are found at all have more."""
TINY = 1e-300
"""Stands for zero in logarithms."""


@dataclass(frozen=True)
class Symbol:
    """A mark on a line. `index` is into `ALPHABET`; `step`, counted from 0, is the middle of its peak, weighted by
    probability. `runner_up` is the digit that is likeliest to stand there if the mark is not what it is said to be.
    """

    index: int
    step: float
    confidence: float
    runner_up: int


@dataclass(frozen=True)
class Decoded:
    """What a line says.

    `text` has its digits, and `?` for what is written and is neither a digit nor a separator; `written` has the
    separators too. `confidence` is the probability of `text`, given what was expected. `says_ink` is the likeliest
    text whatever was expected: where the two differ, the ink contradicts what was expected, and `says_ink` is among
    the `alternatives`, with the probability that it has of its own. The others have theirs given what was expected,
    and are at least 0.1% likely, the likeliest first, at most 5 in all.

    `digits` has an entry for each character of `text`, whose `confidence` is the probability that this digit stands at
    this place: by the strings that were expected and, where the ink contradicts these, by what it says itself.
    `separators` have the highest probability in their peak.

    Where nothing that was expected is found, all is as if nothing had been, but for a confidence of 0.
    """

    text: str
    written: str
    confidence: float
    says_ink: str
    digits: tuple[Symbol, ...]
    separators: tuple[Symbol, ...]
    alternatives: tuple[Alternative, ...]


class _Search(NamedTuple):
    """How far to search: the least probability that a class needs in a step to be tried there, the least share of the
    best that strings need to be kept, and how many are, of pieces and of strings.
    """

    least: float
    floor: float
    pieces: int
    strings: int


NARROW = _Search(least=1e-3, floor=1e-4, pieces=16, strings=32)
WIDE = _Search(least=1e-5, floor=1e-9, pieces=24, strings=128)

_Ranked: TypeAlias = list[tuple[str, float]]
"""Strings with their probabilities, or with their shares of the likeliest's, the likeliest first."""


class _Line:
    """A line's probabilities as lists, which is what loops in Python are fast over.

    `chances` has per class of `CLASSES` its probability in each step, `blank` that of all else, separators included,
    `gains` the logarithm of the quotient of these, and `tops` the highest of the classes.
    """

    def __init__(self, probabilities: NDArray[np.float32]) -> None:
        self.classes = probabilities[:, CLASSES].astype(np.float64)
        written = self.classes.sum(axis=1)
        # So written that it does not hold for what is not a number either.
        if not (self.classes.min(initial=0) >= 0 and written.max(initial=0) <= MOST_WRITTEN):
            raise ArtifactError("the model does not answer with probabilities: it is damaged, or reads no lines")
        blank = np.maximum(1 - written, 0)
        logs = np.log(np.maximum(self.classes, TINY)) - np.log(np.maximum(blank, TINY))[:, np.newaxis]
        self.chances: list[list[float]] = self.classes.T.tolist()
        self.gains: list[list[float]] = logs.T.tolist()
        self.blank: list[float] = blank.tolist()
        self.tops: list[float] = self.classes.max(axis=1).tolist()
        self.spans, self.cuts = self._segments()

    def _segments(self) -> tuple[list[tuple[int, int]], list[int]]:
        """The first steps of the segments and those after their last, and the steps between segments."""
        tops = self.tops
        busy = [step for step, top in enumerate(tops) if top >= NARROW.least]
        cuts: list[int] = []
        for left, right in itertools.pairwise(busy):
            # Beside a digit's peak, a step may still be a part of it.
            if right - left > 3:
                quietest = min(range(left + 2, right - 1), key=tops.__getitem__)
                if tops[quietest] <= QUIET:
                    cuts.append(quietest)
        spans: list[tuple[int, int]] = []
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

    def likely(self, least: float) -> dict[int, list[tuple[str, float]]]:
        """The classes that have `least` in a step and their probabilities there, for each step with any."""
        likely: dict[int, list[tuple[str, float]]] = {}
        steps, columns = (self.classes >= least).nonzero()
        for step, column in zip(steps.tolist(), columns.tolist(), strict=True):
            likely.setdefault(step, []).append((ALPHABET[CLASSES[column]], self.chances[column][step]))
        return likely


def decode(probabilities: NDArray[np.float32], expected: Expected | None = None) -> Decoded:
    """Read probabilities `float32 [steps, len(ALPHABET)]`, each step's of which add up to 1.

    Separators count as nothing, since whether a mark is a dot or a comma does not matter to the digits.

    With `expected`, the text is the likeliest of those strings that it allows, and its confidence is its share of what
    the strings found that are not allowed leave of 1; where none is found, a wider search is made. Whatever
    `expected.check` raises is not caught. Time and memory grow with the steps alone, whatever they hold.

    Raises `ArtifactError` for what are no probabilities.
    """
    line = _Line(probabilities)
    segments = _segments_by(line, NARROW)
    strings = _strings(segments, NARROW)
    allowed = strings if expected is None else _allowed(strings, segments, expected)
    if expected is not None and not allowed:
        wide = _segments_by(line, WIDE)
        more = _strings(wide, WIDE)
        allowed = _allowed(more, wide, expected)
        if allowed:
            segments, strings = wide, more
    scale = _scale(line, segments)
    ink, ink_probability = strings[0][0], scale * strings[0][1]
    if expected is None or not allowed:
        text, confidence = ink, ink_probability if expected is None else 0.0
        votes = segments
        rivals = [(rival, scale * share) for rival, share in strings[1:]]
    else:
        text = allowed[0][0]
        whole = _left(strings, allowed, scale)
        confidence = scale * allowed[0][1] / whole
        rivals = [(rival, scale * share / whole) for rival, share in allowed[1:]]
        voters = allowed if text == ink else [strings[0], *allowed]
        votes = _votes(voters, segments)
    rivals = [rival for rival in rivals if rival[1] >= LEAST_ALTERNATIVE][:MOST_ALTERNATIVES]
    if text != ink:
        rivals = sorted([*rivals[: MOST_ALTERNATIVES - 1], (ink, ink_probability)], key=_by_likelihood)
    # All digits are never likelier right than each of them; what the ink says instead is left out of the former.
    digits = _digits(line, _spelled(text, segments)[1], votes, confidence if text == ink else 0.0)
    separators = _separators(probabilities, [span for _, span in digits])
    marks = sorted((*(symbol for symbol, _ in digits), *separators), key=lambda symbol: symbol.step)
    return Decoded(
        text=text,
        written="".join(ALPHABET[symbol.index] for symbol in marks),
        confidence=min(confidence, 1.0),
        says_ink=ink,
        digits=tuple(symbol for symbol, _ in digits),
        separators=separators,
        alternatives=tuple(Alternative(*rival) for rival in rivals),
    )


def _segments_by(line: _Line, search: _Search) -> list[_Ranked]:
    """What each segment may say."""
    likely = line.likely(search.least)
    return [_pieces(line, span, _proposed(line, span, likely, search)) for span in line.spans]


def _strings(segments: list[_Ranked], search: _Search) -> _Ranked:
    """What a line may say, and its shares of the likeliest: products of probabilities vanish on long lines."""
    joined = {"": 1.0}
    for pieces in segments:
        following: dict[str, float] = {}
        best = pieces[0][1]
        parts = [(piece, probability / best) for piece, probability in pieces]
        for before, share in joined.items():
            for piece, part in parts:
                product = share * part
                if product < search.floor:
                    break
                text = before + piece
                following[text] = following.get(text, 0.0) + product
        joined = following if len(following) <= search.strings else _kept(following, search.strings)
    return _exact(sorted(joined.items(), key=_by_likelihood), segments)


def _kept(strings: dict[str, float], most: int) -> dict[str, float]:
    """The likeliest, and of each length as many, so that no length that may be expected is lost to others."""
    ranked, by_length = sorted(strings.items(), key=_by_likelihood), dict[int, _Ranked]()
    for string in ranked:
        by_length.setdefault(len(string[0]), []).append(string)
    each = max(1, most // 2 // len(by_length))
    return dict(itertools.chain(ranked[: most // 2], *(alike[:each] for alike in by_length.values())))


def _by_likelihood(string: tuple[str, float]) -> tuple[float, str]:
    return -string[1], string[0]


def _allowed(strings: _Ranked, segments: list[_Ranked], expected: Expected) -> _Ranked:
    return _exact([string for string in strings if expected.allows(string[0])], segments)


def _exact(strings: _Ranked, segments: list[_Ranked]) -> _Ranked:
    """The same, but those first that may be told to people with what joining has lost of them, a little each."""
    told = 1 + MOST_ALTERNATIVES
    exact = [(text, _spelled(text, segments)[0]) for text, share in strings[:told] if share >= LEAST_ALTERNATIVE]
    return sorted([*exact, *strings[len(exact) :]], key=_by_likelihood)


def _spelled(text: str, segments: list[_Ranked]) -> tuple[float, list[str]]:
    """The share of a string by all ways to take it from the segments' pieces, and the pieces of the likeliest way."""
    # To each place in the text, the share of its beginning up to there, that of the likeliest way, and its pieces: a
    # pair of those before the last, paired alike, and the last.
    places: dict[int, tuple[float, float, tuple[Any, ...]]] = {0: (1.0, 1.0, ())}
    for pieces in segments:
        following: dict[int, tuple[float, float, tuple[Any, ...]]] = {}
        for place, (total, likeliest, way) in places.items():
            for piece, probability in pieces:
                if text.startswith(piece, place):
                    part = probability / pieces[0][1]
                    if total * part < VANISHING:
                        break
                    end = place + len(piece)
                    others, rival, its_way = following.get(end, (0.0, 0.0, ()))
                    here = likeliest * part
                    best = (here, (way, piece)) if here > rival else (rival, its_way)
                    following[end] = (others + total * part, *best)
        places = following
    share, _, way = places[len(text)]
    taken: list[str] = []
    while way:
        taken.append(way[1])
        way = way[0]
    return share, taken[::-1]


def _scale(line: _Line, segments: list[_Ranked]) -> float:
    """The probability that shares are shares of: that of the likeliest piece in each segment, and nothing at cuts."""
    logs = [math.log(pieces[0][1]) for pieces in segments]
    return math.exp(sum(logs) + sum(math.log(max(line.blank[cut], TINY)) for cut in line.cuts))


def _proposed(
    line: _Line, span: tuple[int, int], likely: dict[int, list[tuple[str, float]]], search: _Search
) -> list[str]:
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
        blank, trials = line.blank[step], likely[step]
        following: dict[str, list[float]] = {}
        for prefix, (in_blank, in_class) in beam.items():
            total, last = in_blank + in_class, prefix[-1:]
            ends = following.get(prefix)
            if ends is None:
                ends = following[prefix] = [0.0, 0.0]
            ends[0] += total * blank
            if in_class:
                ends[1] += in_class * line.chances[COLUMN[last]][step]
            for character, chance in trials:
                longer = prefix + character
                gained = chance * (in_blank if character == last else total)
                if longer in following:
                    following[longer][1] += gained
                else:
                    following[longer] = [0.0, gained]
        least = search.least * max([in_blank + in_class for in_blank, in_class in following.values()])
        beam = {prefix: ends for prefix, ends in following.items() if ends[0] + ends[1] >= least}
        if len(beam) > search.pieces:
            beam = dict(sorted(beam.items(), key=lambda item: -sum(item[1]))[: search.pieces])
    return list(beam)


def _pieces(line: _Line, span: tuple[int, int], proposed: Iterable[str]) -> _Ranked:
    """The exact probabilities of the proposed pieces in a segment: Graves' forward sums, shared by equal beginnings."""
    start, stop = span
    blanks = line.blank[start:stop]
    nothing = [1.0]
    for blank in blanks:
        nothing.append(nothing[-1] * blank)
    # To each prefix, after no step, one step and so on, what its spellings sum to that end in nothing, and all of them.
    sums = {"": (nothing, nothing)}
    pieces = []
    for piece in proposed:
        for length in range(1, len(piece) + 1):
            prefix = piece[:length]
            if prefix in sums:
                continue
            in_blank, total = sums[prefix[:-1]]
            entering = in_blank if prefix[-2:-1] == prefix[-1] else total
            ends_blank, ends_class = 0.0, 0.0
            in_blank, total = [0.0], [0.0]
            for blank, chance, enters in zip(
                blanks, line.chances[COLUMN[prefix[-1]]][start:stop], entering, strict=False
            ):
                ends_blank = blank * (ends_blank + ends_class)
                ends_class = chance * (ends_class + enters)
                in_blank.append(ends_blank)
                total.append(ends_blank + ends_class)
            sums[prefix] = in_blank, total
        pieces.append((piece, sums[piece][1][-1]))
    return sorted(pieces, key=lambda piece: -piece[1])


def _left(strings: _Ranked, kept: _Ranked, scale: float) -> float:
    """What is left of 1 by those strings that are not kept; at least what these have, and more than nothing."""
    of_kept = scale * sum(share for _, share in kept)
    return max(1 - scale * sum(share for _, share in strings), 0.0) + max(of_kept, TINY)


def _votes(voters: _Ranked, segments: list[_Ranked]) -> list[_Ranked]:
    """To each segment the pieces that strings have there, with their part of the probability of what was found there.

    What was not found there stays uncounted, so that where much might be written, nothing is certain.
    """
    found = [sum(probability for _, probability in pieces) for pieces in segments]
    total = sum(share for _, share in voters)
    votes: list[_Ranked] = [[] for _ in segments]
    for text, share in voters:
        if share >= NEGLIGIBLE * total:
            for pieces, piece, probability in zip(votes, _spelled(text, segments)[1], found, strict=True):
                pieces.append((piece, probability * share / total))
    return votes


def _digits(
    line: _Line, answer: Sequence[str], segments: Sequence[_Ranked], least: float
) -> list[tuple[Symbol, tuple[int, int]]]:
    """The digits of the answer's pieces with the first and the last step of each, by what each segment may say.

    None has less than the least confidence.
    """
    digits = []
    for span, text, pieces in zip(line.spans, answer, segments, strict=True):
        if not text:
            continue
        votes: list[dict[str, float]] = [{} for _ in text]
        for piece, probability in pieces:
            if probability >= NEGLIGIBLE:
                for place, character in _side_by_side(text, piece):
                    votes[place][character] = votes[place].get(character, 0.0) + probability
        for character, said, (first, last) in zip(text, votes, _peaks(line, span, text), strict=True):
            chances = line.chances[COLUMN[character]][first : last + 1]
            weight = sum(chances)
            middle = sum(step * chance for step, chance in enumerate(chances, first)) / weight
            peak = first + chances.index(max(chances))
            confidence = min(max(said.pop(character, 0.0), least), 1.0)
            said.pop(ALPHABET[OTHER], None)
            at_peak = {ALPHABET[digit]: line.chances[digit][peak] for digit in range(DIGITS)}
            at_peak.pop(character, None)
            others = said or at_peak
            runner_up = int(max(others, key=others.__getitem__))
            digits.append((Symbol(CLASSES[COLUMN[character]], middle, confidence, runner_up), (first, last)))
    return digits


def _side_by_side(text: str, other: str) -> list[tuple[int, str]]:
    """Places of a text with the characters that another has there, where the fewest edits make one of the other."""
    if len(text) == len(other) or other.startswith(text):
        return list(enumerate(other[: len(text)]))
    edits = [list(range(len(other) + 1))]
    for row, character in enumerate(text, 1):
        above, here = edits[-1], [row]
        for column, theirs in enumerate(other):
            here.append(min(above[column] + (character != theirs), above[column + 1] + 1, here[column] + 1))
        edits.append(here)
    pairs = []
    row, column = len(text), len(other)
    while row and column:
        if edits[row][column] == edits[row - 1][column - 1] + (text[row - 1] != other[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((row, other[column]))
        elif edits[row][column] == edits[row - 1][column] + 1:
            row -= 1
        else:
            column -= 1
    return pairs


def _peaks(line: _Line, span: tuple[int, int], text: str) -> list[tuple[int, int]]:
    """The first and the last step of each character, where a segment's likeliest spelling of a text has it (Viterbi).

    Scores are logarithms of what a spelling's probability is to that of nothing at all.
    """
    start, stop = span
    steps = stop - start
    # After no step, one step and so on: the best score of the text before a character, and where its peak ended.
    best, before = [0.0] * (steps + 1), ""
    table: list[tuple[list[int], list[int]]] = []
    for character in text:
        # Between equal characters a step holds nothing.
        entering = [-math.inf, *best[:-1]] if character == before else best
        here, score, first = -math.inf, -math.inf, 0
        begins, ends, scores = [], [0], [-math.inf]
        for step, (gain, enters) in enumerate(zip(line.gains[COLUMN[character]][start:stop], entering, strict=False)):
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
    step, after = steps, ""
    for character, (begins, ends) in zip(reversed(text), reversed(table), strict=True):
        last = ends[step - (character == after)]
        step, after = begins[last], character
        peaks.append((start + step, start + last))
    return peaks[::-1]


def _separators(probabilities: NDArray[np.float32], taken: Iterable[tuple[int, int]]) -> tuple[Symbol, ...]:
    """The separators that are likeliest in the steps where no digit stands; in a row, one and the same is one."""
    likeliest = probabilities.argmax(axis=1)
    for first, last in taken:
        likeliest[first : last + 1] = BLANK
    separators = []
    changes = np.flatnonzero(np.diff(likeliest, prepend=BLANK, append=BLANK)).tolist()
    for first, after in itertools.pairwise(changes):
        index = int(likeliest[first])
        if ALPHABET[index] in SEPARATORS and index != BLANK:
            chances = probabilities[first:after, index].tolist()
            peak = first + chances.index(max(chances))
            middle = sum(step * chance for step, chance in enumerate(chances, first)) / sum(chances)
            runner_up = int(probabilities[peak, :DIGITS].argmax())
            separators.append(Symbol(index, middle, max(chances), runner_up))
    return tuple(separators)
