"""Pens and paper: what ink becomes, and that paper stays paper."""

import pytest
import torch
from torch.nn import functional as F

from edgedigits.training.paper import on_paper, written


def _bars(count=200, height=32, width=70):
    """Bars of three columns, ten apart."""
    ink = torch.zeros(count, height, width)
    for column in range(8, width - 8, 10):
        ink[:, 6:26, column : column + 3] = 1
    return ink


def _seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(1, 32, 24), (3, 32, 240), (5, 17, 33)])
def test_pictures_keep_their_shape_and_range(shape):
    ink = torch.rand(shape, generator=_seeded(1))
    by_pen, picture = written(ink, _seeded()), on_paper(ink, _seeded())
    assert (by_pen.shape, by_pen.dtype) == (shape, torch.float32)
    assert (picture.shape, picture.dtype) == (shape, torch.uint8)
    assert 0 <= by_pen.min() <= by_pen.max() <= 1


@pytest.mark.parametrize("step", [written, on_paper])
def test_a_generator_alone_decides_and_ink_is_left_as_it_was(step):
    ink = _bars(4)
    before, state = ink.clone(), torch.get_rng_state()
    assert torch.equal(step(ink, _seeded(1)), step(ink, _seeded(1)))
    assert not torch.equal(step(ink, _seeded(1)), step(ink, _seeded(2)))
    assert torch.equal(ink, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_where_no_pen_wrote_nothing_is_written():
    assert not written(torch.zeros(20, 32, 64), _seeded()).any()


def test_pens_write_where_ink_is_or_two_pixels_beside():
    ink = _bars()
    reached = F.max_pool2d(ink.unsqueeze(1), 5, 1, 2).squeeze(1)
    assert not written(ink, _seeded())[reached == 0].any()


def test_some_pens_are_bolder_and_some_are_finer():
    mass = written(_bars(), _seeded()).sum(dim=(1, 2)) / _bars(1).sum()
    assert mass.min() < 0.7
    assert mass.max() > 1.3


def test_ink_is_brought_to_about_full_however_faint_it_is():
    full, faint = written(_bars(), _seeded()), written(0.4 * _bars(), _seeded())
    torch.testing.assert_close(faint, full, atol=0.02, rtol=0.02)


def test_blank_paper_stays_paper_mostly():
    blank = on_paper(torch.zeros(400, 32, 96), _seeded())
    assert (blank < 64).float().mean() > 0.8
    dark = (blank > 128).float().mean(dim=(1, 2))
    assert dark.mean() < 0.05
    assert dark.max() > 0.05, "some are ruled, or printed on"


def test_ink_is_darker_than_the_paper_around_it():
    ink = _bars()
    picture = on_paper(ink, _seeded()).float()
    inked, paper = ((picture * where).sum(dim=(1, 2)) / where.sum(dim=(1, 2)) for where in (ink, (ink == 0).float()))
    assert (inked > paper + 30).float().mean() > 0.95
    assert inked.median() > 180


def test_some_pictures_end_near_the_ink_and_beyond_is_paper():
    ink = torch.zeros(300, 32, 200)
    ink[:, 8:24, 90:110] = _bars(300, 16, 20)
    picture = on_paper(ink, _seeded())
    beside = picture[:, :, :70].amax(dim=(1, 2))
    assert 0.4 < (beside == 0).float().mean() < 0.9
    assert (picture.amax(dim=(1, 2)) > 128).all()
