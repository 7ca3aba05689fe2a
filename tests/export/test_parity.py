"""The parity gate, held against artifacts that are wrong in one way each."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.errors import ParityError
from edgedigits.export.deployable import Deployable
from edgedigits.export.formats import Gate
from edgedigits.export.parity import Parity, check_parity
from edgedigits.training.digits import Digits

STRICT = Gate(1e-5)
LOSSY = Gate(0.5, agreement=0.95, accuracy_lost=0.02)
PROBES = {
    "blank": 1,
    "full": 1,
    "noise": 64,
    "single pixel": 784,
    "batch of 1": 1,
    "batch of 2": 2,
    "batch of 7": 7,
    "batch of 64": 64,
    "batch of 2048": 2048,
}


class Answers:
    """Answers as `model` does, but for a change to some of them; remembers the frames it was given."""

    def __init__(self, model, change=lambda frames, answers: answers):
        self.model, self.change, self.asked = model, change, []

    def run(self, frames):
        self.asked.append(frames)
        return self.change(frames, self.model.run(frames).copy())


class Sure:
    """Says for each frame the digit that its first pixel is, and other digits for the first few of a batch of `n`."""

    def __init__(self, n=0, wrong=()):
        self.n, self.wrong = n, list(wrong)

    def run(self, frames):
        digits = frames[:, 0, 0] % 10
        if len(frames) == self.n:
            digits[self.wrong] = (digits[self.wrong] + 1) % 10
        answers = np.full((len(frames), 10), 0.05, np.float32)
        answers[np.arange(len(frames)), digits] = 0.55
        return answers


@pytest.fixture(scope="module")
def reference(checkpoint):
    return Deployable(checkpoint.network(), 1.0)


@pytest.fixture(scope="module")
def numbered():
    """A thousand frames, each its digit's number in every pixel."""
    labels = np.arange(1000) % 10
    return Digits("numbered", np.tile(labels.astype(np.uint8)[:, None, None], (1, 28, 28)), labels)


def test_an_equal_artifact_passes_without_any_difference(reference, test_digits):
    parity = check_parity(reference.run, Answers(reference).run, test_digits, STRICT)
    assert parity.passed
    assert (parity.n, parity.dataset) == (sum(PROBES.values()) + len(test_digits), "synthetic")
    assert (parity.max_abs_diff, parity.argmax_agreement) == (0, 1)
    assert (parity.digits_agreement, parity.accuracy_lost) == (1, 0)
    assert parity.probes == dict.fromkeys(PROBES, 0)
    assert parity.require("model") is parity


def test_every_digit_and_every_kind_of_probe_is_asked(reference, test_digits):
    artifact = Answers(reference)
    check_parity(reference.run, artifact.run, test_digits, STRICT)
    asked = {frame.tobytes() for frames in artifact.asked for frame in frames}
    assert {len(frames) for frames in artifact.asked} >= {1, 2, 7, 64, 2048}
    assert asked >= {frame.tobytes() for frame in test_digits.frames}
    assert {bytes(784), bytes([255]) * 784} <= asked
    pixels = np.eye(784, dtype=np.uint8) * 255
    assert {pixel.tobytes() for pixel in pixels} <= asked


@settings(max_examples=30, deadline=None)
@given(difference=st.floats(1e-7, 1e-3), tolerance=st.floats(1e-7, 1e-3), index=st.integers(0, 99))
def test_one_probability_of_one_digit_decides(test_digits, difference, tolerance, index):
    def shift_lowest(frames, answers):
        if len(frames) == len(test_digits):
            answers[index, answers[index].argmin()] += difference
        return answers

    parity = check_parity(Sure().run, Answers(Sure(), shift_lowest).run, test_digits, Gate(tolerance))
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

    parity = check_parity(AlmostTied(3).run, AlmostTied(8).run, test_digits, STRICT)
    assert parity.max_abs_diff < STRICT.max_abs_diff
    assert parity.argmax_agreement == 1 - 1 / parity.n
    assert parity.digits_agreement == 1 - 1 / len(test_digits)
    assert not parity.passed
    with pytest.raises(ParityError, match=r"frame 50 .* the artifact says 8 .* the checkpoint 3"):
        parity.require("model")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_no_number_fails(reference, test_digits, value):
    def spoil(frames, answers):
        answers[0, answers[0].argmax()] = value
        return answers

    parity = check_parity(reference.run, Answers(reference, spoil).run, test_digits, STRICT)
    assert not parity.passed
    assert json.loads(json.dumps(parity.to_dict(), allow_nan=False))["max_abs_diff"] >= 1


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
        check_parity(reference.run, Answers(reference, change).run, test_digits, STRICT)


