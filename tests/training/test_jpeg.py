"""JPEG as training makes it, beside JPEG as Pillow does."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F

from edgedigits.training.jpeg import BLOCK, compressed
from edgedigits.training.synthetic import draw_digit


def by_pillow(picture, quality):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize(("quality", "coarseness"), [(50, 1.0), (25, 2.0)])
def test_it_leaves_what_pillow_leaves_but_for_rounding(quality, coarseness):
    for seed in range(10):
        picture = 40 + draw_digit(seed, np.random.default_rng(seed), 64) // 2
        ours = compressed(torch.from_numpy(picture)[None, None] / 255, torch.tensor([coarseness / 255]))
        theirs = by_pillow(picture, quality)
        lost = np.abs(picture.astype(float) - theirs)
        assert lost.max() > 20
        # Pillow computes in whole numbers, and now and then rounds half a step the other way.
        assert np.abs(255 * ours[0, 0].numpy() - theirs).mean() < 0.1 * lost.mean()


@settings(deadline=None)
@given(
    shape=st.tuples(*(st.integers(1, 40) for _ in range(2))),
    corner=st.tuples(*(st.integers(0, BLOCK - 1) for _ in range(2))),
    seed=st.integers(0, 99),
)
def test_steps_that_are_fine_leave_all_wherever_blocks_begin(shape, corner, seed):
    picture = torch.rand((2, 1, *shape), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(compressed(picture, torch.full((2,), 1e-6), *corner), picture, atol=1e-3, rtol=0)


def test_blocks_begin_before_the_border_as_told():
    picture = torch.rand((1, 1, 20, 30), generator=torch.Generator().manual_seed(1))
    whole = F.pad(picture, (3, 0, 5, 0), mode="replicate")
    coarse = torch.tensor([0.1])
    torch.testing.assert_close(compressed(picture, coarse, 5, 3), compressed(whole, coarse)[:, :, 5:, 3:])
    assert not torch.allclose(compressed(picture, coarse, 5, 3), compressed(picture, coarse), atol=0.05)


def test_each_picture_has_its_own_coarseness():
    pictures = torch.rand((2, 1, 16, 16), generator=torch.Generator().manual_seed(1))
    coarseness = torch.tensor([0.001, 0.1])
    both = compressed(pictures, coarseness)
    for i in range(2):
        torch.testing.assert_close(both[i : i + 1], compressed(pictures[i : i + 1], coarseness[i : i + 1]))
