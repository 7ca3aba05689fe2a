import copy
import decimal
import itertools
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgedigits import Recognizer
from edgedigits.errors import PictureError
from edgedigits.framing import bounding_box
from edgedigits.strokes import MAX_COORDINATE, MAX_POINTS, frame_strokes
from edgedigits.training.mnist import load as load_mnist
from edgedigits.training.pendigits import FILE, TRAINED_ON
from edgedigits.training.synthetic import ALLOGRAPHS, strokes_of

ROUNDING = 1
"""Levels of 255 by which frames of one and the same path may differ."""
RECOGNIZER = Recognizer("small")
DIGITS = [(digit, strokes_of(allograph)) for digit, ways in enumerate(ALLOGRAPHS) for allograph in ways]
TEE = [[(0, 0), (40, 0)], [(20, 0), (20, 60)]]

coordinates = st.integers(-500, 500)
points = st.tuples(coordinates, coordinates)
drawings = st.lists(st.lists(points, min_size=1, max_size=8), min_size=1, max_size=4)
digits = st.sampled_from([strokes for _, strokes in DIGITS])
FIRST_CALL = """
import sys
import edgedigits.strokes
assert "PIL" not in sys.modules
before = set(sys.modules)
edgedigits.strokes.frame_strokes([[(0, 0, 0, 0.5), (3, 4, 1, 0.6)], [(5, 5, 2, 0.7)]])
print(*sorted(set(sys.modules) - before))
"""


@pytest.fixture(scope="module")
def written():
    """Labels and strokes of the digits that people wrote on a tablet."""
    path = Path(os.environ.get("EDGEDIGITS_DATA", "no-data"), FILE)
    if not path.is_file():
        pytest.skip(f"EDGEDIGITS_DATA names no folder that holds {FILE}")
    return [(digit["label"], digit["strokes"]) for digit in json.loads(path.read_text("utf-8"))]


def frame_of(strokes):
    framing = frame_strokes(strokes)
    assert framing.reason is None
    return framing.frame


def differ(one, other):
    """The most by which the frames of two drawings differ, in levels."""
    return np.abs(frame_of(one).astype(int) - frame_of(other)).max()


def arrays_of(strokes):
    return [np.array(stroke, np.float64) for stroke in strokes]


def line(angle):
    return [[(0, 0), (np.cos(angle), np.sin(angle))]]


def stroke_width(frames):
    """Mean width of strokes, in pixels: twice the ink over the length of its edge, which is the sum of the gradient."""
    ink = np.pad(np.asarray(frames, np.float32) / 255, ((0, 0), (1, 1), (1, 1)))
    across, down = ink[:, 1:-1, 2:] - ink[:, 1:-1, :-2], ink[:, 2:, 1:-1] - ink[:, :-2, 1:-1]
    edge = np.hypot(across, down).sum(axis=(1, 2)) / 2
    return float((2 * ink.sum(axis=(1, 2)) / edge).mean())


@settings(deadline=None)
@given(strokes=drawings)
def test_any_drawing_is_framed(strokes):
    framing = frame_strokes(strokes)
    every = np.concatenate(strokes)
    assert (framing.frame.shape, framing.frame.dtype, framing.frame.max()) == ((28, 28), np.uint8, 255)
    assert framing.box == (*every.min(axis=0), *(every.max(axis=0) + 1))
    assert framing.reason is None


@settings(deadline=None)
@given(strokes=drawings, fraction=st.floats(0.01, 0.49))
def test_the_box_is_rounded_outwards(strokes, fraction):
    every = np.concatenate(strokes)
    moved = [stroke + fraction for stroke in arrays_of(strokes)]
    assert frame_strokes(moved).box == (*every.min(axis=0), *(every.max(axis=0) + 1))


@pytest.mark.parametrize("nothing", [[], (), [[]], [[], ()], np.zeros((0, 5, 2)), np.zeros((3, 0, 2)), [np.zeros(0)]])
def test_no_points_are_blank(nothing):
    framing = frame_strokes(nothing)
    assert (framing.frame, framing.box, framing.reason) == (None, None, "blank")


