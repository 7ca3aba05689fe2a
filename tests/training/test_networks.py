"""The networks: frames, or lines, in; logits out."""

import math

import pytest
import torch

from edgedigits.alphabet import ALPHABET, LINE_HEIGHT, STRIDE
from edgedigits.errors import UnknownNameError
from edgedigits.training.checkpoint import digest
from edgedigits.training.networks import (
    MNIST_MEAN,
    MNIST_STD,
    NETWORKS,
    NO_DIGIT,
    Attention,
    Conv,
    ConvNetwork,
    LineNetwork,
    PaperNetwork,
    build_network,
    hand_on,
)

FAMILY = ("nano", "small", "base")
OF_FRAMES = ("paper", *FAMILY)
OF_LINES = ("amount-shallow", "amount", "amount-context", "amount-attention")
REACH = 17
"""Steps to each side that a line's answer depends on."""
WIDTHS = (2, 3, 4, 5, 17, 40, 41, 128, 333)
CLASSES = {"paper": 10, **dict.fromkeys(FAMILY, NO_DIGIT + 1)}


def _frames(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8, generator=generator)


def _lines(count, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, LINE_HEIGHT, width), dtype=torch.uint8, generator=generator)


def _trained(name, seed=0):
    """A network whose batch statistics, scales and biases are no longer those it began with."""
    torch.manual_seed(seed)
    network = build_network(name)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for step in range(5):
            network(_lines(8, 60, seed=step) if name in OF_LINES else _frames(32, seed=step))
    return network.eval()


def _parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_papers_network_has_its_number_of_parameters():
    assert _parameters(PaperNetwork()) == 21_840


@pytest.mark.parametrize(("name", "most"), [("nano", 7000), ("small", 25_000), ("base", 200_000)])
def test_a_network_of_the_family_has_no_more_parameters_than_it_may(name, most):
    assert most / 10 < _parameters(build_network(name)) <= most


def test_every_network_is_of_frames_or_of_lines():
    assert set(NETWORKS) == {*OF_FRAMES, *OF_LINES}


@pytest.mark.parametrize("name", OF_FRAMES)
@pytest.mark.parametrize("batch", [1, 7])
def test_frames_become_logits(name, batch):
    network = build_network(name)
    logits = network(_frames(batch))
    assert network.classes == CLASSES[name]
    assert (logits.shape, logits.dtype) == ((batch, CLASSES[name]), torch.float32)


@pytest.mark.parametrize("name", OF_FRAMES)
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


@pytest.mark.parametrize("name", OF_FRAMES)
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


@pytest.mark.parametrize("name", OF_FRAMES)
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


