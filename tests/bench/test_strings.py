"""Whole amounts: which collections are taken, and what the command tells."""

import json

import pytest
from click.testing import CliRunner
from PIL import Image

from edgedigits import Recognizer
from edgedigits.bench import mnist_strings, strings
from edgedigits.bench.judging import Item
from edgedigits.bench.mnist_strings import compose
from edgedigits.bench.strings import command, load_items
from edgedigits.errors import DatasetError, InputError, UnknownNameError
from edgedigits.training.synthetic import synthetic_digits


def test_a_folder_of_amounts_with_boxes(tmp_path):
    (tmp_path / "labels.csv").write_text('file,label,boxes_xywh,split\na.png,05,"0,10,26,28;43,13,11,26",train\n')
    assert load_items(tmp_path) == [Item(tmp_path / "a.png", ("05",), ((0, 10, 26, 38), (43, 13, 54, 39)))]


def test_a_folder_of_pages_with_lines(tmp_path):
    (tmp_path / "labels.csv").write_text("file,label_lines\na.png,12|0755\nb.png,6666\n")
    assert load_items(tmp_path) == [Item(tmp_path / "a.png", ("12", "0755")), Item(tmp_path / "b.png", ("6666",))]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("file,label\na.png,12x\n", "not of digits alone"),
        ("file,label_lines\na.png,1||2\n", "not of digits alone"),
        ('file,label,boxes_xywh\na.png,12,"0,0,5,5"\n', "1 boxes and the label 12"),
        ('file,label,boxes_xywh\na.png,1,"0,0,5"\n', "not enough values"),
        ("label\n7\n", "'file'"),
        ("file\na.png\n", "'label'"),
        ("file,label\n", "holds nothing to read"),
    ],
)
def test_what_is_no_collection_of_strings_is_refused(tmp_path, content, why):
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(DatasetError, match=why):
        load_items(tmp_path)


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="is no collection of pictures of strings"):
        load_items(tmp_path)


def test_a_model_that_is_not_there_or_reads_no_lines_is_refused_at_once():
    for model, error in (("amoumt", UnknownNameError), ("small", InputError)):
        with pytest.raises(error, match=model):
            CliRunner().invoke(command, ["--model", model], catch_exceptions=False)


def test_the_command_tells_of_the_file_the_strings_the_collections_and_latency(tmp_path, mnist_root, monkeypatch):
    monkeypatch.setattr(mnist_strings, "REPEATS", 1)
    monkeypatch.setattr(strings, "ROUNDS", 2)
    folder, sheets = tmp_path / "drawn", tmp_path / "sheets"
    folder.mkdir()
    frames, labels = synthetic_digits(8, seed=1)
    picture, _ = compose(frames, 4)
    label = "".join(map(str, labels.tolist()))
    Image.fromarray(picture).save(folder / "a.png")
    (folder / "b.png").write_bytes(b"no picture")
    (folder / "labels.csv").write_text(f"file,label\na.png,{label}\nb.png,12\n")
    arguments = [folder, "--max-error", "1e-9", "--sheets", sheets, "--data-dir", mnist_root]
    ran = CliRunner().invoke(command, [*map(str, arguments)], catch_exceptions=False)
    assert ran.exit_code == 0
    file, mnist, drawn, *latency = (json.loads(told) for told in ran.stdout.splitlines())
    assert file["bytes"] > 0
    assert (mnist["collection"], mnist["strings"]) == ("mnist strings", 81)
    for by in ("right_by_spacing", "right_by_length"):
        assert [sum(counts) for counts in zip(*mnist[by].values(), strict=True)] == [mnist["right"], 81]
    assert mnist["threshold"] == Recognizer("amount").threshold
    assert mnist["accepted_at_max_error"].keys() == {"max_error", "unpromised"}
    assert (drawn["collection"], drawn["strings"]) == ("drawn", 2)
    assert drawn["right"] == (Recognizer("amount").read(picture).text == label)
    assert drawn["mistakes"]["background"] >= 1
    assert [figure["ratio"] > 0 for figure in latency] == [True, True]
    assert (sheets / "mnist-strings-mistakes.png").is_file() == (mnist["right"] < 81)
