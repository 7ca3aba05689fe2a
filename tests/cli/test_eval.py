"""`edgedigits eval`: figures, pictures, and what cannot be measured."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from edgedigits import Recognizer
from edgedigits.export.deployable import Deployable
from edgedigits.training import data
from edgedigits.training.evaluation import evaluate

PICTURES = {"predictions.png", "confusion.png", "mistakes.png", "risk.png"}


@pytest.fixture
def run(tiny_run, tmp_path):
    return shutil.copytree(tiny_run, tmp_path / "run")


@pytest.fixture
def expected(edgedigits, checkpoint):
    digits = data.load_digits("synthetic", "test")
    return evaluate(Deployable(checkpoint.network(), 1.0).run(digits.frames), digits, 0.95)


def test_json_has_the_figures_of_the_design(edgedigits, run, expected):
    ran = edgedigits("eval", run, "--dataset", "synthetic", "--json")
    assert ran.code == 0
    told, accuracy = json.loads(ran.out), expected.accuracy
    assert (told["model"], told["dataset"], told["n"]) == ("run", "synthetic", 100)
    assert told["errors"] == 100 - accuracy.correct
    assert told["accuracy"] == accuracy.accuracy
    assert told["accuracy_ci95"] == list(accuracy.ci95)
    assert told["loss"] == pytest.approx(accuracy.loss)
    assert (told["coverage"], told["accepted_errors"]) == (accuracy.coverage, accuracy.accepted_errors)
    np.testing.assert_array_equal(told["confusion"], expected.confusion)


def test_people_are_told_the_same(edgedigits, run, expected):
    ran = edgedigits("eval", run, "--dataset", "synthetic")
    accuracy = expected.accuracy
    assert f"synthetic: {accuracy.correct}/100 right" in ran.out
    assert f"{100 - accuracy.correct} errors, loss {accuracy.loss:.4f}" in ran.out
    rows = [line.split() for line in ran.out.splitlines() if re.match(r" +\d +[\d·] ", line)]
    counts = [[int(cell.replace("·", "0")) for cell in row[1:11]] for row in rows if len(row) == 13]
    assert counts == expected.confusion.tolist()


def test_a_runs_folder_receives_the_pictures(edgedigits, run):
    ran = edgedigits("eval", run, "--dataset", "synthetic")
    assert {line.rpartition("/")[2] for line in ran.err.splitlines()} == PICTURES
    for name in PICTURES:
        with Image.open(run / name) as picture:
            picture.load()


def test_pictures_go_where_they_are_asked_to(edgedigits, run, tmp_path):
    before = sorted(run.iterdir())
    assert edgedigits("eval", run, "--dataset", "synthetic", "--output", "new/folder").code == 0
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == PICTURES
    assert sorted(run.iterdir()) == before


def test_the_mistakes_that_were_accepted_have_a_picture_of_their_own(edgedigits, tmp_path):
    asked = ["eval", "paper", "--dataset", "synthetic", "--output", "pictures", "--json"]
    assert json.loads(edgedigits(*asked).out)["accepted_errors"] > 0
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {*PICTURES, "accepted_mistakes.png"}


@pytest.mark.parametrize("kind", ["run", "onnx", "torchscript"])
def test_a_calibrated_run_is_measured_as_what_is_exported_from_it(edgedigits, trusted_run, trusted, tmp_path, kind):
    model = shutil.copytree(trusted_run, tmp_path / "run") if kind == "run" else trusted[kind].path
    card = trusted["onnx"].card
    digits = data.load_digits("synthetic", "test")
    probabilities = Recognizer(trusted["onnx"].path).classify(digits.frames).probabilities
    accuracy = evaluate(probabilities, digits, card.accept_threshold).accuracy
    told = json.loads(edgedigits("eval", model, "--dataset", "synthetic", "--json").out)
    assert told["loss"] == pytest.approx(accuracy.loss, rel=1e-5)
    assert (told["coverage"], told["accepted_errors"]) == (accuracy.coverage, accuracy.accepted_errors)
    said = edgedigits("eval", model, "--dataset", "synthetic").out
    assert f"accepted at confidence {card.accept_threshold:g}: {100 * accuracy.coverage:.2f}%" in said


@pytest.mark.parametrize("kind", ["run", "onnx"])
def test_an_error_rate_decides_what_is_accepted(edgedigits, trusted_run, trusted, tmp_path, kind):
    model = shutil.copytree(trusted_run, tmp_path / "run") if kind == "run" else trusted[kind].path
    asked = ["eval", model, "--dataset", "synthetic", "--json"]
    usual, strict = json.loads(edgedigits(*asked).out), json.loads(edgedigits(*asked, "--max-error", 0.05).out)
    card = trusted["onnx"].card
    assert (usual["accept_threshold"], usual["max_error"]) == (card.accept_threshold, None)
    assert (strict["accept_threshold"], strict["max_error"]) == (card.risk.threshold_for(0.05), 0.05)
    assert strict["coverage"] < usual["coverage"]
    assert strict["accuracy"] == usual["accuracy"]


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ("0.0001", "an error rate of 0.01% cannot be promised"),
        ("2", "an error rate of 2 makes no sense"),
        ("few", "'few' is not a valid float"),
    ],
)
def test_an_error_rate_that_cannot_be_kept_is_refused(edgedigits, trusted_run, rate, message):
    assert message in edgedigits("eval", trusted_run, "--dataset", "synthetic", "--max-error", rate).refusal


def test_a_run_that_was_validated_on_nothing_keeps_no_error_rate(edgedigits, run):
    refusal = edgedigits("eval", run, "--dataset", "synthetic", "--max-error", 0.01).refusal
    assert refusal.startswith("edgedigits: paper was validated on nothing")


@pytest.mark.parametrize("name", ["onnx", "torchscript"])
def test_an_artifact_gives_the_figures_of_its_checkpoint_and_draws_nothing(
    edgedigits, exported, expected, tmp_path, name
):
    ran = edgedigits("eval", exported[name].path, "--dataset", "synthetic", "--json")
    told = json.loads(ran.out)
    assert (told["model"], told["errors"]) == ("model", 100 - expected.accuracy.correct)
    assert told["loss"] == pytest.approx(expected.accuracy.loss, rel=1e-5)
    assert list(tmp_path.iterdir()) == []


def test_a_shipped_model_is_measured_by_its_name(edgedigits):
    told = json.loads(edgedigits("eval", "paper", "--dataset", "synthetic", "--json").out)
    assert (told["model"], told["n"]) == ("paper", 100)
    assert told["accuracy"] > 0.5


def test_a_folder_of_pictures_is_a_data_set(edgedigits, run, pictures):
    told = json.loads(edgedigits("eval", run, "--dataset", pictures, "--json").out)
    assert (told["dataset"], told["n"]) == (f"folder:{pictures.name}", 10)


def test_the_shipped_model_does_on_mnist_what_its_card_says(edgedigits, mnist_root):
    from edgedigits import Recognizer

    told = json.loads(edgedigits("eval", "paper", "--dataset", "mnist", "--data-dir", mnist_root, "--json").out)
    accuracy = Recognizer("paper").card.accuracy
    assert (told["dataset"], told["n"]) == ("mnist", 10_000)
    assert told["errors"] == accuracy.n - accuracy.correct
    assert told["accuracy"] >= 0.98


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["papre"], "unknown model 'papre': did you mean 'paper'?"),
        (["runs/none"], "there is no runs/none: give a run"),
        (["empty"], "empty holds no run and no model"),
        (["notes.onnx"], "notes.onnx is not an ONNX model, or is damaged"),
        (["notes.safetensors"], "notes.safetensors is damaged or not a checkpoint"),
        (["notes.txt"], "notes.txt has no suffix of a model file"),
        (["paper", "--dataset", "mnist"], "MNIST is not at hand"),
        (["paper", "--dataset", "empty"], "empty holds too few pictures to test on"),
        (["paper", "--dataset", "sintetic"], "unknown data set 'sintetic': did you mean 'synthetic'?"),
        ([], "Missing argument 'RUN_OR_MODEL'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_measured_is_refused(edgedigits, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    for name in ("notes.onnx", "notes.safetensors", "notes.txt"):
        (tmp_path / name).write_text("notes")
    defaults = [] if "--dataset" in arguments else ["--dataset", "synthetic"]
    assert message in edgedigits("eval", *arguments, *defaults).refusal


def test_pictures_that_cannot_be_written_are_one_line(edgedigits, run, tmp_path):
    (tmp_path / "file").touch()
    ran = edgedigits("eval", run, "--dataset", "synthetic", "--output", "file/pictures")
    assert ran.code == 2
    assert ran.err == "edgedigits: cannot write file/pictures/predictions.png: Not a directory\n"


def test_no_figure_is_lost_on_a_narrow_terminal(edgedigits, monkeypatch):
    wide = edgedigits("eval", "paper", "--dataset", "synthetic").out
    monkeypatch.setenv("COLUMNS", "30")
    assert edgedigits("eval", "paper", "--dataset", "synthetic").out.split() == wide.split()
