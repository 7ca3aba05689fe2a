"""What the `Recognizer` returns: small frozen objects, each with a `to_dict()` that JSON can carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Digit", "Predictions", "Reading", "Reason"]

Reason: TypeAlias = Literal["blank", "low contrast", "several digits", "cut off", "no digit", "unsure"]
"""Why a reading is not to be trusted: nothing is written there, or too faintly; more than one digit is; the digit goes
on beyond the border; what is written is likelier no digit than the one it is most like; or the confidence is below the
threshold."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says of `n` frames.

    `digits` int64 [n], `confidence` float32 [n] (the probability of that digit), `accepted` bool [n] (whether the
    confidence reaches the threshold), `probabilities` float32 [n, 10]. Where a row adds up to less than 1, the rest is
    the probability of what is no digit; models that were not taught to tell add up to 1.
    """

    digits: NDArray[np.int64]
    confidence: NDArray[np.float32]
    accepted: NDArray[np.bool_]
    probabilities: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.digits)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {
            "digits": self.digits.tolist(),
            "confidence": self.confidence.tolist(),
            "accepted": self.accepted.tolist(),
            "probabilities": self.probabilities.tolist(),
        }


@dataclass(frozen=True)
class Digit:
    """One digit of a reading; `box` is `(x0, y0, x1, y1)` in the picture's pixels, right and lower edges exclusive."""

    value: int
    confidence: float
    accepted: bool
    reason: Reason | None
    box: tuple[int, int, int, int]
    runner_up: int

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {
            "digit": self.value,
            "confidence": self.confidence,
            "accepted": self.accepted,
            "reason": self.reason,
            "box": list(self.box),
            "runner_up": self.runner_up,
        }


@dataclass(frozen=True)
class Reading:
    """What stands on one picture, and whether to trust it.

    The text is empty where there is no digit, or not one alone; `digits` then still holds what the ink is most like,
    where it was looked at.
    """

    text: str
    confidence: float
    accepted: bool
    reason: Reason | None
    digits: tuple[Digit, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {
            "text": self.text,
            "confidence": self.confidence,
            "accepted": self.accepted,
            "reason": self.reason,
            "digits": [digit.to_dict() for digit in self.digits],
        }
