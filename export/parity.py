"""The parity gate: an artifact answers as its checkpoint does, or it does not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import ParityError
from edgedigits.export.exams import Exam, Items, Question, exam_on
from edgedigits.export.formats import Gate
from edgedigits.training.digits import Digits
from edgedigits.training.strings import Strings

__all__ = ["Parity", "check_parity"]


@dataclass(frozen=True)
class Parity:
    """What the comparison found over `n` of the `items`, frames or lines: the test digits of `dataset`, or its test
    strings, and probes.

    `max_abs_diff` is the largest difference between two probabilities, by `probes` for each kind of probe;
    `argmax_agreement` is the share of all items on which both name the same digit, or the same symbol at every step of
    a line; `digits_agreement` is the share of the test digits that are read the same, or of the test strings, and
    `accuracy_lost` the share of those that only the checkpoint reads right less that which only the artifact does.
    `worst` is the item with the largest difference, one with another symbol before all others, in words.
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
    items: Items = "frames"

    @property
    def passed(self) -> bool:
        """Whether the artifact may exist."""
        gate = self.gate
        return (
            self.digits_agreement >= gate.agreement
            # Where each answer has to be the same, that of a probe has to be, too, and that at each step.
            and (gate.agreement < 1 or self.argmax_agreement == 1)
            and self.max_abs_diff <= gate.max_abs_diff
            and self.accuracy_lost <= gate.accuracy_lost
        )

    @property
    def same(self) -> str:
        """What both name alike on an item, in words."""
        return "digit" if self.items == "frames" else "symbols"

    @property
    def tests(self) -> str:
        """What they were asked besides probes, in words."""
        return f"{self.dataset} test digits" if self.items == "frames" else f"test {self.dataset}"

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {**asdict(self), "passed": self.passed}

    def require(self, name: str) -> Parity:
        """Itself, if it passed; `name` is the artifact's, for the message. Raises `ParityError`."""
        if not self.passed:
            gate = self.gate
            raise ParityError(
                f"{name} does not answer as its checkpoint does: largest difference {self.max_abs_diff:.2g} where "
                f"{gate.max_abs_diff:g} may be, same {self.same} on {100 * self.argmax_agreement:.2f}% of {self.n} "
                f"{self.items}, {100 * self.digits_agreement:.2f}% of the "
                f"{'digits' if self.items == 'frames' else 'strings'} where {100 * gate.agreement:g}% is asked, "
                f"{100 * self.accuracy_lost:.2f} points of accuracy lost where {100 * gate.accuracy_lost:g} may be; "
                f"worst is {self.worst}"
            )
        return self


def check_parity(
    reference: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    artifact: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    material: Digits | Strings,
    gate: Gate,
    more_probes: Iterable[Question] = (),
) -> Parity:
    """Compare shapes, then values, on every digit or line, and on what none looks like, in batches of many sizes.

    Both map frames `uint8 [n, 28, 28]`, and `more_probes` of any shape they take, to probabilities `float32 [n, 10]`;
    or lines `uint8 [n, 32, width]` to `float32 [n, steps, 17]`. Names and types were checked when the artifact was
    opened. Raises `ParityError` for a wrong shape or type; whether the values passed is in what is returned.
    """
    exam = exam_on(material)
    found, expected, said = [], list[object](), list[object]()
    for question in exam.tests:
        case, answers, answered = _compare(exam, question, reference, artifact)
        found.append(case)
        expected += exam.read(answers)
        said += exam.read(answered)
    probed = {
        question[0]: _compare(exam, question, reference, artifact)[0] for question in (*exam.probes, *more_probes)
    }
    cases = [*found, *probed.values()]
    n = sum(case.n for case in cases)
    return Parity(
        n=n,
        dataset=exam.dataset,
        max_abs_diff=max(case.largest for case in cases),
        argmax_agreement=1 - sum(case.differing for case in cases) / n,
        digits_agreement=1 - _unequal(said, expected) / len(said),
        accuracy_lost=(_unequal(said, exam.labels) - _unequal(expected, exam.labels)) / len(said),
        probes={name: case.largest for name, case in probed.items()},
        worst=max(cases, key=lambda case: case.severity).worst,
        gate=gate,
        items=exam.items,
    )


@dataclass(frozen=True)
class _Case:
    """One comparison: of how many items how many differ, and how far off the artifact was."""

    n: int
    differing: int
    largest: float
    severity: float
    worst: str


def _compare(
    exam: Exam,
    question: Question,
    reference: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    artifact: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
) -> tuple[_Case, NDArray[np.float32], NDArray[np.float32]]:
    """The comparison, and what was expected and answered."""
    name, pictures = question
    expected, answered = reference(pictures), artifact(pictures)
    if answered.shape != expected.shape or answered.dtype != expected.dtype:
        raise ParityError(
            f"on {name}, the artifact answers {answered.dtype} {list(answered.shape)} where its checkpoint answers "
            f"{expected.dtype} {list(expected.shape)}"
        )
    # An answer that is no number is as far off as a probability can be.
    difference = np.nan_to_num(np.abs(answered - expected), nan=1.0).max(axis=-1)
    says, said = answered.argmax(axis=-1), expected.argmax(axis=-1)
    is_other = says != said
    severity = difference + is_other
    place = tuple(map(int, np.unravel_index(severity.argmax(), severity.shape)))
    step = f", step {place[1]}" if exam.items == "lines" else ""
    ours, theirs = answered[place], expected[place]
    case = _Case(
        n=len(pictures),
        differing=int(is_other.reshape(len(pictures), -1).any(axis=1).sum()),
        largest=float(difference.max()),
        severity=float(severity[place]),
        worst=f"{exam.items[:-1]} {place[0]} of {name}{step}: the artifact says {exam.symbol(int(says[place]))} at "
        f"{ours.max():.4f}, the checkpoint {exam.symbol(int(said[place]))} at {theirs.max():.4f}",
    )
    return case, expected, answered


def _unequal(some: Sequence[object], others: Sequence[object]) -> int:
    return sum(one != other for one, other in zip(some, others, strict=True))
