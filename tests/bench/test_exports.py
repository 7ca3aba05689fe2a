"""Artifacts that a runtime needs and a model does not have yet."""

import pytest

from edgedigits.bench.exports import artifact_file
from edgedigits.errors import InputError
from edgedigits.export.formats import FORMATS, find_format
from edgedigits.models import find_model
from edgedigits.training.checkpoint import digest


@pytest.mark.parametrize("name", FORMATS)
def test_a_checkpoint_is_exported_into_the_workspace(tiny_run, checkpoint, tmp_path, name):
    path = artifact_file(find_model(tiny_run), name, tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    card = find_format(name).exporter().load(path).card
    assert (card.model, card.weights_sha256) == ("tiny", digest(checkpoint.weights))
    assert card.accuracy.dataset == "synthetic"


def test_an_artifact_alone_cannot_become_another(exported, tmp_path):
    with pytest.raises(InputError, match="is an artifact: give the run or the checkpoint"):
        artifact_file(find_model(exported["onnx"].path), "torchscript", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_used_as_it_is(exported, tmp_path):
    path = exported["torchscript"].path
    assert artifact_file(find_model(path), "torchscript", tmp_path) == path
    assert list(tmp_path.iterdir()) == []
