"""Looks at a line: one where it is sure, and where not, what several come to."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgedigits.alphabet import ALPHABET, BLANK
from edgedigits.looks import HOPELESS, LOOKS, SURE, looked_at

STEPS = 6
LINE = np.zeros((32, 2 * STEPS), np.uint8)
LINE[8:24, 4:6] = 255


def _saying(digit, probability):
    """Probabilities of a digit at the second step, and paper elsewhere."""
    probabilities = np.zeros((STEPS, len(ALPHABET)), np.float32)
    probabilities[:, BLANK] = 1
    probabilities[2, BLANK] = 0
    probabilities[2, digit], probabilities[2, (digit + 1) % 10] = probability, 1 - probability
    return probabilities


def _never(lines):
    raise AssertionError("it is looked at once")


@given(digit=st.integers(0, 9), probability=st.floats(SURE + 1e-4, 1))
def test_a_sure_line_is_looked_at_once(digit, probability):
    first = _saying(digit, probability)
    probabilities, decoded = looked_at(LINE, first, _never)
    assert probabilities is first
    assert decoded.text == str(digit)
    assert decoded.confidence == pytest.approx(probability, abs=1e-5)


def test_a_hopeless_line_is_looked_at_once():
    first = np.full((STEPS, len(ALPHABET)), 1 / len(ALPHABET), np.float32)
    probabilities, decoded = looked_at(LINE, first, _never)
    assert probabilities is first
    assert 0 < decoded.confidence < HOPELESS


@settings(deadline=None)
@given(first=st.floats(0.5, SURE - 0.01), others=st.tuples(*[st.floats(0.001, 0.999)] * len(LOOKS)))
def test_looks_come_to_their_geometric_mean(first, others):
    seen, answers = [], iter(others)

    def run(lines):
        seen.extend(lines)
        return np.stack([_saying(7, next(answers)) for _ in lines])

    probabilities, decoded = looked_at(LINE, _saying(7, first), run)
    chances = np.array([first, *others])
    means = [np.exp(np.log(side).mean()) for side in (chances, 1 - chances)]
    share = means[0] / sum(means)
    assume(abs(share - 0.5) > 1e-6)
    assert probabilities[2, 7] == pytest.approx(share, rel=1e-4)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert decoded.text == ("7" if share > 0.5 else "8")
    assert [(look.shape, look.dtype) for look in seen] == [(LINE.shape, np.uint8)] * len(LOOKS)


def test_other_looks_are_lower_or_higher_and_lean_either_way_or_not():
    seen = []

    def run(lines):
        seen.extend(lines)
        return np.stack([_saying(1, 0.6)] * len(lines))

    looked_at(LINE, _saying(1, 0.6), run)
    ink = [look >= 128 for look in seen]
    middles = [np.array([columns @ np.arange(2 * STEPS) / columns.sum() for columns in rows[10:22]]) for rows in ink]
    assert [np.polyfit(range(12), middle, 1)[0] for middle in middles] == pytest.approx([0.35, 0, -0.35, 0], abs=0.05)
    lower, higher = (np.roll((LINE >= 128).any(axis=1), rows).tolist() for rows in (1, -1))
    assert [rows.any(axis=1).tolist() for rows in ink] == [lower] * 3 + [higher]