@settings(deadline=None)
@given(strokes=drawings, place=st.integers(0, 4))
def test_strokes_without_points_are_left_out(strokes, place):
    assert differ([*strokes[:place], [], *strokes[place:]], strokes) == 0


@settings(deadline=None)
@given(strokes=drawings, shift=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)))
def test_the_frame_is_the_same_wherever_it_is_written(strokes, shift):
    assert differ([stroke + shift for stroke in arrays_of(strokes)], strokes) <= ROUNDING


@settings(deadline=None)
@given(strokes=drawings, scale=st.floats(1e-3, 1e5))
def test_the_frame_is_the_same_however_large_it_is_written(strokes, scale):
    assert differ([scale * stroke for stroke in arrays_of(strokes)], strokes) <= ROUNDING


@settings(deadline=None)
@given(strokes=drawings, data=st.data())
def test_the_order_of_strokes_does_not_matter(strokes, data):
    assert differ(data.draw(st.permutations(strokes)), strokes) <= ROUNDING


@settings(deadline=None)
@given(strokes=drawings, data=st.data())
def test_the_direction_of_strokes_does_not_matter(strokes, data):
    turned = [stroke[::-1] if data.draw(st.booleans()) else stroke for stroke in strokes]
    assert differ(turned, strokes) <= ROUNDING


@settings(deadline=None)
@given(strokes=drawings, times=st.integers(2, 4))
def test_points_that_are_repeated_do_not_matter(strokes, times):
    assert differ([stroke.repeat(times, axis=0) for stroke in arrays_of(strokes)], strokes) <= ROUNDING


