import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageFilter

from edgedigits.framing import bounding_box, centre_ink, frame_clean, frame_picture, thinned
from edgedigits.training.synthetic import draw_digit, synthetic_digits

PAPER, INK = 255, 0
pictures = array_shapes(min_dims=2, max_dims=2, max_side=40).flatmap(lambda shape: arrays(np.uint8, shape))
small_pictures = st.tuples(st.integers(1, 33), st.integers(1, 90)).flatmap(lambda shape: arrays(np.uint8, shape))
frames = arrays(np.uint8, (28, 28))
rectangles = st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(3, 40), st.integers(3, 40))
"""Left, top, width and height."""
places = st.tuples(st.integers(1, 60), st.integers(1, 60))
thin_rectangles = st.builds(
    lambda place, length, part, is_wide: (*place, *((length, part) if is_wide else (part, length))),
    places,
    st.integers(30, 60),
    st.integers(2, 3),
    st.booleans(),
)
"""Two pixels wide in a frame, at most."""
values, seeds = st.integers(0, 9), st.integers(0, 1000)


def page(height, width):
    return np.full((height, width), PAPER, np.uint8)


def rectangle(left, top, width, height, ink=INK):
    """A filled rectangle on a page that is wide enough for the border to be paper; returns it with its box."""
    picture = page(120, 120)
    picture[top : top + height, left : left + width] = ink
    return picture, (left, top, left + width, top + height)


def digit(value, seed, size=112):
    return PAPER - draw_digit(value, np.random.default_rng(seed), size)


