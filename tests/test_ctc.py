"""Segments of a line, what they may say, and where: against every path there is."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.alphabet import ALPHABET, BLANK
from edgedigits.ctc import MOST_STEPS, NARROW, WIDE, Line
from edgedigits.errors import ArtifactError

CLASSES = ("1", "2", "?", "")
INDICES = [ALPHABET.index(name) for name in CLASSES]


def _rows(steps, seed, sharpness=0.7, classes=INDICES):
    rows = np.zeros((steps, len(ALPHABET)), np.float32)
    rows[:, classes] = np.random.default_rng(seed).dirichlet(np.full(len(classes), sharpness), steps)
    return rows


def _spelled(path):
    return "".join(name for name, _ in itertools.groupby(path))


def _brute(rows):
    strings = Counter()
    for path in itertools.product(range(len(CLASSES)), repeat=len(rows)):
        likelihood = math.prod(float(row[INDICES[choice]]) for row, choice in zip(rows, path, strict=True))
        strings[_spelled(CLASSES[choice] for choice in path)] += likelihood
    return strings


@settings(deadline=None, max_examples=60)
@given(steps=st.integers(1, 6), seed=st.integers(0, 2**32))
def test_pieces_have_the_probability_of_all_their_paths_the_likeliest_first(steps, seed):
    rows = _rows(steps, seed)
    line = Line(rows)
    strings = _brute(rows)
    if line.spans != [(0, steps)]:
        return
    for search in (NARROW, WIDE):
        (pieces,) = line.pieces(search)
        assert len({piece for piece, _ in pieces}) == len(pieces)
        for piece, probability in pieces:
            assert probability == pytest.approx(strings[piece], abs=1e-6)
        probabilities = [probability for _, probability in pieces]
        assert probabilities == sorted(probabilities, reverse=True)
        assert probabilities[0] == pytest.approx(max(strings.values()), abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(steps=st.integers(1, 6), seed=st.integers(0, 2**32), data=st.data())
def test_peaks_are_those_of_the_likeliest_path(steps, seed, data):
    rows = _rows(steps, seed).astype(np.float64)
    line = Line(rows)
    text = data.draw(st.sampled_from(sorted(_brute(rows))))
    peaks = line.peaks((0, steps), text)
    assert len(peaks) == len(text)
    path = [""] * steps
    for character, (start, stop) in zip(text, peaks, strict=True):
        assert 0 <= start < stop <= steps
        assert not any(path[start:stop])
        path[start:stop] = [character] * (stop - start)
    assert _spelled(path) == text

    def likelihood(tried):
        return math.prod(float(row[ALPHABET.index(name)]) for row, name in zip(rows, tried, strict=True))

    ways = (tried for tried in itertools.product(CLASSES, repeat=steps) if _spelled(tried) == text)
    assert likelihood(path) == pytest.approx(max(map(likelihood, ways)), rel=1e-6)


@settings(deadline=None, max_examples=60)
@given(steps=st.integers(0, 600), seed=st.integers(0, 2**32), sharpness=st.sampled_from([0.003, 0.02, 0.5]))
def test_segments_and_the_cuts_between_them_are_all_steps(steps, seed, sharpness):
    line = Line(_rows(steps, seed, sharpness))
    spans = sorted(line.spans)
    assert line.spans == spans
    assert sorted(itertools.chain(line.cuts, *(range(*span) for span in spans))) == list(range(steps))
    assert all(stop - start <= MOST_STEPS for start, stop in spans)
    assert len(line.cuts) == len(spans) - 1


def test_a_line_is_cut_where_nothing_is_written_for_long():
    rows = np.zeros((30, len(ALPHABET)), np.float32)
    rows[:, BLANK] = 1
    for step in (5, 7, 20):
        rows[step, BLANK], rows[step, 4] = 0, 1
    line = Line(rows)
    assert len(line.spans) == 2
    assert 8 < line.cuts[0] < 20
    assert [pieces[0] for pieces in line.pieces(NARROW)] == [("44", 1), ("4", 1)]


def test_separators_count_as_blank():
    rows = _rows(9, 0, classes=range(len(ALPHABET)))
    assert Line(rows).blank == pytest.approx(rows[:, 10:15].sum(axis=1) + rows[:, BLANK], abs=1e-6)


@pytest.mark.parametrize("name", ["4", "?", "-", ""])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.1, 2.0])
def test_what_are_no_probabilities_is_refused(name, wrong):
    rows = _rows(5, 0)
    rows[3, ALPHABET.index(name)] = wrong
    with pytest.raises(ArtifactError, match="probabilities"):
        Line(rows)