@settings(deadline=None)
@given(strokes=drawings, shares=st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_points_that_are_inserted_on_the_way_do_not_matter(strokes, shares):
    denser = [
        [a + share * (b - a) for a, b in itertools.pairwise(stroke) for share in [0, *sorted(shares)]] + [stroke[-1]]
        for stroke in arrays_of(strokes)
    ]
    assert differ(denser, strokes) <= ROUNDING


@settings(deadline=None)
@given(strokes=digits, seed=st.integers(0, 1000))
def test_a_small_tremor_changes_the_frame_a_little(strokes, seed):
    noise = np.random.default_rng(seed)
    moved = [stroke + noise.uniform(-1e-4, 1e-4, stroke.shape) for stroke in strokes]
    # The points that a path is drawn by may be one more or less.
    assert differ(moved, strokes) <= 40


@settings(deadline=None)
@given(strokes=drawings, dtype=st.sampled_from([np.int16, np.int64, np.float32, np.float64]))
def test_lists_tuples_and_arrays_are_alike(strokes, dtype):
    assert differ(tuple(tuple(map(list, stroke)) for stroke in strokes), strokes) == 0
    assert differ([np.array(stroke, dtype) for stroke in strokes], strokes) == 0
    assert differ(np.array(strokes[:1], dtype), strokes[:1]) == 0


def test_unsigned_numbers_do_not_wrap():
    assert differ([np.array([[250, 3], [3, 250]], np.uint8)], [[(250, 3), (3, 250)]]) == 0


@settings(deadline=None)
@given(strokes=drawings, start=st.integers(0, 2**62))
def test_time_does_not_matter(strokes, start):
    timed = [[(x, y, start + i) for i, (x, y) in enumerate(stroke)] for stroke in strokes]
    assert differ(timed, strokes) == 0
    assert differ([[(*point, np.nan) for point in stroke] for stroke in strokes], strokes) == 0


@settings(deadline=None)
@given(strokes=drawings, pressure=st.floats(0, 1))
def test_even_pressure_is_none(strokes, pressure):
    assert differ([[(*point, 0, pressure) for point in stroke] for stroke in strokes], strokes) <= ROUNDING


def test_where_there_is_more_pressure_the_line_is_wider():
    upper, lower = np.split(frame_of([[(0, 0, 0, 0.1), (0, 49, 1, 0.1), (0, 51, 2, 0.9), (0, 100, 3, 0.9)]]), 2)
    assert 1.1 * upper.sum() < lower.sum() < 2 * upper.sum()


def test_a_digit_of_which_a_stroke_has_no_pressure_is_drawn_evenly():
    bar, stem = TEE
    pressed = [(*point, i, 0.2 + 0.5 * i) for i, point in enumerate(stem)]
    assert differ([bar, pressed], TEE) == 0


@settings(deadline=None)
@given(strokes=drawings)
def test_what_is_given_is_left_as_it_was(strokes):
    arrays = arrays_of(strokes)
    for given_strokes in (strokes, arrays):
        before = copy.deepcopy(given_strokes)
        frame_strokes(given_strokes)
        for stroke, stroke_before in zip(given_strokes, before, strict=True):
            np.testing.assert_array_equal(stroke, stroke_before)


@settings(deadline=None)
@given(strokes=drawings)
def test_the_ink_fills_the_20_pixel_box(strokes):
    assume(np.ptp(np.concatenate(strokes), axis=0).max() > 0)
    x0, y0, x1, y1 = bounding_box(frame_of(strokes) > 100)
    assert 19 <= max(x1 - x0, y1 - y0) <= 21


@pytest.mark.parametrize(("digit", "strokes"), DIGITS)
def test_the_centre_of_mass_is_at_pixel_14(digit, strokes):
    mass = frame_of(strokes) / frame_of(strokes).sum()
    centre = mass.sum(axis=0) @ np.arange(28), mass.sum(axis=1) @ np.arange(28)
    np.testing.assert_allclose(centre, 14, atol=0.15)


@settings(deadline=None)
@given(angle=st.floats(0, 2 * np.pi))
def test_a_line_is_as_wide_at_every_angle_and_has_round_ends(angle):
    length = 17.5 / max(abs(np.cos(angle)), abs(np.sin(angle)))
    expected = 2.5 * length + np.pi * 1.25**2
    assert frame_of(line(angle)).sum() / 255 == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    "tap", [[[(5, 7)]], [[(5, 7)] * 9], [[(5, 7)], [(5, 7)]], [[(5 + 1e-9 * i, 7) for i in range(9)]]]
)
def test_a_tap_is_a_dot_that_is_no_digit(tap):
    framing = frame_strokes(tap)
    assert framing.box[:2] == (5, 7)
    ys, xs = np.nonzero(framing.frame)
    assert np.hypot(ys - 14, xs - 14).max() < 2
    predictions = RECOGNIZER.classify(framing.frame[np.newaxis])
    assert not predictions.accepted[0]
    assert predictions.probabilities[0].sum() < 0.1


@pytest.mark.parametrize(("digit", "strokes"), DIGITS)
def test_a_digit_is_read(digit, strokes):
    predictions = RECOGNIZER.classify(frame_of(strokes)[np.newaxis])
    assert predictions.digits[0] == digit
    assert predictions.accepted[0]


@settings(deadline=None)
@given(drawn=st.sampled_from(DIGITS), seed=st.integers(0, 1000), count=st.integers(1, 100))
def test_a_pen_that_rests_trembling_at_the_end_does_not_change_the_answer(drawn, seed, count):
    digit, (*others, last) = drawn
    trembling = last[-1] + np.random.default_rng(seed).uniform(-0.005, 0.005, (count, 2))
    predictions = RECOGNIZER.classify(frame_of([*others, np.concatenate([last, trembling])])[np.newaxis])
    assert predictions.digits[0] == digit
    assert predictions.accepted[0]


def test_ten_thousand_points_are_drawn_as_a_hundred():
    few, many = ([np.stack([np.cos(turn), np.sin(turn)], axis=1)] for turn in map(circle, (101, 10_001)))
    assert differ(few, many) <= 3


def circle(count):
    return np.linspace(0, 2 * np.pi, count)


def test_as_many_points_as_are_allowed_are_drawn():
    scribble = np.random.default_rng(1).uniform(0, 1, (MAX_POINTS, 2))
    assert (frame_of([scribble])[5:23, 5:23] > 127).all()


