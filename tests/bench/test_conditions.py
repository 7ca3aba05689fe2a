"""Digits on photographed pages."""

import json

import pytest
from click.testing import CliRunner

from edgedigits.bench import conditions
from edgedigits.bench.pages import DIGITS, REFUSED


@pytest.fixture(autouse=True)
def _mnist(mnist_root):
    """The digits are MNIST's."""


def told(*arguments):
    ran = CliRunner().invoke(conditions.command, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.slow
def test_every_condition_is_told_of_every_model():
    lines = told("--models", "nano,small")
    assert [(line["condition"], line["model"]) for line in lines] == [
        (condition, model) for condition in [*DIGITS, *REFUSED] for model in ("nano", "small")
    ]
    for line in lines:
        if line["condition"] in REFUSED:
            assert 0.9 * line["pages"] <= line["refused"] <= line["pages"]
        else:
            assert line["accepted_right"] <= line["right"] <= line["pages"]
            assert line["right"] >= 0.8 * line["pages"]
