"""Augmentation: laws that hold for every frame and all noise, and what some noise is known to do."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.training.augmentation import INK, PLACE, SHIFT, THICKER, THINNER, augment, draw_noise
from edgedigits.training.synthetic import synthetic_digits

FRAMES = torch.from_numpy(synthetic_digits(60, seed=1)[0])
BEND, STROKE, BLUR, LEVEL = range(PLACE, PLACE + 4)
"""Columns of the noise that say how a frame's ink is changed."""
SHIFT_X, SHIFT_Y = 4, 5
SEEDS = st.integers(0, 2**63 - 1)
GREY = 0.01
"""Rounding, as a part of 255 levels of grey."""


def _noise(count, seed):
    return draw_noise(count, torch.Generator().manual_seed(seed))


def _still(count):
    """Noise that changes nothing."""
    noise = torch.full_like(_noise(count, 0), 0.5)
    noise[:, STROKE] = THINNER / (THICKER + THINNER)
    return noise


def _any_frames(count, seed):
    """Frames of noise, every other one with much paper."""
    frames = np.random.default_rng(seed).integers(0, 256, (count, 28, 28), np.uint8)
    frames[::2][frames[::2] < 230] = 0
    return torch.from_numpy(frames)


@given(count=st.integers(1, 5), seed=SEEDS)
def test_noise_is_from_0_to_1_and_decided_by_its_generator(count, seed):
    noise = _noise(count, seed)
    assert (noise.dtype, len(noise)) == (torch.float32, count)
    assert ((noise >= 0) & (noise <= 1)).all()
    assert torch.equal(noise, _noise(count, seed))
    assert not torch.equal(noise, _noise(count, seed + 1))


@settings(deadline=None)
@given(count=st.integers(1, 6), seed=SEEDS, frames_seed=st.integers(0, 2**32))
def test_augmented_frames_are_float32_from_0_to_255_and_decided_by_the_noise(count, seed, frames_seed):
    frames, noise = _any_frames(count, frames_seed), _noise(count, seed)
    given_frames, given_noise = frames.clone(), noise.clone()
    augmented = augment(frames, noise)
    assert (augmented.shape, augmented.dtype) == ((count, 28, 28), torch.float32)
    assert augmented.min() >= -GREY
    assert augmented.max() <= 255
    assert augmented.round().to(torch.uint8).to(torch.float32).sub(augmented).abs().max() <= 0.5 + GREY
    assert torch.equal(augment(frames, noise), augmented)
    assert torch.equal(frames, given_frames)
    assert torch.equal(noise, given_noise)


@settings(deadline=None)
@given(seed=SEEDS, parts=st.integers(1, 7))
def test_a_frame_becomes_what_its_own_noise_says_whatever_it_is_with(seed, parts):
    noise = _noise(len(FRAMES), seed)
    whole = augment(FRAMES, noise)
    for part in range(parts):
        mine = augment(FRAMES[part::parts], noise[part::parts])
        torch.testing.assert_close(mine, whole[part::parts], rtol=0, atol=GREY)


@given(seed=SEEDS)
def test_no_frames_become_none(seed):
    """The share of a process, where a last batch is smaller than there are processes."""
    augmented = augment(FRAMES[:0], _noise(0, seed))
    assert (augmented.shape, augmented.dtype) == ((0, 28, 28), torch.float32)


@settings(deadline=None)
@given(seed=SEEDS)
def test_blank_paper_stays_blank(seed):
    assert not augment(torch.zeros(4, 28, 28, dtype=torch.uint8), _noise(4, seed)).any()


def test_noise_in_the_middle_of_every_range_changes_nothing():
    torch.testing.assert_close(augment(FRAMES, _still(60)), FRAMES.to(torch.float32), rtol=0, atol=GREY)


@settings(deadline=None)
@given(level=st.floats(0, 1))
def test_ink_grows_fainter_or_stronger_by_its_own_number(level):
    noise = _still(60)
    noise[:, LEVEL] = level
    expected = (FRAMES * (1 + INK * (2 * level - 1))).clamp_max(255)
    torch.testing.assert_close(augment(FRAMES, noise), expected, rtol=0, atol=2 * GREY)


def test_strokes_grow_with_their_number_and_shrink_below_the_middle():
    levels = torch.linspace(0, 1, 11)
    ink = []
    for level in levels:
        noise = _still(60)
        noise[:, STROKE] = level
        ink.append(augment(FRAMES, noise).sum().item())
    assert ink == sorted(ink)
    assert ink[0] < 0.8 * FRAMES.sum() < 1.2 * FRAMES.sum() < ink[-1]


def test_most_frames_stay_sharp_and_some_are_blurred():
    def edges(blur):
        noise = _still(60)
        noise[:, BLUR] = blur
        augmented = augment(FRAMES, noise)
        return (augmented[:, 1:] - augmented[:, :-1]).abs().sum().item()

    assert edges(0) == edges(0.69)
    assert edges(1) < edges(0.85) < edges(0.69)


@pytest.mark.parametrize(("column", "axis"), [(SHIFT_X, 1), (SHIFT_Y, 0)])
def test_a_frame_is_moved_by_so_many_pixels(column, axis):
    def centre(frames):
        mass = frames.sum(dim=(1 + 1 - axis)).double()
        return (mass * torch.arange(28)).sum(dim=1) / mass.sum(dim=1)

    noise = _still(60)
    noise[:, column] = 1
    moved = centre(FRAMES.to(torch.float32)) - centre(augment(FRAMES, noise))
    torch.testing.assert_close(moved, torch.full_like(moved, SHIFT), rtol=0, atol=0.05)


def test_frames_are_changed_and_no_two_alike():
    same = FRAMES[:1].expand(50, -1, -1)
    augmented = augment(same, _noise(50, seed=2))
    distances = torch.cdist(augmented.flatten(1), augmented.flatten(1)) + 1e9 * torch.eye(50)
    assert distances.min() > 100


@pytest.mark.parametrize("seed", range(5))
def test_ink_is_neither_lost_nor_made_of_nothing(seed):
    ink = FRAMES.to(torch.float32).sum(dim=(1, 2))
    ratios = augment(FRAMES, _noise(60, seed)).sum(dim=(1, 2)) / ink
    assert ratios.min() > 0.25
    assert ratios.max() < 4
    assert 0.8 < ratios.mean() < 1.4


@pytest.mark.parametrize("seed", range(3))
def test_a_digit_stays_nearer_to_itself_than_to_most_of_another_class(seed):
    frames, labels = synthetic_digits(60, seed=1)
    augmented = augment(FRAMES, _noise(60, seed)).flatten(1)
    distances = torch.cdist(augmented, FRAMES.flatten(1).to(torch.float32)).numpy()
    other = labels[:, None] != labels[None]
    nearer = [(distances[i][other[i]] > distances[i, i]).mean() for i in range(len(frames))]
    assert np.mean(nearer) > 0.85
