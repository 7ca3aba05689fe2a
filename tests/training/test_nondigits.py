"""Frames of no digit: laws of the generator, shares of the kinds, and pictures that are no digit's."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.training.digits import Digits
from edgedigits.training.nondigits import KINDS, draw_nondigits
from edgedigits.training.synthetic import synthetic_digits

COUNT = 1500
DIGITS = Digits("synthetic", *synthetic_digits(600, seed=1))
FRAMED = ("letter", "scribble", "pair", "turned")


@pytest.fixture(scope="module")
def drawn():
    return draw_nondigits(DIGITS, COUNT, seed=1)


def _of(drawn, *names):
    frames, kinds = drawn
    return frames[np.isin(kinds, [KINDS.index(name) for name in names])]


def _box(frame):
    """Height and width of a frame's ink."""
    return [np.ptp(np.flatnonzero(frame.any(axis=axis))) + 1 for axis in (1, 0)]


def test_shapes_and_types(drawn):
    frames, kinds = drawn
    assert (frames.shape, frames.dtype) == ((COUNT, 28, 28), np.uint8)
    assert (kinds.shape, kinds.dtype) == ((COUNT,), np.int64)


def test_no_frames():
    frames, kinds = draw_nondigits(DIGITS, 0, seed=1)
    assert (frames.shape, frames.dtype) == ((0, 28, 28), np.uint8)
    assert (kinds.shape, kinds.dtype) == ((0,), np.int64)


def test_negative_count_is_refused():
    with pytest.raises(ValueError, match="-1"):
        draw_nondigits(DIGITS, -1, seed=1)


def test_digits_that_lack_a_class_are_refused():
    kept = ~np.isin(DIGITS.labels, (3, 7))
    with pytest.raises(ValueError, match=r"\[3, 7\]"):
        draw_nondigits(Digits("few", DIGITS.frames[kept], DIGITS.labels[kept]), 1, seed=1)


def test_blank_digits_are_passed_over():
    frames = np.concatenate([np.zeros_like(DIGITS.frames), DIGITS.frames])
    digits = Digits("half blank", frames, np.tile(DIGITS.labels, 2))
    np.testing.assert_array_equal(draw_nondigits(digits, 100, seed=4)[0], draw_nondigits(DIGITS, 100, seed=4)[0])


@pytest.mark.parametrize("size", [1, 2])
def test_specks_for_digits_are_no_trouble(size):
    frames = np.zeros((10, 28, 28), np.uint8)
    frames[:, 14 : 14 + size, 14 : 14 + size] = 255
    drawn, _ = draw_nondigits(Digits("specks", frames, np.arange(10)), 200, seed=6)
    assert drawn.any(axis=(1, 2)).all()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**64), count=st.integers(0, 12), more=st.integers(0, 12))
def test_a_smaller_set_begins_a_larger_one(seed, count, more):
    frames, kinds = draw_nondigits(DIGITS, count, seed)
    larger_frames, larger_kinds = draw_nondigits(DIGITS, count + more, seed)
    np.testing.assert_array_equal(frames, larger_frames[:count])
    np.testing.assert_array_equal(kinds, larger_kinds[:count])


def test_seeds_differ(drawn):
    frames, kinds = draw_nondigits(DIGITS, 50, seed=2)
    assert (kinds != drawn[1][:50]).any()
    assert not (frames == drawn[0][:50]).all(axis=(1, 2)).any()


def test_digits_at_hand_are_left_as_they_were():
    digits = replace(DIGITS, frames=DIGITS.frames.copy())
    digits.frames.flags.writeable = False
    draw_nondigits(digits, 100, seed=3)


@pytest.mark.parametrize(
    ("kind", "share"),
    [("letter", 0.45), ("scribble", 0.1), ("pair", 0.15), ("cut", 0.12), ("turned", 0.13), ("texture", 0.05)],
)
def test_kinds_have_their_shares(drawn, kind, share):
    assert len(_of(drawn, kind)) / COUNT == pytest.approx(share, abs=0.04)


def test_no_frame_is_blank_or_faint(drawn):
    assert drawn[0].max(axis=(1, 2)).min() > 127


def test_no_two_frames_are_drawn_alike(drawn):
    frames = _of(drawn, "letter", "scribble", "pair", "texture")
    assert len({frame.tobytes() for frame in frames}) == len(frames)


def test_no_frame_is_a_digit_at_hand(drawn):
    assert not {frame.tobytes() for frame in drawn[0]} & {frame.tobytes() for frame in DIGITS.frames}


@pytest.mark.parametrize("kind", FRAMED)
def test_what_is_written_has_the_geometry_of_a_frame(drawn, kind):
    for frame in _of(drawn, kind):
        assert 18 <= max(_box(frame)) <= 20
        mass = frame / frame.sum()
        centre = np.array([mass.sum(axis=1) @ np.arange(28), mass.sum(axis=0) @ np.arange(28)])
        assert np.abs(centre - 14).max() < 3
        assert frame.max() == 255


def test_some_cut_digits_are_framed_and_some_touch_the_border(drawn):
    cut = _of(drawn, "cut")
    boxes = np.array([max(_box(frame)) for frame in cut])
    touches = np.array([frame[[0, -1]].any() or frame[:, [0, -1]].any() for frame in cut])
    assert 0.1 < touches.mean() < 0.4
    assert (boxes[~touches] == 20).mean() > 0.5
    assert (boxes[~touches] < 18).any()


def test_textures_are_in_the_box_or_all_over_the_frame(drawn):
    boxes = np.array([max(_box(frame)) for frame in _of(drawn, "texture")])
    assert 0.2 < (boxes > 20).mean() < 0.8


def test_pairs_are_mostly_wider_than_high(drawn):
    boxes = np.array([_box(frame) for frame in _of(drawn, "pair")])
    assert 0.6 < (boxes[:, 1] > boxes[:, 0]).mean() < 0.95


def test_letters_are_unlike_what_a_digit_is_by_its_nearest_neighbour(drawn):
    letters = _of(drawn, "letter").reshape(-1, 784) / 255
    others = _of(draw_nondigits(DIGITS, COUNT, seed=5), "letter").reshape(-1, 784) / 255
    digits = DIGITS.frames.reshape(-1, 784) / 255

    def nearest(known):
        return ((known**2).sum(axis=1) - 2 * letters @ known.T).min(axis=1)

    assert (nearest(others) < nearest(digits)).mean() > 0.8
