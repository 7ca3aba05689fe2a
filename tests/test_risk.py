"""What a validation split can promise: exact tails, a naive count, laws, and the promise kept in simulation."""

import json
import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgedigits.errors import InputError, UnpromisedError
from edgedigits.risk import GRID, RiskCurve, _binomial_cdf, acceptance_score, risk_curve

RATES = st.floats(1e-4, 0.5)


@st.composite
def curves(draw):
    """Curves of few and many thresholds, whose counts leap and creep."""
    steps = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 4)), min_size=1, max_size=8)
    accepted, errors = np.cumsum([(max(digits, wrong), wrong) for digits, wrong in draw(steps)], axis=0).T.tolist()
    n = max(1, accepted[-1] + draw(st.integers(0, 100)))
    thresholds = tuple(1 - (i + 1) / len(accepted) for i in range(len(accepted)))
    return RiskCurve("drawn", n, thresholds, tuple(accepted), tuple(errors))


def _thresholds_kept(curve, max_error):
    try:
        return curve.threshold_for(max_error)
    except UnpromisedError:
        return math.inf


def _drawn_curves(rng, draws, n, share, rate):
    """Curves of independent splits: `share` of the digits fall between a threshold and the one before, wrong at `rate`.

    Also the true error rate at every threshold.
    """
    fallen = rng.multinomial(n, share, size=draws)
    accepted, errors = fallen.cumsum(axis=1).tolist(), rng.binomial(fallen, rate).cumsum(axis=1).tolist()
    drawn = [RiskCurve("drawn", n, GRID, tuple(a), tuple(e)) for a, e in zip(accepted, errors, strict=True)]
    return drawn, dict(zip(GRID, (share * rate).cumsum() / share.cumsum(), strict=True))


def test_the_grid_descends_to_0_and_float32_tells_its_thresholds_apart():
    assert (GRID[0], GRID[-1]) == (0.999999, 0.0)
    assert (np.diff(np.array(GRID, np.float32)) < 0).all()


@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("p", [Fraction(1, 1000), Fraction(1, 4), Fraction(1, 2), Fraction(9, 10)])
def test_binomial_tail_is_the_exact_sum(n, p):
    for k in range(n + 1):
        exact = sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))
        assert _binomial_cdf(k, n, float(p)) == pytest.approx(float(exact), rel=1e-12)


def test_binomial_tail_of_a_million_is_the_sum_of_integers():
    n, k = 10**6, 60
    odds_against = 9999  # p = 1/10000
    numerator = sum(math.comb(n, i) * odds_against ** (k - i) for i in range(k + 1))
    # (1 - p)^(n - k) is taken out of the sum, to keep its integers short.
    exact = numerator / 10000**k * math.exp((n - k) * math.log1p(-1e-4))
    assert _binomial_cdf(k, n, 1e-4) == pytest.approx(exact, rel=1e-7)


