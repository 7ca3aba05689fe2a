import importlib

import pytest

from edgedigits.errors import MissingExtraError
from edgedigits.extras import needs


def test_an_absent_package_is_one_line_that_names_the_extra():
    with pytest.raises(MissingExtraError) as caught, needs("train", "edgedigits train"):
        importlib.import_module("absent_package.part")
    assert str(caught.value) == (
        "edgedigits train needs absent_package, which is not installed: pip install 'edgedigits[train]'"
    )
    assert caught.value.name == "absent_package"


def test_a_missing_module_of_our_own_is_a_bug_and_stays_one():
    with pytest.raises(ModuleNotFoundError) as caught, needs("train", "edgedigits train"):
        importlib.import_module("edgedigits.absent")
    assert not isinstance(caught.value, MissingExtraError)


def test_a_failure_inside_an_installed_package_is_not_hidden():
    with pytest.raises(ImportError, match="absent") as caught, needs("train", "edgedigits train"):
        from json import absent  # noqa: F401  what is asked for is not there
    assert not isinstance(caught.value, MissingExtraError)


def test_other_errors_pass_through():
    with pytest.raises(ZeroDivisionError), needs("train", "edgedigits train"):
        raise ZeroDivisionError


def test_an_error_that_names_an_extra_already_keeps_it():
    outer, inner = needs("train", "outer"), needs("export", "inner")
    with pytest.raises(MissingExtraError, match=r"inner .* 'edgedigits\[export\]'"), outer, inner:
        importlib.import_module("absent_package")
