"""What the tests of what is made of measurements share: candidates that were not measured."""

from pathlib import Path

import numpy as np
import pytest

from edgedigits.bench.front import Entry
from edgedigits.bench.measure import Timing
from edgedigits.bench.runtimes import Candidate
from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import evaluate

N = 2000


def _timing(us, noise=0.02, seed=0, rounds=20):
    rng = np.random.default_rng(seed)
    return Timing((1000 * us * rng.normal(1, noise, (rounds, 30)).clip(0.5, 2)).astype(np.int64), 1)


def _entry(us, wrong, unsure=0, seed=0):
    """Takes `us` microseconds, reads the first `wrong` digits wrong, and is not sure of the last `unsure`."""
    labels = np.arange(N) % 10
    said = np.where(np.arange(N) < wrong, (labels + 1) % 10, labels)
    probabilities = np.eye(10, dtype=np.float32)[said]
    probabilities[N - unsure :] *= 0.6
    digits = Digits("made", np.zeros((N, 28, 28), np.uint8), labels)
    name = f"{us}"
    candidate = Candidate(name, "made", "fp32", 1, Path(), 1, 0.9, lambda _: None, lambda _: None)
    return Entry(candidate, _timing(us, seed=seed), evaluate(probabilities, digits, 0.9))


@pytest.fixture
def timing():
    """Make a timing of so many microseconds."""
    return _timing


@pytest.fixture
def entry():
    """Make a candidate's entry."""
    return _entry
