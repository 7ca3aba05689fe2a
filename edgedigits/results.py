"""What the `Recognizer` returns: small frozen objects, each with a `to_dict()` that JSON can carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.marks import Box

__all__ = ["Alternative", "Digit", "Line", "Predictions", "Reading", "Reason", "Separator"]

Reason: TypeAlias = Literal[
    "blank",
    "low contrast",
    "several digits",
    "cut off",
    "no digit",
    "unsure",
    "unexpected",
    "upside down",
    "struck out",
    "raised",
    "too long",
    "too much",
]
"""Why a reading is not to be trusted: nothing is written there, or too faintly; more than one digit is, where one was
to be read; the digit goes on beyond the border; what is written is likelier no digit than the one it is most like; the
confidence is below the threshold; what the ink says is not what was expected; it makes sense only upside down; a stroke
goes through all of it; its last digits are raised, as cents are, and nothing parts them from the others; a line is
longer, or there are more lines, than anybody writes amounts."""


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
    """One digit of a reading; `box` is `(x0, y0, x1, y1)` in the picture's pixels, right and lower edges exclusive.

    `runner_up` is the digit that it is likeliest to be if it is another. A digit of a line may be none, too, or two:
    what then stands there is among the line's `alternatives`.
    """

    value: int
    confidence: float
    accepted: bool
    reason: Reason | None
    box: Box
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
class Separator:
    """A mark between or around digits, one of `edgedigits.alphabet.SEPARATORS`; `box` is as a digit's."""

    text: str
    confidence: float
    box: Box

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {"text": self.text, "confidence": self.confidence, "box": list(self.box)}


class Alternative(NamedTuple):
    """Digits that a line might be instead, and the probability of that."""

    text: str
    confidence: float


@dataclass(frozen=True)
class Line:
    """One line of digits, and whether to trust all of it.

    `text` has its digits alone, `written` the separators between them too; in both, `?` stands for what is written and
    is neither. `confidence` is the probability that all digits are right and none is missing, given what was expected
    of the line. Those digits that are in doubt are not `accepted`, and say by their `runner_up` what they might be;
    `alternatives` are whole lines: of one that is `unexpected` what the ink says, then the likeliest first. `box` is as
    a digit's.
    """

    text: str
    written: str
    confidence: float
    accepted: bool
    reason: Reason | None
    digits: tuple[Digit, ...]
    separators: tuple[Separator, ...]
    alternatives: tuple[Alternative, ...]
    box: Box

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {
            "text": self.text,
            "written": self.written,
            "confidence": self.confidence,
            "accepted": self.accepted,
            "reason": self.reason,
            "digits": [digit.to_dict() for digit in self.digits],
            "separators": [separator.to_dict() for separator in self.separators],
            "alternatives": [alternative._asdict() for alternative in self.alternatives],
            "box": list(self.box),
        }


@dataclass(frozen=True)
class Reading:
    """What stands on one picture, and whether to trust it.

    Of a model that reads one digit, the text is empty where there is no digit, or not one alone; `digits` then still
    holds what the ink is most like, where it was looked at. Of one that reads lines, `text` has those of `lines`, each
    on a line of its own, `digits` all of theirs, and `confidence` is the probability that all of it is right. It is
    accepted where all of its lines are, and all of them together are sure enough, too; what a threshold promises, it
    promises of each line.
    """

    text: str
    confidence: float
    accepted: bool
    reason: Reason | None
    digits: tuple[Digit, ...]
    lines: tuple[Line, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {
            "text": self.text,
            "confidence": self.confidence,
            "accepted": self.accepted,
            "reason": self.reason,
            "digits": [digit.to_dict() for digit in self.digits],
            **({"lines": [line.to_dict() for line in self.lines]} if self.lines else {}),
        }
