import io
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedigits.training.synthetic import draw_digit

WATCH_FOLDER = Path(__file__).parents[2] / "examples" / "watch_folder.py"
PATIENCE = 60
"""Seconds after which what has not been read will not be."""
PIECES = 60
"""Of a picture that is written slowly, which takes several of the watcher's looks."""


def picture(digit):
    """A file's bytes."""
    file = io.BytesIO()
    Image.fromarray(255 - draw_digit(digit, np.random.default_rng(digit), 56)).save(file, "PNG")
    return file.getvalue()


class Watched:
    """A folder that the example watches, and what it prints."""

    def __init__(self, folder):
        self.folder, self.printed = folder / "folder", folder / "printed"
        self.folder.mkdir()
        with self.printed.open("wb") as out:
            command = [sys.executable, "-W", "error", WATCH_FOLDER, self.folder]
            self.program = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)

    def says(self, count):
        """Of the files in order: their names and what is read there, once there are `count` lines."""
        end = time.monotonic() + PATIENCE
        while len(lines := self.printed.read_text().splitlines()) < count:
            assert time.monotonic() < end, lines
            assert self.program.poll() is None, lines
            time.sleep(0.05)
        answers = [json.loads(line) for line in lines]
        return [(Path(answer["file"]).name, answer.get("text", answer.get("error"))) for answer in answers]


@pytest.fixture
def watched(tmp_path):
    watched = Watched(tmp_path)
    yield watched
    watched.program.kill()
    watched.program.wait()


def test_pictures_are_read_as_they_come_and_as_they_change(watched):
    watched.folder.joinpath("a.png").write_bytes(picture(3))
    assert watched.says(1) == [("a.png", "3")]
    watched.folder.joinpath("b.png").write_bytes(picture(8))
    assert watched.says(2)[1:] == [("b.png", "8")]
    watched.folder.joinpath("a.png").write_bytes(picture(5))
    assert watched.says(3)[2:] == [("a.png", "5")]


def test_a_picture_is_read_once_it_is_whole(watched):
    content = picture(4)
    with watched.folder.joinpath("slow.png").open("wb", buffering=0) as file:
        for i in range(PIECES):
            file.write(content[i * len(content) // PIECES : (i + 1) * len(content) // PIECES])
            time.sleep(0.03)
    assert watched.says(1) == [("slow.png", "4")]
    watched.folder.joinpath("next.png").write_bytes(picture(7))
    assert watched.says(2) == [("slow.png", "4"), ("next.png", "7")]


def test_what_is_no_picture_is_said_and_watching_goes_on(watched):
    watched.folder.joinpath("folder").mkdir()
    watched.folder.joinpath("notes.txt").write_text("7")
    ((name, error),) = watched.says(1)
    assert name == "notes.txt"
    assert "is not a picture" in error
    watched.folder.joinpath("part").write_bytes(picture(2))
    watched.folder.joinpath("part").rename(watched.folder / "two.png")
    assert watched.says(2)[1:] == [("two.png", "2")]


def test_there_has_to_be_a_folder(program, tmp_path):
    done = program(sys.executable, WATCH_FOLDER, tmp_path / "nowhere")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"error: there is no folder {tmp_path / 'nowhere'}\n")