def test_the_largest_coordinates_are_drawn():
    far = MAX_COORDINATE
    assert differ([[(-far, -far), (far, far)]], [[(0, 0), (1, 1)]]) <= ROUNDING


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (None, "cannot read strokes from a NoneType"),
        ("strokes", "cannot read strokes from a str"),
        (b"strokes", "cannot read strokes from a bytes"),
        (7, "cannot read strokes from a int"),
        ({1: [(0, 0)]}, "cannot read strokes from a dict"),
        (iter(TEE), "cannot read strokes from a list_iterator"),
        (np.array(3.0), "cannot read strokes from a ndarray"),
        ([None], "stroke 1 is a NoneType"),
        ([[(0, 0)], "12"], "stroke 2 is a str"),
        ([{(0, 0)}], "stroke 1 is a set"),
        ([(0, 0), (3, 4)], r"stroke 1 is an array of shape \[2\]"),
        ([[[]]], r"stroke 1 is an array of shape \[1, 0\]"),
        ([[(1,)]], r"stroke 1 is an array of shape \[1, 1\]"),
        ([[(1, 2, 3, 0.5, 5)]], r"stroke 1 is an array of shape \[1, 5\]"),
        ([TEE], r"stroke 1 is an array of shape \[2, 2, 2\]"),
        ([[(0, 0)], [(0, 0), (1, 1, 1)]], "stroke 2 has points that are not alike"),
        ([[(0, 0), 5]], "stroke 1 has points that are not alike"),
        ([[(1, None)]], "stroke 1 has coordinates that are no real numbers"),
        ([[("1", "2")]], "stroke 1 has coordinates that are no real numbers"),
        ([[(1j, 2)]], "stroke 1 has coordinates that are no real numbers"),
        ([[(True, False)]], "stroke 1 has coordinates that are no real numbers"),
        ([[(decimal.Decimal(1), decimal.Decimal(2))]], "stroke 1 has coordinates that are no real numbers"),
        ([[(10**400, 1)]], "stroke 1 has coordinates that are no real numbers"),
        ([[(0, 0), (np.nan, 1)]], "not finite or beyond"),
        ([[(0, 0)], [(1, np.inf)]], "not finite or beyond"),
        ([[(0, -np.inf), (0, np.inf)]], "not finite or beyond"),
        ([[(0, 0), (1e300, 1)]], "not finite or beyond"),
        ([[(0, 0), (1, -1.001e9)]], "not finite or beyond"),
        ([[(-(2**63), 0)]], "not finite or beyond"),
        ([[(0, 0, 0, np.nan)]], "pressure that is not finite"),
        ([[(0, 0, 0, 0.5), (0, 1, 0, np.inf)]], "pressure that is not finite"),
        ([np.zeros((MAX_POINTS + 1, 2))], "more than 100000 points"),
        ([np.zeros((MAX_POINTS // 2 + 1, 2))] * 2, "more than 100000 points"),
    ],
)
def test_what_are_no_strokes_is_told_in_one_line(wrong, told):
    with pytest.raises(PictureError, match=told) as caught:
        frame_strokes(wrong)
    assert "\n" not in str(caught.value)


def test_pressure_beyond_its_range_is_cut():
    pressures = ([-3.0, 9.0], [0.0, 1.0])
    beyond, within = ([[(i, i, i, pressure) for i, pressure in enumerate(both)]] for both in pressures)
    assert differ(beyond, within) == 0


def test_nothing_is_loaded_for_the_first_frame(program):
    done = program(sys.executable, "-c", FIRST_CALL)
    assert (done.code, done.out) == (0, "\n"), done.err


def test_strokes_are_as_wide_as_mnists(written, mnist_root):
    frames = [frame_of(strokes) for _, strokes in written[:1000]]
    assert stroke_width(frames) == pytest.approx(stroke_width(load_mnist(mnist_root, "train")[0][:5000]), abs=0.1)


def test_digits_by_writers_who_were_not_trained_on_are_read(written):
    labels, strokes = zip(*written[TRAINED_ON:], strict=True)
    predictions = RECOGNIZER.classify(np.stack([frame_of(digit) for digit in strokes]))
    assert (predictions.digits == labels).mean() >= 0.988
