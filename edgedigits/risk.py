"""How rarely accepted digits are wrong: what a validation split measured, and the error rates that it can promise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import InputError, UnpromisedError

__all__ = ["GRID", "RiskCurve", "acceptance_score", "risk_curve"]

GRID = (*(round(1 - 10 ** (-step / 20), 7) for step in range(120, 5, -1)), 0.0)
"""Thresholds that a curve is measured at, strictest first: they depend on no data, or choosing among them would have
to be paid for. They lie evenly in log(1 - threshold), have the 7 decimals that float32 can tell apart next to 1, and
end at 0, where all is accepted but what is likelier no digit."""
MOST_COUNTED = 2**53
"""Beyond it, floating point does not tell counts apart."""


@dataclass(frozen=True)
class RiskCurve:
    """How many examples of a validation split, digits or lines, reach each threshold, and how many of those are wrong.

    `dataset` says where it was measured and `n` on how many of them; `thresholds`, `accepted` and `errors` belong
    together item by item. Raises `ValueError` where such numbers cannot have been counted.
    """

    dataset: str
    n: int
    thresholds: tuple[float, ...]
    accepted: tuple[int, ...]
    errors: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.thresholds) == len(self.accepted) == len(self.errors) > 0:
            raise ValueError("a risk curve has as many thresholds as it has counts, and at least one")
        if not all(type(count) is int for count in (self.n, *self.accepted, *self.errors)):
            raise ValueError("the counts of a risk curve are whole numbers")
        falling = (1, *self.thresholds, 0)
        if not all(high >= low for high, low in itertools.pairwise(falling)):
            raise ValueError("the thresholds of a risk curve descend and lie between 0 and 1")
        right = tuple(n - wrong for n, wrong in zip(self.accepted, self.errors, strict=True))
        for counts in ((*self.accepted, self.n), self.errors, right):
            if not all(few <= many for few, many in zip((0, *counts), counts, strict=False)):
                raise ValueError("the counts of a risk curve grow as the threshold falls, up to the examples there are")
        if not 1 <= self.n <= MOST_COUNTED:
            raise ValueError(f"a risk curve is measured on at least one example and on no more than {MOST_COUNTED}")

    @property
    def coverage(self) -> NDArray[np.float64]:
        """Per threshold, the share of the digits that are accepted, float64 [thresholds]."""
        return np.array(self.accepted) / self.n

    @property
    def risk(self) -> NDArray[np.float64]:
        """Per threshold, the share of the accepted digits that are wrong, float64 [thresholds]; NaN where none are."""
        risk = np.full(len(self.errors), np.nan)
        np.divide(self.errors, self.accepted, out=risk, where=np.array(self.accepted) > 0)
        return risk

    def risk_bound(self, confidence: float = 0.95) -> NDArray[np.float64]:
        """Per threshold, the upper bound of its error rate at one-sided `confidence`, float64 [thresholds].

        It is that of Clopper & Pearson (Biometrika 26, 1934), and holds for each threshold alone, not for all of them
        at once. Raises `InputError` for a confidence that is not between 0 and 1.
        """
        _between_0_and_1("a confidence", confidence)
        counts = zip(self.errors, self.accepted, strict=True)
        return np.array([_clopper_pearson(wrong, n, 1 - confidence) for wrong, n in counts])

    def threshold_for(self, max_error: float, confidence: float = 0.95) -> float:
        """The lowest threshold found to keep the error rate of accepted digits at `max_error` or less.

        With probability `confidence` over the draw of the validation split, that rate, among all digits drawn as the
        split was, is truly no greater. The method is fixed-sequence testing, as in Angelopoulos, Bates, Candès,
        Jordan & Lei, "Learn then Test" (arXiv 2110.01052), with exact binomial tails (Clopper & Pearson, Biometrika
        26, 1934). Geifman & El-Yaniv (arXiv 1705.08500) promise the same by a union bound, which accepts fewer digits.

        From the strictest threshold to the laxest, a threshold passes if so few errors, or fewer, have a probability
        of at most 1 - `confidence` where the error rate is `max_error`. The first that fails ends the walk, and the
        last that passed is the answer. A threshold that accepts too few digits for even no error to pass is left out,
        and ends the walk only where it has an error; without this end, a greater `max_error`, whose walk begins
        earlier, could meet an error that a smaller one stepped over, and be refused.

        Where the walk begins depends on how many digits are accepted, never on how many are wrong. The promise is
        exact where the true error rate does not fall as the threshold is lowered: if the walk begins at or before the
        first threshold that exceeds `max_error`, it has to pass that one test; if it begins after, both the digits
        accepted before and those that its first threshold adds are wrong more often than `max_error`, which makes
        that test as hard to pass.

        Raises `InputError` for a rate or a confidence that is not between 0 and 1, and `UnpromisedError` where no
        threshold passes.
        """
        _between_0_and_1("an error rate", max_error)
        _between_0_and_1("a confidence", confidence)
        promised = None
        for threshold, n, wrong in zip(self.thresholds, self.accepted, self.errors, strict=True):
            if _binomial_cdf(wrong, n, max_error) <= 1 - confidence:
                promised = threshold
            elif wrong:
                break
        if promised is None:
            raise UnpromisedError(
                f"an error rate of {100 * max_error:g}% cannot be promised with {100 * confidence:g}% confidence: with "
                f"{self.n:,} validation examples, the least is {_percent_rounded_up(self.least_error(confidence))}; "
                "allow more errors, or validate on more examples"
            )
        return promised

    def least_error(self, confidence: float = 0.95) -> float:
        """The least `max_error` for which `threshold_for` has an answer; 1.0 where there is none.

        Raises `InputError` for a confidence that is not between 0 and 1.
        """
        _between_0_and_1("a confidence", confidence)
        # No walk that has yet to pass gets beyond the first error, and without errors the bound falls all the way.
        first = next((i for i, wrong in enumerate(self.errors) if wrong), len(self.errors) - 1)
        tested = range(max(0, first - 1), first + 1)
        return min(_clopper_pearson(self.errors[i], self.accepted[i], 1 - confidence) for i in tested)

    def at_coverage(self, coverage: float, confidence: float = 0.95) -> tuple[float, float]:
        """The strictest threshold that accepts the share `coverage`, 0 to 1, of the digits, and its error rate's bound.

        The threshold is chosen by counts alone, which the errors do not enter, so that the bound, `risk_bound`'s, is as
        good as one for a threshold chosen beforehand. All are accepted where no other threshold accepts so many.
        """
        i = next((i for i, share in enumerate(self.coverage) if share >= coverage), len(self.thresholds) - 1)
        return self.thresholds[i], _clopper_pearson(self.errors[i], self.accepted[i], 1 - confidence)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {
            "dataset": self.dataset,
            "n": self.n,
            "thresholds": list(self.thresholds),
            "accepted": list(self.accepted),
            "errors": list(self.errors),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> RiskCurve:
        """What `to_dict` gave. Raises `ValueError` for anything else."""
        try:
            return cls(
                dataset=str(fields["dataset"]),
                n=fields["n"],
                thresholds=tuple(fields["thresholds"]),
                accepted=tuple(fields["accepted"]),
                errors=tuple(fields["errors"]),
            )
        except (LookupError, TypeError) as error:
            raise ValueError(f"not a risk curve ({type(error).__name__}: {error})") from error


def acceptance_score(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """What an answer is accepted by where it reaches a threshold: float32 [n] of `probabilities` float32 [n, 10].

    It is the confidence, the likeliest digit's probability; and -1, which reaches none, where it is likelier that there
    is no digit at all.
    """
    confidence = probabilities.max(axis=1)
    return np.where(1 - probabilities.sum(axis=1) > confidence, np.float32(-1), confidence)


def risk_curve(dataset: str, score: NDArray[np.float32], right: NDArray[np.bool_]) -> RiskCurve:
    """Count at every threshold of `GRID`; `score` float32 [n], as of `acceptance_score`, and `right` bool [n].

    A digit is accepted as `Recognizer` accepts it, by a comparison in float32. Raises `ValueError` where n is 0.
    """
    reached = [score >= threshold for threshold in GRID]
    return RiskCurve(
        dataset=dataset,
        n=len(score),
        thresholds=GRID,
        accepted=tuple(int(np.count_nonzero(accepted)) for accepted in reached),
        errors=tuple(int(np.count_nonzero(accepted & ~right)) for accepted in reached),
    )


def _binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) of X ~ Binomial(n, p) for 0 <= k <= n and 0 < p < 1.

    The smaller tail is summed outwards from its largest term, until the terms no longer count.
    """
    if k == n:
        return 1.0
    odds = p / (1 - p)
    below = k < n * p
    i = k if below else k + 1
    log_term = math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
    term = math.exp(log_term + i * math.log(p) + (n - i) * math.log1p(-p))
    tail = 0.0
    while tail + term > tail:
        tail += term
        if below:
            term *= i / ((n - i + 1) * odds)
            i -= 1
        else:
            term *= (n - i) * odds / (i + 1)
            i += 1
    return tail if below else 1 - tail


def _clopper_pearson(k: int, n: int, alpha: float) -> float:
    """The p at which k or fewer of n have probability `alpha`: upper bound at confidence 1 - `alpha`; 1.0 for k = n."""
    if k == n:
        return 1.0
    low, high = k / n, 1.0
    while low < (middle := (low + high) / 2) < high:
        if _binomial_cdf(k, n, middle) <= alpha:
            high = middle
        else:
            low = middle
    return high


def _between_0_and_1(what: str, value: Any) -> None:
    if not isinstance(value, (int, float, np.integer, np.floating)):
        raise InputError(f"{what} is a number, not {value!r}: give one between 0 and 1, both excluded")
    if not 0 < value < 1:
        raise InputError(f"{what} of {value:g} makes no sense: give one between 0 and 1, both excluded")


def _percent_rounded_up(share: float) -> str:
    """Two digits of a percentage, never less than it is, so that who asks for it gets it."""
    step = 10.0 ** (math.floor(math.log10(share)) - 1)
    return f"{100 * math.ceil(share / step) * step:g}%"
