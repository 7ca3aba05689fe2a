"""What is exported: frames in, calibrated probabilities out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.export.deployable import Deployable
from edgedigits.training.distributed import GlobalBatchNorm2d

temperatures = st.floats(0.2, 5)


def _folded(deployable, frames):
    with torch.inference_mode():
        return deployable.folded()(torch.from_numpy(frames)).numpy()


def test_probabilities_are_those_of_the_network(checkpoint, test_digits):
    network = checkpoint.network()
    expected = network(torch.from_numpy(test_digits.frames)).softmax(dim=1).detach().numpy()
    probabilities = Deployable(network, 1.0).run(test_digits.frames)
    assert (probabilities.shape, probabilities.dtype) == ((100, 10), np.float32)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(temperature=temperatures)
def test_a_temperature_divides_the_logits(checkpoint, test_digits, temperature):
    logits = checkpoint.network()(torch.from_numpy(test_digits.frames)).detach().numpy().astype(np.float64)
    powers = np.exp(logits / temperature)
    probabilities = Deployable(checkpoint.network(), temperature).run(test_digits.frames)
    np.testing.assert_allclose(probabilities, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_dropout_is_off_and_weights_are_fixed(checkpoint, test_digits):
    deployable = Deployable(checkpoint.network().train(), 1.0)
    first, second = deployable.run(test_digits.frames), deployable.run(test_digits.frames)
    np.testing.assert_array_equal(first, second)
    assert not any(parameter.requires_grad for parameter in deployable.parameters())


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_any_batch_is_answered(checkpoint, test_digits, batch):
    assert Deployable(checkpoint.network(), 1.0).run(test_digits.frames[:batch]).shape == (batch, 10)


@settings(max_examples=20, deadline=None)
@given(temperature=temperatures)
def test_the_probability_of_no_digit_is_left_out_not_shared_out(trusted_checkpoint, test_digits, temperature):
    logits = trusted_checkpoint.network()(torch.from_numpy(test_digits.frames)).detach().numpy().astype(np.float64)
    powers = np.exp(logits / temperature)
    probabilities = Deployable(trusted_checkpoint.network(), temperature).run(test_digits.frames)
    assert (logits.shape, probabilities.shape) == ((100, 11), (100, 10))
    np.testing.assert_allclose(probabilities, (powers / powers.sum(axis=1, keepdims=True))[:, :10], atol=1e-6)
    assert (probabilities.sum(axis=1) <= 1 + 1e-6).all()


@settings(max_examples=20, deadline=None)
@given(temperature=temperatures, seed=st.integers(0, 99))
def test_folded_it_answers_alike_whatever_it_is_shown(trusted_checkpoint, test_digits, temperature, seed):
    deployable = Deployable(trusted_checkpoint.network(), temperature)
    noise = np.random.default_rng(seed).integers(0, 256, (20, 28, 28), np.uint8)
    plain = np.stack([np.full((28, 28), grey, np.uint8) for grey in (0, 1, 128, 255)])
    frames = np.concatenate([test_digits.frames, noise, plain])
    np.testing.assert_allclose(_folded(deployable, frames), deployable.run(frames), atol=1e-5)


def test_folding_leaves_neither_normalisation_nor_temperature_and_the_original_as_it_was(
    trusted_checkpoint, test_digits
):
    deployable = Deployable(trusted_checkpoint.network(), 1.5)
    before = deployable.run(test_digits.frames)
    folded = deployable.folded()
    kinds = {type(module) for module in folded.modules()}
    assert torch.nn.Conv2d in kinds
    assert not kinds & {GlobalBatchNorm2d, torch.nn.BatchNorm2d}
    assert any(isinstance(module, GlobalBatchNorm2d) for module in deployable.modules())
    np.testing.assert_array_equal(deployable.run(test_digits.frames), before)


def test_the_papers_network_is_folded_too(checkpoint, test_digits):
    deployable = Deployable(checkpoint.network(), 1.5)
    kinds = {type(module) for module in deployable.folded().layers}
    assert kinds == {torch.nn.Conv2d, torch.nn.MaxPool2d, torch.nn.ReLU, torch.nn.Flatten, torch.nn.Linear}
    found = _folded(deployable, test_digits.frames)
    assert (found.shape, found.dtype) == ((100, 10), np.float32)
    np.testing.assert_allclose(found, deployable.run(test_digits.frames), atol=1e-6)
