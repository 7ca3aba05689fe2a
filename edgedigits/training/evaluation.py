"""What a model's answers are worth: loss, accuracy with its interval, coverage, confusion. Needs numpy alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edgedigits.card import Accuracy
from edgedigits.risk import RiskCurve, acceptance_score, risk_curve
from edgedigits.training.digits import Digits

__all__ = ["Evaluation", "accuracy_of", "answer_all", "evaluate", "mean_interval", "wilson_interval"]

Z95 = 1.959963984540054
"""Standard normal quantile at 0.975."""


CHUNK = 1000
"""Frames given to a model at a time, so that memory does not grow with the data set."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's answers on a data set.

    `confusion[i, j]` counts digits `i` that were read as `j` (int64 [10, 10]); `probabilities` is float32 [n, 10].
    """

    accuracy: Accuracy
    confusion: NDArray[np.int64]
    digits: Digits
    probabilities: NDArray[np.float32]

    @property
    def recall(self) -> NDArray[np.float64]:
        """Per class, the share of its digits that were read right; NaN where there are none."""
        return _share(self.confusion.diagonal(), self.confusion.sum(axis=1))

    @property
    def precision(self) -> NDArray[np.float64]:
        """Per class, the share of such answers that were right; NaN where there are none."""
        return _share(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def risk(self) -> RiskCurve:
        """Error rate among accepted digits, at every threshold."""
        right = self.probabilities.argmax(axis=1) == self.digits.labels
        return risk_curve(self.digits.dataset, acceptance_score(self.probabilities), right)

    def worst_mistakes(self, count: int, accepted_from: float = -1) -> NDArray[np.intp]:
        """Indices of the wrong answers the model was surest of, surest first; of the accepted ones, from there."""
        accepted = acceptance_score(self.probabilities) >= accepted_from
        wrong = np.flatnonzero(accepted & (self.probabilities.argmax(axis=1) != self.digits.labels))
        surest: NDArray[np.intp] = wrong[self.probabilities[wrong].max(axis=1).argsort()[::-1]]
        return surest[:count]


def evaluate(probabilities: NDArray[np.float32], digits: Digits, accept_threshold: float) -> Evaluation:
    """Compare probabilities, `float32 [n, 10]`, with the labels of the `digits` they were given for."""
    n = len(digits)
    answers, labels = probabilities.argmax(axis=1), digits.labels
    right = answers == labels
    accepted = acceptance_score(probabilities) >= accept_threshold
    # A float32 softmax underflows to 0 where the model is sure and wrong: the smallest float32 keeps the loss finite.
    likelihood = np.maximum(probabilities[np.arange(n), labels], np.finfo(np.float32).tiny).astype(np.float64)
    confusion = np.bincount(labels * 10 + answers, minlength=100).reshape(10, 10)
    accuracy = accuracy_of(digits.dataset, right, likelihood, accepted)
    return Evaluation(accuracy, confusion, digits, probabilities)


def accuracy_of(
    dataset: str, right: NDArray[np.bool_], likelihood: NDArray[np.float64], accepted: NDArray[np.bool_]
) -> Accuracy:
    """What n answers come to, by whether each is right and accepted, `bool [n]`, and the likelihood of what is true,
    `float64 [n]`, above 0.
    """
    return Accuracy(
        dataset=dataset,
        n=len(right),
        correct=int(right.sum()),
        loss=float(-np.log(likelihood).mean()),
        ci95=wilson_interval(int(right.sum()), len(right)),
        coverage=float(accepted.mean()),
        accepted_errors=int((accepted & ~right).sum()),
    )


def answer_all(
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]], frames: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Probabilities `float32 [n, 10]` that `run` gives frames `uint8 [n, 28, 28]`."""
    return np.concatenate([run(frames[start : start + CHUNK]) for start in range(0, len(frames), CHUNK)])


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """95% score interval of a proportion (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    share = successes / n
    centre = share + Z95**2 / (2 * n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    scale = 1 + Z95**2 / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


T975 = MappingProxyType(
    {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 19: 2.093}
)
"""Student's t at 0.975, by degrees of freedom."""


def mean_interval(values: Sequence[float]) -> tuple[float, float, tuple[float, float]]:
    """Mean, standard deviation and 95% interval of the mean (Student's t) of two values or more, such as seeds'."""
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    freedom = max(known for known in T975 if known < len(values))
    half = T975[freedom] * deviation / math.sqrt(len(values))
    return mean, deviation, (mean - half, mean + half)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    share = np.full(len(part), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share
