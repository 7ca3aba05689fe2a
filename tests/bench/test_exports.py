"""Artifacts that a runtime needs and a model does not have yet."""

import pytest
from edgedigits.bench.exports import exported as export_into
from edgedigits.export.formats import FORMATS, find_format

from edgedigits.errors import InputError
from edgedigits.models import find_model
from edgedigits.training.checkpoint import digest


@pytest.mark.parametrize("name", FORMATS)
def test_a_checkpoint_is_exported_into_the_workspace(tiny_run, checkpoint, tmp_path, name):
    path = export_into(find_model(tiny_run), name, tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    card = find_format(name).exporter().load(path).card
    assert (card.model, card.weights_sha256) == ("tiny", digest(checkpoint.weights))
    assert card.accuracy.dataset == "synthetic"


def test_an_artifact_alone_cannot_become_another(exported, tmp_path):
    with pytest.raises(InputError, match="is an artifact: give the run or the checkpoint"):
        export_into(find_model(exported["onnx"].path), "torchscript", tmp_path)
    assert list(tmp_path.iterdir()) == []
