"""The networks: frames in, logits out."""

import pytest
import torch

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


@pytest.mark.parametrize("name", NETWORKS)
def test_its_layers_one_after_the_other_are_what_it_does_but_for_training(name):
    network, pixels = _trained(name), torch.randn(6, 1, 28, 28)
    torch.testing.assert_close(torch.nn.Sequential(*network.layers())(pixels), network.logits(pixels))
    assert not any(isinstance(layer, torch.nn.Dropout | torch.nn.Dropout2d) for layer in network.layers())
    parameters = {id(parameter) for layer in network.layers() for parameter in layer.parameters()}
    assert parameters == {id(parameter) for parameter in network.parameters()}


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
