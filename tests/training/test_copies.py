"""Digits from the tablet by other hands: laws of the copies, and that they are still the digits they copy."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits import Recognizer
from edgedigits.errors import DatasetError
from edgedigits.framing import frame_clean
from edgedigits.training import pendigits
from edgedigits.training.copies import copy_digits
from edgedigits.training.synthetic import ALLOGRAPHS, strokes_of

EACH = 8
ALL = slice(None)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A tablet's file, on which each digit is written in each of its usual ways once, finely sampled."""
    written = [
        {"label": digit, "strokes": [_sampled(stroke) for stroke in strokes_of(way)]}
        for digit, ways in enumerate(ALLOGRAPHS)
        for way in ways
    ]
    folder = tmp_path_factory.mktemp("tablet")
    (folder / pendigits.FILE).write_text(json.dumps(written))
    return folder


def _sampled(stroke):
    places = np.linspace(0, len(stroke) - 1, 10 * len(stroke))
    return np.stack([np.interp(places, np.arange(len(stroke)), 500 * axis) for axis in stroke.T], axis=1).tolist()


@pytest.fixture(scope="module")
def copied(root):
    return copy_digits(root, ALL, (), EACH, seed=1)


def _bytes(pictures):
    return [picture.tobytes() for picture in pictures]


def test_every_digit_is_copied_so_often_in_the_order_of_the_file(root, copied):
    pictures, labels, hands = copied
    written = pendigits.read_strokes(root, ALL)[1]
    assert len(pictures) == len(labels) == EACH * len(written)
    assert labels.tolist() == np.repeat(written, EACH).tolist()
    assert labels.dtype == hands.dtype == np.int64


def test_a_copy_of_what_one_writer_wrote_is_by_one_hand(root, monkeypatch):
    monkeypatch.setattr(pendigits, "BY_ONE", 4)
    pictures, _, hands = copy_digits(root, slice(2, 10), (), 3, seed=1)
    assert hands.tolist() == [0, 1, 2] * 2 + [3, 4, 5] * 4 + [6, 7, 8] * 2
    ink = np.array([(picture > 127).sum() for picture in pictures], np.float64)
    # Hands have pens; what they write needs more ink or less, but not as differently as pens are wide.
    assert _spread(ink, hands) < 0.5 * _spread(ink, np.random.default_rng(0).permutation(hands))


def _spread(ink, hands):
    return np.mean([np.log(ink[hands == hand]).std() for hand in set(hands.tolist())])


def test_no_two_copies_are_alike_and_none_touches_the_border(copied):
    assert len(set(_bytes(copied[0]))) == len(copied[0])
    for picture in copied[0]:
        assert picture.dtype == np.uint8
        assert picture.max() > 200
        assert not picture[[0, -1]].any()
        assert not picture[:, [0, -1]].any()


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32), start=st.integers(0, 40), count=st.integers(1, 4), left_out=st.sets(st.integers(0, 44))
)
def test_those_left_out_are_missing_and_nothing_else_changes(root, seed, start, count, left_out):
    which = slice(start, start + count)
    pictures, labels, _ = copy_digits(root, which, (), 2, seed)
    fewer, fewer_labels, _ = copy_digits(root, which, tuple(left_out), 2, seed)
    is_kept = np.repeat([place not in left_out for place in range(start, start + len(labels) // 2)], 2)
    assert _bytes(fewer) == [picture for picture, kept in zip(_bytes(pictures), is_kept, strict=True) if kept]
    assert fewer_labels.tolist() == labels[is_kept].tolist()


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_same_seed_copies_alike_and_another_otherwise(root, seed):
    few = slice(0, 5)
    assert _bytes(copy_digits(root, few, (), 2, seed)[0]) == _bytes(copy_digits(root, few, (), 2, seed)[0])
    assert not set(_bytes(copy_digits(root, few, (), 2, seed)[0])) & set(
        _bytes(copy_digits(root, few, (), 2, seed + 1)[0])
    )


def test_copies_are_read_as_the_digits_that_they_copy(copied):
    pictures, labels, _ = copied
    frames = np.stack([frame_clean(picture).frame for picture in pictures])
    with Recognizer("base") as recognizer:
        read = recognizer.classify(frames).digits == labels
    assert read.mean() > 0.9


def test_a_dot_and_a_stroke_that_lies_flat_are_copied(tmp_path):
    flat = [{"label": 1, "strokes": [[[5, 5]]]}, {"label": 1, "strokes": [[[0, 7], [90, 7]], [[3, 3], [3, 3]]]}]
    (tmp_path / pendigits.FILE).write_text(json.dumps(flat))
    pictures, labels, _ = copy_digits(tmp_path, ALL, (), 3, seed=0)
    assert labels.tolist() == [1] * 6
    assert all(picture.any() for picture in pictures)


def test_without_the_file_it_is_said_what_to_do(tmp_path):
    with pytest.raises(DatasetError, match="cannot open"):
        copy_digits(tmp_path, ALL, (), 1, seed=0)
