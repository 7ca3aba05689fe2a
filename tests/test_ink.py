import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgedigits.bench import pages
from edgedigits.ink import denoised, even_ink, grain_of, otsu_threshold, separation
from edgedigits.training.synthetic import draw_digit

pictures = array_shapes(min_dims=2, max_dims=2, max_side=40).flatmap(lambda shape: arrays(np.uint8, shape))
two_greys = st.permutations(range(256)).map(lambda greys: greys[:2])
shares = st.integers(1, 99)


def histogram(greys):
    return np.bincount(np.ravel(greys), minlength=256).astype(np.float64)


@given(greys=two_greys, share=shares)
def test_two_greys_are_parted_between_them(greys, share):
    low, high = sorted(greys)
    assert low <= otsu_threshold(histogram([low] * share + [high] * (100 - share))) < high


@given(pictures)
def test_the_median_of_levels_is_as_numpy_has_it(picture):
    ink, contrast = even_ink(picture, "median")
    expected, its_contrast = even_ink(picture, float(np.median(picture)))
    assert (ink == expected).all()
    assert contrast == its_contrast


@given(greys=two_greys, share=shares, times=st.integers(1, 50))
def test_how_clearly_two_greys_part_is_their_variance_whatever_the_pictures_size(greys, share, times):
    picture = np.repeat(greys, [share, 100 - share])
    assert separation(times * histogram(picture)) == pytest.approx(picture.var())


@given(picture=pictures)
def test_no_parting_accounts_for_more_than_all_variance(picture):
    assert separation(histogram(picture)) <= picture.var() * (1 + 1e-9)


@given(grey=st.integers(0, 255))
def test_one_grey_has_no_ink(grey):
    ink, contrast = even_ink(np.full((5, 7), grey, np.uint8))
    assert (ink.any(), contrast) == (False, 0)
    assert separation(histogram([grey] * 35)) == 0


@given(picture=pictures)
def test_any_picture_has_ink_on_paper_that_has_none(picture):
    before = picture.copy()
    ink, contrast = even_ink(picture)
    np.testing.assert_array_equal(picture, before)
    assert (ink.shape, ink.dtype) == (picture.shape, np.uint8)
    assert 0 <= contrast <= 255
    border = np.concatenate((picture[0], picture[-1], picture[:, 0], picture[:, -1]))
    assert not ink[picture == np.median(border)].any()


@given(greys=two_greys, mask=arrays(np.bool_, (6, 9)))
def test_of_two_greys_that_within_the_border_is_full_ink(greys, mask):
    assume(mask.any())
    paper, pen = greys
    mask = np.pad(mask, 4)
    ink, contrast = even_ink(np.where(mask, pen, paper).astype(np.uint8))
    assert contrast == abs(pen - paper)
    assert not ink[~mask].any()
    assert (ink[mask] >= 254).all()


@settings(deadline=None)
@given(value=st.integers(0, 9), seed=st.integers(0, 1000), depth=st.integers(20, 255))
def test_ink_is_the_same_dark_on_light_and_light_on_dark(value, seed, depth):
    drawn = (draw_digit(value, np.random.default_rng(seed), 56) * (depth / 255)).astype(np.uint8)
    (dark, one), (light, other) = even_ink(255 - drawn), even_ink(drawn)
    np.testing.assert_array_equal(dark, light)
    assert one == pytest.approx(other)


@pytest.mark.parametrize("deviation", [2, 4, 8, 15, 30])
def test_grain_is_nearly_the_deviation_of_noise(deviation):
    noise = np.random.default_rng(1).normal(128, deviation, (200, 200))
    assert grain_of(np.clip(noise, 0, 255).astype(np.uint8)) == pytest.approx(0.95 * deviation, abs=0.6)


def test_ink_is_no_grain():
    assert grain_of(draw_digit(8, np.random.default_rng(1), 112)) == 0


@pytest.mark.parametrize("deviation", [4, 15, 30])
def test_smoothing_takes_grain_and_leaves_ink(deviation):
    rng = np.random.default_rng(1)
    page = pages.place(pages.drawn_ink(3, rng), rng)
    seen = pages.photograph(page, rng, grain=deviation)
    grain = grain_of(seen)
    smooth = denoised(seen, grain)
    assert grain_of(smooth) <= min(2, grain / 2)
    assert np.median(smooth[page == 1]) < 80
    assert np.median(smooth[page == 0]) > 200


@given(picture=pictures)
def test_a_picture_without_grain_is_not_smoothed(picture):
    np.testing.assert_array_equal(denoised(picture, 2.0), picture)
