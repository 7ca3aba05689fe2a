import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgedigits.alphabet import ALPHABET, BLANK, SEPARATORS
from edgedigits.decoding import decode
from edgedigits.errors import ArtifactError
from edgedigits.expectation import Expected, luhn

FEW = [ALPHABET.index(name) for name in "12?."] + [BLANK]
weights = st.one_of(st.sampled_from([0.0, 0.01, 1.0]), st.floats(0.001, 1))


def rows_of(weights, classes):
    """Rows with these weights for these classes, and with nothing written where all of them are 0."""
    rows = np.zeros((len(weights), len(ALPHABET)))
    rows[:, classes] = weights
    rows[rows.sum(axis=1) == 0, BLANK] = 1
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)


tiny = (
    st.integers(0, 5)
    .flatmap(lambda steps: arrays(np.float64, (steps, len(FEW)), elements=weights))
    .map(lambda weights: rows_of(weights, FEW))
)
lines = st.integers(0, 30).flatmap(
    lambda steps: arrays(np.float64, (steps, len(ALPHABET)), elements=weights).map(
        lambda weights: rows_of(weights, range(len(ALPHABET)))
    )
)


def merged(rows):
    """The same with what is a separator counted as nothing."""
    rows = rows.copy()
    separators = [ALPHABET.index(name) for name in SEPARATORS]
    rows[:, BLANK] += rows[:, separators].sum(axis=1)
    rows[:, separators] = 0
    return rows


def brute(rows):
    """The probability of each string, by every path there is."""
    rows, strings = merged(rows), Counter()
    classes = [index for index in FEW if ALPHABET[index] not in (*SEPARATORS,) or index == BLANK]
    for path in itertools.product(classes, repeat=len(rows)):
        text = "".join(ALPHABET[index] for index, _ in itertools.groupby(path))
        strings[text] += float(np.prod([row[index] for row, index in zip(rows.tolist(), path, strict=True)]))
    return strings


def forward(rows, text):
    """The probability of a string by Graves' sums over the whole line, nothing left out."""
    rows = merged(rows).astype(np.float64)
    states = [BLANK, *(index for name in text for index in (ALPHABET.index(name), BLANK))]
    sums = np.zeros(len(states))
    sums[0] = 1
    for step, row in enumerate(rows):
        entering = sums.copy()
        entering[1:] += sums[:-1]
        for state in range(3, len(states), 2):
            entering[state] += sums[state - 2] if states[state] != states[state - 2] else 0
        sums = entering * row[states]
        assert step or not sums[2:].any()
    return sums[-2:].sum()


def written(text, seed=0, doubtful=(), gap=10, quiet=11.0):
    """A line as a network sees it, from random logits: peaks of two steps and a shoulder, `gap` steps apart.

    At the places that are doubtful, another digit, larger by 6, is nearly as likely. The middle of a peak is step
    `gap // 2` of its digit's.
    """
    logits = np.random.default_rng(seed).normal(0, 1.2, (gap * len(text), len(ALPHABET)))
    logits[:, BLANK] = quiet
    for place, name in enumerate(text):
        middle, index = place * gap + gap // 2, ALPHABET.index(name)
        for step, blank, peak in ((-1, 10, 5), (0, 4, 9.5), (1, 9, 8.5)):
            logits[middle + step, BLANK] = blank
            logits[middle + step, index] = peak
            if place in doubtful:
                logits[middle + step, (index + 6) % 10] = peak - 0.4
    rows = np.exp(logits)
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)


def peaks(*rows):
    """Rows by what stands in them: a string's classes share them evenly, and an empty one is nothing."""
    table = np.zeros((len(rows), len(ALPHABET)), np.float32)
    for step, names in enumerate(rows):
        for name in names or [""]:
            table[step, ALPHABET.index(name)] += 1 / max(len(names), 1)
    return table


