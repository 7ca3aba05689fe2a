"""Digits by hands that are drawn: laws of the generator, and pictures that are digits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.framing import frame_clean
from edgedigits.training.allographs import draw_hands
from edgedigits.training.synthetic import synthetic_digits

HANDS, EACH = 12, 40


@pytest.fixture(scope="module")
def drawn():
    return draw_hands(HANDS, seed=1)


def test_each_hand_writes_every_digit_in_turns(drawn):
    pictures, labels = drawn
    assert (len(pictures), labels.dtype) == (HANDS * EACH, np.int64)
    assert labels.tolist() == list(range(10)) * (HANDS * EACH // 10)


def test_pictures_are_square_and_no_two_alike(drawn):
    pictures, _ = drawn
    assert {(picture.dtype, picture.shape[0] == picture.shape[1]) for picture in pictures} == {
        (np.dtype(np.uint8), True)
    }
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    assert min(int(picture.max()) for picture in pictures) > 200


def test_no_hands_write_nothing():
    pictures, labels = draw_hands(0, seed=1)
    assert (pictures, labels.tolist()) == ([], [])


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32), hands=st.integers(0, 2))
def test_fewer_hands_are_the_first_of_more(seed, hands):
    few, more = draw_hands(hands, seed)[0], draw_hands(hands + 1, seed)[0]
    assert [picture.tobytes() for picture in few] == [picture.tobytes() for picture in more[: len(few)]]


def test_another_seed_has_other_hands(drawn):
    others = draw_hands(1, seed=2)[0]
    assert not any(np.array_equal(*pair) for pair in zip(others, drawn[0], strict=False))


def test_a_hand_has_its_pen(drawn):
    """Ink per hand differs more from hand to hand than means of as many digits by any hand would."""
    ink = np.array([(picture > 127).mean() for picture in drawn[0]]).reshape(HANDS, EACH)
    strewn = np.random.default_rng(0).permutation(ink.ravel()).reshape(HANDS, EACH)
    assert ink.mean(axis=1).std() > 2 * strewn.mean(axis=1).std()


def test_a_hand_writes_a_digit_alike(drawn):
    """Two of a hand's differ less than two of different hands do, mostly."""
    frames = np.stack([frame_clean(picture).frame for picture in drawn[0]]).astype(np.float64)
    by_hand = frames.reshape(HANDS, EACH // 10, 10, -1)
    own = np.abs(by_hand[:, 0] - by_hand[:, 1]).mean(axis=-1)
    others = np.abs(by_hand[:, 0] - np.roll(by_hand[:, 1], 1, axis=0)).mean(axis=-1)
    assert (own < others).mean() > 0.8
    assert np.median(own) < 0.7 * np.median(others)
    assert own.min() > 0


def test_most_digits_are_what_their_nearest_among_usual_ones_is(drawn):
    frames = np.stack([frame_clean(picture).frame for picture in drawn[0]]).reshape(len(drawn[0]), -1) / 255
    known, labels = synthetic_digits(1500, seed=9)
    known = known.reshape(len(known), -1) / 255
    nearest = labels[((known**2).sum(axis=1) - 2 * frames @ known.T).argmin(axis=1)]
    assert (nearest == drawn[1]).mean() > 0.5
