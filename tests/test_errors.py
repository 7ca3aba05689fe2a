import pickle
import re

import pytest

from edgedigits import errors
from edgedigits.errors import (
    EdgeDigitsError,
    FramesError,
    InputError,
    MissingExtraError,
    OutputError,
    ParityError,
    UnknownNameError,
)

CLASSES = [getattr(errors, name) for name in errors.__all__]


def test_docstring_draws_the_whole_tree():
    assert sorted(["EdgeDigitsError", *re.findall(r"[├└]── (\w+)", errors.__doc__)]) == errors.__all__


def test_everything_raised_on_purpose_has_one_root():
    assert all(issubclass(cls, EdgeDigitsError) for cls in CLASSES)


@pytest.mark.parametrize(
    ("cls", "builtin"), [(FramesError, ValueError), (UnknownNameError, LookupError), (MissingExtraError, ImportError)]
)
def test_callers_can_catch_the_builtin_they_expect(cls, builtin):
    assert issubclass(cls, builtin)


def test_a_failed_check_and_a_wrong_call_have_different_exit_codes():
    assert ParityError.exit_code == 1
    assert {cls.exit_code for cls in CLASSES if cls is not ParityError} == {2}


def test_not_being_able_to_write_is_not_a_wrong_input():
    assert not issubclass(OutputError, InputError)


def test_unknown_name_suggests_the_nearest_known_one():
    error = UnknownNameError("model", "papr", ["paper", "small"])
    assert str(error) == "unknown model 'papr': did you mean 'paper'? known are paper, small"


def test_unknown_name_suggests_nothing_where_nothing_is_near():
    assert str(UnknownNameError("model", "xyz", ["paper"])) == "unknown model 'xyz': known are paper"


def test_unknown_name_survives_pickling():
    error = UnknownNameError("model", "papr", iter(["paper"]))
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.kind, copy.name, copy.known) == (
        UnknownNameError,
        str(error),
        "model",
        "papr",
        ("paper",),
    )


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls is not UnknownNameError])
def test_errors_survive_pickling(cls):
    copy = pickle.loads(pickle.dumps(cls("what is wrong")))
    assert (type(copy), str(copy)) == (cls, "what is wrong")