@pytest.mark.parametrize("name", OF_LINES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("batch", [1, 3])
def test_a_line_becomes_a_row_of_logits_for_every_two_columns(name, width, batch):
    logits = _trained(name)(_lines(batch, width))
    assert (logits.shape, logits.dtype) == ((batch, width // STRIDE, len(ALPHABET)), torch.float32)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", OF_LINES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_line_is_answered_alike_alone_and_among_others(name, width):
    network, lines = _trained(name), _lines(5, width)
    torch.testing.assert_close(network(lines)[2:3], network(lines[2:3]), atol=3e-5, rtol=1e-4)


@pytest.mark.parametrize("width", [40, 41, 128])
def test_paper_at_the_end_of_a_line_changes_steps_near_its_end_alone(width):
    network, lines = _trained("amount"), _lines(2, width)
    padded = torch.cat([lines, torch.zeros(2, LINE_HEIGHT, 64, dtype=torch.uint8)], dim=2)
    alone, longer = network(lines), network(padded)
    torch.testing.assert_close(longer[:, : width // STRIDE - REACH], alone[:, :-REACH])
    assert not torch.allclose(longer[:, width // STRIDE - 1], alone[:, -1])


def test_ink_is_seen_where_it_is_and_not_far_away():
    network, lines = _trained("amount"), _lines(1, 200)
    changed = lines.clone()
    changed[:, :, 100] = 255 - changed[:, :, 100]
    changes = (network(lines) - network(changed)).abs().amax(dim=(0, 2))
    seen = changes.nonzero().flatten()
    assert changes.argmax() in range(44, 57)
    assert seen.min() >= 50 - REACH
    assert seen.max() <= 50 + REACH


@pytest.mark.parametrize("name", OF_LINES)
def test_the_network_for_lines_is_small_and_takes_pixels_from_0_to_1(name):
    network, lines = _trained(name), _lines(2, 50)
    assert isinstance(network, LineNetwork)
    assert _parameters(network) < 380_000
    torch.testing.assert_close(network(lines), network.logits(lines.unsqueeze(1) / 255), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", OF_LINES)
def test_its_layers_are_what_it_does_but_for_the_order_of_what_comes_out(name):
    network, pixels = _trained(name), torch.rand(3, 1, LINE_HEIGHT, 50)
    out = torch.nn.Sequential(*network.layers())(pixels)
    assert out.shape == (3, len(ALPHABET), 1, 25)
    torch.testing.assert_close(out[:, :, 0].transpose(1, 2), network.logits(pixels))
    parameters = {id(parameter) for layer in network.layers() for parameter in layer.parameters()}
    assert parameters == {id(parameter) for parameter in network.parameters()}


def test_a_deeper_network_begins_with_what_a_shallower_one_answers():
    shallow, deep, lines = _trained("amount-shallow"), build_network("amount").eval(), _lines(3, 90)
    deep.begin_with(shallow)
    torch.testing.assert_close(deep(lines), shallow(lines))


@pytest.mark.parametrize(
    ("name", "other"),
    [("amount-context", "amount"), ("amount-attention", "amount"), ("amount-attention", "amount-context")],
)
def test_what_looks_across_the_line_begins_with_what_a_network_without_it_answers(name, other):
    alone, network, lines = _trained(other), build_network(name).eval(), _lines(3, 90)
    network.begin_with(alone)
    torch.testing.assert_close(network(lines), alone(lines))


@pytest.mark.parametrize("name", ["amount-context", "amount-attention"])
def test_a_context_or_attention_that_is_known_is_gone_on_from(name):
    known, network, lines = _trained(name), build_network(name).eval(), _lines(3, 90)
    network.begin_with(known)
    torch.testing.assert_close(network(lines), known(lines))


@pytest.mark.parametrize("column", [20, 150, 280])
def test_with_a_context_ink_changes_the_whole_line(column):
    """Here a stroke on paper, which is what other steps see but for it."""
    network, lines = _trained("amount-context"), torch.zeros(1, LINE_HEIGHT, 300, dtype=torch.uint8)
    written = lines.clone()
    written[:, 4:28, column : column + 3] = 255
    changes = (network(lines) - network(written)).abs().amax(dim=(0, 2))
    assert (changes > 0).all()


def test_with_a_context_more_paper_after_some_changes_steps_near_its_end_alone():
    network, lines = _trained("amount-context"), _lines(2, 128)
    lines[:, :, 60:] = 0
    padded = torch.cat([lines, torch.zeros(2, LINE_HEIGHT, 64, dtype=torch.uint8)], dim=2)
    alone, longer = network(lines), network(padded)
    torch.testing.assert_close(longer[:, : 64 - REACH], alone[:, :-REACH])


def test_attention_adds_to_each_step_the_values_of_steps_by_how_alike_they_are():
    torch.manual_seed(2)
    layer, x = Attention(8, heads=2, features=3), torch.randn(2, 8, 1, 7)
    torch.nn.init.normal_(layer.up.weight)
    with torch.no_grad():
        query, key, value = (part(x).squeeze(2).view(2, 2, 3, 7) for part in (layer.query, layer.key, layer.value))
        alike = (torch.einsum("nhfi,nhfj->nhij", query, key) / math.sqrt(3)).softmax(dim=3)
        found = torch.einsum("nhij,nhfj->nhfi", alike, value).reshape(2, 6, 1, 7)
        torch.testing.assert_close(layer(x), x + layer.up(found))


def test_attention_begins_with_looking_for_what_is_alike_and_adds_nothing():
    layer, x = Attention(8, heads=2, features=3), torch.randn(2, 8, 1, 7)
    assert torch.equal(layer.query(x), layer.key(x))
    assert torch.equal(layer(x), x)


def test_normalisation_that_is_added_hands_on_what_is_normally_distributed_before_relu():
    torch.manual_seed(0)
    before, norm = torch.nn.BatchNorm2d(6), torch.nn.BatchNorm2d(6)
    with torch.no_grad():
        before.weight.copy_(torch.tensor([1.0, 0.5, -2.0, 1.0, 0.1, 3.0]))
        before.bias.copy_(torch.tensor([0.0, 1.0, 1.0, -1.0, 0.05, -2.0]))
    hand_on(before, norm)
    given = torch.relu(before(torch.randn(40, 6, 60, 60)))
    torch.testing.assert_close(norm(given), given, rtol=0.05, atol=0.02)


def test_an_unknown_network_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'paper'"):
        build_network("papper")
