import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from edgedigits.marks import find_marks, runs_of

masks = array_shapes(min_dims=2, max_dims=2, max_side=12).flatmap(lambda shape: arrays(np.bool_, shape))
RING = np.pad(np.zeros((3, 3), np.bool_), 1, constant_values=True)


def spiral(side):
    """One stroke, winding inwards: its runs are joined by the longest way there is."""
    mask, (y, x), (down, right) = np.zeros((side, side), np.bool_), (0, 0), (0, 1)
    for length in (side - 1, *(length for length in range(side - 1, 0, -2) for _ in range(2))):
        for _ in range(length):
            mask[y, x] = True
            y, x = y + down, x + right
        down, right = right, -down
    return mask


def flooded(mask):
    """The marks as lists of pixels, found by spreading from each to its eight neighbours."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    marks = []
    while left:
        mark, edge = set(), [left.pop()]
        while edge:
            y, x = edge.pop()
            mark.add((y, x))
            near = {(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            edge.extend(near)
        marks.append(sorted(mark))
    return sorted(marks)


@settings(deadline=None)
@given(mask=masks)
@example(mask=RING)
@example(mask=spiral(12))
@example(mask=np.eye(12, dtype=np.bool_)[::-1])
@example(mask=np.indices((9, 9)).sum(axis=0) % 2 == 0)
def test_marks_are_what_a_flood_from_neighbour_to_neighbour_fills(mask):
    marks = find_marks(mask)
    pixels = np.argwhere(mask)
    found = [[tuple(place) for place in pixels[marks.of_pixel == mark].tolist()] for mark in range(len(marks.area))]
    assert sorted(found) == flooded(mask)
    assert marks.of_pixel.shape == (mask.sum(),)
    for mark, places in enumerate(found):
        ys, xs = zip(*places, strict=True)
        assert marks.area[mark] == len(places)
        box = tuple(int(edge[mark]) for edge in (marks.x0, marks.y0, marks.x1, marks.y1))
        assert box == (min(xs), min(ys), max(xs) + 1, max(ys) + 1)


@settings(deadline=None)
@given(mask=masks)
def test_runs_are_the_mask_again_none_touching_the_next(mask):
    runs = runs_of(mask)
    again = np.zeros_like(mask)
    for row, start, end in zip(runs.row, runs.start, runs.end, strict=True):
        assert not again[row, max(start - 1, 0) : end + 1].any()
        again[row, start:end] = True
    np.testing.assert_array_equal(again, mask)
    places = runs.row * mask.shape[1] + runs.start
    assert (np.diff(places) > 0).all()
    assert (runs.start < runs.end).all()


def test_a_spiral_is_one_mark():
    mask = spiral(41)
    assert find_marks(mask).area.tolist() == [mask.sum()]


@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
def test_where_nothing_is_set_there_is_no_mark(shape):
    marks = find_marks(np.zeros(shape, np.bool_))
    assert [len(each) for each in (marks.area, marks.x0, marks.y0, marks.x1, marks.y1, marks.of_pixel)] == [0] * 6
    assert len(runs_of(np.zeros(shape, np.bool_)).row) == 0


def test_numbers_are_of_64_bits():
    mask = np.ones((2, 2), np.bool_)
    marks, runs = find_marks(mask), runs_of(mask)
    columns = (marks.area, marks.x0, marks.y0, marks.x1, marks.y1, marks.of_pixel, runs.row, runs.start, runs.end)
    assert {column.dtype for column in columns} == {np.dtype(np.int64)}