def test_a_failure_says_how_much_is_allowed_and_what_was_worst(reference, test_digits):
    worse = Answers(reference, lambda frames, answers: answers[:, ::-1].copy())
    parity = check_parity(reference.run, worse.run, test_digits, STRICT)
    with pytest.raises(
        ParityError,
        match=r"^model\.onnx does not answer .* where 1e-05 may be, same digit on [\d.]+% of 3072 frames, "
        r"[\d.]+% of the digits where 100% is asked, .* points of accuracy lost where 0 may be; worst is frame \d+ of",
    ) as failed:
        parity.require("model.onnx")
    assert failed.value.exit_code == 1
    assert "\n" not in str(failed.value)


def order_asked(reference, digits):
    """The bytes of each probe, in the order in which they are asked, after the digits."""
    artifact = Answers(reference)
    check_parity(reference.run, artifact.run, digits, STRICT)
    return [frames.tobytes() for frames in artifact.asked[1:]]


@pytest.mark.parametrize("probe", PROBES)
def test_the_kind_of_probe_that_is_answered_otherwise_is_told(reference, test_digits, probe):
    asked = dict(zip(PROBES, order_asked(reference, test_digits), strict=True))

    def shift(frames, answers):
        return answers + np.float32(0.25) if frames.tobytes() == asked[probe] else answers

    parity = check_parity(reference.run, Answers(reference, shift).run, test_digits, STRICT)
    assert {name for name, difference in parity.probes.items() if difference} == {probe}
    assert parity.probes[probe] == parity.max_abs_diff == pytest.approx(0.25)
    assert f" of {probe}: " in parity.worst
    assert not parity.passed


def test_more_probes_of_another_shape_may_be_asked_of_both(numbered):
    def of_any_size(pictures):
        return Sure().run(pictures)

    wide = np.full((3, 40, 60), 7, np.uint8)
    parity = check_parity(of_any_size, of_any_size, numbered, STRICT, [("wide", wide)])
    assert parity.n == sum(PROBES.values()) + len(numbered) + len(wide)
    assert parity.probes == dict.fromkeys([*PROBES, "wide"], 0)


@pytest.mark.parametrize(
    ("others", "gate", "passed"),
    [
        (0, LOSSY, True),
        (20, LOSSY, True),
        (21, LOSSY, False),
        (20, Gate(0.5, agreement=0.99, accuracy_lost=0.02), False),
        (20, Gate(0.4, agreement=0.95, accuracy_lost=0.02), False),
        (1, Gate(1, agreement=0.999, accuracy_lost=0.0005), False),
        (1, Gate(1, agreement=0.999, accuracy_lost=0.001), True),
    ],
)
def test_a_lossy_gate_lets_as_many_digits_be_read_otherwise_as_it_says(numbered, others, gate, passed):
    artifact = Sure(len(numbered), range(others))
    parity = check_parity(Sure().run, artifact.run, numbered, gate)
    assert parity.digits_agreement == pytest.approx(1 - others / 1000)
    assert parity.accuracy_lost == pytest.approx(others / 1000)
    assert parity.passed == passed


def test_what_is_read_right_instead_makes_up_for_what_is_lost(numbered):
    reference, artifact = Sure(len(numbered), range(10)), Sure(len(numbered), range(10, 20))
    parity = check_parity(reference.run, artifact.run, numbered, LOSSY)
    assert (parity.digits_agreement, parity.accuracy_lost) == (0.98, 0)
    assert parity.passed
    better = check_parity(reference.run, Sure().run, numbered, LOSSY)
    assert better.accuracy_lost == -0.01
    assert better.passed


def test_a_lossy_gate_asks_the_same_digit_of_no_probe_and_a_strict_one_of_each(numbered):
    artifact = Sure(64, range(30))
    for gate, passed in ((LOSSY, True), (Gate(0.5), False)):
        parity = check_parity(Sure().run, artifact.run, numbered, gate)
        assert (parity.digits_agreement, parity.passed) == (1, passed)
        assert parity.argmax_agreement < 1


@given(
    difference=st.floats(0, 1),
    agreements=st.tuples(*[st.floats(0, 1) | st.just(1.0)] * 2),
    lost=st.floats(-1, 1),
    gate=st.builds(Gate, st.floats(0, 1), st.floats(0, 1) | st.just(1.0), st.floats(0, 1)),
    n=st.integers(1),
)
def test_json_says_whether_it_passed(difference, agreements, lost, gate, n):
    agreement, digits_agreement = agreements
    parity = Parity(n, "mnist", difference, agreement, digits_agreement, lost, {"noise": 0.5}, "none", gate)
    found = json.loads(json.dumps(parity.to_dict()))
    same = digits_agreement >= gate.agreement and (agreement == 1 or gate.agreement < 1)
    passed = same and difference <= gate.max_abs_diff and lost <= gate.accuracy_lost
    assert found == {**dataclasses.asdict(parity), "passed": passed}
    assert found["gate"] == dataclasses.asdict(gate)
