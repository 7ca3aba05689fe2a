"""The TorchScript artifact, and files that are none."""

import warnings

import numpy as np
import pytest
import torch

from edgedigits.card import CARD_KEY
from edgedigits.errors import ArtifactError
from edgedigits.export import torchscript as exporter
from edgedigits.export.deployable import Deployable


def _save(module, path, card=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(module), str(path), _extra_files={CARD_KEY: card} if card else None)


class _Picture(torch.nn.Module):
    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return picture


class _Mute(torch.nn.Module):
    @torch.jit.export
    def answer(self, frames: torch.Tensor) -> torch.Tensor:
        return frames


def _refused(path):
    with pytest.raises(ArtifactError) as refused:
        exporter.load(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_the_card_is_inside(exported):
    assert exporter.load(exported["torchscript"].path).card == exported["torchscript"].card


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_any_batch_is_answered_with_the_probabilities_of_the_checkpoint(exported, checkpoint, test_digits, batch):
    frames = test_digits.frames[:batch]
    answered = exporter.load(exported["torchscript"].path).run(frames)
    assert (answered.shape, answered.dtype) == ((batch, 10), np.float32)
    np.testing.assert_allclose(answered, Deployable(checkpoint.network(), 1.0).run(frames), atol=1e-5)


def test_libtorch_needs_nothing_of_ours_to_run_it(exported, test_digits):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.load(str(exported["torchscript"].path))
    probabilities = module(torch.from_numpy(test_digits.frames))
    np.testing.assert_allclose(probabilities.sum(dim=1), 1, atol=1e-5)


def test_a_network_is_left_with_the_operators_that_do_the_work(trusted):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.load(str(trusted["torchscript"].path))
    operators = {node.kind() for node in module.inlined_graph.nodes()}
    assert {"aten::_convolution", "aten::linear", "aten::softmax"} <= operators
    assert not operators & {"aten::batch_norm", "aten::mul", "aten::div", "aten::sub", "aten::add"}


def test_the_probability_of_no_digit_is_what_is_missing_from_1(trusted, trusted_checkpoint, test_digits):
    answered = exporter.load(trusted["torchscript"].path).run(test_digits.frames)
    temperature = trusted_checkpoint.calibration.temperature
    logits = trusted_checkpoint.network()(torch.from_numpy(test_digits.frames)).detach()
    expected = (logits / temperature).softmax(dim=1).numpy()
    np.testing.assert_allclose(answered, expected[:, :10], atol=1e-5)
    np.testing.assert_allclose(1 - answered.sum(axis=1), expected[:, 10], atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"some text", b"PK\x03\x04 and no more"])
def test_a_file_that_is_no_torchscript_is_refused(tmp_path, content):
    path = tmp_path / "model.torchscript"
    path.write_bytes(content)
    assert "export it again" in _refused(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(exported, tmp_path, share):
    path = tmp_path / "model.torchscript"
    content = exported["torchscript"].path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "is not a TorchScript model, or is damaged" in _refused(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert "No such file" in _refused(tmp_path / "absent.torchscript")


def test_a_module_without_our_card_is_not_one_of_ours(tmp_path):
    _save(_Picture(), tmp_path / "foreign.torchscript")
    assert "has no edgedigits card" in _refused(tmp_path / "foreign.torchscript")


def test_a_module_with_other_inputs_is_no_digit_model(exported, tmp_path):
    _save(_Picture(), tmp_path / "other.torchscript", exported["torchscript"].card.to_json())
    assert "has the inputs ['picture'], not ['frames']" in _refused(tmp_path / "other.torchscript")


def test_a_module_that_cannot_be_called_is_no_digit_model(exported, tmp_path):
    _save(_Mute(), tmp_path / "mute.torchscript", exported["torchscript"].card.to_json())
    _refused(tmp_path / "mute.torchscript")
