import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgedigits.bench import pages
from edgedigits.ink import TRACE, even_ink
from edgedigits.light import flattened, is_banded, is_other_ink, is_uneven, lacks_ink

LIGHTS = ("half_light", "soft_shadow", "hard_shadow", "vignette")


def lit(light, seed):
    """Where the ink is on a page, what it looks like in even light, and in this."""
    rng = np.random.default_rng(seed)
    ink = pages.place(pages.drawn_ink(seed % 10, rng), rng)
    even = pages.photograph(ink, rng, grain=0)
    return ink, even, pages.photograph(ink, rng, grain=0, light=getattr(pages, light)(ink.shape, rng))


@pytest.mark.parametrize("light", LIGHTS)
def test_in_any_light_paper_is_made_white_and_ink_dark(light):
    for seed in range(10):
        ink, _, seen = lit(light, seed)
        flat = flattened(seen)
        assert (flat.shape, flat.dtype) == (seen.shape, np.uint8)
        assert np.median(flat[ink == 0]) == 255
        assert np.median(flat[ink == 1]) < 110
        assert ((flat < 160) == (ink > 0.5)).mean() > 0.99


def test_chalk_on_a_board_in_fading_light_is_made_dark_on_white():
    rng = np.random.default_rng(2)
    ink = pages.place(pages.drawn_ink(5, rng), rng)
    flat = flattened(pages.photograph(ink, rng, paper=40, pen=190, grain=0, light=pages.half_light(ink.shape, rng)))
    assert np.median(flat[ink == 0]) == 255
    assert np.median(flat[ink == 1]) < 200
    assert ((flat < 228) == (ink > 0.5)).mean() > 0.98


@settings(deadline=None)
@given(grey=st.integers(0, 255), shape=st.tuples(st.integers(1, 90), st.integers(1, 90)))
def test_paper_alone_is_white_when_it_is_made_even(grey, shape):
    assert (flattened(np.full(shape, grey, np.uint8)) == 255).all()


def test_light_is_told_from_ink():
    even = [is_uneven(even_ink(lit("half_light", seed)[1])[0]) for seed in range(60)]
    cut_out = [
        is_uneven(even_ink(255 - np.rint(255 * pages.drawn_ink(i % 10, np.random.default_rng(i))).astype(np.uint8))[0])
        for i in range(60)
    ]
    assert np.mean(even) <= 0.02
    assert np.mean(cut_out) <= 0.02
    for light in LIGHTS:
        assert np.mean([is_uneven(even_ink(lit(light, seed)[2])[0]) for seed in range(20)]) >= 0.85


def test_no_ink_is_even():
    assert not is_uneven(np.zeros((40, 40), np.uint8))


def seven(light=235, dark=30, pen=9):
    """A bold 7, 40 pixels high, that a picture was cut out around, and where its ink is."""
    x, y = np.arange(30), np.arange(40)[:, np.newaxis]
    mask = (y < pen) | (np.abs(x - (29 - pen / 2 - 0.5 * (y - pen / 2))) <= pen / 2)
    return np.where(mask, dark, light).astype(np.uint8), mask


@pytest.mark.parametrize("levels", [(235, 30), (30, 235), (180, 100)])
@pytest.mark.parametrize("pen", [6, 8, 10])
def test_the_bar_of_a_bold_digit_is_missed_where_it_was_taken_for_light(levels, pen):
    seen, mask = seven(*levels, pen)
    bar = np.arange(40)[:, np.newaxis] < pen
    assert lacks_ink(seen, np.where(mask & ~bar, 255, 0).astype(np.uint8))
    assert not lacks_ink(seen, np.where(mask, 255, 0).astype(np.uint8))


@pytest.mark.parametrize("light", LIGHTS)
def test_nothing_is_missed_where_light_was_taken_for_light(light):
    for seed in range(20):
        _, _, seen = lit(light, seed)
        assert not lacks_ink(seen, even_ink(flattened(seen), 255.0)[0])


@pytest.mark.parametrize("depth", [0.35, 0.5, 0.65])
@pytest.mark.parametrize("share", [0.4, 0.6])
def test_a_shadow_as_high_as_a_picture_that_goes_through_a_digit_is_no_ink_missed(depth, share):
    mask = np.pad(seven()[1], ((4, 4), (50, 50)))
    light = np.where(np.arange(mask.shape[1]) < share * mask.shape[1], depth, 1.0)
    seen = np.rint(np.where(mask, 60, 220) * light).astype(np.uint8)
    assert is_uneven(even_ink(seen, "median")[0])
    assert not lacks_ink(seen, even_ink(flattened(seen), 255.0)[0])


@given(arrays(np.uint8, st.shared(array_shapes(min_dims=2, max_dims=2, max_side=20), key="shape")), st.data())
def test_of_any_ink_and_picture_it_can_be_told_what_is_missed(grey, data):
    ink = data.draw(arrays(np.uint8, grey.shape))
    if not (ink >= TRACE).any() or (ink >= TRACE).all():
        assert not lacks_ink(grey, ink)
    assert not lacks_ink(grey, np.full_like(ink, 255))
    assert not is_other_ink(grey, ink, ink)


@pytest.mark.parametrize(("paper", "band", "pen"), [(150, 210, 110), (110, 60, 145)])
@pytest.mark.parametrize("depth", [12, 30])
def test_a_band_of_other_paper_is_told_from_ink(paper, band, pen, depth):
    mask = np.pad(seven()[1], ((35, 5), (60, 60)))
    page = np.where(np.arange(80)[:, np.newaxis] < depth, band, np.full(mask.shape, paper))
    page = np.where(mask, pen, page).astype(np.uint8)
    ink, _ = even_ink(page, "median")
    flat, _ = even_ink(flattened(page), 255.0)
    assert is_banded(ink)
    assert is_other_ink(page, ink, flat)
    assert ((flat >= TRACE) == mask).mean() > 0.98


@pytest.mark.parametrize("thick", [10, 16])
def test_a_thick_rule_is_as_dark_as_ink_and_no_other_paper(thick):
    mask = np.pad(seven()[1], ((25, 15), (60, 60)))
    mask[:thick] = True
    page = np.where(mask, 30, 235).astype(np.uint8)
    ink, _ = even_ink(page, "median")
    assert not is_other_ink(page, ink, even_ink(flattened(page), 255.0)[0])
