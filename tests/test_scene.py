import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgedigits import Recognizer
from edgedigits.bench.pages import DIGITS, NOTHING, REFUSED, RULED, drawn_ink, photograph, place
from edgedigits.ink import even_ink
from edgedigits.scene import find_digit
from edgedigits.training.synthetic import draw_digit

COUNT = 20
"""Pages of each condition: two of each digit."""
SAME = 0.9
"""Least share of them that is read as the clean page is."""
MOST_WRONG = 1
"""Of them, most that may be accepted as another digit."""
RECOGNIZER = Recognizer("small")


@pytest.fixture(scope="module")
def digits():
    """Each digit's ink, and the reading of its clean page."""
    drawn = []
    for i in range(COUNT):
        rng = np.random.default_rng((0, i))
        ink = drawn_ink(i % 10, rng)
        drawn.append((ink, RECOGNIZER.read(photograph(place(ink, rng), rng))))
    return drawn


def generator(condition, i):
    return np.random.default_rng((0, i, zlib.crc32(condition.encode())))


def page(value, seed, size=112, margin=40):
    """A drawn digit, dark on a white page."""
    return 255 - np.pad(draw_digit(value, np.random.default_rng(seed), size), margin)


def put(picture, left, top, width, height):
    """The picture with a black rectangle on it."""
    marked = picture.copy()
    marked[top : top + height, left : left + width] = 0
    return marked


def _assert_found_alike(found, alone):
    """The same ink, but for a few pale pixels within it: all ink on a picture has a part in what full ink is."""
    rows, columns = (np.flatnonzero(alone.any(axis=axis)) for axis in (1, 0))
    outside = found.copy()
    outside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 0
    assert not outside.any()
    assert np.count_nonzero(found != alone) <= 0.01 * np.count_nonzero(alone)


def test_clean_pages_are_read_as_what_was_drawn(digits):
    assert [reading.text for _, reading in digits] == [str(i % 10) for i in range(COUNT)]
    assert all(reading.accepted for _, reading in digits)


@pytest.mark.parametrize("condition", DIGITS)
def test_a_digit_is_read_as_it_is_on_a_clean_page(condition, digits):
    readings = [RECOGNIZER.read(DIGITS[condition](ink, generator(condition, i))) for i, (ink, _) in enumerate(digits)]
    is_same = np.array([reading.text == clean.text for reading, (_, clean) in zip(readings, digits, strict=True)])
    is_accepted = np.array([reading.accepted for reading in readings])
    assert is_same.mean() >= SAME
    assert is_accepted.mean() >= SAME
    assert (is_accepted & ~is_same).sum() <= MOST_WRONG


@pytest.mark.parametrize("condition", REFUSED)
def test_where_there_is_not_one_digit_to_read_it_is_said_why(condition, digits):
    make, reasons = REFUSED[condition]
    readings = [RECOGNIZER.read(make(ink, generator(condition, i))) for i, (ink, _) in enumerate(digits)]
    assert not any(reading.accepted for reading in readings)
    assert {reading.reason for reading in readings} <= reasons


@pytest.mark.parametrize("condition", RULED)
def test_ruled_paper_alone_is_blank(condition, digits):
    readings = [RECOGNIZER.read(RULED[condition](ink, generator(condition, i))) for i, (ink, _) in enumerate(digits)]
    # Rules that leave the picture in a corner, or lie along its edge, are taken for strokes.
    assert np.mean([reading.reason in NOTHING for reading in readings]) >= 0.8
    assert sum(reading.accepted for reading in readings) <= 2


@settings(deadline=None)
@given(value=st.integers(0, 9), seed=st.integers(0, 1000))
@example(value=9, seed=227)
def test_of_a_digit_alone_all_ink_is_its_own(value, seed):
    picture = page(value, seed)
    sought, (ink, _) = find_digit(picture), even_ink(picture)
    assert (sought.missing, sought.is_cut, sought.doubt) == (None, False, None)
    # A few pixels of a pale joint may be paler.
    differs = sought.ink[ink >= 64] != ink[ink >= 64]
    assert differs.mean() <= 0.01
    assert (sought.ink <= ink).all()


@settings(deadline=None)
@given(value=st.integers(0, 9), seed=st.integers(0, 1000))
@example(value=2, seed=720)
@example(value=9, seed=227)
def test_specks_far_from_it_are_left_out(value, seed):
    picture = page(value, seed)
    specks = put(put(picture, 12, 15, 4, 3), 170, 175, 5, 5)
    _assert_found_alike(find_digit(specks).ink, find_digit(picture).ink)


@settings(deadline=None)
@given(value=st.integers(0, 9), seed=st.integers(0, 1000), side=st.integers(0, 3))
def test_what_runs_along_the_border_is_left_out(value, seed, side):
    picture = page(value, seed)
    bordered = np.ascontiguousarray(np.rot90(put(np.rot90(picture, side), 0, 0, 192, 6), -side))
    _assert_found_alike(find_digit(bordered).ink, find_digit(picture).ink)


@settings(deadline=None)
@given(values=st.tuples(*[st.integers(0, 9)] * 2), seed=st.integers(0, 1000), gap=st.integers(0, 60))
def test_two_side_by_side_are_several(values, seed, gap):
    one, other = (page(value, seed, margin=20) for value in values)
    between = np.full((len(one), gap), 255, np.uint8)
    assert find_digit(np.hstack((one, between, other))).missing == "several digits"


def test_strokes_that_do_not_touch_are_one_digit():
    open_four = np.full((150, 150), 255, np.uint8)
    open_four = put(put(put(open_four, 40, 30, 6, 50), 40, 74, 40, 6), 86, 34, 6, 86)
    sought = find_digit(open_four)
    assert (sought.missing, sought.doubt) == (None, "several digits")
    assert sought.ink.sum() == 255 * (255 - open_four > 0).sum()


def test_a_five_whose_bar_is_apart_keeps_it():
    five = np.full((150, 150), 255, np.uint8)
    five = put(put(put(put(five, 40, 50, 6, 30), 40, 74, 40, 6), 76, 74, 6, 40), 40, 110, 40, 6)
    sought = find_digit(put(five, 48, 34, 36, 6))
    assert (sought.missing, sought.doubt) == (None, None)
    assert sought.ink[36, 60] == 255


@pytest.mark.parametrize("side", range(4))
def test_a_digit_that_the_border_ends_is_read_and_doubted_and_one_that_it_halves_is_cut(side):
    zero = page(0, 1, margin=30)
    rows = np.flatnonzero((zero < 128).any(axis=1))
    touching, halved = (np.ascontiguousarray(np.rot90(zero[top:], side)) for top in (rows[0], rows.mean().astype(int)))
    assert (find_digit(touching).is_cut, find_digit(touching).doubt) == (False, "cut off")
    assert (find_digit(halved).is_cut, find_digit(halved).doubt) == (True, "cut off")


@settings(deadline=None)
@given(picture=st.tuples(*[st.integers(34, 60)] * 2).flatmap(lambda shape: arrays(np.uint8, shape)))
def test_any_picture_has_ink_or_a_reason(picture):
    before = picture.copy()
    sought = find_digit(picture)
    np.testing.assert_array_equal(picture, before)
    if sought.ink is None:
        assert sought.missing in {"blank", "low contrast", "several digits"}
    else:
        assert (sought.missing, sought.ink.shape, sought.ink.dtype) == (None, picture.shape, np.uint8)
        assert sought.ink.max() >= 128
