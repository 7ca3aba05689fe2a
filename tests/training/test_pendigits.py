"""Digits from a tablet: strokes become frames."""

import json

import numpy as np
import pytest

from edgedigits.errors import DatasetError
from edgedigits.training import pendigits

ONE = {"label": 1, "strokes": [[[50, 0], [50, 100]]]}
SEVEN = {"label": 7, "strokes": [[[0, 0], [60, 0], [20, 100]], [[10, 50], [50, 50]]]}


@pytest.fixture
def root(tmp_path):
    (tmp_path / pendigits.FILE).write_text(json.dumps([ONE, SEVEN] * 3001))
    return tmp_path


def test_the_first_digits_of_the_file_become_frames(root):
    frames, labels = pendigits.load(root)
    assert (frames.shape, frames.dtype, labels.dtype) == ((6000, 28, 28), np.uint8, np.int64)
    assert labels.tolist() == [1, 7] * 3000
    ink = frames[0] > 127
    assert ink.any(axis=1).sum() >= 18
    assert ink.any(axis=0).sum() <= 6
    assert len({frame.tobytes() for frame in frames[::2]}) == len(pendigits.PENS)


def test_a_wider_pen_leaves_more_ink():
    thin, thick = (np.count_nonzero(pendigits.draw_strokes(SEVEN["strokes"], pen)) for pen in (10, 20))
    assert 1.3 * thin < thick < 2 * thin


def test_strokes_touch_no_border():
    picture = pendigits.draw_strokes(SEVEN["strokes"], 20)
    assert not picture[[0, -1]].any()
    assert not picture[:, [0, -1]].any()


def test_a_dot_is_drawn():
    assert pendigits.draw_strokes([[[5, 5]]], 12).any()


def test_a_file_that_is_absent_is_one_line_that_says_what_to_do(tmp_path):
    with pytest.raises(DatasetError, match=r"^cannot open .*No such file.*UCI.*-mnist does without$"):
        pendigits.load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        *("", "{}", "[]", "[1]", '[{"label": 1}]', '[{"label": "x", "strokes": []}]'),
        *(f'[{{"label": 1, "strokes": [[[0, 0], [3, {place}]]]}}]' for place in ("NaN", "Infinity", "-1e999")),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / pendigits.FILE).write_text(content)
    with pytest.raises(DatasetError, match="is damaged: a list of labels and strokes is expected"):
        pendigits.load(tmp_path)
