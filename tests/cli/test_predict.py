import json
import os
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from edgedigits import Recognizer
from edgedigits.models import shipped_file
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
    done = edgedigits("predict", "noise.png")
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
