"""Making a model that ships."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from edgedigits import Recognizer
from edgedigits.errors import ParityError
from edgedigits.export import ship
from edgedigits.training.checkpoint import Checkpoint, digest


@pytest.fixture
def shipped(edgedigits, trusted_material, trusted_run, tmp_path):
    """The trusted run as a model that ships, called `small`, with the command line in the same folder."""
    run = shutil.copytree(trusted_run, tmp_path / "run")
    ship.command.main([str(run), str(tmp_path / "small")], standalone_mode=False)
    return tmp_path / "small"


def test_a_folder_that_recognizer_and_verify_accept(shipped, edgedigits, trusted_checkpoint, test_digits):
    files = ["model.int8.onnx", "model.onnx", "model.safetensors"]
    assert sorted(path.name for path in shipped.iterdir()) == ["README.md", *files]

    recognizer = Recognizer(shipped / "model.onnx")
    assert (recognizer.card.model, recognizer.card.weights_sha256) == ("small", digest(trusted_checkpoint.weights))
    right = recognizer.classify(test_digits.frames).digits == test_digits.labels
    assert np.count_nonzero(right) == recognizer.card.accuracy.correct

    for name, precision in (("model.onnx", "fp32"), ("model.int8.onnx", "int8")):
        verified = edgedigits("verify", shipped / name, "--json")
        told = json.loads(verified.out)
        assert (verified.code, told["parity"]["passed"], told["precision"]) == (0, True, precision)

    saved = Checkpoint.load(shipped / "model.safetensors")
    assert digest(saved.weights) == digest(trusted_checkpoint.weights)
    assert not saved.random_state

    readme = (shipped / "README.md").read_text("utf-8")
    accuracy = recognizer.card.accuracy
    assert readme.startswith("# small\n")
    assert f"{accuracy.correct} of {accuracy.n}" in readme
    for name in files:
        assert hashlib.sha256((shipped / name).read_bytes()).hexdigest() in readme


def test_a_model_that_was_validated_ships_with_what_it_promises(shipped, trusted_checkpoint):
    saved = Checkpoint.load(shipped / "model.safetensors")
    assert (saved.calibration, saved.risk) == (trusted_checkpoint.calibration, trusted_checkpoint.risk)
    card = Recognizer(shipped / "model.onnx", max_error=0.1).card
    assert (card.calibration, card.risk) == (saved.calibration, saved.risk)
    assert f"accepted at confidence {card.accept_threshold:g}" in (shipped / "README.md").read_text("utf-8")


def test_a_run_that_cannot_be_quantised_without_harm_does_not_ship(edgedigits, tiny_run, tmp_path):
    run, folder = shutil.copytree(tiny_run, tmp_path / "run"), tmp_path / "mine"
    with pytest.raises(ParityError, match=r"model\.int8\.onnx does not answer as its checkpoint does"):
        ship.command.main([str(run), str(folder)], standalone_mode=False)
    assert not (folder / "model.safetensors").exists()
