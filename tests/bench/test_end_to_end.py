"""From an encoded picture to its reading."""

import io

import pytest
from PIL import Image

from edgedigits.bench.end_to_end import ENCODINGS, SIZE, end_to_end, pictures
from edgedigits.bench.files import Shelf
from edgedigits.bench.runtimes import find_runtime, prepare_all
from edgedigits.models import find_model
from edgedigits.recognizer import Recognizer


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_pictures_are_digits_that_are_read(encoding):
    recognizer = Recognizer("nano")
    for file in pictures(encoding):
        with Image.open(io.BytesIO(file)) as picture:
            assert (picture.format, picture.size) == (encoding, (SIZE, SIZE))
        assert recognizer.read(file).digits


def test_shares_of_each_model_and_encoding_add_up(tmp_path):
    shelf = Shelf(find_model("nano"), tmp_path, is_closed=True)
    candidates, _ = prepare_all([shelf], [find_runtime("onnxruntime"), find_runtime("onnxruntime-default")])
    rounds = []
    rows = end_to_end(candidates, 2, lambda: rounds.append(1))
    assert len(rounds) == 2 * len(ENCODINGS)
    assert [(row["model"], row["encoding"]) for row in rows] == [("nano", encoding) for encoding in ENCODINGS]
    for row in rows:
        assert set(row["shares"]) == {"decoding", "framing", "network", "other"}
        assert sum(row["shares"].values()) == pytest.approx(1)
        assert 0 < row["shares"]["decoding"] < 1
        assert 0 < row["shares"]["network"] < 1


def test_without_the_runner_of_edgedigits_there_is_nothing_to_measure(tmp_path):
    shelf = Shelf(find_model("nano"), tmp_path, is_closed=True)
    candidates, _ = prepare_all([shelf], [find_runtime("onnxruntime-default")])
    assert end_to_end(candidates, 1, lambda: None) == []
