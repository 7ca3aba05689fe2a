"""The parity gate: an artifact answers as its checkpoint does, or it does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import ParityError
from edgedigits.export.deployable import Deployable
from edgedigits.export.formats import Artifact
from edgedigits.training.digits import Digits

__all__ = ["Parity", "check_parity"]

CHUNK = 1000


@dataclass(frozen=True)
class Parity:
    """What the comparison found over `n` frames.

    `max_abs_diff` is the largest difference between two probabilities, `argmax_agreement` the share of frames on which
    both name the same digit, `worst` the frame with the largest difference, one with another digit before all
    others, in words.
    """

    n: int
    dataset: str
    max_abs_diff: float
    argmax_agreement: float
    tolerance: float
    worst: str

    @property
    def passed(self) -> bool:
        """Whether the artifact may exist."""
        return self.argmax_agreement == 1 and self.max_abs_diff <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {**asdict(self), "passed": self.passed}

    def require(self, name: str) -> Parity:
        """Itself, if it passed; `name` is the artifact's, for the message. Raises `ParityError`."""
        if not self.passed:
            raise ParityError(
                f"{name} does not answer as its checkpoint does: largest difference {self.max_abs_diff:.2g} where "
                f"{self.tolerance:.0e} is allowed, same digit on {100 * self.argmax_agreement:.2f}% "
                f"of {self.n} frames; worst is {self.worst}"
            )
        return self


def check_parity(reference: Deployable, artifact: Artifact, digits: Digits, tolerance: float) -> Parity:
    """Compare shapes, then values, on every digit and on frames that no digit looks like.

    Names and types were checked when the artifact was opened. Raises `ParityError` for a wrong shape or type; whether
    the values passed is in what is returned.
    """
    n = agreeing = 0
    largest, most_severe, worst = 0.0, -1.0, ""
    for case, frames in _cases(digits):
        expected, answered = reference.run(frames), artifact.run(frames)
        if answered.shape != expected.shape or answered.dtype != expected.dtype:
            raise ParityError(
                f"on {case}, the artifact answers {answered.dtype} {list(answered.shape)} where its checkpoint answers "
                f"{expected.dtype} {list(expected.shape)}"
            )
        # An answer that is no number is as far off as a probability can be.
        difference = np.nan_to_num(np.abs(answered - expected), nan=1.0).max(axis=1)
        says, said = answered.argmax(axis=1), expected.argmax(axis=1)
        n += len(frames)
        agreeing += int((says == said).sum())
        largest = max(largest, float(difference.max()))
        severity = difference + (says != said)
        i = int(severity.argmax())
        if severity[i] > most_severe:
            most_severe = float(severity[i])
            worst = (
                f"frame {i} of {case}: the artifact says {says[i]} at {answered[i, says[i]]:.4f}, "
                f"the checkpoint {said[i]} at {expected[i, said[i]]:.4f}"
            )
    return Parity(n, digits.dataset, largest, agreeing / n, tolerance, worst)


def _cases(digits: Digits) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for batch in (1, 2, 7, 64):
        yield f"a batch of {batch}", digits.frames[:batch]
    yield "a blank frame", np.zeros((1, 28, 28), np.uint8)
    yield "a full frame", np.full((1, 28, 28), 255, np.uint8)
    yield "64 random frames", np.random.default_rng(0).integers(0, 256, (64, 28, 28), np.uint8)
    for start in range(0, len(digits), CHUNK):
        chunk = digits.frames[start : start + CHUNK]
        yield f"{digits.dataset} test digits {start} to {start + len(chunk) - 1}", chunk
