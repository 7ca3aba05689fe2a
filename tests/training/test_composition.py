"""Lines that are composed: what they say is where they say it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.alphabet import ALPHABET, LINE_HEIGHT
from edgedigits.training.amounts import MOST_SYMBOLS, draw_text
from edgedigits.training.composition import BENT, NARROWEST, WIDTH_STEP, Composer
from edgedigits.training.glyphs import BOX_HEIGHT, BOX_WIDTH, Glyphs

CPU = torch.device("cpu")
texts = st.lists(st.text("0123456789.,-=#?", max_size=MOST_SYMBOLS), min_size=1, max_size=3)
seeds = st.integers(0, 2**32)


def _batch(composer, texts, seed=0):
    rng = np.random.default_rng(seed)
    return composer.batch([composer.plan(text, rng) for text in texts], torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def bars(mark_bank):
    """Composes lines in which every digit is one upright stroke, a sixth as wide as it is high."""
    ink = np.zeros((10, BOX_HEIGHT, BOX_WIDTH), np.uint8)
    ink[:, :, :6] = 255
    size, ones, zeros = np.full((10, 2), (BOX_HEIGHT, 6)), np.ones(10, np.float32), np.zeros(10, np.int64)
    return Composer(Glyphs(ink, size, np.arange(10), ones, 0 * ones, zeros, zeros), mark_bank, CPU)


@pytest.fixture(scope="module")
def three_writers(mark_bank):
    """Glyphs of two collections, the first by two writers of whom the second left no 7, and what composes them."""
    symbol = np.array([*range(10), *range(10), *(digit for digit in range(10) if digit != 7), *range(10)])
    collection = np.array([0] * 29 + [1] * 10)
    writer = np.array([0] * 20 + [1] * 9 + [0] * 10)
    ink = np.full((39, BOX_HEIGHT, BOX_WIDTH), 255, np.uint8)
    size, ones = np.full((39, 2), (BOX_HEIGHT, 20)), np.ones(39, np.float32)
    glyphs = Glyphs(ink, size, symbol, ones, 0 * ones, collection, writer)
    return glyphs, lambda strength, alike=0.0: Composer(glyphs, mark_bank, CPU, strength, alike)


@settings(max_examples=25, deadline=None)
@given(texts=texts, seed=seeds)
def test_symbols_are_the_text_and_their_centres_lie_in_the_picture_in_their_order(composer, texts, seed):
    lines = _batch(composer, texts, seed)
    n, height, width = lines.pictures.shape
    assert (n, height, lines.pictures.dtype) == (len(texts), LINE_HEIGHT, torch.uint8)
    assert width >= NARROWEST
    assert width % WIDTH_STEP == 0
    assert lines.symbols.shape == lines.centres.shape == (n, max(1, *map(len, texts)))
    assert (lines.symbols.dtype, lines.centres.dtype) == (torch.int64, torch.float32)
    for text, symbols, centres in zip(texts, lines.symbols, lines.centres, strict=True):
        assert symbols.tolist() == [ALPHABET.index(symbol) for symbol in text] + [-1] * (len(symbols) - len(text))
        written = centres[: len(text)]
        assert ((written > -1) & (written < width)).all()
        assert (written.diff() > 0).all()


@settings(max_examples=6, deadline=None)
@given(texts=texts, seed=seeds)
def test_seeds_alone_decide(composer, texts, seed):
    torch.manual_seed(seed)
    first = _batch(composer, texts, seed)
    torch.manual_seed(seed + 1)
    again, other = _batch(composer, texts, seed), _batch(composer, texts, seed + 1)
    for one, same in zip(vars(first).values(), vars(again).values(), strict=True):
        assert torch.equal(one, same)
    assert not torch.equal(first.pictures, other.pictures)
    assert torch.equal(first.symbols, other.symbols)


def test_every_text_that_is_drawn_is_composed(composer):
    rng = np.random.default_rng(3)
    drawn = [draw_text(rng) for _ in range(200)]
    lines = _batch(composer, drawn)
    said = ["".join(ALPHABET[symbol] for symbol in row if symbol >= 0) for row in lines.symbols.tolist()]
    assert said == drawn


@pytest.mark.parametrize("symbol", [symbol for symbol in ALPHABET if symbol])
def test_each_symbol_has_its_ink_around_its_centre(composer, symbol):
    """On most paper: what is printed below, or reaches into a line, has ink elsewhere too."""
    lines = _batch(composer, [symbol] * 150)
    columns = torch.arange(lines.pictures.shape[2]) + 0.5
    darkest = lines.pictures.amax(dim=1).float()
    away = (columns - lines.centres).abs()
    near, far = ((darkest * where).amax(dim=1) for where in (away < 5, away > 20))
    assert (near > 128).float().mean() > 0.93
    assert near.median() > far.median() + 60


def test_the_ink_of_a_digit_balances_at_its_centre(composer):
    digits = [str(i % 10) for i in range(300)]
    lines = _batch(composer, digits)
    ink = (lines.pictures > 128).float().sum(dim=1)
    columns = torch.arange(ink.shape[1]) + 0.5
    middle = (ink * columns).sum(dim=1) / ink.sum(dim=1).clamp(min=1)
    assert (middle - lines.centres[:, 0]).abs().median() < 2


def test_each_of_many_digits_has_its_ink_at_its_centre_and_less_on_both_sides(bars):
    lines = _batch(bars, ["73105246"] * 100)
    profile = lines.pictures[:, 8:-8].float().mean(dim=1)
    centres = lines.centres
    between = torch.cat([centres[:, :1] - 8, (centres[:, 1:] + centres[:, :-1]) / 2], dim=1)
    is_roomy = torch.cat([centres[:, :1] > 8, centres.diff() > 12], dim=1)
    at, beside = (profile.gather(1, places.long().clamp(min=0)) for places in (centres, between))
    assert is_roomy.sum() > 100
    assert (at > beside)[is_roomy].float().mean() > 0.95


def test_digits_that_overlap_stand_one_after_the_other(bars):
    """Strokes are a sixth as wide as high, and spacing may be less than that below none."""
    steps = _batch(bars, ["1234567890123456"] * 150).centres.diff()
    assert steps.min() > 0.5
    assert (steps < 3.2).float().mean() > 0.005


@given(text=st.text("0123456789.,-=#?", max_size=MOST_SYMBOLS), seed=seeds)
def test_a_plan_says_its_text(composer, text, seed):
    assert composer.plan(text, np.random.default_rng(seed)).text == text


def _by(glyphs, plan):
    """The collections and writers of a plan's digits."""
    own = plan.glyphs[: len(plan.symbols)]
    return set(zip(glyphs.collection[own].tolist(), glyphs.writer[own].tolist(), strict=True))


