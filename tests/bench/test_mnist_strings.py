"""Strings of MNIST's digits: how they are composed, and of which digits."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.bench.mnist_strings import MARGIN, compose, mnist_strings
from edgedigits.marks import bounding_box
from edgedigits.training.digits import Digits
from edgedigits.training.synthetic import synthetic_digits


@pytest.fixture(scope="module")
def digits():
    return Digits("synthetic", *synthetic_digits(700, seed=0))


@given(data=st.data(), spacing=st.integers(0, 8))
def test_composed_digits_stand_so_far_apart_each_in_its_box(digits, data, spacing):
    chosen = data.draw(st.lists(st.integers(0, len(digits) - 1), min_size=1, max_size=10))
    picture, boxes = compose(digits.frames[chosen], spacing)
    assert [right[0] - left[2] for left, right in itertools.pairwise(boxes)] == [spacing] * (len(chosen) - 1)
    assert (boxes[0][0], boxes[-1][2]) == (MARGIN, picture.shape[1] - MARGIN)
    dark, outside = 255 - picture >= 128, np.ones(picture.shape, bool)
    for i, (x0, y0, x1, y1) in zip(chosen, boxes, strict=True):
        mask = digits.frames[i] >= 128
        left, top, right, bottom = bounding_box(mask)
        np.testing.assert_array_equal(dark[y0:y1, x0:x1], mask[top:bottom, left:right])
        outside[y0:y1, x0:x1] = False
    assert not (dark & outside).any()


def test_strings_are_the_same_each_time_of_every_length_and_spacing(digits):
    once, again = list(mnist_strings(digits)), list(mnist_strings(digits))
    assert [string.label for string in once] == [string.label for string in again]
    assert len(once) == 1053
    kinds = {(len(string.label), string.spacing) for string in once}
    assert kinds == {(length, spacing) for length in range(2, 11) for spacing in range(9)}
    assert all(len(string.label) == len(string.boxes) for string in once)


def test_no_digit_is_used_twice_where_there_are_enough(digits):
    # Labels of five characters number the digits.
    numbered = Digits("numbered", np.resize(digits.frames, (10_000, 28, 28)), np.arange(10_000, 20_000))
    written = "".join(string.label for string in mnist_strings(numbered))
    used = [written[i : i + 5] for i in range(0, len(written), 5)]
    assert len(used) == len(set(used)) == 6318
