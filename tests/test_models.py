import os

import pytest

from edgedigits.artifact import OnnxArtifact
from edgedigits.errors import InputError, UnknownNameError
from edgedigits.models import DEFAULT_MODEL, Model, find_model, is_name, model_names, newest_run, shipped_file


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """An empty current folder: `runs/` is looked for there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(path, age=0):
    """A file that is `age` seconds old as far as its folder tells, and the longer the older."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(age * "x")
    os.utime(path, (1e9 - age, 1e9 - age))
    return path


def test_the_default_model_ships():
    assert DEFAULT_MODEL in model_names()


@pytest.mark.parametrize("name", model_names())
def test_every_shipped_model_is_what_its_card_says(name):
    card = OnnxArtifact(shipped_file(name).read_bytes(), name).card
    assert (card.model, card.format) == (name, "onnx")
    assert card.accuracy.dataset == ("lines of mnist" if card.takes == "lines" else "mnist")


@pytest.mark.parametrize("name", model_names())
def test_every_shipped_model_was_made_from_the_checkpoint_beside_it(name):
    checkpoint = pytest.importorskip("edgedigits.training.checkpoint")
    card = OnnxArtifact(shipped_file(name).read_bytes(), name).card
    assert checkpoint.digest(find_model(name).load_checkpoint().weights) == card.weights_sha256


@pytest.mark.parametrize("name", model_names())
def test_every_shipped_model_tells_people_its_accuracy(name):
    card = OnnxArtifact(shipped_file(name).read_bytes(), name).card
    assert f"{100 * card.accuracy.accuracy:.2f}" in find_model(name).artifact.with_name("README.md").read_text("utf-8")


def test_an_unknown_shipped_model_is_told_from_the_known():
    with pytest.raises(UnknownNameError, match="did you mean 'paper'"):
        shipped_file("papr")


def test_a_shipped_model_is_found_by_name():
    found = find_model("paper")
    assert (found.name, found.folder) == ("paper", None)
    assert found.artifact.name == "model.onnx"
    assert found.checkpoint.name == "model.safetensors"


@pytest.mark.parametrize("lying_here", ["paper", "paper/model.onnx"])
def test_what_ships_goes_before_what_lies_here(workplace, lying_here):
    shipped = find_model("paper")
    make(workplace / lying_here)
    assert is_name("paper")
    assert find_model("paper") == shipped


def test_a_run_is_found_by_its_folder(workplace):
    checkpoint = make(workplace / "mine" / "checkpoint.safetensors")
    assert find_model("mine") == Model(
        "mine", checkpoint.relative_to(workplace), None, checkpoint.parent.relative_to(workplace)
    )


def test_a_run_is_its_checkpoint_whatever_was_exported_from_it(workplace):
    checkpoint = make(workplace / "mine" / "checkpoint.safetensors")
    make(workplace / "mine" / "model.onnx")
    assert find_model(workplace / "mine") == Model("mine", checkpoint, None, workplace / "mine")


def test_a_file_is_a_checkpoint_or_an_artifact_by_its_suffix(workplace):
    checkpoint, artifact = make(workplace / "mine.safetensors"), make(workplace / "mine.onnx")
    assert find_model(checkpoint) == Model("mine", checkpoint, None, None)
    assert find_model(artifact) == Model("mine", None, artifact, None)


def test_without_a_name_the_newest_run_is_meant(workplace):
    make(workplace / "runs" / "a" / "checkpoint.safetensors", age=3)
    make(workplace / "runs" / "b" / "checkpoint.safetensors", age=1)
    make(workplace / "runs" / "c" / "checkpoint.safetensors", age=2)
    assert newest_run().name == "b"
    assert find_model(None).name == "b"


def test_without_a_name_and_a_run_the_default_model_is_meant():
    assert newest_run() is None
    assert find_model(None) == find_model(DEFAULT_MODEL)


def test_an_empty_folder_is_no_model(workplace):
    workplace.joinpath("empty").mkdir()
    with pytest.raises(InputError, match="holds no run and no model"):
        find_model("empty")


@pytest.mark.parametrize("given", ["missing.onnx", "runs/missing", "missing.safetensors"])
def test_a_path_that_is_not_there_is_named(given):
    with pytest.raises(InputError, match=f"there is no {given}"):
        find_model(given)


def test_an_unknown_name_is_told_from_the_known():
    with pytest.raises(UnknownNameError, match="did you mean 'paper'"):
        find_model("papr")


def test_an_artifact_has_no_checkpoint_to_load(workplace):
    with pytest.raises(InputError, match="is an artifact: give the run"):
        find_model(make(workplace / "mine.onnx")).load_checkpoint()
