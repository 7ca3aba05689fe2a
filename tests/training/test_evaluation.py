"""What a model's answers are worth: known values, laws, and a naive computation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import evaluate, mean_interval, wilson_interval

COUNTS = st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
ROUNDING = 1e-12


def _random_answers(n, seed):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(10, 0.2), n).astype(np.float32)
    labels = rng.integers(0, 10, n)
    return probabilities, Digits("random", rng.integers(0, 256, (n, 28, 28), np.uint8), labels)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe, Statist. Med. 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_of_published_examples(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(counts=COUNTS)
def test_wilson_interval_contains_the_share_and_stays_between_0_and_1(counts):
    successes, n = counts
    low, high = wilson_interval(successes, n)
    assert 0 <= low <= successes / n + ROUNDING
    assert successes / n - ROUNDING <= high <= 1
    assert low < high


@given(counts=COUNTS, factor=st.integers(2, 100))
def test_wilson_interval_narrows_with_more_digits(counts, factor):
    few, many = wilson_interval(*counts), wilson_interval(*(factor * count for count in counts))
    assert many[1] - many[0] < few[1] - few[0]


@given(counts=COUNTS)
def test_wilson_interval_of_errors_mirrors_that_of_successes(counts):
    successes, n = counts
    low, high = wilson_interval(successes, n)
    assert wilson_interval(n - successes, n) == pytest.approx((1 - high, 1 - low))


@given(n=st.integers(1, 60), seed=st.integers(0, 2**32), threshold=st.floats(0, 1))
def test_evaluation_is_what_a_naive_computation_gives(n, seed, threshold):
    probabilities, digits = _random_answers(n, seed)
    correct = accepted = accepted_errors = 0
    loss = 0.0
    confusion = np.zeros((10, 10), np.int64)
    for row, label in zip(probabilities, digits.labels, strict=True):
        answer = max(range(10), key=lambda i: row[i])
        correct += answer == label
        accepted += row[answer] >= threshold
        accepted_errors += bool(row[answer] >= threshold and answer != label)
        loss -= math.log(max(row[label], 1.1754943508222875e-38)) / n
        confusion[label, answer] += 1
    evaluation = evaluate(probabilities, digits, threshold)
    found = evaluation.accuracy
    assert (found.dataset, found.n, found.correct, found.accepted_errors) == ("random", n, correct, accepted_errors)
    assert found.coverage == pytest.approx(accepted / n)
    assert found.loss == pytest.approx(loss)
    assert found.ci95 == wilson_interval(correct, n)
    np.testing.assert_array_equal(evaluation.confusion, confusion)


@given(n=st.integers(1, 60), seed=st.integers(0, 2**32))
def test_worst_mistakes_are_all_wrong_answers_surest_first(n, seed):
    probabilities, digits = _random_answers(n, seed)
    evaluation = evaluate(probabilities, digits, 0.5)
    worst = evaluation.worst_mistakes(n)
    assert set(worst) == set(np.flatnonzero(probabilities.argmax(axis=1) != digits.labels))
    assert (np.diff(probabilities[worst].max(axis=1)) <= 0).all()
    np.testing.assert_array_equal(evaluation.worst_mistakes(3), worst[:3])


@given(n=st.integers(1, 60), seed=st.integers(0, 2**32), threshold=st.floats(0, 1, width=32))
def test_worst_mistakes_of_those_accepted_are_the_first_of_all(n, seed, threshold):
    probabilities, digits = _random_answers(n, seed)
    evaluation = evaluate(probabilities, digits, 0.5)
    worst, accepted = evaluation.worst_mistakes(n), evaluation.worst_mistakes(n, accepted_from=threshold)
    np.testing.assert_array_equal(accepted, worst[: len(accepted)])
    assert (probabilities[accepted].max(axis=1) >= threshold).all()
    assert (probabilities[worst[len(accepted) :]].max(axis=1) < threshold).all()
    np.testing.assert_array_equal(evaluation.worst_mistakes(2, accepted_from=threshold), accepted[:2])


@given(n=st.integers(1, 60), seed=st.integers(0, 2**32))
def test_risk_counts_what_accuracy_does_at_every_threshold(n, seed):
    probabilities, digits = _random_answers(n, seed)
    risk = evaluate(probabilities, digits, 0.5).risk
    assert (risk.dataset, risk.n) == ("random", n)
    for threshold, accepted, errors in zip(risk.thresholds[::10], risk.accepted[::10], risk.errors[::10], strict=True):
        accuracy = evaluate(probabilities, digits, threshold).accuracy
        assert (round(n * accuracy.coverage), accuracy.accepted_errors) == (accepted, errors)
    assert (risk.accepted[-1], risk.errors[-1]) == (n, (probabilities.argmax(axis=1) != digits.labels).sum())


def test_mean_interval_worked_by_hand():
    # Of 1, 2, 3, 4, 5: deviation sqrt(10 / 4), Student's t at 4 degrees of freedom 2.776.
    mean, deviation, (low, high) = mean_interval([5.0, 1.0, 4.0, 2.0, 3.0])
    half = 2.776 * math.sqrt(2.5) / math.sqrt(5)
    assert (mean, deviation, low, high) == pytest.approx((3, math.sqrt(2.5), 3 - half, 3 + half))


@pytest.mark.parametrize("n", [2, 3, 5, 8, 10, 20, 40])
def test_mean_interval_holds_the_true_mean_as_often_as_it_says(n):
    rng = np.random.default_rng(n)
    intervals = [mean_interval(rng.normal(0.99, 0.001, n).tolist())[2] for _ in range(4000)]
    held = np.mean([low <= 0.99 <= high for low, high in intervals])
    # What the table leaves out is bounded by the nearest smaller number of degrees of freedom: never too narrow.
    assert 0.94 < held < (0.96 if n <= 10 else 0.97)


@given(values=st.lists(st.floats(0, 1), min_size=2, max_size=40), shift=st.floats(-1, 1))
def test_laws_of_the_mean_interval(values, shift):
    mean, deviation, (low, high) = mean_interval(values)
    assert low <= mean <= high
    assert deviation >= 0
    assert mean - low == pytest.approx(high - mean)
    moved = mean_interval([value + shift for value in values])
    assert (moved[0], moved[1], *moved[2]) == pytest.approx(
        (mean + shift, deviation, low + shift, high + shift), abs=1e-9
    )


def test_recall_and_precision_by_class():
    labels = np.array([0, 0, 0, 0, 1, 2])
    answers = np.array([0, 0, 0, 1, 1, 0])
    evaluation = evaluate(np.eye(10, dtype=np.float32)[answers], Digits("made", np.zeros((6, 28, 28)), labels), 0.5)
    np.testing.assert_allclose(evaluation.recall[:4], [3 / 4, 1, 0, np.nan])
    np.testing.assert_allclose(evaluation.precision[:4], [3 / 4, 1 / 2, np.nan, np.nan])


def test_loss_stays_finite_where_a_wrong_answer_is_certain():
    digits = Digits("made", np.zeros((1, 28, 28), np.uint8), np.array([3]))
    loss = evaluate(np.eye(10, dtype=np.float32)[[4]], digits, 0.5).accuracy.loss
    assert loss == pytest.approx(-math.log(np.finfo(np.float32).tiny))
