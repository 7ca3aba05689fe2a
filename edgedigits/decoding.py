"""What a line's probabilities say: its likeliest strings of digits, how likely each is, and where its digits stand.

A line's segments each say one of a few pieces, as `ctc` has them; these are joined to strings best first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import ALPHABET, BLANK, OTHER, SEPARATORS
from edgedigits.ctc import NARROW, TINY, WIDE, Line, Ranked, Search, Span
from edgedigits.expectation import Expected
from edgedigits.results import Alternative

__all__ = ["Decoded", "Symbol", "decode"]

DIGITS = ALPHABET[:10]
MARKS = slice(len(DIGITS), len(DIGITS) + len(SEPARATORS))
"""The separators' columns."""
MOST_ALTERNATIVES, LEAST_ALTERNATIVE = 5, 1e-3
NEGLIGIBLE = 1e-4
"""Probability below which a string has no say in its digits."""
VANISHING = 1e-12
"""Share below which a beginning is not followed further; strings that are found at all have more."""


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
    separators too. `confidence` is the probability of `text`, given what was expected, `alone` its probability
    whatever was expected. `says_ink` is the likeliest
    text whatever was expected: where the two differ, the ink contradicts what was expected, and `says_ink` is first of
    the `alternatives`, with the probability that it has of its own. The others have theirs given what was expected,
    and are at least 0.1% likely, the likeliest first, at most 5 in all.

    `digits` has an entry for each character of `text`, whose `confidence` is the probability that this digit stands at
    this place: by the strings that were expected and, where the ink contradicts these, by what it says itself.
    `separators` have the highest probability in their peak.

    Where nothing that was expected is found, all is as if nothing had been, but for a confidence of 0, which no other
    line has.
    """

    text: str
    written: str
    confidence: float
    alone: float
    says_ink: str
    digits: tuple[Symbol, ...]
    separators: tuple[Symbol, ...]
    alternatives: tuple[Alternative, ...]


def decode(probabilities: NDArray[np.float32], expected: Expected | None = None) -> Decoded:
    """Read probabilities `float32 [steps, len(ALPHABET)]`, each step's of which add up to 1.

    Separators count as nothing, since whether a mark is a dot or a comma does not matter to the digits.

    With `expected`, the text is the likeliest of those strings found that it allows, and its confidence is its share of
    what the strings found that are not allowed leave of 1; where none is found, a wider search is made. Whatever
    `expected.check` raises is not caught. Time and memory grow with the steps alone, whatever they hold.

    Raises `ArtifactError` for what are no probabilities.
    """
    line = Line(probabilities)
    segments = line.pieces(NARROW)
    strings = _strings(segments, NARROW)
    allowed = strings if expected is None else _allowed(strings, segments, expected)
    if expected is not None and not allowed:
        wide = line.pieces(WIDE)
        more = _strings(wide, WIDE)
        allowed = _allowed(more, wide, expected)
        if allowed:
            segments, strings = wide, more
    scale = _scale(line, segments)
    ink, ink_probability = strings[0][0], scale * strings[0][1]
    if expected is None or not allowed:
        text, alone = ink, ink_probability
        confidence = alone if expected is None else 0.0
        votes = segments
        rivals = [(rival, scale * share) for rival, share in strings[1:]]
    else:
        text = allowed[0][0]
        whole = _left(strings, allowed, scale)
        alone = scale * allowed[0][1]
        confidence = alone / whole
        rivals = [(rival, scale * share / whole) for rival, share in allowed[1:]]
        voters = allowed if text == ink else [strings[0], *allowed]
        votes = _votes(voters, segments)
    rivals = [rival for rival in rivals if rival[1] >= LEAST_ALTERNATIVE][:MOST_ALTERNATIVES]
    # All digits are never likelier right than each of them; what the ink says instead is left out of the former.
    digits = _digits(line, _taken(text, segments), votes, confidence if text == ink else 0.0)
    if text != ink:
        rivals = [(ink, ink_probability), *rivals[: MOST_ALTERNATIVES - 1]]
        digits = _held_against(ink, strings[0][1] / (strings[0][1] + sum(share for _, share in allowed)), digits)
    separators = _separators(probabilities, [span for _, span in digits])
    marks = sorted((*(symbol for symbol, _ in digits), *separators), key=lambda symbol: symbol.step)
    return Decoded(
        text=text,
        written="".join(ALPHABET[symbol.index] for symbol in marks),
        confidence=min(confidence, 1.0),
        alone=min(alone, 1.0),
        says_ink=ink,
        digits=tuple(symbol for symbol, _ in digits),
        separators=separators,
        alternatives=tuple(Alternative(*rival) for rival in rivals),
    )


def _strings(segments: list[Ranked], search: Search) -> Ranked:
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
    ranked, by_length = sorted(strings.items(), key=_by_likelihood), dict[int, Ranked]()
    for string in ranked:
        by_length.setdefault(len(string[0]), []).append(string)
    each = max(1, most // 2 // len(by_length))
    return dict(itertools.chain(ranked[: most // 2], *(alike[:each] for alike in by_length.values())))


def _by_likelihood(string: tuple[str, float]) -> tuple[float, str]:
    return -string[1], string[0]


def _allowed(strings: Ranked, segments: list[Ranked], expected: Expected) -> Ranked:
    return _exact([string for string in strings if expected.allows(string[0])], segments)


def _exact(strings: Ranked, segments: list[Ranked]) -> Ranked:
    """The same, but those first that may be told to people with what joining has lost of them, a little each."""
    told = 1 + MOST_ALTERNATIVES
    exact = [(text, _spelled(text, segments)[0]) for text, share in strings[:told] if share >= LEAST_ALTERNATIVE]
    return sorted([*exact, *strings[len(exact) :]], key=_by_likelihood)


def _spelled(text: str, segments: list[Ranked]) -> tuple[float, list[str]]:
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


def _taken(text: str, segments: list[Ranked]) -> list[str]:
    """The pieces of the likeliest way to take a string from the segments' pieces."""
    likeliest = [pieces[0][0] for pieces in segments]
    return likeliest if "".join(likeliest) == text else _spelled(text, segments)[1]


