"""The parity gate: an artifact answers as its checkpoint does, or it does not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import ParityError
from edgedigits.export.formats import Gate
from edgedigits.framing import FRAME_SIZE
from edgedigits.training.digits import Digits

__all__ = ["Parity", "check_parity"]

CHUNK = 1000
MANY = 2048
"""The largest batch that is asked: more than any runtime answers in one piece."""


@dataclass(frozen=True)
class Parity:
    """What the comparison found over `n` frames, the test digits of `dataset` and probes.

    `max_abs_diff` is the largest difference between two probabilities, by `probes` for each kind of probe;
    `argmax_agreement` is the share of all frames on which both name the same digit, `digits_agreement` that of the
    digits, and `accuracy_lost` the share of digits that only the checkpoint reads right less that which only the
    artifact does. `worst` is the frame with the largest difference, one with another digit before all others, in words.
    """

    n: int
    dataset: str
    max_abs_diff: float
    argmax_agreement: float
    digits_agreement: float
    accuracy_lost: float
    probes: dict[str, float]
    worst: str
    gate: Gate

    @property
    def passed(self) -> bool:
        """Whether the artifact may exist."""
        # Where each answer has to be the same, that of a probe has to be, too.
        agreement = self.argmax_agreement if self.gate.agreement == 1 else self.digits_agreement
        return (
            agreement >= self.gate.agreement
            and self.max_abs_diff <= self.gate.max_abs_diff
            and self.accuracy_lost <= self.gate.accuracy_lost
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {**asdict(self), "passed": self.passed}

    def require(self, name: str) -> Parity:
        """Itself, if it passed; `name` is the artifact's, for the message. Raises `ParityError`."""
        if not self.passed:
            gate = self.gate
            raise ParityError(
                f"{name} does not answer as its checkpoint does: largest difference {self.max_abs_diff:.2g} where "
                f"{gate.max_abs_diff:g} may be, same digit on {100 * self.argmax_agreement:.2f}% of {self.n} frames, "
                f"{100 * self.digits_agreement:.2f}% of the digits where {100 * gate.agreement:g}% is asked, "
                f"{100 * self.accuracy_lost:.2f} points of accuracy lost where {100 * gate.accuracy_lost:g} may be; "
                f"worst is {self.worst}"
            )
        return self


def check_parity(
    reference: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    artifact: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    digits: Digits,
    gate: Gate,
    more_probes: Iterable[tuple[str, NDArray[np.uint8]]] = (),
) -> Parity:
    """Compare shapes, then values, on every digit and on frames that no digit looks like, in batches of many sizes.

    Both map frames `uint8 [n, 28, 28]`, and `more_probes` of any shape they take, to probabilities `float32 [n, 10]`.
    Names and types were checked when the artifact was opened. Raises `ParityError` for a wrong shape or type;
    whether the values passed is in what is returned.
    """
    expected = np.concatenate([reference(digits.frames[start : start + CHUNK]) for start in _starts(digits)])
    found = [
        _compare(f"{digits.dataset} test digits {start} to {start + len(part) - 1}", part, artifact, answers)
        for start in _starts(digits)
        for part, answers in [(digits.frames[start : start + CHUNK], expected[start : start + CHUNK])]
    ]
    said = np.concatenate([case.said for case in found])
    right, still_right = (answers == digits.labels for answers in (expected.argmax(axis=1), said))
    probed = {
        name: _compare(name, frames, artifact, reference(frames)) for name, frames in (*_probes(digits), *more_probes)
    }
    cases = [*found, *probed.values()]
    n = sum(len(case.said) for case in cases)
    return Parity(
        n=n,
        dataset=digits.dataset,
        max_abs_diff=max(case.largest for case in cases),
        argmax_agreement=1 - sum(case.differing for case in cases) / n,
        digits_agreement=1 - sum(case.differing for case in found) / len(digits),
        accuracy_lost=float((right.sum() - still_right.sum()) / len(digits)),
        probes={name: case.largest for name, case in probed.items()},
        worst=max(cases, key=lambda case: case.severity).worst,
        gate=gate,
    )


@dataclass(frozen=True)
class _Case:
    """One comparison: the digits that the artifact said, `int64 [n]`, and how far off it was."""

    said: NDArray[np.int64]
    differing: int
    largest: float
    severity: float
    worst: str


def _compare(
    name: str,
    frames: NDArray[np.uint8],
    artifact: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    expected: NDArray[np.float32],
) -> _Case:
    answered = artifact(frames)
    if answered.shape != expected.shape or answered.dtype != expected.dtype:
        raise ParityError(
            f"on {name}, the artifact answers {answered.dtype} {list(answered.shape)} where its checkpoint answers "
            f"{expected.dtype} {list(expected.shape)}"
        )
    # An answer that is no number is as far off as a probability can be.
    difference = np.nan_to_num(np.abs(answered - expected), nan=1.0).max(axis=1)
    says, said = answered.argmax(axis=1), expected.argmax(axis=1)
    severity = difference + (says != said)
    i = int(severity.argmax())
    return _Case(
        said=says,
        differing=int((says != said).sum()),
        largest=float(difference.max()),
        severity=float(severity[i]),
        worst=f"frame {i} of {name}: the artifact says {says[i]} at {answered[i, says[i]]:.4f}, "
        f"the checkpoint {said[i]} at {expected[i, said[i]]:.4f}",
    )


def _starts(digits: Digits) -> range:
    return range(0, len(digits), CHUNK)


def _probes(digits: Digits) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    def full(value: int) -> NDArray[np.uint8]:
        return np.full((1, FRAME_SIZE, FRAME_SIZE), value, np.uint8)

    yield "blank", full(0)
    yield "full", full(255)
    yield "noise", np.random.default_rng(0).integers(0, 256, (64, FRAME_SIZE, FRAME_SIZE), np.uint8)
    single = np.zeros((FRAME_SIZE**2, FRAME_SIZE**2), np.uint8)
    np.fill_diagonal(single, 255)
    yield "single pixel", single.reshape(-1, FRAME_SIZE, FRAME_SIZE)
    for batch in (1, 2, 7, 64, MANY):
        yield f"batch of {batch}", np.resize(digits.frames, (batch, FRAME_SIZE, FRAME_SIZE))
