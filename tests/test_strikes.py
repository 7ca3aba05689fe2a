"""Numbers that were struck out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.strikes import is_struck_out

widths, places = st.integers(20, 300), st.integers(11, 20)


def _bars(width, step):
    """Upright strokes, two columns wide, with paper between them."""
    mask = np.zeros((32, width), np.bool_)
    for x in range(0, width, step):
        mask[4:28, x : x + 2] = True
    return mask


def _stroke(width, place, slope):
    """About as bold as digits are."""
    y, x = np.mgrid[:32, :width]
    return np.abs(y - place - slope * (x - width / 2)) <= 1.5


@given(width=widths, place=places, fall=st.floats(-18, 18), step=st.integers(5, 14))
def test_a_stroke_across_strikes_out_whatever_stands_there(width, place, fall, step):
    assert is_struck_out(_bars(width, step) | _stroke(width, place, fall / width))


@given(width=widths, step=st.integers(5, 14))
def test_digits_with_paper_between_them_are_not_struck_out(width, step):
    assert not is_struck_out(_bars(width, step))


@given(width=widths, place=st.one_of(st.integers(-2, 4), st.integers(27, 34)), step=st.integers(5, 14))
def test_a_rule_above_or_below_strikes_nothing_out(width, place, step):
    assert not is_struck_out(_bars(width, step) | _stroke(width, place, 0))


def test_an_empty_column_is_not_struck_out():
    assert not is_struck_out(np.zeros((32, 1), np.bool_))
