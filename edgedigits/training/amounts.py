"""What people write where a number is asked for: amounts, codes and dates, and what else stands in such fields."""

from __future__ import annotations

import numpy as np

from edgedigits.alphabet import SEPARATORS

__all__ = ["MOST_SYMBOLS", "draw_text"]

MOST_SYMBOLS = 16
"""Longer texts are not drawn."""
SUFFIXES = (
    *("-", "-", "-", ".-", ".-", ".-", ",-", "=", "=", ".=", ".", ".", ",", ",", "#", "#", "-#", ".-#", "--", "-.-"),
    *("..", "-=", "-.", ".#", ",="),
)
PREFIXES = ("#", "#", "#", "=", "-", ".", "-.", "#-", ",")
KINDS = ("code", "amount", "spaced", "date", "foreign", "nothing")
SHARES = (0.33, 0.5, 0.04, 0.03, 0.08, 0.02)


def draw_text(rng: np.random.Generator) -> str:
    """A text over the alphabet, at most `MOST_SYMBOLS` long."""
    while True:
        text = _draw(KINDS[rng.choice(len(KINDS), p=SHARES)], rng)
        if len(text) <= MOST_SYMBOLS:
            return text


def _draw(kind: str, rng: np.random.Generator) -> str:
    match kind:
        case "code":
            return _digits(int(rng.choice((1, *range(2, 11), *range(3, 9)))), rng)
        case "amount":
            return _amount(rng)
        case "spaced":
            return SEPARATORS[int(rng.integers(0, 3))].join(_digits(int(rng.integers(1, 4)), rng) for _ in range(3))
        case "date":
            mark = "-.."[rng.integers(3)]
            return mark.join((_digits(2, rng), _digits(2, rng), _digits(int(rng.choice((2, 4))), rng)))
        case "foreign":
            symbols = list(_amount(rng) if rng.random() < 0.5 else _digits(int(rng.integers(2, 9)), rng))
            share = rng.choice((0.15, 0.5, 1.0))
            return "".join("?" if rng.random() < share else symbol for symbol in symbols)
        case _:
            return ""


def _amount(rng: np.random.Generator) -> str:
    count = int(rng.choice((1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 7, 8)))
    # The logarithms of amounts are spread evenly, near enough, and so 1 comes first six times as often as 9:
    # F. Benford, 'The Law of Anomalous Numbers' (Proc. Am. Philos. Soc. 78, 1938).
    number = _digits(count, rng, first=int(10 ** rng.random()), round_share=0.35)
    if rng.random() < 0.55:
        mark = ("." if rng.random() < 0.75 else ",") if rng.random() < 0.9 else "-"
        first = len(number) % 3 or 3
        number = mark.join([number[:first], *(number[i : i + 3] for i in range(first, len(number), 3))])
    if rng.random() < 0.12:
        number += ",.-"[rng.integers(3)] + _digits(2, rng, round_share=0.4)
    if rng.random() < 0.45:
        number += SUFFIXES[rng.integers(len(SUFFIXES))]
    if rng.random() < 0.1:
        number = PREFIXES[rng.integers(len(PREFIXES))] + number
    return number


def _digits(count: int, rng: np.random.Generator, *, first: int | None = None, round_share: float = 0.05) -> str:
    digits = rng.integers(0, 10, count)
    if first is not None:
        digits[0] = first
    if count > 1 and rng.random() < round_share:
        digits[rng.integers(1, count) :] = 0
    if rng.random() < 0.1:  # the same digit again and again, which is where a decoder loses count
        digits[rng.integers(0, count) :] = digits[0]
    return "".join(map(str, digits))
