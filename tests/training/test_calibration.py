"""Temperature and calibration error: what they recover, their laws, and examples worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.card import Calibration
from edgedigits.risk import GRID
from edgedigits.training.calibration import (
    TEMPERATURES,
    calibrate,
    expected_calibration_error,
    fit_temperature,
    held_out_risk,
)
from edgedigits.training.digits import Digits

LOWEST, HIGHEST = TEMPERATURES
SEEDS = st.integers(0, 2**32 - 1)


def _softmax(logits):
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _sampled(rng, n, classes, temperature):
    """Logits, and labels that softmax(logits / temperature) is the law of."""
    logits = (4 * rng.standard_normal((n, classes))).astype(np.float32)
    reached = _softmax(logits.astype(np.float64) / temperature).cumsum(axis=1) > rng.random((n, 1))
    return logits, reached.argmax(axis=1)


@pytest.mark.parametrize("classes", [2, 10, 47])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_recovers_the_temperature_that_labels_were_drawn_at(classes, temperature):
    logits, labels = _sampled(np.random.default_rng(7), 20_000, classes, temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


@given(seed=SEEDS, classes=st.integers(2, 12), temperature=st.floats(0.3, 4))
def test_no_other_temperature_is_likelier(seed, classes, temperature):
    logits, labels = _sampled(np.random.default_rng(seed), 200, classes, temperature)

    def loss(tried):
        return -np.log(_softmax(logits.astype(np.float64) / tried)[np.arange(200), labels]).mean()

    fitted = fit_temperature(logits, labels)
    assert all(loss(fitted) <= loss(tried) + 1e-12 for tried in np.geomspace(*TEMPERATURES, 50))


@given(seed=SEEDS, power=st.integers(-2, 2))
def test_scales_with_the_logits(seed, power):
    logits, labels = _sampled(np.random.default_rng(seed), 300, 10, 1.0)
    assert fit_temperature(2.0**power * logits, labels) == pytest.approx(2.0**power * fit_temperature(logits, labels))


@given(seed=SEEDS)
def test_a_row_of_logits_has_no_origin(seed):
    rng = np.random.default_rng(seed)
    logits, labels = _sampled(rng, 300, 10, 1.5)
    moved = logits.astype(np.float64) + 1000 * rng.standard_normal((300, 1))
    assert fit_temperature(moved, labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-6)


@pytest.mark.parametrize("margin", [0, 1e-3, 1, 1e3, 1e30])
def test_where_every_answer_is_right_the_temperature_is_the_lowest(margin):
    labels = np.arange(50) % 10
    logits = (margin * np.eye(10)[labels]).astype(np.float32)
    assert fit_temperature(logits, labels) == pytest.approx(LOWEST)


def test_where_every_answer_is_wrong_the_temperature_is_the_highest():
    labels = np.arange(50) % 10
    assert fit_temperature(np.eye(10, dtype=np.float32)[labels - 1], labels) == pytest.approx(HIGHEST)


@pytest.mark.parametrize("logits", [np.empty((0, 10)), np.full((3, 10), np.nan), np.full((3, 10), np.inf)])
def test_refuses_logits_that_tell_nothing(logits):
    with pytest.raises(ValueError, match="finite"):
        fit_temperature(logits.astype(np.float32), np.zeros(len(logits), np.int64))


def test_calibration_error_worked_by_hand():
    confidence = np.array([0.2, 0.4, 0.55, 0.9, 1.0], np.float32)
    right = np.array([False, True, True, True, False])
    # Two bins: |0.3 - 1/2| over two digits, |0.81667 - 2/3| over three.
    assert expected_calibration_error(confidence, right, bins=2) == pytest.approx(0.4 * 0.2 + 0.6 * 0.15)


def test_the_upper_edge_belongs_to_a_bin_and_0_to_the_first():
    confidence = np.array([0.0, 0.5, 1.0], np.float32)
    right = np.array([True, False, True])
    assert expected_calibration_error(confidence, right, bins=2) == pytest.approx((abs(0.5 - 1) + 0) / 3)


@given(per_level=st.integers(1, 5), bins=st.integers(1, 40))
def test_no_error_where_confidence_is_accuracy(per_level, bins):
    levels = np.arange(17) / 16
    confidence = np.repeat(levels, 16 * per_level).astype(np.float32)
    right = np.concatenate([np.arange(16 * per_level) < per_level * wins for wins in range(17)])
    assert expected_calibration_error(confidence, right, bins) == pytest.approx(0, abs=1e-12)


@given(seed=SEEDS, n=st.integers(1, 200), bins=st.integers(1, 30))
def test_laws_of_the_calibration_error(seed, n, bins):
    rng = np.random.default_rng(seed)
    confidence, right = rng.random(n, np.float32), rng.random(n) < 0.7
    order = rng.permutation(n)
    error = expected_calibration_error(confidence, right, bins)
    assert 0 <= error <= 1
    assert expected_calibration_error(confidence[order], right[order], bins) == pytest.approx(error)
    assert abs(confidence.mean(dtype=np.float64) - right.mean()) <= error + 1e-12
    assert error <= expected_calibration_error(confidence, right, 2 * bins) + 1e-12


def test_fitting_the_temperature_mends_the_calibration_error():
    logits, labels = _sampled(np.random.default_rng(3), 20_000, 10, 2.5)
    right = logits.argmax(axis=1) == labels

    def error(temperature):
        return expected_calibration_error(_softmax(logits / temperature).max(axis=1), right)

    assert error(1) > 0.1
    assert error(fit_temperature(logits, labels)) < 0.02


def test_refuses_to_measure_calibration_on_nothing():
    with pytest.raises(ValueError, match="at least one"):
        expected_calibration_error(np.empty(0, np.float32), np.empty(0, bool))


def _held_out(labels):
    return Digits("made", np.zeros((len(labels), 28, 28), np.uint8), labels)


@pytest.mark.parametrize("classes", [10, 11])
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_a_network_is_calibrated_by_the_digits_held_out(classes, temperature):
    logits, labels = _sampled(np.random.default_rng(5), 20_000, 10, temperature)
    if classes == 11:
        # What is no digit is told apart, and next to impossible.
        logits = np.column_stack([logits, np.full(len(logits), -1000, np.float32)])
    calibration, risk = calibrate(logits, _held_out(labels))
    assert (calibration.method, calibration.n) == ("temperature", 20_000)
    assert calibration.temperature == pytest.approx(temperature, rel=0.05)
    assert calibration.ece_before > 0.05
    assert calibration.ece_after < 0.02
    assert (risk.dataset, risk.n) == ("made, held out of the training split", 20_000)
    assert risk.accepted[-1] == 20_000
    assert risk.errors[-1] == (logits[:, :10].argmax(axis=1) != labels).sum()


@given(seed=SEEDS, n=st.integers(1, 300), classes=st.sampled_from([10, 11]))
def test_calibration_is_what_a_naive_computation_gives(seed, n, classes):
    rng = np.random.default_rng(seed)
    logits = (4 * rng.standard_normal((n, classes))).astype(np.float32)
    labels = np.where(rng.random(n) < 0.7, logits[:, :10].argmax(axis=1), rng.integers(0, 10, n))
    calibration, risk = calibrate(logits, _held_out(labels))
    assert calibration.temperature == fit_temperature(logits, labels)
    right = logits[:, :10].argmax(axis=1) == labels
    digits_before, digits_after = (
        _softmax(logits.astype(np.float64) / t)[:, :10] for t in (1, calibration.temperature)
    )
    before, after = digits_before.max(axis=1), digits_after.max(axis=1)
    likelier_none = 1 - digits_after.sum(axis=1) > after + 1e-6
    assert calibration.ece_before == pytest.approx(expected_calibration_error(before, right), abs=0.02)
    assert calibration.ece_after == pytest.approx(expected_calibration_error(after, right), abs=0.02)
    near = np.abs(after[:, None] - np.array(GRID)).min(axis=0) < 1e-6
    for i, threshold in enumerate(GRID):
        if not near[i]:
            accepted = (after >= threshold) & ~likelier_none
            assert (risk.accepted[i], risk.errors[i]) == (accepted.sum(), (accepted & ~right).sum())


@given(seed=SEEDS)
def test_a_digit_taken_for_no_digit_is_accepted_at_no_threshold(seed):
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((50, 11)).astype(np.float32)
    logits[:, 10] = 30
    _, risk = calibrate(logits, _held_out(rng.integers(0, 10, 50)))
    assert (risk.n, risk.accepted[-1]) == (50, 0)


@given(seed=SEEDS, n=st.integers(1, 100), nondigits=st.integers(0, 20))
def test_the_risk_of_probabilities_is_that_of_the_digits_among_them(seed, n, nondigits):
    rng = np.random.default_rng(seed)
    probabilities = _softmax(4 * rng.standard_normal((n + nondigits, 11))).astype(np.float32)[:, :10]
    labels = np.concatenate([rng.integers(0, 10, n), np.full(nondigits, 10)])
    order = rng.permutation(n + nondigits)
    risk = held_out_risk(probabilities[order], _held_out(labels[order]))
    assert risk == held_out_risk(probabilities[:n], _held_out(labels[:n]))
    assert (risk.dataset, risk.n) == ("made, held out of the training split", n)
    assert risk.errors[-1] <= (probabilities[:n].argmax(axis=1) != labels[:n]).sum()


@given(seed=SEEDS, n=st.integers(1, 100))
def test_the_risk_of_a_calibrated_networks_answers_is_what_calibrating_found(seed, n):
    rng = np.random.default_rng(seed)
    logits, labels = (4 * rng.standard_normal((n, 11))).astype(np.float32), rng.integers(0, 10, n)
    calibration, risk = calibrate(logits, _held_out(labels))
    answers = _softmax(logits.astype(np.float64) / calibration.temperature)[:, :10]
    found = held_out_risk(answers.astype(np.float32), _held_out(labels))
    # Those that lie on a threshold may fall on either side of it.
    assert max(np.abs(np.array(found.accepted) - np.array(risk.accepted))) <= 2
    assert (found.dataset, found.n) == (risk.dataset, risk.n)


def test_a_calibration_is_plain_numbers():
    calibration, _ = calibrate(np.eye(11, dtype=np.float32)[:10], _held_out(np.arange(10)))
    assert [type(value) for value in vars(calibration).values()] == [str, float, int, float, float]
    assert calibration == Calibration(**vars(calibration))


def test_refuses_to_calibrate_on_nothing():
    with pytest.raises(ValueError, match="at least one"):
        calibrate(np.empty((0, 11), np.float32), _held_out(np.empty(0, np.int64)))
