"""Glyphs: their ink in their boxes, and where marks stand to digits."""

import json
from dataclasses import astuple, replace

import numpy as np
import pytest

from edgedigits.alphabet import ALPHABET, OTHER, SEPARATORS
from edgedigits.training import pendigits
from edgedigits.training.ballpen import thinned
from edgedigits.training.digits import Digits
from edgedigits.training.glyphs import (
    BOX_HEIGHT,
    BOX_WIDTH,
    INK,
    PENS,
    digit_glyphs,
    drawn_glyphs,
    joined_glyphs,
    mark_glyphs,
    pen_glyphs,
)
from edgedigits.training.synthetic import synthetic_digits

LETTERS, MARKS = 30, 100


@pytest.fixture(scope="module")
def digits():
    return Digits("synthetic", *synthetic_digits(60, seed=3))


@pytest.fixture(scope="module")
def tablet(tmp_path_factory):
    """A folder with the tablet's file, in which every digit is a stroke down, one further to the left each time."""
    root = tmp_path_factory.mktemp("tablet")
    written = [{"label": i % 10, "strokes": [[[40 - i, 0], [40, 100]]]} for i in range(20)]
    (root / pendigits.FILE).write_text(json.dumps(written))
    return root


def _of(glyphs, symbol):
    return glyphs.symbol == ALPHABET.index(symbol)


def _same(one, other):
    return all(np.array_equal(*pair) for pair in zip(astuple(one), astuple(other), strict=True))


@pytest.mark.parametrize("bank", ["digit_bank", "mark_bank"])
def test_ink_fills_its_size_from_the_upper_left_and_nothing_else(bank, request):
    glyphs = request.getfixturevalue(bank)
    assert (glyphs.ink.shape, glyphs.ink.dtype) == ((len(glyphs), BOX_HEIGHT, BOX_WIDTH), np.uint8)
    for ink, (height, width) in zip(glyphs.ink, glyphs.size.tolist(), strict=True):
        assert height == BOX_HEIGHT or width == BOX_WIDTH
        assert not ink[height:].any()
        assert not ink[:, width:].any()
        for edge in (ink[0], ink[height - 1], ink[:, 0], ink[:, width - 1]):
            assert edge.any()
    assert glyphs.ink.max(axis=(1, 2)).min() > 100


def test_digits_are_one_high_and_stand_on_the_line(digits):
    glyphs = digit_glyphs(digits)
    assert glyphs.symbol.tolist() == digits.labels.tolist()
    assert (set(glyphs.height.tolist()), set(glyphs.top.tolist()), set(glyphs.collection.tolist())) == ({1}, {0}, {0})


