import json
from dataclasses import FrozenInstanceError, fields, replace
from typing import get_args

import numpy as np
import pytest

from edgedigits import Digit, Predictions, Reading
from edgedigits.results import Reason
from edgedigits.scene import Doubt, Missing

DIGIT = Digit(7, 0.5, accepted=False, reason="unsure", box=(1, 2, 3, 4), runner_up=1)
READING = Reading("7", 0.5, accepted=False, reason="unsure", digits=(DIGIT,))
PREDICTIONS = Predictions(
    np.array([7, 1]), np.array([0.5, 1], np.float32), np.array([False, True]), np.full((2, 10), 0.125, np.float32)
)


@pytest.mark.parametrize("value", [DIGIT, READING, PREDICTIONS])
def test_no_field_can_be_assigned(value):
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, None)


def test_digit_as_json():
    assert json.loads(json.dumps(DIGIT.to_dict())) == {
        "digit": 7,
        "confidence": 0.5,
        "accepted": False,
        "reason": "unsure",
        "box": [1, 2, 3, 4],
        "runner_up": 1,
    }


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_is_passed_on_as_it_is(reason):
    digit = replace(DIGIT, reason=reason)
    reading = replace(READING, reason=reason, digits=(digit,))
    assert (digit.to_dict()["reason"], reading.to_dict()["reason"]) == (reason, reason)


def test_whatever_keeps_a_picture_from_being_framed_or_trusted_is_a_reason():
    assert {*get_args(Missing), *get_args(Doubt)} < set(get_args(Reason))


def test_reading_as_json():
    assert json.loads(json.dumps(READING.to_dict())) == {
        "text": "7",
        "confidence": 0.5,
        "accepted": False,
        "reason": "unsure",
        "digits": [DIGIT.to_dict()],
    }


def test_predictions_as_json():
    assert json.loads(json.dumps(PREDICTIONS.to_dict())) == {
        "digits": [7, 1],
        "confidence": [0.5, 1.0],
        "accepted": [False, True],
        "probabilities": [[0.125] * 10] * 2,
    }


def test_predictions_are_as_long_as_the_frames_they_answer():
    assert len(PREDICTIONS) == 2


def test_equal_readings_are_equal_and_can_be_counted():
    assert len({READING, Reading("7", 0.5, accepted=False, reason="unsure", digits=(DIGIT,))}) == 1
