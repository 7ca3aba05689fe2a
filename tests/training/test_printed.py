"""Printed letters: typefaces that have them, and none that is a digit."""

import numpy as np
import pytest

from edgedigits.training.printed import ALPHABETS, draw_printed, open_typeface

TYPESET = sorted({(typeface, letters) for _, typefaces, letters in ALPHABETS for typeface in typefaces})
NO_CHARACTER = "\ufffe"


def test_shares_are_of_the_whole():
    assert sum(share for share, *_ in ALPHABETS) == pytest.approx(1)


@pytest.mark.parametrize(("typeface", "letters"), TYPESET)
def test_typefaces_have_their_letters(typeface, letters):
    masks = {letter: bytes(open_typeface(typeface).getmask(letter)) for letter in set(letters)}
    missing = bytes(open_typeface(typeface).getmask(NO_CHARACTER))
    assert [letter for letter, mask in masks.items() if mask == missing or not any(mask)] == []


@pytest.mark.parametrize(("typeface", "letters"), TYPESET)
def test_none_is_set_as_a_digit_or_as_a_letter_like_one(typeface, letters):
    assert not set(letters) & set("0123456789OoQIilZzSsBbGgqjοΟоОЗзбσζξ")
    masks = {bytes(open_typeface(typeface).getmask(letter)) for letter in set(letters)}
    assert not masks & {bytes(open_typeface(typeface).getmask(digit)) for digit in "0123456789"}


def test_frames_are_drawn_by_chance_alone_and_fill_the_box():
    frames = [draw_printed(np.random.default_rng(seed)) for seed in range(200)]
    again = [draw_printed(np.random.default_rng(seed)) for seed in range(200)]
    np.testing.assert_array_equal(frames, again)
    assert len({frame.tobytes() for frame in frames}) == 200
    for frame in frames:
        assert (frame.shape, frame.dtype) == ((28, 28), np.uint8)
        rows, columns = (np.flatnonzero(frame.any(axis=axis)) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
        assert frame.max() > 200


def test_some_are_signs_that_show_a_letter_in_ink_and_most_are_not():
    frames = np.stack([draw_printed(np.random.default_rng(seed)) for seed in range(300)])
    inked = np.array([(frame > 127).sum() / frame.any(axis=0).sum() / frame.any(axis=1).sum() for frame in frames])
    assert 0.04 < (inked > 0.5).mean() < 0.3