@settings(deadline=None, max_examples=300)
@given(rows=tiny)
@example(rows=peaks("1", "1"))
@example(rows=peaks("12", "12", "12", "12", "12"))
def test_confidences_are_sums_over_all_paths_and_the_text_is_the_likeliest(rows):
    strings, decoded = brute(rows), decode(rows)
    assert decoded.confidence == pytest.approx(strings[decoded.text], abs=1e-4)
    assert decoded.confidence == pytest.approx(max(strings.values()), abs=1e-4)
    assert decoded.says_ink == decoded.text
    for alternative in decoded.alternatives:
        assert alternative.confidence <= strings[alternative.text] + 1e-6
        assert alternative.confidence == pytest.approx(strings[alternative.text], abs=2e-3)


@settings(deadline=None)
@given(rows=lines)
def test_a_decoded_line_holds_together(rows):
    decoded = decode(rows)
    told = [decoded.confidence, *(alternative.confidence for alternative in decoded.alternatives)]
    assert sum(told) <= 1 + 1e-6
    assert told == sorted(told, reverse=True)
    assert len(told) <= 6
    assert all(confidence >= 0.001 for confidence in told[1:])
    texts = [decoded.text, *(alternative.text for alternative in decoded.alternatives)]
    assert len(set(texts)) == len(texts)
    assert "".join(ALPHABET[symbol.index] for symbol in decoded.digits) == decoded.text
    assert "".join(name for name in decoded.written if name not in SEPARATORS) == decoded.text
    assert Counter(decoded.written) == Counter(ALPHABET[s.index] for s in (*decoded.digits, *decoded.separators))
    steps = [symbol.step for symbol in decoded.digits]
    assert steps == sorted(set(steps))
    for symbol in (*decoded.digits, *decoded.separators):
        assert 0 <= symbol.step <= len(rows) - 1
        assert 0 <= symbol.confidence <= 1
        assert symbol.runner_up in set(range(10)) - {symbol.index}
    assert decode(rows) == decoded


@settings(deadline=None)
@given(rows=lines)
def test_separators_count_as_nothing(rows):
    one, other = decode(rows), decode(merged(rows))
    assert (one.text, one.confidence, one.digits) == (other.text, other.confidence, other.digits)
    assert one.alternatives == other.alternatives
    assert other.written == other.text


