import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgedigits.framing import bounding_box, centre_ink, frame_picture, otsu_threshold
from edgedigits.training.synthetic import draw_digit

PAPER, INK = 255, 0
pictures = array_shapes(min_dims=2, max_dims=2, max_side=40).flatmap(lambda shape: arrays(np.uint8, shape))
rectangles = st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(3, 40), st.integers(3, 40))


def page(height, width):
    return np.full((height, width), PAPER, np.uint8)


def rectangle(left, top, width, height, ink=INK):
    """A filled rectangle on a page that is wide enough for the border to be paper; returns it with its box."""
    picture = page(120, 120)
    picture[top : top + height, left : left + width] = ink
    return picture, (left, top, left + width, top + height)


def digit(value, seed, size=112):
    return PAPER - draw_digit(value, np.random.default_rng(seed), size)


def centre_of_mass(frame):
    mass = frame / frame.sum()
    return mass.sum(axis=0) @ np.arange(28), mass.sum(axis=1) @ np.arange(28)


def specks():
    """Two specks of dust in the corners of an empty page."""
    picture = page(512, 512)
    picture[3, 3] = picture[508, 508] = INK
    return picture


def corner():
    """Ink up to the lower right corner of a page that is shrunk first, by 2, and has an odd number of pixels."""
    picture = page(601, 601)
    picture[300:, 400:] = INK
    return picture


@given(picture=pictures)
@example(picture=specks())
@example(picture=corner())
def test_any_picture_is_framed_or_blank(picture):
    framing = frame_picture(picture)
    if framing.reason == "blank":
        assert framing.frame is None
        assert framing.box is None
    else:
        height, width = picture.shape
        x0, y0, x1, y1 = framing.box
        assert (framing.frame.shape, framing.frame.dtype, framing.frame.max()) == ((28, 28), np.uint8, 255)
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height


@given(grey=st.integers(0, 255), shape=st.tuples(st.integers(1, 700), st.integers(1, 700)))
def test_a_picture_of_one_grey_is_blank(grey, shape):
    assert frame_picture(np.full(shape, grey, np.uint8)).reason == "blank"


@given(place=rectangles)
def test_the_box_is_the_inks(place):
    picture, box = rectangle(*place)
    assert frame_picture(picture).box == box


@given(place=rectangles)
def test_the_longer_side_is_brought_to_20_pixels_and_the_aspect_is_kept(place):
    _, _, width, height = place
    x0, y0, x1, y1 = bounding_box(frame_picture(rectangle(*place)[0]).frame > 0)
    scale = 20 / max(width, height)
    assert (x1 - x0, y1 - y0) == (max(1, round(scale * width)), max(1, round(scale * height)))


@given(place=rectangles)
def test_the_centre_of_mass_is_brought_to_pixel_14(place):
    assert np.abs(np.subtract(centre_of_mass(frame_picture(rectangle(*place)[0]).frame), 14)).max() <= 0.501


@given(value=st.integers(0, 9), seed=st.integers(0, 1000))
def test_dark_on_light_and_light_on_dark_give_the_same_frame(value, seed):
    picture = digit(value, seed)
    dark, light = frame_picture(picture), frame_picture(255 - picture)
    assert dark.box == light.box
    np.testing.assert_array_equal(dark.frame, light.frame)


@given(ink=st.integers(0, 255 - 40))
def test_pale_ink_gives_the_frame_of_black_ink(ink):
    pale, black = (frame_picture(rectangle(20, 30, 8, 31, level)[0]) for level in (ink, INK))
    assert pale.box == black.box
    np.testing.assert_array_equal(pale.frame, black.frame)


@pytest.mark.parametrize("ink", [250, 235])
def test_ink_that_hardly_differs_from_the_paper_is_none(ink):
    assert frame_picture(rectangle(20, 30, 8, 31, ink)[0]).reason == "blank"


@given(value=st.integers(0, 9), seed=st.integers(0, 1000))
def test_the_papers_grain_is_not_ink(value, seed):
    picture = digit(value, seed)
    grain = np.random.default_rng(seed).integers(0, 12, picture.shape)
    assert frame_picture((picture - np.minimum(picture, grain)).astype(np.uint8)).box == frame_picture(picture).box


@given(margins=st.tuples(*[st.integers(0, 90)] * 4), value=st.integers(0, 9), seed=st.integers(0, 1000))
def test_more_paper_around_it_shifts_the_box_alone(margins, value, seed):
    left, top, right, bottom = margins
    picture = digit(value, seed)
    plain = frame_picture(picture)
    padded = frame_picture(np.pad(picture, ((top, bottom), (left, right)), constant_values=PAPER))
    assert padded.box == tuple(np.add(plain.box, (left, top, left, top)))
    assert np.abs(padded.frame.astype(int) - plain.frame).max() <= 2


@given(times=st.integers(2, 8), value=st.integers(0, 9), seed=st.integers(0, 1000))
def test_a_picture_enlarged_enlarges_the_box(times, value, seed):
    picture = digit(value, seed, size=56)
    enlarged = frame_picture(picture.repeat(times, axis=0).repeat(times, axis=1))
    assert enlarged.box == tuple(times * edge for edge in frame_picture(picture).box)


@given(times=st.integers(6, 20), value=st.integers(0, 9), seed=st.integers(0, 1000))
def test_the_box_of_a_picture_that_is_shrunk_first_is_in_its_own_pixels(times, value, seed):
    picture = digit(value, seed)
    large = frame_picture(picture.repeat(times, axis=0).repeat(times, axis=1))
    assert np.abs(np.subtract(large.box, np.multiply(times, frame_picture(picture).box))).max() <= 2 * times


@given(picture=pictures)
def test_a_picture_is_left_as_it_was(picture):
    before = picture.copy()
    frame_picture(picture)
    np.testing.assert_array_equal(picture, before)


@given(picture=pictures)
def test_a_mask_is_empty_outside_its_bounding_box(picture):
    mask = picture > 127
    assume(mask.any())
    x0, y0, x1, y1 = bounding_box(mask)
    inside = mask[y0:y1, x0:x1]
    assert inside.sum() == mask.sum()
    assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


@given(levels=st.sets(st.integers(0, 255), min_size=2, max_size=2), share=st.integers(1, 99))
def test_two_greys_are_parted_between_them(levels, share):
    low, high = sorted(levels)
    picture = np.array([[low] * share + [high] * (100 - share)], np.uint8)
    assert low <= otsu_threshold(picture) < high


def test_faint_ink_is_brought_to_full_ink():
    assert centre_ink(np.full((20, 20), 90, np.uint8)).max() == 255
