"""The synthetic data set: laws of the generator, MNIST's geometry, and pictures that say what their labels say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from edgedigits.training.synthetic import draw_digit, synthetic_digits

COUNT = 600


@pytest.fixture(scope="module")
def digits():
    return synthetic_digits(COUNT, seed=1)


def test_shapes_and_types(digits):
    frames, labels = digits
    assert (frames.shape, frames.dtype) == ((COUNT, 28, 28), np.uint8)
    assert (labels.shape, labels.dtype) == ((COUNT,), np.int64)


def test_no_digits():
    frames, labels = synthetic_digits(0, seed=1)
    assert (frames.shape, frames.dtype) == ((0, 28, 28), np.uint8)
    assert (labels.shape, labels.dtype) == ((0,), np.int64)


def test_negative_count_is_refused():
    with pytest.raises(ValueError, match="-1"):
        synthetic_digits(-1, seed=1)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**64), count=st.integers(0, 12), more=st.integers(0, 12))
def test_a_smaller_set_begins_a_larger_one(seed, count, more):
    frames, labels = synthetic_digits(count, seed)
    larger_frames, larger_labels = synthetic_digits(count + more, seed)
    np.testing.assert_array_equal(frames, larger_frames[:count])
    np.testing.assert_array_equal(labels, larger_labels[:count])


def test_seeds_differ(digits):
    frames, labels = synthetic_digits(50, seed=2)
    assert (labels != digits[1][:50]).any()
    assert not (frames == digits[0][:50]).all(axis=(1, 2)).any()


def test_labels_are_balanced_and_unordered(digits):
    labels = digits[1]
    assert np.bincount(labels, minlength=10).min() > COUNT / 20
    following = np.bincount((labels[1:] - labels[:-1]) % 10, minlength=10)
    assert following.max() < COUNT / 5


def test_no_two_frames_are_alike(digits):
    assert len({frame.tobytes() for frame in digits[0]}) == COUNT


def test_frames_have_the_geometry_of_mnist(digits):
    for frame in digits[0]:
        rows, columns = (np.flatnonzero(frame.any(axis=axis)) for axis in (1, 0))
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
        mass = frame / frame.sum()
        centre = np.array([mass.sum(axis=1) @ np.arange(28), mass.sum(axis=0) @ np.arange(28)])
        assert np.abs(centre - 14).max() < 1.5
        assert frame.max() == 255
        assert not frame[[0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_neighbours_from_another_seed_read_the_digits(digits):
    train, train_labels = digits[0].reshape(COUNT, -1) / 255, digits[1]
    frames, labels = synthetic_digits(300, seed=3)
    test = frames.reshape(len(frames), -1) / 255
    distance = (train**2).sum(axis=1) - 2 * test @ train.T
    read = train_labels[distance.argmin(axis=1)]
    assert (read == labels).mean() > 0.8


def _enclosed_height(digit, seed):
    """Mean height of the paper that a digit's ink encloses, from 0 at the top to 1, or None where there is none."""
    picture = draw_digit(digit, np.random.default_rng(seed), 56)
    image = Image.fromarray(picture).copy()  # floodfill leaves a read-only image as it was
    ImageDraw.floodfill(image, (0, 0), 255, thresh=127)
    rows = np.flatnonzero(np.asarray(image) < 128) // 56
    return rows.mean() / 55 if len(rows) else None


@pytest.mark.parametrize(
    ("digit", "low", "high"),
    [(0, 0.4, 0.6), (6, 0.6, 1), (9, 0, 0.4), (8, 0.3, 0.7), *((d, 0, 0) for d in (1, 3, 5, 7))],
)
def test_labels_name_the_digits_by_their_bowls(digit, low, high):
    heights = [_enclosed_height(digit, seed) for seed in range(30)]
    fitting = [height is None if high == 0 else height is not None and low < height < high for height in heights]
    assert sum(fitting) >= 20, heights


@pytest.mark.parametrize("digit", range(10))
def test_picture_is_whole_and_scales_with_its_size(digit):
    small, large = (draw_digit(digit, np.random.default_rng(digit), size) for size in (56, 224))
    assert small.shape == (56, 56)
    assert small.dtype == np.uint8
    border = np.concatenate([large[0], large[-1], large[:, 0], large[:, -1]])
    assert large.max() == 255
    assert not border.any()
    reduced = large.reshape(56, 4, 56, 4).mean(axis=(1, 3))
    assert np.abs(reduced - small).mean() < 6
