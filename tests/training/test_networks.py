"""The networks: frames in, logits out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.errors import UnknownNameError
from edgedigits.training.checkpoint import digest
from edgedigits.training.networks import (
    MNIST_MEAN,
    MNIST_STD,
    NETWORKS,
    NO_DIGIT,
    Conv,
    ConvNetwork,
    PaperNetwork,
    build_network,
)

FAMILY = ("nano", "small", "base")
CLASSES = {"paper": 10, **dict.fromkeys(FAMILY, NO_DIGIT + 1)}


def _frames(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8, generator=generator)


def _trained(name, seed=0):
    """A network whose batch statistics, scales and biases are no longer those it began with."""
    torch.manual_seed(seed)
    network = build_network(name)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for step in range(5):
            network(_frames(32, seed=step))
    return network.eval()


def _parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_papers_network_has_its_number_of_parameters():
    assert _parameters(PaperNetwork()) == 21_840


@pytest.mark.parametrize(("name", "most"), [("nano", 7000), ("small", 25_000), ("base", 200_000)])
def test_a_network_of_the_family_has_no_more_parameters_than_it_may(name, most):
    assert most / 10 < _parameters(build_network(name)) <= most


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [1, 7])
def test_frames_become_logits(name, batch):
    network = build_network(name)
    logits = network(_frames(batch))
    assert network.classes == CLASSES[name]
    assert (logits.shape, logits.dtype) == ((batch, CLASSES[name]), torch.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_frames_of_whole_numbers_are_answered_whatever_their_type(name):
    network, frames = _trained(name), _frames(5)
    torch.testing.assert_close(network(frames.to(torch.float32)), network(frames))


def test_pixels_are_normalised_with_the_mean_and_deviation_of_mnist():
    network, frames = PaperNetwork().eval(), _frames(3)
    pixels = (frames.to(torch.float32).unsqueeze(1) / 255 - MNIST_MEAN) / MNIST_STD
    torch.testing.assert_close(network(frames), network.logits(pixels))


@pytest.mark.parametrize("name", FAMILY)
def test_pixels_of_the_family_are_0_to_1(name):
    network, frames = _trained(name), _frames(3)
    pixels = frames.to(torch.float32).unsqueeze(1) / 255
    torch.testing.assert_close(network(frames), network.logits(pixels))


@pytest.mark.parametrize("name", NETWORKS)
def test_an_answer_depends_on_its_own_frame_alone(name):
    network, frames = _trained(name), _frames(5)
    torch.testing.assert_close(network(frames)[2:3], network(frames[2:3]))


def test_dropout_is_for_training_alone():
    network, frames = PaperNetwork(), _frames(2)
    assert not torch.equal(network(frames), network(frames))
    network.eval()
    assert torch.equal(network(frames), network(frames))


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_come_from_the_global_seed(name):
    torch.manual_seed(5)
    first = digest(build_network(name).state_dict())
    torch.manual_seed(5)
    assert digest(build_network(name).state_dict()) == first
    assert digest(build_network(name).state_dict()) != first


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(FAMILY), temperature=st.floats(0.05, 20), seed=st.integers(0, 2**32))
def test_folded_gives_the_logits_divided_by_the_temperature(name, temperature, seed):
    network, frames = _trained(name, seed), _frames(8, seed)
    with torch.no_grad():
        expected, found = network(frames) / temperature, network.folded(temperature)(frames)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", FAMILY)
def test_folding_leaves_the_network_as_it_was(name, training):
    network = _trained(name).train(training)
    before = digest(network.state_dict())
    folded = network.folded(2.0)
    with torch.no_grad():
        folded.head.weight.zero_()
    assert digest(network.state_dict()) == before
    assert (network.training, folded.training) == (training, False)
    frames = _frames(4)
    torch.testing.assert_close(network.eval()(frames), _trained(name)(frames))


@pytest.mark.parametrize("name", FAMILY)
def test_what_is_folded_has_no_batch_normalisation_left(name):
    folded = _trained(name).folded(1.0)
    kinds = [type(layer).__name__ for layer in folded.features]
    assert set(kinds) <= {"Conv2d", "ReLU", "MaxPool2d"}
    assert kinds.count("Conv2d") == [type(layer).__name__ for layer in build_network(name).features].count("Conv2d")


@pytest.mark.parametrize(
    "convolutions",
    [(Conv(3),), (Conv(3, kernel=5, stride=3), Conv(4, padding=0, pool=True)), (Conv(2, kernel=28, padding=0),)],
    ids=["one", "strides and pools", "the whole frame"],
)
def test_convolutions_are_stacked_as_they_are_told(convolutions):
    network = ConvNetwork(*convolutions)
    assert network(_frames(2)).shape == (2, 11)
    assert [layer.out_channels for layer in network.features if isinstance(layer, torch.nn.Conv2d)] == [
        conv.channels for conv in convolutions
    ]


def test_an_unknown_network_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'paper'"):
        build_network("papper")
