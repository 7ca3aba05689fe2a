"""How good a guest the runner is: what is put beside what, and what is told of it."""

import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from edgedigits import Recognizer
from edgedigits.bench import guest


def _is_beside(told):
    low, high = told["ratio_ci95"]
    assert 0 < low <= told["ratio"] <= high
    assert told["us"] > 0 < told["baseline_us"]


def _run(*arguments):
    ran = CliRunner().invoke(guest.command, arguments, catch_exceptions=False)
    return ran.exit_code, [json.loads(line) for line in ran.stdout.splitlines()], ran.stderr


def test_the_pictures_are_different_digits_dark_on_light_that_are_read():
    files, recognizer = guest.pictures(), Recognizer(guest.MODEL)
    assert len(set(files)) == len(files) == guest.DIGITS
    for i, file in enumerate(files):
        picture = np.asarray(Image.open(io.BytesIO(file)))
        assert (picture.shape, picture.dtype, np.median(picture)) == ((28, 28), np.uint8, 255)
        assert recognizer.read(file).digits, i


def test_calls_are_put_beside_the_bare_session_and_bare_decoding():
    told = list(guest.calls(rounds=3))
    assert [figure["figure"] for figure in told] == ["classify", "read a PNG"]
    for figure in told:
        _is_beside(figure)
        assert figure["n"] >= 3 * 3


def test_starts_are_put_beside_that_of_importing_onnxruntime():
    told = list(guest.start(processes=2))
    assert [figure["figure"] for figure in told] == ["start and classify", "start and read a PNG"]
    for figure in told:
        _is_beside(figure)
        assert figure["n"] == 2
    assert told[0]["baseline_us"] == told[1]["baseline_us"]


def test_cpu_is_a_share_of_one_core_beside_that_of_a_default_session():
    (told,) = guest.cpu(seconds=2)
    low, high = told["share_ci95"]
    assert 0 < low <= told["share_of_a_core"] <= high < 1
    assert told["n"] == 20
    assert told["ratio"] > 0 < told["baseline_share"]


def test_the_command_prints_one_object_per_figure():
    code, told, said = _run("--only", "memory", "--readings", "2000")
    assert (code, said) == (0, "")
    assert [(figure["figure"], figure["n"]) for figure in told] == [("memory, frames", 2000), ("memory, PNGs", 100)]
    assert all(isinstance(figure["grown_bytes"], int) for figure in told)


def test_where_no_index_is_reached_one_line_says_so(monkeypatch):
    for name, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", ""), ("PIP_CONFIG_FILE", "/dev/null")):
        monkeypatch.setenv(name, value)
    code, told, said = _run("--only", "size")
    assert (code, told) == (0, [])
    assert said.startswith("not measured: size: pip install failed: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("wrong", [["--only", "speed"], ["--readings", "0"]])
def test_what_cannot_be_measured_is_refused(wrong):
    assert CliRunner().invoke(guest.command, wrong).exit_code == 2
