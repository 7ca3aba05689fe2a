"""What is exported: frames in, calibrated probabilities out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.export.deployable import Deployable


def test_probabilities_are_those_of_the_network(checkpoint, test_digits):
    network = checkpoint.network()
    expected = network(torch.from_numpy(test_digits.frames)).softmax(dim=1).detach().numpy()
    probabilities = Deployable(network, 1.0).run(test_digits.frames)
    assert (probabilities.shape, probabilities.dtype) == ((100, 10), np.float32)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(temperature=st.floats(0.2, 5))
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