def test_digits_whose_writers_are_known_are_a_collection(digits):
    writers = np.where(np.arange(len(digits)) % 3, -1, np.arange(len(digits)) // 10)
    glyphs, known = digit_glyphs(replace(digits, writers=writers)), writers >= 0
    assert glyphs.symbol.tolist() == [*digits.labels[~known], *digits.labels[known]]
    assert glyphs.collection.tolist() == [0] * 40 + [1] * 20
    assert glyphs.writer.tolist() == [0] * 40 + (writers[known] - writers[known].min()).tolist()


def test_every_second_writer_writes_with_a_ball_pen(digits):
    """Whose strokes are of one width on all digits."""
    glyphs = digit_glyphs(replace(digits, writers=np.arange(60) // 10))
    ink = (glyphs.ink > INK).reshape(6, 10, BOX_HEIGHT, BOX_WIDTH)
    by_writer = np.array([_boldness(own) for own in ink])
    assert (by_writer[1::2].std(axis=1) < by_writer[::2].std(axis=1).min()).all()


def _boldness(ink):
    """Ink by the length of its middle line."""
    return ink.sum(axis=(1, 2)) / thinned(ink, 12).sum(axis=(1, 2))


def test_collections_that_are_joined_stay_apart(digits):
    both = joined_glyphs(
        digit_glyphs(replace(digits, writers=np.maximum(np.arange(len(digits)) - 30, -1))), drawn_glyphs(2, seed=3)
    )
    assert both.collection.tolist() == [0] * 30 + [1] * 30 + [2] * 80
    assert both.writer.tolist() == [0] * 30 + list(range(30)) + [0] * 40 + [1] * 40


def test_a_glyph_is_the_ink_of_its_frame(digits):
    """Wherever on the frame it is."""
    moved = np.roll(digits.frames, (-1, -1), axis=(1, 2))
    assert _same(digit_glyphs(digits), digit_glyphs(Digits("synthetic", moved, digits.labels)))


def test_hands_write_forty_digits_each_in_turns():
    glyphs = drawn_glyphs(2, seed=3)
    assert glyphs.symbol.tolist() == list(range(10)) * 8
    assert _same(glyphs, drawn_glyphs(2, seed=3))
    assert not np.array_equal(glyphs.ink, drawn_glyphs(2, seed=4).ink)


def test_the_tablets_digits_are_those_asked_for_and_a_writer_has_one_pen(tablet, monkeypatch):
    monkeypatch.setattr(pendigits, "BY_ONE", 3)
    glyphs = pen_glyphs(tablet, 0, 3 * len(PENS))
    assert glyphs.symbol.tolist() == [i % 10 for i in range(18)]
    assert glyphs.writer.tolist() == np.repeat(range(6), 3).tolist()
    ink = (glyphs.ink > 127).mean(axis=(1, 2)).reshape(6, 3)
    assert (np.diff(ink[:, 0]) > 0).all()
    assert np.ptp(ink, axis=1).max() < np.diff(ink[:, 0]).min()
    assert len(pen_glyphs(tablet, 10, 99)) == 10
    assert pen_glyphs(tablet, 4, 8, left_out=(5,)).symbol.tolist() == [4, 6, 7]
    assert pen_glyphs(tablet, 4, 8, left_out=(5,)).writer.tolist() == [0, 1, 1]


def test_letters_and_as_many_of_each_separator_and_of_signs(mark_bank):
    assert mark_bank.symbol.tolist() == [OTHER] * LETTERS + [
        ALPHABET.index(symbol) for symbol in (*SEPARATORS, "?") for _ in range(MARKS)
    ]
    letters, signs = np.split(mark_bank.height[_of(mark_bank, "?")], [LETTERS])
    assert set(letters.tolist()) == {1}
    # A plus is lower than digits, a parenthesis higher.
    assert ((signs < 0.9) | (signs > 1.1)).all()
    assert 0.2 < (signs > 1.1).mean() < 0.8


def test_separators_stand_where_they_should_to_digits(mark_bank):
    bottom = mark_bank.top + mark_bank.height
    dot, comma, dash, equals, filler = (_of(mark_bank, symbol) for symbol in SEPARATORS)
    # A dot is small and sits on the line, at 1; a comma reaches below it.
    assert mark_bank.height[dot].max() < 0.4
    assert (mark_bank.top[dot].min(), bottom[dot].min()) > (0.6, 0.85)
    assert bottom[dot].max() < 1.15
    assert bottom[comma].min() > 1
    assert mark_bank.top[comma].min() > 0.7
    # What floats does so between a digit's top and the line, but for the ends of steep dashes, and mostly about its
    # middle.
    for floating, beyond in ((dash, 0.25), (equals, 0.0)):
        assert mark_bank.top[floating].min() > -0.15 - beyond
        assert bottom[floating].max() < 1 + beyond
        assert 0.3 < np.median(mark_bank.top[floating] + mark_bank.height[floating] / 2) < 0.6
    assert np.median(mark_bank.height[filler]) > 2 * np.median(mark_bank.height[dot])


def test_an_equals_sign_is_two_strokes_and_a_dash_is_one(mark_bank):
    def pieces(symbol):
        middles = [ink[:, width // 2] >= 127 for ink, (_, width) in _glyphs(mark_bank, symbol)]
        return [int(np.diff(column, prepend=False).sum() + 1) // 2 for column in middles]

    assert np.mean([count == 1 for count in pieces("-")]) == 1
    assert np.mean([count == 2 for count in pieces("=")]) > 0.9


def _glyphs(bank, symbol):
    chosen = _of(bank, symbol)
    return zip(bank.ink[chosen], bank.size[chosen].tolist(), strict=True)


def test_the_same_seed_draws_the_same_marks_and_another_others():
    marks = mark_glyphs(3, 4, seed=1)
    assert _same(marks, mark_glyphs(3, 4, seed=1))
    others = mark_glyphs(3, 4, seed=2)
    assert not (marks.ink == others.ink).all(axis=(1, 2)).any()


def test_joined_glyphs_are_those_of_both(digits):
    first, second = digit_glyphs(digits), drawn_glyphs(1, seed=1)
    joined = joined_glyphs(first, second)
    assert joined.collection.tolist() == [0] * len(first) + [1] * len(second)
    assert np.array_equal(joined.ink, np.concatenate([first.ink, second.ink]))
    assert joined.symbol.tolist() == [*first.symbol.tolist(), *second.symbol.tolist()]
