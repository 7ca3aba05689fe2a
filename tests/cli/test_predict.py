import json
import os
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from edgedigits import Recognizer
from edgedigits.models import shipped_file
from edgedigits.training.nondigits import draw_nondigits
from edgedigits.training.synthetic import draw_digit

# As DESIGN.md has them: programs rely on them.
ANSWER = {"file", "text", "confidence", "accepted", "reason", "digits"}
DIGIT = {"digit", "confidence", "accepted", "reason", "box", "runner_up"}
ERROR = {"file", "error"}


@pytest.fixture
def samples(tmp_path):
    """`0.png` to `9.png`, an empty page and a file that is no picture, in the folder in which commands run."""
    for digit in range(10):
        picture = 255 - draw_digit(digit, np.random.default_rng(1), 112)
        Image.fromarray(picture).save(tmp_path / f"{digit}.png")
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    tmp_path.joinpath("notes.png").write_text("notes")
    return tmp_path


def test_a_line_on_every_picture(edgedigits, samples):
    done = edgedigits("predict", *(f"{digit}.png" for digit in range(10)), "blank.png")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line[:8] for line in lines[:10]] == [f"{digit}.png: {digit}" for digit in range(10)]
    assert lines[10] == "blank.png: - (blank)"


def test_json_is_the_reading(edgedigits, samples):
    done = edgedigits("predict", "3.png", "blank.png", "--json")
    assert (done.code, done.err) == (0, "")
    recognizer = Recognizer()
    for line in map(json.loads, done.out.splitlines()):
        expected = recognizer.read(samples / line["file"]).to_dict()
        for digit, said in zip(line["digits"], expected.pop("digits"), strict=True):
            assert digit == {**said, "confidence": pytest.approx(said["confidence"], abs=1e-6)}
        assert {key: line[key] for key in expected} == {
            **expected,
            "confidence": pytest.approx(expected["confidence"], abs=1e-6),
        }


def test_json_has_exactly_the_keys_that_were_promised(edgedigits, samples):
    done = edgedigits("predict", "3.png", "notes.png", "--json")
    answer, error = map(json.loads, done.out.splitlines())
    assert set(error) == ERROR
    assert set(answer) == ANSWER
    assert set(answer["digits"][0]) == DIGIT


@pytest.mark.parametrize("bad", ["notes.png", "missing.png", "."])
def test_one_bad_picture_leaves_the_others_answered(edgedigits, samples, bad):
    done = edgedigits("predict", "3.png", bad, "4.png")
    assert done.code == 2
    assert [line[:8] for line in done.out.splitlines()] == ["3.png: 3", "4.png: 4"]
    (line,) = done.err.splitlines()
    assert line.startswith("edgedigits: ")
    assert bad in line


def test_one_bad_picture_has_its_line_of_json(edgedigits, samples):
    done = edgedigits("predict", "3.png", "notes.png", "4.png", "--json")
    assert (done.code, done.err) == (2, "")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["file"] for line in lines] == ["3.png", "notes.png", "4.png"]
    assert ["error" in line for line in lines] == [False, True, False]


def test_a_reading_that_is_not_trusted_says_what_else_it_might_be(edgedigits, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)).save(tmp_path / "noise.png")
    done = edgedigits("predict", "noise.png", "--model", "paper")
    assert done.code == 0
    assert "? (" in done.out
    assert "unsure: might be " in done.out


def test_an_onnx_file_can_be_the_model(edgedigits, samples):
    samples.joinpath("mine.onnx").write_bytes(shipped_file("paper").read_bytes())
    done = edgedigits("predict", "3.png", "--model", "mine.onnx")
    assert (done.code, done.out[:8]) == (0, "3.png: 3")


def test_a_folder_is_no_model(edgedigits, samples):
    samples.joinpath("mine").mkdir()
    refusal = edgedigits("predict", "3.png", "--model", "mine").refusal
    assert "mine is a folder: give the file that `edgedigits export` wrote" in refusal


@pytest.mark.parametrize("content", [b"", b"text", "cut"])
def test_a_model_that_is_damaged_is_one_line(installed, samples, content):
    whole = shipped_file("paper").read_bytes()
    samples.joinpath("mine.onnx").write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    done = installed("predict", "3.png", "--model", "mine.onnx")
    assert done.refusal.startswith("edgedigits: mine.onnx is ")


