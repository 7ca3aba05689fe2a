"""Contact sheets of what was read wrongly."""

import io

import numpy as np
from PIL import Image

from edgedigits.bench.sheet import Mistake, contact_sheet, strip_sheet
from edgedigits.training.synthetic import draw_digit


def mistakes(count):
    for i in range(count):
        picture = 255 - draw_digit(i % 10, np.random.default_rng(i), 40 + 7 * i)
        yield Mistake(picture, f"{i % 10} as {(i + 1) % 10}", "accepted")


def opened(count):
    return np.asarray(Image.open(io.BytesIO(contact_sheet(mistakes(count)))))


def test_where_nothing_is_wrong_there_is_no_sheet():
    assert contact_sheet([]) is None


def test_each_mistake_has_its_cell_with_the_picture_the_frame_and_two_lines():
    one, two = opened(1), opened(2)
    assert one.shape == two.shape
    width = one.shape[1] // 12
    assert (one[:, width:] == 255).all()
    np.testing.assert_array_equal(two[:, :width], one[:, :width])
    cell = two[:, width : 2 * width]
    bands = np.split(cell, [84, 168, 181])
    assert all(band.min() < 128 for band in bands)


def test_a_sheet_holds_the_first_of_many():
    assert opened(13).shape[0] == 2 * opened(12).shape[0]
    np.testing.assert_array_equal(opened(125), opened(120))


def test_what_has_no_frame_is_shown_without():
    blank = Mistake(np.full((40, 40), 255, np.uint8), "3 as nothing", "blank")
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet([blank]))))
    assert (sheet[84:168] == 255).all()


def test_a_sheet_shows_each_line_and_its_caption_and_the_first_of_many():
    def strips(count):
        mistake = Mistake(np.zeros((40, 300), np.uint8), "189603 as 18960", "segmentation (unsure)")
        return np.asarray(Image.open(io.BytesIO(strip_sheet([mistake] * count))))

    assert strip_sheet([]) is None
    one, two = strips(1), strips(2)
    width = one.shape[1] // 4
    assert (one[:, width:] == 255).all()
    np.testing.assert_array_equal(two[:, width : 2 * width], one[:, :width])
    assert all(band.min() < 128 for band in np.split(one, [96, 108]))
    assert strips(5).shape[0] == 2 * one.shape[0]
    np.testing.assert_array_equal(strips(201), strips(200))