@settings(deadline=None)
@given(rows=lines, before=st.integers(0, 20), after=st.integers(0, 20))
def test_empty_steps_around_a_line_change_nothing(rows, before, after):
    one, other = decode(rows), decode(np.concatenate([peaks(*[""] * before), rows, peaks(*[""] * after)]))
    assert (other.text, other.written) == (one.text, one.written)
    assert other.confidence == pytest.approx(one.confidence, abs=1e-9)
    moved = [symbol.step - before for symbol in other.digits]
    assert moved == pytest.approx([symbol.step for symbol in one.digits], abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    text=st.text("0123456789?", min_size=1, max_size=9),
    seed=st.integers(0, 1000),
    doubtful=st.sets(st.integers(0, 8), max_size=3),
    gap=st.integers(5, 14),
)
def test_cutting_a_line_into_segments_costs_no_confidence(text, seed, doubtful, gap):
    doubtful = {place for place in doubtful if text[place : place + 1] not in ("", "?")}
    rows = written(text, seed, doubtful, gap)
    decoded = decode(rows)
    assert decoded.confidence == pytest.approx(forward(rows, decoded.text), abs=1e-4)
    if not doubtful:
        assert decoded.text == text
        assert [symbol.step for symbol in decoded.digits] == pytest.approx(
            [place * gap + gap // 2 for place in range(len(text))], abs=1
        )


def test_equal_digits_need_nothing_between_them():
    assert decode(peaks("1", "1")).text == "1"
    assert decode(peaks("1", "", "1")).text == "11"
    assert decode(peaks("1", ".", "1")).text == "11"
    assert decode(peaks("1", "2", "1")).text == "121"


def test_separators_stand_in_their_places():
    rows = peaks(*"=", "", *"18", "8", "9", ".", ".", "", "6", "0", "", "3", ",", "-", "", "-", "#")
    decoded = decode(rows)
    assert decoded.text == "189603"
    assert decoded.written == "=189.603,--#"
    assert [symbol.step for symbol in decoded.separators] == [0, 6.5, 13, 14, 16, 17]
    assert [symbol.step for symbol in decoded.digits] == [2, 3.5, 5, 9, 10, 12]
    assert all(symbol.confidence == 1 for symbol in (*decoded.digits, *decoded.separators))


def test_a_digit_in_doubt_says_what_it_might_be():
    decoded = decode(written("189603", doubtful=[3]))
    assert decoded.text == "189603"
    assert decoded.alternatives[0].text == "189203"
    doubts = [symbol.confidence < 0.9 for symbol in decoded.digits]
    assert doubts == [False, False, False, True, False, False]
    assert decoded.digits[3].runner_up == 2
    assert decoded.confidence < decoded.digits[3].confidence


def test_a_digit_that_may_be_missing_casts_doubt_on_itself_alone():
    rows = peaks("1", "", *[""] * 4, "2", *[""] * 4, "3")
    rows[6] = 0
    rows[6, [2, BLANK]] = 0.7, 0.3
    decoded = decode(rows)
    assert (decoded.text, decoded.alternatives[0].text) == ("123", "13")
    assert [symbol.confidence for symbol in decoded.digits] == pytest.approx([1, 0.7, 1], abs=1e-6)


def test_a_text_that_is_not_the_best_path_is_placed_where_it_stands():
    # Nothing is likelier than 7 in each step, and 7 than nothing in the three together.
    rows = np.zeros((9, len(ALPHABET)), np.float32)
    rows[:, BLANK] = 1
    rows[3:6, BLANK], rows[3:6, 7] = 0.6, 0.4
    decoded = decode(rows)
    assert decoded.text == "7"
    assert 3 <= decoded.digits[0].step <= 5
    assert decoded.written == "7"


@settings(deadline=None, max_examples=60)
@given(
    rows=lines,
    expected=st.sampled_from([Expected(), Expected(length=4), Expected(length=(1, 3)), Expected(maximum=500), None]),
)
@example(
    rows=rows_of(np.array([[1.0] * 17, [8.0, *[1.0] * 16], *[[1.0] * 17] * 21]), range(17)), expected=Expected(length=4)
)
def test_with_an_expectation_the_answer_is_allowed_or_has_no_confidence(rows, expected):
    decoded, ink = decode(rows, expected), decode(rows)
    assert decoded.confidence <= 1
    if expected is None or expected.allows(ink.text):
        assert decoded.text == decoded.says_ink
        assert decoded.confidence >= ink.confidence - 1e-6
    elif expected.allows(decoded.text):
        own = [alternative.text for alternative in decoded.alternatives]
        assert len(own) <= 5
        if decoded.says_ink == decoded.text:
            # Of noise, a wider search, made for the expectation, may find another text to be the likeliest: each loses
            # a little of what texts have. Neither is likely.
            assert forward(rows, decoded.text) > 0.9 * forward(rows, ink.text)
            assert decoded.confidence < 0.001
        else:
            assert decoded.says_ink == own[0]
    else:
        assert (decoded.text, decoded.confidence) == (decoded.says_ink, 0)


def test_an_expectation_settles_a_doubt():
    rows = written("79927398713", doubtful=[2], quiet=13)
    without, settled = decode(rows), decode(rows, Expected(length=11, check=luhn))
    assert without.confidence < 0.6
    assert without.digits[2].confidence < 0.8
    assert (settled.text, settled.says_ink) == ("79927398713", "79927398713")
    assert settled.confidence > 0.85
    assert settled.digits[2].confidence > 0.9


def test_an_expectation_never_silently_overrides_the_ink():
    rows = written("79927398717", doubtful=[10], quiet=13)
    ink, decoded = decode(rows), decode(rows, Expected(length=11, check=luhn))
    assert (ink.text, decoded.text, decoded.says_ink) == ("79927398717", "79927398713", "79927398717")
    own = next(alternative for alternative in decoded.alternatives if alternative.text == ink.text)
    assert own.confidence == pytest.approx(ink.confidence, abs=1e-6)
    assert decoded.digits[10].confidence < 0.6
    assert decoded.digits[10].runner_up == 7
    assert all(symbol.confidence > 0.9 for symbol in decoded.digits[:10])


def test_a_digit_that_the_ink_contradicts_is_told_though_the_text_is_spelled_by_other_marks():
    rows = peaks(*(name for digit in "48250" for name in (digit, "", "", "", "")))
    # The 8 may be two, and the 2 none, but hardly an 8.
    rows[7, 8], rows[7, BLANK] = 0.02, 0.98
    rows[10, 2], rows[10, BLANK] = 0.98, 0.02
    decoded = decode(rows, Expected(check=lambda text: text == "48850"))
    assert (decoded.text, decoded.says_ink) == ("48850", "48250")
    assert [symbol.confidence > 0.5 for symbol in decoded.digits] == [True, True, False, True, True]
    assert decoded.digits[2].runner_up == 2


def test_a_length_that_the_likeliest_strings_lack_is_searched_for():
    rows = peaks(*(name for digit in "18960" for name in (digit, "", "", "", "")), *[""] * 9)
    rows[30, 3], rows[30, BLANK] = 4e-4, 1 - 4e-4
    assert decode(rows).text == "18960"
    decoded = decode(rows, Expected(length=6))
    assert (decoded.text, decoded.says_ink) == ("189603", "18960")
    assert decoded.digits[5].step == pytest.approx(30)
    own = [alternative for alternative in decoded.alternatives if alternative.text == "18960"]
    assert own[0].confidence == pytest.approx(1 - 4e-4, abs=1e-6)


def test_where_nothing_allowed_is_found_all_is_as_the_ink_has_it_but_the_confidence():
    rows = written("189603", doubtful=[1])
    ink, decoded = decode(rows), decode(rows, Expected(length=40))
    assert decoded.confidence == 0
    assert (decoded.text, decoded.says_ink, decoded.digits) == (ink.text, ink.text, ink.digits)
    assert decoded.alternatives == ink.alternatives


def test_what_a_check_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        decode(written("12"), Expected(check=lambda text: 1 / 0))


def test_no_steps_and_empty_steps_say_nothing_for_certain():
    for steps in (0, 1, 500):
        decoded = decode(peaks(*[""] * steps))
        assert (decoded.text, decoded.written, decoded.confidence) == ("", "", 1)
        assert (decoded.digits, decoded.separators, decoded.alternatives) == ((), (), ())
        assert decode(peaks(*[""] * steps), Expected(length=2)).confidence == 0


@pytest.mark.parametrize("expected", [None, Expected(length=6), Expected(length=640)])
@pytest.mark.parametrize("kind", ["noise", "even", "digits"])
def test_lines_beyond_reason_are_decoded_in_bounds(kind, expected):
    rng = np.random.default_rng(0)
    if kind == "digits":
        rows = peaks(*(name for digit in rng.integers(0, 10, 1000) for name in (str(digit), "", "", "")))
        assert len(decode(rows).text) == 1000
        assert decode(rows).confidence == 1
    elif kind == "noise":
        rows = rng.dirichlet(np.full(len(ALPHABET), 0.3), 4000).astype(np.float32)
    else:
        rows = np.full((4000, len(ALPHABET)), 1 / len(ALPHABET), np.float32)
    decoded = decode(rows, expected)
    if kind != "digits":
        assert decoded.confidence < 1e-6
        assert all(symbol.confidence < 1e-6 for symbol in decoded.digits)


def test_however_unlikely_a_line_is_its_confidence_is_not_that_of_what_nothing_expected_was_found_for():
    """No string is as likely as 1e-300 in this noise, and products of its steps vanish."""
    rows = rows_of(np.random.default_rng(0).dirichlet(np.ones(11), 700), [*range(10), BLANK])
    decoded = decode(rows)
    assert len(decoded.text) > 100
    assert 0 < decoded.confidence < 1e-200
    assert 0 < decode(rows, Expected(length=len(decoded.text))).confidence < 1e-200
    assert decode(rows, Expected(length=1)).confidence == 0


@pytest.mark.parametrize("name", ["4", "?", "-", ""])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.1, 2.0])
def test_what_are_no_probabilities_is_refused(name, wrong):
    rows = written("12")
    rows[3, ALPHABET.index(name)] = wrong
    with pytest.raises(ArtifactError, match="probabilities"):
        decode(rows)
