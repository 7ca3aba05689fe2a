"""Whether a model's confidence is its accuracy, and the temperature that brings the two together. Needs numpy alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgedigits.card import Calibration
from edgedigits.risk import RiskCurve, acceptance_score, risk_curve
from edgedigits.training.digits import Digits

__all__ = ["TEMPERATURES", "calibrate", "expected_calibration_error", "fit_temperature", "held_out_risk"]

TEMPERATURES = (0.05, 20.0)
"""Lowest and highest temperature that is fitted."""


def calibrate(logits: NDArray[np.float32], digits: Digits) -> tuple[Calibration, RiskCurve]:
    """What held-out `digits` say of a network that gave them `logits`, `float32 [n, classes]`.

    Those labelled as no digit have their part in the temperature and in the calibration error, where no answer is right
    for them. The risk curve is that of the digits alone, by calibrated probabilities.
    """
    temperature = fit_temperature(logits, digits.labels)
    right = logits[:, :10].argmax(axis=1) == digits.labels
    before, after = _probabilities(logits), _probabilities(logits / np.float32(temperature))
    calibration = Calibration(
        method="temperature",
        temperature=temperature,
        n=len(digits),
        ece_before=expected_calibration_error(before.max(axis=1), right),
        ece_after=expected_calibration_error(after.max(axis=1), right),
    )
    return calibration, held_out_risk(after, digits)


def held_out_risk(probabilities: NDArray[np.float32], digits: Digits) -> RiskCurve:
    """The risk curve of calibrated `probabilities`, `float32 [n, 10]`, given to held-out `digits`, non-digits aside."""
    is_digit = digits.labels < 10
    right = probabilities.argmax(axis=1) == digits.labels
    held_out = f"{digits.dataset}, held out of the training split"
    return risk_curve(held_out, acceptance_score(probabilities[is_digit]), right[is_digit])


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The T that minimises the mean negative log-likelihood of softmax(logits / T) (Guo et al., arXiv 1706.04599).

    `logits` is float32 [n, classes], `labels` int64 [n]. The loss is convex in 1/T, so its slope has one root, which is
    bisected in log T. Where the minimum lies outside `TEMPERATURES`, the nearer end is returned: the lower one where
    every answer is right, since then no T is too low. Raises `ValueError` where there are no logits, or some are not
    finite.
    """
    if not len(logits) or not np.isfinite(logits).all():
        raise ValueError("a temperature is fitted to at least one row of logits, all of them finite")
    # Softmax does not change with a row's offset; with none above 0, nothing overflows.
    centred = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    true = centred[np.arange(len(labels)), labels].mean()
    low, high = TEMPERATURES
    while high > low * (1 + 1e-10):
        temperature = math.sqrt(low * high)
        weights = np.exp(centred / temperature)
        expected = ((weights * centred).sum(axis=1) / weights.sum(axis=1)).mean()
        if expected <= true:
            high = temperature
        else:
            low = temperature
    return math.sqrt(low * high)


def expected_calibration_error(confidence: NDArray[np.float32], right: NDArray[np.bool_], bins: int = 15) -> float:
    """Mean distance between confidence and accuracy over equal-width bins, weighted by their digits.

    `confidence` is float32 [n] from 0 to 1, `right` bool [n]. Bin m holds what lies in ((m - 1) / bins, m / bins], as
    in Guo et al. (arXiv 1706.04599), who use 15. Raises `ValueError` where n is 0.
    """
    if not len(confidence):
        raise ValueError("a calibration error is measured on at least one digit")
    sure = confidence.astype(np.float64)
    bin_of = np.maximum(np.ceil(sure * bins).astype(np.int64) - 1, 0)
    excess = np.bincount(bin_of, weights=sure - right, minlength=bins)
    return float(np.abs(excess).sum() / len(sure))


def _probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the ten digits, float32 [n, 10]: classes after them have their part, but are no digit."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = exponentials[:, :10] / exponentials.sum(axis=1, keepdims=True)
    return probabilities
