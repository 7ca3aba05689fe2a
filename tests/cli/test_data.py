"""`edgedigits data`: the pictures of a data set. Fetching is tested with the server in training/test_mnist.py."""

import json

import pytest
from PIL import Image


def test_digits_are_drawn_with_what_they_are(edgedigits, tmp_path):
    ran = edgedigits("data", "show", "--dataset", "synthetic")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "synthetic: 200 training digits, the first 40 drawn to digits.png\n"
    with Image.open(tmp_path / "digits.png") as picture:
        picture.load()
        assert picture.format == "PNG"


def test_json_names_the_picture(edgedigits, pictures, tmp_path):
    ran = edgedigits("data", "show", "--dataset", pictures, "--output", "new/mine.png", "--json")
    assert json.loads(ran.out) == {"dataset": f"folder:{pictures.name}", "n": 90, "picture": "new/mine.png"}
    assert (tmp_path / "new" / "mine.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "MNIST is not at hand"),
        (["--dataset", "mnsit"], "unknown data set 'mnsit': did you mean 'mnist'?"),
        (["--dataset", "."], ". holds no pictures of a 0 to train on"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_data_set_that_is_not_there_is_refused(edgedigits, tmp_path, arguments, message):
    assert message in edgedigits("data", "show", *arguments).refusal
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_written_is_one_line(edgedigits, tmp_path):
    (tmp_path / "file").touch()
    refusal = edgedigits("data", "show", "--dataset", "synthetic", "--output", "file/digits.png").refusal
    assert refusal == "edgedigits: cannot write file/digits.png: Not a directory"


def test_fetching_needs_a_folder_that_can_be_written_to(edgedigits, tmp_path):
    (tmp_path / "file").touch()
    assert "file" in edgedigits("data", "fetch", "--data-dir", "file").refusal


def test_mnist_in_place_is_not_fetched(edgedigits, mnist_root):
    ran = edgedigits("data", "fetch", "--data-dir", mnist_root, "--json")
    assert json.loads(ran.out) == {"data_dir": str(mnist_root), "fetched": []}