@pytest.mark.parametrize("n", [10**3 + 1, 10**6 - 1])
def test_binomial_tail_of_a_fair_coin_is_half_at_the_middle(n):
    assert _binomial_cdf(n // 2, n, 0.5) == pytest.approx(0.5, rel=1e-7)


@given(n=st.integers(1, 10**6), p=st.floats(1e-9, 1 - 1e-9), data=st.data())
def test_laws_of_the_binomial_tail(n, p, data):
    k = data.draw(st.integers(0, n - 1))
    tail = _binomial_cdf(k, n, p)
    assert 0 <= tail <= 1 + 1e-7
    assert tail <= _binomial_cdf(k + 1, n, p) + 1e-7
    assert tail == pytest.approx(1 - _binomial_cdf(n - k - 1, n, 1 - p), abs=1e-6)


@pytest.mark.parametrize(
    ("errors", "n", "bound"),
    # Without errors 1 - 0.05^(1/n), the "rule of three"; one of two: (1 - p)^2 + 2p(1 - p) = 0.05 at p = sqrt(0.95).
    [(0, 1, 0.95), (0, 3000, 1 - 0.05 ** (1 / 3000)), (1, 2, math.sqrt(0.95)), (5, 5, 1.0), (0, 0, 1.0)],
)
def test_clopper_pearson_bound_of_known_cases(errors, n, bound):
    curve = RiskCurve("made", max(n, 1), (0.0,), (n,), (errors,))
    assert curve.risk_bound() == pytest.approx([bound])


@given(n=st.integers(1, 300), seed=st.integers(0, 2**32 - 1))
def test_a_curve_is_what_a_naive_count_gives(n, seed):
    rng = np.random.default_rng(seed)
    confidence = (1 - 10 ** -rng.uniform(0, 7, n)).astype(np.float32)
    confidence[:: max(1, n // 5)] = np.float32(GRID[40])
    right = rng.random(n) < 0.8
    curve = risk_curve("drawn", confidence, right)
    for threshold, accepted, errors in zip(curve.thresholds, curve.accepted, curve.errors, strict=True):
        reached = [bool(ok) for sure, ok in zip(confidence, right, strict=True) if sure >= np.float32(threshold)]
        assert (accepted, errors) == (len(reached), reached.count(False))
    assert (curve.n, curve.accepted[-1]) == (n, n)
    np.testing.assert_allclose(curve.coverage, np.array(curve.accepted) / n)
    np.testing.assert_allclose(curve.risk[-1], 1 - right.mean())


def test_risk_is_undefined_where_nothing_is_accepted():
    np.testing.assert_array_equal(RiskCurve("made", 4, (0.9, 0.0), (0, 4), (0, 1)).risk, [np.nan, 0.25])


@given(curve=curves())
def test_a_curve_survives_json(curve):
    assert RiskCurve.from_dict(json.loads(json.dumps(curve.to_dict()))) == curve


@pytest.mark.parametrize(
    "change",
    [
        {"n": 0},
        {"n": 99},
        {"n": 100.0},
        {"n": True},
        {"n": "100"},
        {"thresholds": [0.9, 0.5]},
        {"thresholds": [0.5, 0.9, 0.0]},
        {"thresholds": [1.1, 0.5, 0.0]},
        {"thresholds": [0.9, 0.5, -0.1]},
        {"thresholds": [0.9, math.nan, 0.0]},
        {"thresholds": 0.9},
        {"thresholds": ["high", "low", "none"]},
        {"thresholds": [], "accepted": [], "errors": []},
        {"accepted": [60, 50, 100]},
        {"accepted": [-1, 50, 100]},
        {"accepted": [50, 90.5, 100]},
        {"errors": [0, 2, 1]},
        {"errors": [51, 51, 51]},
        {"errors": [0, 0, 11]},
        {"errors": None},
    ],
)
def test_a_curve_that_cannot_have_been_counted_is_refused(change):
    fields = {
        "dataset": "made",
        "n": 100,
        "thresholds": [0.9, 0.5, 0.0],
        "accepted": [50, 90, 100],
        "errors": [0, 1, 3],
    }
    assert RiskCurve.from_dict(fields).errors == (0, 1, 3)
    with pytest.raises(ValueError, match="curve"):
        RiskCurve.from_dict(fields | change)


@pytest.mark.parametrize("missing", ["dataset", "n", "thresholds", "accepted", "errors"])
def test_a_curve_with_a_part_missing_is_refused(missing):
    fields = RiskCurve("made", 1, (0.0,), (1,), (0,)).to_dict()
    del fields[missing]
    with pytest.raises(ValueError, match=missing):
        RiskCurve.from_dict(fields)


def test_a_curve_of_no_digits_is_refused():
    with pytest.raises(ValueError, match="at least one example"):
        risk_curve("empty", np.empty(0, np.float32), np.empty(0, bool))


@pytest.mark.parametrize("n", [0, 2**53 + 1, 10**400])
def test_a_curve_of_more_digits_than_can_be_counted_or_of_none_is_refused(n):
    with pytest.raises(ValueError, match="at least one example and on no more than"):
        RiskCurve("made", n, (0.0,), (n,), (0,))


@pytest.mark.parametrize(
    ("accepted", "errors", "expected"),
    [
        ((100, 400, 800), (0, 0, 0), 0.0),  # 299 digits without an error show 1%
        ((100, 400, 473), (0, 0, 1), 0.0),  # and 473 with one
        ((100, 400, 472), (0, 0, 1), 0.5),
        ((298, 400, 800), (0, 3, 3), None),  # 800 with 3 would pass, but the walk ended before them
        ((298, 500, 800), (1, 1, 1), None),  # as it does at an error that comes before it could begin
        ((299, 500, 800), (0, 1, 3), 0.0),
    ],
)
def test_the_walk_worked_by_hand(accepted, errors, expected):
    curve = RiskCurve("made", 800, (0.9, 0.5, 0.0), accepted, errors)
    if expected is None:
        with pytest.raises(UnpromisedError):
            curve.threshold_for(0.01)
    else:
        assert curve.threshold_for(0.01) == expected


@given(curve=curves(), rates=st.tuples(RATES, RATES))
def test_who_allows_more_errors_never_gets_a_higher_threshold(curve, rates):
    assert _thresholds_kept(curve, max(rates)) <= _thresholds_kept(curve, min(rates))


@given(curve=curves(), rate=RATES)
def test_who_asks_for_more_confidence_never_gets_a_lower_threshold(curve, rate):
    try:
        sure = curve.threshold_for(rate, confidence=0.99)
    except UnpromisedError:
        return
    assert curve.threshold_for(rate, confidence=0.9) <= sure


@given(curve=curves(), rate=RATES)
def test_the_bound_at_a_promised_threshold_keeps_the_promise(curve, rate):
    threshold = _thresholds_kept(curve, rate)
    assume(threshold < math.inf)
    assert curve.risk_bound()[curve.thresholds.index(threshold)] <= rate + 1e-12


@given(curve=curves())
def test_the_least_error_is_the_least_that_is_promised(curve):
    least = curve.least_error()
    if least < 1:
        curve.threshold_for(least)
    with pytest.raises(UnpromisedError):
        curve.threshold_for(least * (1 - 1e-6))


@given(curve=curves())
def test_the_refusal_names_a_rate_that_is_granted(curve):
    assume(curve.least_error() < 0.9)
    with pytest.raises(UnpromisedError) as refused:
        curve.threshold_for(curve.least_error() / 2)
    named = re.search(r"the least is ([\d.]+)%", str(refused.value))
    assert curve.least_error() <= float(named[1]) / 100 * (1 + 1e-12) <= 1.2 * curve.least_error()
    curve.threshold_for(float(named[1]) / 100)


def test_the_refusal_in_words():
    curve = RiskCurve("made", 5000, (0.9, 0.0), (4000, 5000), (0, 0))
    with pytest.raises(UnpromisedError) as refused:
        curve.threshold_for(0.0001)
    assert str(refused.value) == (
        "an error rate of 0.01% cannot be promised with 95% confidence: with 5,000 validation examples, the least is "
        "0.06%; allow more errors, or validate on more examples"
    )


@pytest.mark.parametrize("value", [0, 1, -0.1, 5, math.nan, math.inf])
def test_rates_and_confidences_lie_between_0_and_1(value):
    curve = RiskCurve("made", 10, (0.0,), (10,), (0,))
    for asked in (
        lambda: curve.threshold_for(value),
        lambda: curve.threshold_for(0.5, confidence=value),
        lambda: curve.least_error(value),
        lambda: curve.risk_bound(value),
    ):
        with pytest.raises(InputError, match="between 0 and 1"):
            asked()


# A split promises falsely in at most 5% of the draws; 7% of 1000 is three standard deviations above.
DRAWS, MAX_FALSE = 1000, 0.07


@pytest.mark.parametrize("max_error", [0.003, 0.01, 0.05])
def test_the_promise_is_kept_by_a_calibrated_model(max_error):
    share = np.full(len(GRID), 1 / len(GRID))
    rate = 1 - (np.array(GRID) + np.array((1, *GRID[:-1]))) / 2
    drawn, risk = _drawn_curves(np.random.default_rng(1), DRAWS, 4000, share, rate)
    chosen = [_thresholds_kept(curve, max_error) for curve in drawn]
    assert np.mean([threshold < math.inf and risk[threshold] > max_error for threshold in chosen]) <= MAX_FALSE
    # A promise that accepts next to nothing would be kept, too.
    promised = [share[: GRID.index(threshold) + 1].sum() for threshold in chosen if threshold < math.inf]
    within = share[: sum(true <= max_error for true in risk.values())].sum()
    assert len(promised) > 0.9 * DRAWS
    assert np.mean(promised) > 0.75 * within


def test_the_promise_is_kept_by_a_model_just_worse_than_what_is_asked():
    share = np.random.default_rng(2).dirichlet(np.ones(len(GRID)))
    drawn, _ = _drawn_curves(np.random.default_rng(3), DRAWS, 4000, share, np.full(len(GRID), 0.01001))
    false = np.mean([_thresholds_kept(curve, 0.01) < math.inf for curve in drawn])
    assert 0.01 < false <= MAX_FALSE


def test_the_promise_is_kept_by_a_model_that_turns_bad_where_the_walk_begins():
    share, rate = np.full(len(GRID), 1e-5), np.zeros(len(GRID))
    share[[10, 20]] = 0.06, 0.04
    share[30] += 1 - share.sum()
    rate[20], rate[21:] = 0.0252, 0.2
    drawn, risk = _drawn_curves(np.random.default_rng(4), DRAWS, 3000, share, rate)
    chosen = [_thresholds_kept(curve, 0.01) for curve in drawn]
    assert risk[GRID[20]] > 0.01
    assert np.mean([threshold < math.inf and risk[threshold] > 0.01 for threshold in chosen]) <= MAX_FALSE


def test_a_score_is_the_confidence_unless_it_is_likelier_no_digit():
    probabilities = np.full((3, 10), 0.01, np.float32)
    probabilities[0, 3], probabilities[1, 4], probabilities[2, 5] = 0.8, 0.3, 0.46
    assert acceptance_score(probabilities).tolist() == [np.float32(0.8), -1, np.float32(0.46)]


@given(st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_models_that_know_no_other_class_are_scored_by_their_confidence(n, seed):
    logits = np.random.default_rng(seed).normal(0, 5, (n, 10)).astype(np.float32)
    exponentials = np.exp(logits)
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    assert (acceptance_score(probabilities) == probabilities.max(axis=1)).all()


def test_a_share_to_accept_gives_the_strictest_threshold_and_its_bound():
    curve = RiskCurve("drawn", 1000, (0.9, 0.7, 0.5, 0.0), (600, 990, 990, 995), (0, 2, 2, 4))
    bound = curve.risk_bound()
    assert curve.at_coverage(0.99) == (0.7, bound[1])
    assert curve.at_coverage(0.5) == (0.9, bound[0])
    assert curve.at_coverage(1.0) == (0.0, bound[3])


def test_an_error_rate_that_is_no_number_is_refused():
    curve = risk_curve("drawn", np.ones(10, np.float32), np.ones(10, np.bool_))
    with pytest.raises(InputError, match=r"an error rate is a number, not '0\.01'"):
        curve.threshold_for("0.01")
