"""What candidates make of the digits at hand: who is asked everything, and who a sample."""

from pathlib import Path

import numpy as np
import pytest

from edgedigits.bench import accuracy
from edgedigits.bench.accuracy import evaluate_all
from edgedigits.bench.runtimes import Candidate


@pytest.fixture
def make(test_digits):
    """Make a candidate that reads all digits right but the first `wrong`, and all but the last `late`."""
    right = {frame.tobytes(): i for i, frame in enumerate(test_digits.frames)}

    def candidate(runtime, wrong=0, late=0, precision="fp32"):
        asked = []

        def run(frames):
            places = np.array([right[frame.tobytes()] for frame in frames])
            asked.extend(places.tolist())
            is_wrong = (places < wrong) | (places >= len(test_digits) - late)
            return np.eye(10, dtype=np.float32)[(test_digits.labels[places] + is_wrong) % 10]

        return Candidate("made", runtime, precision, 1, Path(), 1, 0.5, lambda _: run, run), asked

    return candidate


def _correct(evaluations):
    return [evaluation.accuracy.correct for evaluation in evaluations]


def test_few_digits_are_asked_of_everybody(make, test_digits):
    candidates, asked = zip(make("onnxruntime"), make("torch", late=3), strict=True)
    assert _correct(evaluate_all(candidates, test_digits)) == [100, 97]
    assert [len(of_one) for of_one in asked] == [100, 100]


def test_a_runtime_that_gives_the_same_answers_to_a_sample_is_asked_no_more(make, test_digits, monkeypatch):
    monkeypatch.setattr(accuracy, "SAMPLE", 20)
    candidates, asked = zip(make("onnxruntime", wrong=2), make("torch", wrong=2), strict=True)
    assert _correct(evaluate_all(candidates, test_digits)) == [98, 98]
    assert [len(of_one) for of_one in asked] == [100, 20]


def test_a_runtime_that_gives_another_answer_is_asked_everything(make, test_digits, monkeypatch):
    monkeypatch.setattr(accuracy, "SAMPLE", 20)
    candidates, asked = zip(make("onnxruntime"), make("torch", wrong=1), strict=True)
    assert _correct(evaluate_all(candidates, test_digits)) == [100, 99]
    assert [len(of_one) for of_one in asked] == [100, 120]


def test_another_precision_is_asked_everything(make, test_digits, monkeypatch):
    monkeypatch.setattr(accuracy, "SAMPLE", 20)
    said = []
    candidates, asked = zip(make("onnxruntime"), make("onnxruntime", late=1, precision="int8"), strict=True)
    assert _correct(evaluate_all(candidates, test_digits, said.append)) == [100, 99]
    assert [len(of_one) for of_one in asked] == [100, 100]
    assert said == ["asking made in onnxruntime, fp32", "asking made in onnxruntime, int8"]
