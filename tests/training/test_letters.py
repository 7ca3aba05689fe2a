"""Letters to refuse: laws of the generator, and pictures that are letters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.training.letters import draw_letters
from edgedigits.training.synthetic import synthetic_digits

COUNT = 800


@pytest.fixture(scope="module")
def letters():
    return draw_letters(COUNT, seed=1)


def test_shape_and_type(letters):
    assert (letters.shape, letters.dtype) == ((COUNT, 28, 28), np.uint8)


def test_no_letters():
    letters = draw_letters(0, seed=1)
    assert (letters.shape, letters.dtype) == ((0, 28, 28), np.uint8)


def test_negative_count_is_refused():
    with pytest.raises(ValueError, match="-1"):
        draw_letters(-1, seed=1)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**64), count=st.integers(0, 12), more=st.integers(0, 12))
def test_a_smaller_set_begins_a_larger_one(seed, count, more):
    np.testing.assert_array_equal(draw_letters(count, seed), draw_letters(count + more, seed)[:count])


def test_seeds_differ(letters):
    assert not (draw_letters(50, seed=2) == letters[:50]).all(axis=(1, 2)).any()


def test_no_two_frames_are_alike_and_none_is_blank_or_faint(letters):
    assert len({frame.tobytes() for frame in letters}) == COUNT
    assert letters.max(axis=(1, 2)).min() > 200


def test_ink_is_in_the_box(letters):
    for frame in letters:
        rows, columns = (np.flatnonzero(frame.any(axis=axis)) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20


def test_none_is_a_bar_that_could_be_a_one(letters):
    for frame in letters:
        rows, columns = (np.flatnonzero((frame > 127).any(axis=axis)) for axis in (1, 0))
        box = frame[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] > 127
        assert box.mean() < 0.85 or box.shape[1] > 0.6 * box.shape[0]


def test_letters_are_unlike_what_a_digit_is_by_its_nearest_neighbour(letters):
    flat = letters.reshape(COUNT, -1) / 255
    others = draw_letters(COUNT, seed=5).reshape(COUNT, -1) / 255
    digits = synthetic_digits(COUNT, seed=1)[0].reshape(COUNT, -1) / 255

    def nearest(known):
        return ((known**2).sum(axis=1) - 2 * flat @ known.T).min(axis=1)

    assert (nearest(others) < nearest(digits)).mean() > 0.7
