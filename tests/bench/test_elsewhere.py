"""Collections from elsewhere: npz archives, folders with labels.csv, strokes."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from edgedigits import Recognizer
from edgedigits.bench.elsewhere import command
from edgedigits.errors import DatasetError
from edgedigits.training import pendigits
from edgedigits.training.synthetic import draw_digit


def _told(*arguments):
    ran = CliRunner().invoke(command, ["--models", "paper", *map(str, arguments)], catch_exceptions=False)
    assert ran.exit_code == 0
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert lines[0]["collection"] == "mnist test"
    return lines[1:]


@pytest.fixture
def pictures():
    return np.stack([draw_digit(i % 10, np.random.default_rng(i), 40) for i in range(30)])


@pytest.fixture(autouse=True)
def _mnist(mnist_root):
    """The command reads MNIST's test digits first."""


def test_an_archive_is_read_as_the_runner_reads_each_picture(tmp_path, pictures):
    labels = np.arange(30) % 10
    np.savez(tmp_path / "drawn.npz", images=pictures, labels=labels)
    (told,) = _told(tmp_path / "drawn.npz")
    readings = [Recognizer("paper").read(picture) for picture in pictures]
    right = [reading.text == str(label) for reading, label in zip(readings, labels, strict=True)]
    accepted = [reading.accepted for reading in readings]
    assert (told["collection"], told["model"], told["digits"]) == ("drawn", "paper", 30)
    assert (told["right"], told["accepted"]) == (sum(right), sum(accepted))
    assert told["accepted_right"] == sum(r and a for r, a in zip(right, accepted, strict=True))
    assert "refused" not in told


def test_letters_are_to_be_refused_and_look_alikes_are_left_out(tmp_path, pictures):
    np.savez(tmp_path / "letters.npz", images=pictures[:4], labels=np.array(["A", "O", "K", "I"]))
    (told,) = _told(tmp_path / "letters.npz")
    accepted = [Recognizer("paper").read(picture).accepted for picture in pictures[[0, 2]]]
    assert (told["no_digits"], told["refused"]) == (2, 2 - sum(accepted))
    assert "digits" not in told


def test_a_folder_with_labels_and_a_picture_that_cannot_be_read(tmp_path, pictures):
    Image.fromarray(pictures[3]).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    Image.new("L", (30, 30), 255).save(tmp_path / "c.png")
    (tmp_path / "labels.csv").write_text("file,label\na.png,3\nb.png,4\nc.png,5\n")
    (told,) = _told(tmp_path)
    assert told["digits"] == 3
    assert told["right"] == (Recognizer("paper").read(pictures[3]).text == "3")
    assert told["accepted"] <= 1


def test_strokes_that_were_trained_on_are_left_out(tmp_path):
    one = {"label": 1, "strokes": [[[10, 0], [10, 100]]]}
    (tmp_path / "strokes.json").write_text(json.dumps([one] * (pendigits.TRAINED_ON + 2)))
    (told,) = _told(tmp_path / "strokes.json")
    assert told["digits"] == 2


def test_strokes_are_read_as_a_touch_screens(tmp_path):
    strokes = [[[10, 0], [40, 0], [20, 60]], [[12, 30], [36, 30]]]
    written = [{"label": 7, "strokes": strokes}] * (pendigits.TRAINED_ON + 1)
    (tmp_path / "strokes.json").write_text(json.dumps(written))
    (told,) = _told(tmp_path / "strokes.json")
    reading = Recognizer("paper").read_strokes(strokes)
    assert (told["right"], told["accepted"]) == (reading.digits[0].value == 7, reading.accepted)


def test_whose_digits_are_read_is_told_by_person(tmp_path, pictures):
    people = {"ann": [3, 4], "bob": [5]}
    rows = ["file,label,source"]
    for person, labels in people.items():
        for label in labels:
            Image.fromarray(pictures[label]).save(tmp_path / f"{label}.png")
            rows.append(f"{label}.png,{label},{person} page {label}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    (told,) = _told(tmp_path)
    recognizer = Recognizer("paper")
    assert told["people"] == {
        person: [sum(recognizer.read(pictures[label]).digits[0].value == label for label in labels), len(labels)]
        for person, labels in people.items()
    }


def test_an_error_rate_changes_what_is_accepted_and_not_what_is_right(tmp_path, pictures):
    np.savez(tmp_path / "drawn.npz", images=pictures, labels=np.arange(30) % 10)
    (lax,), (strict,) = (
        _told(tmp_path / "drawn.npz", "--models", "small", *more) for more in ([], ["--max-error", "0.002"])
    )
    assert lax["right"] == strict["right"]
    assert lax["accepted"] >= strict["accepted"]


def test_a_sheet_shows_what_is_read_wrongly(tmp_path, pictures):
    np.savez(tmp_path / "drawn.npz", images=pictures, labels=(np.arange(30) + 1) % 10)
    _told(tmp_path / "drawn.npz", "--sheets", str(tmp_path / "sheets"))
    with Image.open(tmp_path / "sheets" / "drawn.png") as sheet:
        assert sheet.height > sheet.width / 12 * 4


def test_an_empty_collection_is_refused(tmp_path):
    np.savez(tmp_path / "none.npz", images=np.zeros((0, 8, 8), np.uint8), labels=np.zeros(0, np.int64))
    with pytest.raises(DatasetError, match="holds nothing to read"):
        _told(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("strings.csv", "file,label\na.png,8156\n"),
        ("lines.csv", "file,label_lines\na.png,1|2\n"),
        ("words.csv", "file,label\na.png,seven\n"),
        ("bare.csv", "label\n7\n"),
    ],
)
def test_what_is_no_collection_of_single_digits_is_refused(tmp_path, name, content):
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(DatasetError, match="is no collection of pictures of one digit or letter each"):
        _told(tmp_path)


@pytest.mark.parametrize("name", ["text.npz", "text.json"])
def test_a_file_that_is_something_else_is_refused(tmp_path, name):
    (tmp_path / name).write_text("no collection")
    with pytest.raises(DatasetError, match="is no collection of pictures of one digit or letter each"):
        _told(tmp_path / name)
