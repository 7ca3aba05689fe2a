"""Strings of other people's digits: that each is used once, and what the command tells."""

import json

import numpy as np
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgedigits.bench.composed import command, composed_items, framed_digits
from edgedigits.bench.elsewhere import Item
from edgedigits.training.digits import Digits
from edgedigits.training.synthetic import synthetic_digits

FRAMES, LABELS = synthetic_digits(60, seed=3)


@given(count=st.integers(0, 60))
def test_every_digit_is_used_once(count):
    items = list(composed_items(Digits("some", FRAMES[:count], LABELS[:count])))
    used = "".join(item.lines[0] for item in items)
    assert count - len(used) in {0, 1}
    if len(used) == count:
        assert sorted(used) == sorted("".join(map(str, LABELS[:count].tolist())))
    assert all(2 <= len(item.lines[0]) == len(item.boxes) <= 10 for item in items)


def test_what_shows_no_digit_is_left_out():
    blank = np.full((28, 28), 255, np.uint8)
    items = [
        Item("a", 7, picture=255 - FRAMES[0]),
        Item("blank", 7, picture=blank),
        Item("letter", None, picture=255 - FRAMES[1]),
        Item("drawn", 1, strokes=[[(0, 0), (0, 9)]]),
        Item("broken", 2, picture=b"no picture"),
    ]
    digits = framed_digits("some", items)
    assert (digits.frames.shape, digits.labels.tolist()) == ((1, 28, 28), [7])


def test_the_command_tells_of_each_collection_and_model(tmp_path):
    folder = tmp_path / "hands"
    folder.mkdir()
    for i, frame in enumerate(FRAMES):
        Image.fromarray(255 - frame).save(folder / f"{i}.png")
    (folder / "labels.csv").write_text("file,label\n" + "".join(f"{i}.png,{n}\n" for i, n in enumerate(LABELS)))
    ran = CliRunner().invoke(command, [str(folder), "--models", "amount"], catch_exceptions=False)
    (told,) = map(json.loads, ran.stdout.splitlines())
    assert (told["collection"], told["model"], ran.exit_code) == ("strings of hands", "amount", 0)
    assert 59 <= told["digits"] <= 60
    assert told["right"] >= 0.7 * told["strings"]


def test_a_collection_that_is_none_is_refused(tmp_path):
    ran = CliRunner().invoke(command, [str(tmp_path)])
    assert ran.exit_code != 0
    assert "is no collection of pictures" in str(ran.exception)
