"""The networks: frames in, logits out."""

import pytest
import torch

from edgedigits.errors import UnknownNameError
from edgedigits.training.networks import MNIST_MEAN, MNIST_STD, NETWORKS, PaperNetwork, build_network


def test_the_papers_network_has_its_number_of_parameters():
    assert sum(parameter.numel() for parameter in PaperNetwork().parameters()) == 21_840


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [1, 7])
def test_frames_become_logits(name, batch):
    logits = build_network(name)(torch.randint(0, 256, (batch, 28, 28), dtype=torch.uint8))
    assert (logits.shape, logits.dtype) == ((batch, 10), torch.float32)


def test_pixels_are_normalised_with_the_mean_and_deviation_of_mnist():
    network = PaperNetwork().eval()
    frames = torch.randint(0, 256, (3, 28, 28), dtype=torch.uint8)
    pixels = (frames.to(torch.float32).unsqueeze(1) / 255 - MNIST_MEAN) / MNIST_STD
    torch.testing.assert_close(network(frames), network.logits(pixels))


def test_an_answer_depends_on_its_own_frame_alone():
    network = PaperNetwork().eval()
    frames = torch.randint(0, 256, (5, 28, 28), dtype=torch.uint8)
    torch.testing.assert_close(network(frames)[2:3], network(frames[2:3]))


def test_dropout_is_for_training_alone():
    network = PaperNetwork()
    frames = torch.randint(0, 256, (2, 28, 28), dtype=torch.uint8)
    assert not torch.equal(network(frames), network(frames))
    network.eval()
    assert torch.equal(network(frames), network(frames))


def test_weights_come_from_the_global_seed():
    torch.manual_seed(5)
    first = build_network("paper").state_dict()
    torch.manual_seed(5)
    second = build_network("paper").state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_an_unknown_network_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'paper'"):
        build_network("papper")
