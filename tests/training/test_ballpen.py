"""Digits written again with a ball pen: laws of thinning, and that they are still the digits they were."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgedigits import Recognizer
from edgedigits.framing import frame_clean
from edgedigits.training.ballpen import PENS, rewritten, thinned
from edgedigits.training.synthetic import synthetic_digits

inks = arrays(np.bool_, (2, 12, 12))


@pytest.fixture(scope="module")
def digits():
    return synthetic_digits(120, seed=6)


def _pieces(ink, *, corners):
    """How many parts of `ink` hang together, by pixels' sides, or by corners, too."""
    left, count = set(zip(*np.nonzero(ink), strict=True)), 0
    while left:
        count, reached = count + 1, [left.pop()]
        while reached:
            y, x = reached.pop()
            for step in ((0, 1), (0, -1), (1, 0), (-1, 0), *(((1, 1), (1, -1), (-1, 1), (-1, -1)) if corners else ())):
                if (place := (y + step[0], x + step[1])) in left:
                    left.remove(place)
                    reached.append(place)
    return count


@settings(deadline=None)
@given(ink=inks, layers=st.integers(0, 4))
def test_thinning_takes_away_alone_and_each_picture_by_itself(ink, layers):
    fewer = thinned(ink, layers)
    assert not (fewer & ~ink).any()
    assert np.array_equal(fewer[1:], thinned(ink[1:], layers))
    assert np.array_equal(thinned(fewer, 1), thinned(ink, layers + 1))


def test_bars_are_thinned_to_their_middles():
    bars = np.zeros((2, 20, 20), np.bool_)
    bars[0, 2:18, 7:12] = bars[1, 7:12, 2:18] = True
    upright, flat = thinned(bars, 5)
    for bar in (upright, flat.T):
        assert set(np.nonzero(bar)[1].tolist()) <= {8, 9, 10}
        assert (bar[5:15].sum(axis=1) == 1).all()


def test_thinned_digits_hang_together_and_enclose_what_they_did(digits):
    frames, _ = digits
    ink = frames > 127
    for before, after in zip(ink, thinned(ink, 8), strict=True):
        assert _pieces(after, corners=True) == _pieces(before, corners=True)
        assert _pieces(~np.pad(after, 1), corners=False) == _pieces(~np.pad(before, 1), corners=False)


@pytest.mark.parametrize("pen", range(len(PENS)))
def test_a_pen_is_as_wide_on_every_digit(digits, pen):
    """By ink per length of a stroke: that of its middle line."""
    frames, _ = digits
    written = rewritten(frames, pen)
    assert (written.shape, written.dtype, set(np.unique(written))) == ((120, 56, 56), np.uint8, {0, 255})
    doubled = frames.repeat(2, axis=1).repeat(2, axis=2) > 127

    def widths(ink):
        return ink.sum(axis=(1, 2)) / thinned(ink, 8).sum(axis=(1, 2))

    assert 2.5 < np.median(widths(written > 127)) < 5.5
    assert np.std(widths(written > 127)) < 0.4 * np.std(widths(doubled))


def test_pens_are_bolder_one_after_the_other(digits):
    inks = [rewritten(digits[0], pen).mean() for pen in range(len(PENS))]
    assert (np.diff(inks) > 0).all()


def test_what_is_written_again_is_read_as_before(digits):
    frames, labels = digits
    with Recognizer("base") as recognizer:
        for pen in range(len(PENS)):
            again = np.stack([frame_clean(picture).frame for picture in rewritten(frames, pen)])
            assert (recognizer.classify(again).digits == labels).mean() > 0.93


def test_nothing_is_written_of_no_digits():
    assert rewritten(np.zeros((0, 28, 28), np.uint8), 0).shape == (0, 56, 56)
