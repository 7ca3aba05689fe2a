"""Making a model that ships."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from edgedigits import Recognizer
from edgedigits.export import ship
from edgedigits.training.checkpoint import Checkpoint, digest


@pytest.fixture
def shipped(edgedigits, tiny_run, tmp_path):
    """The tiny run as a model that ships, called `small`, with the command line in the same folder."""
    run = shutil.copytree(tiny_run, tmp_path / "run")
    ship.command.main([str(run), str(tmp_path / "small")], standalone_mode=False)
    return tmp_path / "small"


def test_a_folder_that_recognizer_and_verify_accept(shipped, edgedigits, checkpoint, test_digits):
    assert sorted(path.name for path in shipped.iterdir()) == ["README.md", "model.onnx", "model.safetensors"]

    recognizer = Recognizer(shipped / "model.onnx")
    assert (recognizer.card.model, recognizer.card.weights_sha256) == ("small", digest(checkpoint.weights))
    right = recognizer.classify(test_digits.frames).digits == test_digits.labels
    assert np.count_nonzero(right) == checkpoint.history[-1].correct

    verified = edgedigits("verify", shipped / "model.onnx", "--json")
    assert (verified.code, json.loads(verified.out)["parity"]["passed"]) == (0, True)

    saved = Checkpoint.load(shipped / "model.safetensors")
    assert digest(saved.weights) == digest(checkpoint.weights)
    assert not saved.random_state

    readme = (shipped / "README.md").read_text("utf-8")
    accuracy = recognizer.card.accuracy
    assert readme.startswith("# small\n")
    assert f"{accuracy.correct} of {accuracy.n}" in readme
    for name in ("model.onnx", "model.safetensors"):
        assert hashlib.sha256((shipped / name).read_bytes()).hexdigest() in readme


def test_a_model_that_was_validated_ships_with_what_it_promises(edgedigits, trusted_run, trusted_checkpoint, tmp_path):
    run, folder = shutil.copytree(trusted_run, tmp_path / "run"), tmp_path / "mine"
    ship.command.main([str(run), str(folder)], standalone_mode=False)
    saved = Checkpoint.load(folder / "model.safetensors")
    assert (saved.calibration, saved.risk) == (trusted_checkpoint.calibration, trusted_checkpoint.risk)
    card = Recognizer(folder / "model.onnx", max_error=0.1).card
    assert (card.calibration, card.risk) == (saved.calibration, saved.risk)
    assert f"accepted at confidence {card.accept_threshold:g}" in (folder / "README.md").read_text("utf-8")
    assert edgedigits("verify", folder / "model.onnx").code == 0