def thick_frame(value, seed, pens):
    """A digit whose pen is `pens` pixels of a hundred wider than it was drawn."""
    ink = Image.fromarray(np.pad(draw_digit(value, np.random.default_rng(seed), 112), 12))
    thick = np.asarray(ink.filter(ImageFilter.MaxFilter(2 * (pens // 2) + 1)))
    x0, y0, x1, y1 = bounding_box(thick >= 64)
    return centre_ink(thick[y0:y1, x0:x1])


def eroded(frame):
    """What of a frame is left where a pixel and its four neighbours are its least."""
    around = np.pad(frame, 1, mode="edge")
    return np.minimum.reduce([frame, around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]])


def stroke_width(frame):
    """In pixels: erosion takes one from either side of a stroke."""
    return 2 * frame.sum() / (frame.sum() - eroded(frame).sum())


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


@settings(deadline=None)
@given(picture=pictures)
@example(picture=specks())
@example(picture=corner())
@pytest.mark.parametrize("frame", [frame_picture, frame_clean])
def test_any_picture_is_framed_or_it_is_said_why_not(frame, picture):
    before = picture.copy()
    framing = frame(picture)
    np.testing.assert_array_equal(picture, before)
    if framing.frame is None:
        assert framing.box is None
        assert framing.reason in {"blank", "low contrast", "several digits"}
    else:
        height, width = picture.shape
        x0, y0, x1, y1 = framing.box
        assert framing.reason in {None, "cut off"}
        assert (framing.frame.shape, framing.frame.dtype, framing.frame.max()) == ((28, 28), np.uint8, 255)
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height


@settings(deadline=None)
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
    x0, y0, x1, y1 = bounding_box(centre_ink(np.full((height, width), 255, np.uint8)) > 0)
    scale = 20 / max(width, height)
    assert (x1 - x0, y1 - y0) == (max(1, round(scale * width)), max(1, round(scale * height)))


@given(place=thin_rectangles)
def test_a_thin_stroke_is_framed_in_its_full_length(place):
    _, _, width, height = place
    x0, y0, x1, y1 = bounding_box(frame_picture(rectangle(*place)[0]).frame > 0)
    scale = 20 / max(width, height)
    assert (x1 - x0, y1 - y0) == (max(1, round(scale * width)), max(1, round(scale * height)))


@given(place=rectangles)
def test_the_centre_of_mass_is_brought_to_pixel_14(place):
    assert np.abs(np.subtract(centre_of_mass(frame_picture(rectangle(*place)[0]).frame), 14)).max() <= 0.501


@settings(deadline=None)
@given(value=values, seed=seeds)
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


@pytest.mark.parametrize(
    ("ink", "reason"), [(250, "blank"), (248, "blank"), (245, "low contrast"), (224, "low contrast")]
)
def test_ink_that_hardly_differs_from_the_paper_is_none_or_too_faint(ink, reason):
    framing = frame_picture(rectangle(20, 30, 8, 31, ink)[0])
    assert (framing.frame, framing.box, framing.reason) == (None, None, reason)


def test_ink_that_differs_from_the_paper_by_an_eighth_of_all_greys_is_framed():
    assert frame_picture(rectangle(20, 30, 8, 31, PAPER - 32)[0]).reason is None


@settings(deadline=None)
@given(value=values, seed=seeds)
def test_the_papers_grain_is_not_ink(value, seed):
    picture = digit(value, seed)
    grain = np.random.default_rng(seed).integers(0, 12, picture.shape)
    assert frame_picture((picture - np.minimum(picture, grain)).astype(np.uint8)).box == frame_picture(picture).box


@settings(deadline=None)
@given(value=values, seed=seeds, margin=st.integers(0, 40))
def test_where_a_digit_is_alone_on_even_paper_nothing_is_sought(value, seed, margin):
    picture = np.pad(digit(value, seed), margin, constant_values=PAPER)
    found, clean = frame_picture(picture), frame_clean(picture)
    assert (found.box, found.reason, found.doubt) == (clean.box, None, None)
    np.testing.assert_array_equal(found.frame, clean.frame)


@settings(deadline=None)
@given(picture=small_pictures, is_upright=st.booleans())
def test_on_a_small_picture_nothing_is_sought(picture, is_upright):
    picture = np.ascontiguousarray(picture.T) if is_upright else picture
    found, clean = frame_picture(picture), frame_clean(picture)
    assert found.box == clean.box
    np.testing.assert_array_equal(found.frame, clean.frame)
    if (found.reason, found.doubt) != (clean.reason, None):
        assert found.doubt == "cut off"
        assert found.reason in {None, "cut off"}
        x0, y0, x1, y1 = found.box
        assert x0 == 0 or y0 == 0 or y1 == picture.shape[0] or x1 == picture.shape[1]


@settings(deadline=None)
@given(margins=st.tuples(*[st.integers(0, 90)] * 4), value=values, seed=seeds)
def test_more_paper_around_it_shifts_the_box_alone(margins, value, seed):
    left, top, right, bottom = margins
    picture = digit(value, seed)
    plain = frame_picture(picture)
    padded = frame_picture(np.pad(picture, ((top, bottom), (left, right)), constant_values=PAPER))
    assert padded.box == tuple(np.add(plain.box, (left, top, left, top)))
    assert np.abs(padded.frame.astype(int) - plain.frame).max() <= 2


@settings(deadline=None)
@given(times=st.integers(2, 8), value=values, seed=seeds)
def test_a_picture_enlarged_enlarges_the_box(times, value, seed):
    picture = digit(value, seed, size=56)
    enlarged = frame_picture(picture.repeat(times, axis=0).repeat(times, axis=1))
    assert enlarged.box == tuple(times * edge for edge in frame_picture(picture).box)


@settings(deadline=None)
@given(times=st.integers(6, 20), value=values, seed=seeds)
def test_the_box_of_a_picture_that_is_shrunk_first_is_in_its_own_pixels(times, value, seed):
    picture = digit(value, seed)
    large = frame_picture(picture.repeat(times, axis=0).repeat(times, axis=1))
    assert np.abs(np.subtract(large.box, np.multiply(times, frame_picture(picture).box))).max() <= 2 * times


@given(picture=pictures)
def test_a_mask_is_empty_outside_its_bounding_box(picture):
    mask = picture > 127
    assume(mask.any())
    x0, y0, x1, y1 = bounding_box(mask)
    inside = mask[y0:y1, x0:x1]
    assert inside.sum() == mask.sum()
    assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_faint_ink_is_brought_to_full_ink():
    assert centre_ink(np.full((20, 20), 90, np.uint8)).max() == 255


@given(frame=frames)
def test_thinning_puts_ink_nowhere_and_keeps_what_is_blank(frame):
    before = frame.copy()
    thin = thinned(frame)
    np.testing.assert_array_equal(frame, before)
    assert (thin.shape, thin.dtype) == (frame.shape, np.uint8)
    assert not thin[frame == 0].any()
    assert not thinned(np.zeros_like(frame)).any()


@settings(deadline=None)
@given(value=values, seed=seeds, pens=st.integers(0, 20))
@example(value=8, seed=144, pens=16)
def test_thinning_takes_ink_from_digits_and_adds_none(value, seed, pens):
    frame = thick_frame(value, seed, pens)
    thin = thinned(frame)
    assert thin.max() == 255
    # The darkest ink, of which thinning may have taken a little, is brought back to 255, and all other ink with it.
    assert (thin.astype(int) - frame).max() <= 3


@settings(deadline=None)
@given(value=values, seed=seeds, pens=st.integers(0, 12))
def test_strokes_of_common_pens_end_up_as_thick_as_mnists_and_thin_ones_stay(value, seed, pens):
    frame = thick_frame(value, seed, pens)
    thin, width = thinned(frame), stroke_width(frame.astype(int))
    thin_width = stroke_width(thin.astype(int))
    if width <= 2.9:
        np.testing.assert_array_equal(thin, frame)
    elif width <= 4.5:
        assert thin_width < min(width + 0.01, 3.9)
    else:
        assert thin_width < width - 0.5


@pytest.mark.parametrize("thickness", range(1, 21))
def test_a_bar_of_any_thickness_is_thinned_evenly(thickness):
    bar = np.zeros((28, 28), np.uint8)
    bar[4 : 4 + thickness, 4:24] = 255
    thin = thinned(bar)
    np.testing.assert_array_equal(thin, thin[:, ::-1])
    assert thin.max() == 255
    assert thin.sum() == bar.sum() if thickness <= 3 else thin.sum() < bar.sum()


def test_thinning_a_frame_again_changes_it_little():
    again = []
    for frame in synthetic_digits(200, seed=3)[0]:
        once = thinned(frame)
        again.append(np.abs(thinned(once).astype(int) - once).mean())
    assert np.median(again) < 2
    assert max(again) < 12
