"""What each candidate makes of the digits at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgedigits.bench.runtimes import Candidate
from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import Evaluation, answer_all, evaluate

__all__ = ["evaluate_all"]

SAMPLE = 1000


def evaluate_all(
    candidates: Sequence[Candidate], digits: Digits, on_step: Callable[[str], None] = lambda _: None
) -> list[Evaluation]:
    """Ask each candidate all `digits`; of a model and precision that was asked before, in another runtime, the first
    thousand, and if it gives none of them another digit or acceptance, it is taken to answer as that one does.
    """
    known: dict[tuple[str, str, float], Evaluation] = {}
    found = []
    for candidate in candidates:
        on_step(f"asking {candidate.name}")
        same = (candidate.model, candidate.precision, candidate.accept_threshold)
        if same not in known or not _answers_alike(candidate, known[same]):
            answers = answer_all(candidate.run, digits.frames)
            known.setdefault(same, evaluate(answers, digits, candidate.accept_threshold))
            found.append(evaluate(answers, digits, candidate.accept_threshold))
        else:
            found.append(known[same])
    return found


def _answers_alike(candidate: Candidate, known: Evaluation) -> bool:
    frames = known.digits.frames[:SAMPLE]
    if len(frames) == len(known.digits):
        return False
    ours, theirs = answer_all(candidate.run, frames), known.probabilities[:SAMPLE]
    threshold = candidate.accept_threshold
    return np.array_equal(ours.argmax(axis=1), theirs.argmax(axis=1)) and np.array_equal(
        ours.max(axis=1) >= threshold, theirs.max(axis=1) >= threshold
    )
