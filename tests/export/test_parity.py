"""The parity gate, held against artifacts that are wrong in one way each."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.errors import ParityError
from edgedigits.export.deployable import Deployable
from edgedigits.export.parity import Parity, check_parity

TOLERANCE = 1e-5
PROBES = 1 + 2 + 7 + 64 + 1 + 1 + 64


class Answers:
    """Answers as `model` does, but for a change to some of them; remembers the frames it was given."""

    def __init__(self, model, change=lambda frames, answers: answers):
        self.model, self.change, self.asked = model, change, []

    def run(self, frames):
        self.asked.append(frames)
        return self.change(frames, self.model.run(frames).copy())


@pytest.fixture(scope="module")
def reference(checkpoint):
    return Deployable(checkpoint.network(), 1.0)


def test_an_equal_artifact_passes_without_any_difference(reference, test_digits):
    parity = check_parity(reference, Answers(reference), test_digits, TOLERANCE)
    assert parity.passed
    assert (parity.n, parity.max_abs_diff, parity.argmax_agreement) == (PROBES + len(test_digits), 0, 1)
    assert parity.require("model") is parity


def test_every_digit_and_every_kind_of_probe_is_asked(reference, test_digits):
    artifact = Answers(reference)
    check_parity(reference, artifact, test_digits, TOLERANCE)
    asked = {frame.tobytes() for frames in artifact.asked for frame in frames}
    assert {len(frames) for frames in artifact.asked} >= {1, 2, 7, 64}
    assert asked >= {frame.tobytes() for frame in test_digits.frames}
    assert {bytes(784), bytes([255]) * 784} <= asked


@settings(max_examples=30, deadline=None)
@given(difference=st.floats(1e-7, 1e-3), tolerance=st.floats(1e-7, 1e-3), index=st.integers(0, 99))
def test_one_probability_of_one_digit_decides(reference, test_digits, difference, tolerance, index):
    def shift_lowest(frames, answers):
        if len(frames) == len(test_digits):
            answers[index, answers[index].argmin()] += difference
        return answers

    parity = check_parity(reference, Answers(reference, shift_lowest), test_digits, tolerance)
    assert parity.max_abs_diff == pytest.approx(difference, abs=1e-7)
    assert parity.passed == (parity.max_abs_diff <= tolerance)
    assert f"frame {index} of synthetic test digits 0 to 99" in parity.worst


def test_one_other_digit_is_enough_to_fail_however_near_the_probabilities(test_digits):
    class AlmostTied:
        def __init__(self, first):
            self.first = first

        def run(self, frames):
            answers = np.full((len(frames), 10), 0.1, np.float32)
            answers[:, 3] += 1e-6
            if len(frames) == len(test_digits):
                answers[50, self.first] += 2e-6
            return answers

    parity = check_parity(AlmostTied(3), AlmostTied(8), test_digits, TOLERANCE)
    assert parity.max_abs_diff < TOLERANCE
    assert parity.argmax_agreement == 1 - 1 / parity.n
    assert not parity.passed
    with pytest.raises(ParityError, match=r"frame 50 .* the artifact says 8 .* the checkpoint 3"):
        parity.require("model")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_no_number_fails(reference, test_digits, value):
    def spoil(frames, answers):
        answers[0, answers[0].argmax()] = value
        return answers

    parity = check_parity(reference, Answers(reference, spoil), test_digits, TOLERANCE)
    assert not parity.passed


@pytest.mark.parametrize(
    "change",
    [
        lambda _, answers: answers[:, :9],
        lambda _, answers: answers[:1],
        lambda _, answers: answers.astype(np.float64),
    ],
    ids=["nine classes", "one answer for a batch", "float64"],
)
def test_a_wrong_shape_or_type_fails_before_any_value_is_compared(reference, test_digits, change):
    with pytest.raises(ParityError, match=r"the artifact answers float\d\d \[\d+, \d+\] where its checkpoint answers"):
        check_parity(reference, Answers(reference, change), test_digits, TOLERANCE)


def test_a_failure_says_how_much_is_allowed_and_what_was_worst(reference, test_digits):
    worse = Answers(reference, lambda frames, answers: answers[:, ::-1].copy())
    parity = check_parity(reference, worse, test_digits, TOLERANCE)
    with pytest.raises(
        ParityError, match=r"^model\.onnx does not answer .* 1e-05 is allowed, .* of 240 frames; worst is frame \d+ of"
    ) as failed:
        parity.require("model.onnx")
    assert failed.value.exit_code == 1
    assert "\n" not in str(failed.value)


@given(
    difference=st.floats(0, 1), agreement=st.floats(0, 1) | st.just(1.0), tolerance=st.floats(0, 1), n=st.integers(1)
)
def test_json_says_whether_it_passed(difference, agreement, tolerance, n):
    parity = Parity(n, "mnist", difference, agreement, tolerance, "none")
    found = json.loads(json.dumps(parity.to_dict()))
    assert found == {**dataclasses.asdict(parity), "passed": agreement == 1 and difference <= tolerance}
