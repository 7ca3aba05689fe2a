"""Texts that people write where a number is asked for."""

import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.alphabet import ALPHABET, SEPARATORS
from edgedigits.training.amounts import MOST_SYMBOLS, draw_text


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(1)
    return [draw_text(rng) for _ in range(6000)]


@given(seed=st.integers(0, 2**32))
def test_a_text_is_over_the_alphabet_no_longer_than_it_may_be_and_its_seeds(seed):
    text = draw_text(np.random.default_rng(seed))
    assert set(text) <= set(ALPHABET)
    assert len(text) <= MOST_SYMBOLS
    assert draw_text(np.random.default_rng(seed)) == text


def test_every_symbol_is_drawn_sooner_or_later(texts):
    assert set("".join(texts)) == set("".join(ALPHABET))


def test_so_is_every_length_and_nothing_at_all(texts):
    assert {len(text) for text in texts} == set(range(MOST_SYMBOLS + 1))


def test_every_digit_is_drawn_about_as_often_behind_the_first_but_for_round_numbers(texts):
    counts = Counter("".join(text[1:] for text in texts))
    others = [counts[digit] for digit in "123456789"]
    assert max(others) < 1.2 * min(others)
    assert counts["0"] > max(others)


def test_amounts_begin_as_benford_says(texts):
    amounts = [text for text in texts if re.fullmatch(r"\d{1,3}([.,]\d{3})+[-=#.,]*", text)]
    assert len(amounts) > 500
    first = Counter(amount[0] for amount in amounts)
    for digit in range(1, 10):
        expected = len(amounts) * math.log10(1 + 1 / digit)
        assert abs(first[str(digit)] - expected) < 4 * math.sqrt(expected)


def test_most_texts_are_what_a_kiosk_asks_for(texts):
    digits = ["".join(symbol for symbol in text if symbol not in SEPARATORS) for text in texts]
    assert 0.9 < np.mean([text.isdigit() for text in digits]) < 1
    assert np.mean([text.isdigit() for text in texts]) > 0.3


def test_separators_part_groups_of_three_digits_too(texts):
    grouped = [text for text in texts if text.count(".") == 1 and len(text.partition(".")[2]) == 3]
    assert len(grouped) > 100


def test_another_seed_draws_others(texts):
    rng = np.random.default_rng(2)
    assert [draw_text(rng) for _ in range(20)] != texts[:20]