def _scale(line: Line, segments: list[Ranked]) -> float:
    """The probability that shares are shares of: that of the likeliest piece in each segment, and nothing at cuts."""
    logs = [math.log(pieces[0][1]) for pieces in segments]
    logs += [math.log(max(line.blank[cut], TINY)) for cut in line.cuts]
    # However unlikely it is, it is not 0, which says that nothing of what was expected was found.
    return math.exp(max(sum(logs), math.log(TINY)))


def _left(strings: Ranked, kept: Ranked, scale: float) -> float:
    """What is left of 1 by those strings that are not kept; at least what these have, and more than nothing."""
    of_kept = scale * sum(share for _, share in kept)
    return max(1 - scale * sum(share for _, share in strings), 0.0) + max(of_kept, TINY)


def _votes(voters: Ranked, segments: list[Ranked]) -> list[Ranked]:
    """To each segment the pieces that strings have there, with their part of the probability of what was found there.

    What was not found there stays uncounted, so that where much might be written, nothing is certain.
    """
    found = [sum(probability for _, probability in pieces) for pieces in segments]
    total = sum(share for _, share in voters)
    votes: list[Ranked] = [[] for _ in segments]
    for text, share in voters:
        if share >= NEGLIGIBLE * total:
            for pieces, piece, probability in zip(votes, _taken(text, segments), found, strict=True):
                pieces.append((piece, probability * share / total))
    return votes


def _digits(line: Line, answer: Sequence[str], segments: Sequence[Ranked], least: float) -> list[tuple[Symbol, Span]]:
    """The digits of the answer's pieces with the steps of each, by what each segment may say.

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
        for character, said, (first, stop) in zip(text, votes, line.peaks(span, text), strict=True):
            chances = line.chances[character][first:stop]
            peak = first + chances.index(max(chances))
            confidence = min(max(said.pop(character, 0.0), least), 1.0)
            said.pop(ALPHABET[OTHER], None)
            others = said or {digit: line.chances[digit][peak] for digit in DIGITS if digit != character}
            runner_up = int(max(others, key=others.__getitem__))
            digits.append(
                (Symbol(ALPHABET.index(character), _middle(first, chances), confidence, runner_up), (first, stop))
            )
    return digits


def _held_against(ink: str, share: float, digits: list[tuple[Symbol, Span]]) -> list[tuple[Symbol, Span]]:
    """The digits of a text that the ink contradicts, by the `share` that what it says has of all that it may be.

    Segments that have more characters in the text, and fewer, than in what the ink says do not tell which these are.
    """
    theirs = dict(_side_by_side("".join(ALPHABET[symbol.index] for symbol, _ in digits), ink))
    return [(_beside(symbol, theirs.get(place), share), span) for place, (symbol, span) in enumerate(digits)]


def _beside(symbol: Symbol, other: str | None, share: float) -> Symbol:
    """A symbol in whose place stands `other`, or nothing, in a string that has a share."""
    if other == ALPHABET[symbol.index]:
        return replace(symbol, confidence=max(symbol.confidence, share))
    runner_up = int(other) if other is not None and other in DIGITS else symbol.runner_up
    return replace(symbol, confidence=min(symbol.confidence, 1 - share), runner_up=runner_up)


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


def _separators(probabilities: NDArray[np.float32], taken: Iterable[Span]) -> tuple[Symbol, ...]:
    """The separators that are likeliest in the steps where no digit stands; in a row, one and the same is one."""
    # The likeliest of all symbols has no less than an even share.
    if probabilities[:, MARKS].max(initial=0) < 0.99 / len(ALPHABET):
        return ()
    likeliest = probabilities.argmax(axis=1)
    for first, stop in taken:
        likeliest[first:stop] = BLANK
    separators = []
    around = np.concatenate([[BLANK], likeliest, [BLANK]])
    changes = np.flatnonzero(around[1:] != around[:-1]).tolist()
    for first, after in itertools.pairwise(changes):
        index = int(likeliest[first])
        if ALPHABET[index] in SEPARATORS and index != BLANK:
            chances = probabilities[first:after, index].tolist()
            peak = first + chances.index(max(chances))
            runner_up = int(probabilities[peak, : len(DIGITS)].argmax())
            separators.append(Symbol(index, _middle(first, chances), max(chances), runner_up))
    return tuple(separators)


def _middle(first: int, chances: list[float]) -> float:
    return sum([step * chance for step, chance in enumerate(chances, first)]) / sum(chances)
