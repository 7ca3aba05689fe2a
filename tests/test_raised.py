import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.raised import are_raised

sizes, slopes = st.floats(20, 60), st.floats(-0.15, 0.15)


def number(count, *, size=40.0, slope=0.0, smaller=0.5, raised=0):
    """Boxes of digits side by side, of which the last `raised` are `smaller` and begin where the others do."""
    boxes = []
    for i in range(count):
        high = size * (smaller if i >= count - raised else 1)
        x = 100 + 0.8 * size * i
        boxes.append((x, 200 + slope * x, x + 0.6 * high, 200 + slope * x + high))
    return [tuple(map(round, box)) for box in boxes]


def lower(boxes, smaller):
    """Boxes of smaller digits that stand where others do."""
    return [(x0, round(y1 - smaller * (y1 - y0)), x1, y1) for x0, y0, x1, y1 in boxes]


@settings(deadline=None)
@given(count=st.integers(5, 9), size=sizes, slope=slopes, raised=st.integers(1, 2))
def test_cents_that_stand_high_are_raised_however_large_and_sloping_the_line(count, size, slope, raised):
    assert are_raised(number(count, size=size, slope=slope, raised=raised), [])


@settings(deadline=None)
@given(count=st.integers(5, 9), size=sizes, slope=slopes, smaller=st.floats(0.3, 0.75))
def test_smaller_digits_that_stand_on_the_line_are_not_however_it_slopes(count, size, slope, smaller):
    boxes = number(count, size=size, slope=slope)
    boxes[-2:] = lower(boxes[-2:], smaller)
    assert not are_raised(boxes, [])


@given(seed=st.integers(0, 2**32 - 1))
def test_wherever_a_number_stands_it_is_the_same(seed):
    rng = np.random.default_rng(seed)
    boxes = [(*start, *(start + rng.integers(5, 60, 2))) for start in rng.integers(0, 200, (rng.integers(1, 8), 2))]
    x, y = rng.integers(0, 500, 2)
    moved = [(x0 + x, y0 + y, x1 + x, y1 + y) for x0, y0, x1, y1 in boxes]
    assert are_raised(boxes, []) == are_raised(moved, [])


def test_a_comma_between_parts_cents_from_the_rest():
    boxes = number(5, raised=2)
    comma = (boxes[2][2] + 1, 236, boxes[2][2] + 3, 246)
    assert are_raised(boxes, [])
    assert not are_raised(boxes, [comma])


@given(count=st.integers(0, 4), size=sizes, smaller=st.floats(0.3, 1.0))
def test_nor_on_a_level_line_where_no_slope_can_be_told(count, size, smaller):
    boxes = number(count, size=size)
    boxes[-2:] = lower(boxes[-2:], smaller)
    assert not are_raised(boxes, [])