@pytest.mark.parametrize("text", ["0123456890", "33333333"])
def test_a_line_is_by_one_writer(three_writers, text):
    glyphs, composer = three_writers
    rng = np.random.default_rng(0)
    plans = [composer(0.0).plan(text, rng) for _ in range(60)]
    assert {len(_by(glyphs, plan)) for plan in plans} == {1}
    assert set().union(*(_by(glyphs, plan) for plan in plans)) == {(0, 0), (0, 1), (1, 0)}
    for plan in plans:
        assert glyphs.symbol[plan.glyphs].tolist() == [int(digit) for digit in text]


@pytest.mark.parametrize(("alike", "least", "most"), [(0.0, 0.02, 0.25), (0.5, 0.4, 0.7), (1.0, 1.0, 1.0)])
def test_in_a_share_of_lines_a_digit_that_comes_again_is_the_same_glyph(three_writers, alike, least, most):
    """By the first writer, who left two of each, one in eight of the others is so by chance."""
    glyphs, composer = three_writers
    rng = np.random.default_rng(3)
    plans = [composer(0.0, alike).plan("3.333", rng) for _ in range(200)]
    digits = [plan.glyphs[np.isin(plan.glyphs, np.arange(len(glyphs)))] for plan in plans]
    by_two = [own for own in digits if glyphs.collection[own[0]] == 0 and glyphs.writer[own[0]] == 0]
    same = [len(set(own.tolist())) == 1 for own in by_two]
    assert least <= np.mean(same) <= most


def test_what_a_writer_left_none_of_is_any_of_the_collection(three_writers):
    glyphs, composer = three_writers
    rng = np.random.default_rng(0)
    plans = [composer(0.0).plan("17", rng) for _ in range(60)]
    found = [_by(glyphs, plan) for plan in plans]
    assert {frozenset(by) for by in found} == {frozenset({(0, 0)}), frozenset({(0, 0), (0, 1)}), frozenset({(1, 0)})}
    assert {int(plan.glyphs[1]) for plan, by in zip(plans, found, strict=True) if len(by) > 1} == {7, 17}


def test_some_lines_are_by_several_writers_of_one_collection(three_writers):
    glyphs, composer = three_writers
    rng = np.random.default_rng(0)
    several = [len(_by(glyphs, composer(1.0).plan("0123456890", rng))) > 1 for _ in range(400)]
    # Of the fifteen in a hundred, those of the first collection.
    assert 0.04 < np.mean(several) < 0.16


def test_bent_writing_strays_a_little_and_stands_where_it_stood(bars):
    rng = np.random.default_rng(4)
    plans = [bars.plan("71", rng) for _ in range(100)]
    straight, bent = (
        bars.batch([replace(plan, bent=by) for plan in plans], torch.Generator().manual_seed(4)).pictures.float()
        for by in (0.0, BENT)
    )
    assert (straight != bent).any(dim=(1, 2)).all()
    columns = torch.arange(straight.shape[2]) + 0.5
    middles = [(ink.sum(dim=1) * columns).sum(dim=1) / ink.sum(dim=(1, 2)) for ink in (straight, bent)]
    assert (middles[0] - middles[1]).abs().median() < 1.5


def test_zeros_are_joined_more_often_than_other_digits(composer):
    rng = np.random.default_rng(4)
    joined = [np.mean([len(composer.plan(text, rng).glyphs) > 6 for _ in range(400)]) for text in ("000000", "123456")]
    assert joined[0] > joined[1] + 0.1


def test_lines_differ_in_height_and_spacing(composer):
    lines = _batch(composer, ["1234567"] * 200)
    pitch = lines.centres.diff().mean(dim=1)
    assert pitch.max() > 3 * pitch.min()


def test_lines_without_a_symbol_are_paper(composer):
    lines = _batch(composer, [""] * 100)
    assert lines.symbols.tolist() == [[-1]] * 100
    assert (lines.pictures < 64).float().mean() > 0.7
