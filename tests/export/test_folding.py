"""A network in fewer layers that answers as it did."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgedigits.export.folding import bias_of, fold, pool_size
from edgedigits.training.networks import NETWORKS, Attention, Context, DigitNetwork, LineNetwork

PLAIN = {Attention, Context, nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d, nn.Flatten}


class Stack(DigitNetwork):
    """Whatever layers one after the other."""

    classes = 10

    def __init__(self, *layers, mean=0.0):
        super().__init__()
        self.mean, self.std = mean, 0.5
        self.stack = nn.Sequential(*layers)

    def logits(self, pixels):
        return self.stack(pixels)

    def layers(self):
        return list(self.stack)


def _pixels(frames):
    return torch.from_numpy(frames).to(torch.float32).unsqueeze(1)


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(sorted(NETWORKS)), seed=st.integers(0, 1000), temperature=st.floats(0.2, 5))
@torch.no_grad()
def test_folded_layers_answer_as_the_network_does(random_network, odd_frames, name, seed, temperature):
    network = random_network(name, seed)
    frames = odd_frames[-20:]
    if isinstance(network, LineNetwork):
        frames = frames.reshape(10, -1)[:, : 32 * 49].reshape(10, 32, 49)
    expected = network(torch.from_numpy(frames)) / temperature
    found = fold(network, temperature)(_pixels(frames))
    if isinstance(network, LineNetwork):
        found = found.squeeze(2).transpose(1, 2)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("name", NETWORKS)
def test_only_plain_layers_are_left_and_nothing_in_them_can_be_trained(random_network, name):
    folded = fold(random_network(name), 2.0)
    assert {type(layer) for layer in folded} <= PLAIN
    assert not any(parameter.requires_grad for parameter in folded.parameters())
    assert all(parameter.is_contiguous() for parameter in folded.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_stays_as_it_was(random_network, name):
    network = random_network(name).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    fold(network, 2.0)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])


@torch.no_grad()
def test_a_mean_is_taken_into_the_bias_where_no_padding_stands_for_pixels(odd_frames):
    network = Stack(nn.Conv2d(1, 4, 28), nn.ReLU(), nn.Flatten(), nn.Linear(4, 10), mean=0.3).eval()
    torch.testing.assert_close(fold(network, 1.0)(_pixels(odd_frames)), network(torch.from_numpy(odd_frames)))


@pytest.mark.parametrize(
    ("layers", "mean"),
    [
        ((nn.Flatten(), nn.Linear(784, 10)), 0.0),
        ((nn.Conv2d(1, 10, 28), nn.Flatten()), 0.0),
        ((nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(1568, 10)), 0.3),
        ((nn.Conv2d(1, 2, 28, bias=False), nn.Flatten(), nn.Linear(2, 10)), 0.3),
        ((nn.Conv2d(1, 2, 28), nn.ReLU(), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 10)), 0.0),
        ((nn.Conv2d(1, 2, 28), nn.Sigmoid(), nn.Flatten(), nn.Linear(2, 10)), 0.0),
    ],
    ids=[
        "no convolution first",
        "no linear layer last",
        "mean and padding",
        "mean and no bias",
        "normalisation after ReLU",
        "another activation",
    ],
)
def test_what_cannot_be_folded_is_refused(layers, mean):
    with pytest.raises(TypeError):
        fold(Stack(*layers, mean=mean), 1.0)


def test_a_convolution_without_a_bias_is_no_folded_one():
    assert bias_of(nn.Conv2d(1, 3, 3)).shape == (3,)
    with pytest.raises(TypeError, match="has a bias"):
        bias_of(nn.Conv2d(1, 3, 3, bias=False))


@pytest.mark.parametrize(
    "layer", [nn.MaxPool2d((2, 3)), nn.MaxPool2d(3, stride=2), nn.MaxPool2d(2, padding=1)], ids=str
)
def test_pooling_that_is_not_side_by_side_is_refused(layer):
    assert pool_size(nn.MaxPool2d(3)) == 3
    with pytest.raises(TypeError, match="side by side"):
        pool_size(layer)