def test_a_picture_that_is_too_large_is_one_line(installed, tmp_path):
    Image.new("1", (10_000, 10_000), 1).save(tmp_path / "bomb.png")
    line = installed("predict", "bomb.png").refusal
    assert "bomb.png" in line
    assert "megapixels" in line


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text are those of Linux")
@pytest.mark.parametrize("name", [b"\xff.png", b"two\nlines.png"])
def test_any_file_name_has_its_line_of_json(installed, samples, name):
    shutil.copy(samples / "3.png", os.fsencode(samples) + b"/" + name)
    done = installed("predict", os.fsdecode(name), "4.png", "--json", PYTHONIOENCODING="utf-8:strict")
    assert (done.code, done.err) == (0, "")
    assert [json.loads(line)["text"] for line in done.out.splitlines()] == ["3", "4"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text are those of Linux")
@pytest.mark.parametrize(("source", "code"), [("3.png", 0), ("notes.png", 2)])
def test_a_file_name_that_is_no_text_has_its_line_for_people(installed, samples, source, code):
    shutil.copy(samples / source, os.fsencode(samples) + b"/\xff.png")
    done = installed("predict", os.fsdecode(b"\xff.png"), PYTHONIOENCODING="utf-8:strict")
    assert done.code == code
    assert len((done.out + done.err).splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_full_disk_behind_standard_output_is_one_line(program, script, samples, option):
    arguments = " ".join(["predict", "3.png", *option])
    done = program("sh", "-c", f"'{script}' {arguments} > /dev/full")
    assert done.refusal


@pytest.mark.parametrize("max_error", [0.03, 0.2])
def test_an_error_rate_decides_what_is_accepted(edgedigits, samples, trusted, max_error):
    model = trusted["onnx"].path
    names = [f"{digit}.png" for digit in range(10)]
    done = edgedigits("predict", *names, "--model", model, "--max-error", max_error, "--json")
    assert (done.code, done.err) == (0, "")
    recognizer = Recognizer(model, max_error=max_error)
    expected = [recognizer.read(samples / name) for name in names]
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [(one["text"], one["accepted"], one["reason"]) for one in told] == [
        (reading.text, reading.accepted, reading.reason) for reading in expected
    ]
    assert any(one["accepted"] for one in told)


def test_more_is_accepted_where_more_errors_are_allowed(edgedigits, samples):
    asked = ["predict", *(f"{digit}.png" for digit in range(10)), "--model", "nano"]
    strict, lax = (edgedigits(*asked, "--max-error", rate).out.count("? (") for rate in (0.001, 0.01))
    assert strict > lax


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ("0.0001", "an error rate of 0.01% cannot be promised with 95% confidence"),
        ("0", "an error rate of 0 makes no sense: give one between 0 and 1"),
        ("1", "an error rate of 1 makes no sense"),
        ("-0.1", "an error rate of -0.1 makes no sense"),
        ("nan", "an error rate of nan makes no sense"),
        ("few", "'few' is not a valid float"),
    ],
)
def test_an_error_rate_that_cannot_be_kept_is_refused(edgedigits, samples, trusted, rate, message):
    refusal = edgedigits("predict", "3.png", "--model", trusted["onnx"].path, f"--max-error={rate}").refusal
    assert message in refusal


def test_a_model_that_was_validated_on_nothing_keeps_no_error_rate(edgedigits, samples):
    refusal = edgedigits("predict", "3.png", "--model", "paper", "--max-error", 0.01).refusal
    assert "paper was validated on nothing, so no error rate can be promised" in refusal


def test_what_is_no_digit_is_said_to_be_none(edgedigits, tmp_path, trusted, test_digits):
    recognizer = Recognizer(trusted["onnx"].path)
    frames, _ = draw_nondigits(test_digits, 50, seed=9)
    frame = next(frame for frame in frames if recognizer.read(frame).reason == "no digit")
    Image.fromarray(frame).save(tmp_path / "scrawl.png")
    done = edgedigits("predict", "scrawl.png", "--model", trusted["onnx"].path)
    assert (done.code, done.err) == (0, "")
    assert done.out == "scrawl.png: - (no digit)\n"
    told = json.loads(edgedigits("predict", "scrawl.png", "--model", trusted["onnx"].path, "--json").out)
    assert (told["accepted"], told["reason"], told["digits"][0]["reason"]) == (False, "no digit", "no digit")
