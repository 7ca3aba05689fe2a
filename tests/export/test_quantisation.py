"""int8: what is in whole numbers, and that two runtimes and plain integers make the same of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from edgedigits.export import onnx, openvino
from edgedigits.export.deployable import Deployable, Folded
from edgedigits.export.quantisation import quantise
from edgedigits.training.networks import NETWORKS, LineNetwork, build_network

OF_DIGITS = [name for name in NETWORKS if not isinstance(build_network(name), LineNetwork)]
every_network = pytest.mark.parametrize("name", OF_DIGITS)


@pytest.fixture(scope="module")
def folded_of(random_network):
    made = {name: Deployable(random_network(name), 1.3).folded() for name in OF_DIGITS}
    return lambda name: made[name]


@pytest.fixture(scope="module")
def quantised_of(folded_of, train_digits):
    made = {name: quantise(folded_of(name), train_digits.frames[:30]) for name in OF_DIGITS}
    return lambda name: made[name]


@pytest.fixture(scope="module")
def answers(card_for, tmp_path_factory):
    """What a runtime answers, once the network is written to a file."""
    path = tmp_path_factory.mktemp("int8") / "model"

    def run(exporter, quantised, frames):
        exporter.write(quantised, card_for(exporter.__name__.rpartition(".")[2], "int8"), path)
        return exporter.load(path).run(frames)

    return run


def _simulated(quantised, frames):
    """Probabilities by whole numbers and, between layers, what the standard says of rounding them."""
    x = frames[:, np.newaxis].astype(np.int64)
    for conv in quantised.convolutions:
        padding = ((0, 0), (0, 0), (conv.padding,) * 2, (conv.padding,) * 2)
        windows = sliding_window_view(np.pad(x, padding), conv.weight.shape[2:], axis=(2, 3))
        windows = windows[:, :, :: conv.stride, :: conv.stride]
        sums = np.einsum("nihwkl,oikl->nohw", windows, conv.weight.astype(np.int64), optimize=True)
        sums += conv.bias[:, np.newaxis, np.newaxis]
        assert np.abs(sums).max() < 2**31
        factor = conv.input_scale * conv.weight_scale / conv.output_scale
        x = np.rint(sums.astype(np.float32) * factor[:, np.newaxis, np.newaxis]).clip(0, 255).astype(np.int64)
        if conv.pool > 1:
            n, channels, height, width = (*x.shape[:2], *(side // conv.pool for side in x.shape[2:]))
            x = x[:, :, : height * conv.pool, : width * conv.pool]
            x = x.reshape(n, channels, height, conv.pool, width, conv.pool).max(axis=(3, 5))
    head = quantised.head
    sums = x.reshape(len(x), -1) @ head.weight.astype(np.int64)
    logits = sums * (head.input_scale * head.weight_scale).astype(np.float64) + head.bias
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True))[:, :10]


@every_network
def test_weights_have_seven_bits_and_a_scale_per_channel_and_biases_are_whole(quantised_of, folded_of, name):
    quantised = quantised_of(name)
    for conv in quantised.convolutions:
        assert (conv.weight.dtype, conv.bias.dtype) == (np.int8, np.int32)
        assert conv.weight_scale.shape == conv.bias.shape == (len(conv.weight),)
        assert (conv.weight_scale > 0).all()
        # Every channel makes use of its own range.
        largest = np.abs(conv.weight.astype(int)).max(axis=(1, 2, 3))
        assert (largest <= 63).all()
        assert (largest >= 40).all()
    head = quantised.head
    assert (head.weight.dtype, head.bias.dtype) == (np.int8, np.float32)
    assert head.weight.shape[1] == len(head.weight_scale) == len(head.bias) == quantised.classes
    assert np.abs(head.weight.astype(int)).max() <= 63
    assert quantised.classes == folded_of(name).classes


@every_network
def test_each_layer_takes_up_the_scale_that_the_one_before_leaves(quantised_of, name):
    quantised = quantised_of(name)
    scales = [conv.output_scale for conv in quantised.convolutions]
    assert [np.float32(1), *scales] == [
        *(conv.input_scale for conv in quantised.convolutions),
        quantised.head.input_scale,
    ]


def test_pooling_padding_and_hidden_linear_layers_are_all_among_the_networks(quantised_of):
    assert {conv.pool for conv in quantised_of("base").convolutions} == {1, 2}
    assert {conv.padding for conv in quantised_of("base").convolutions} == {1}
    assert {conv.stride for conv in quantised_of("small").convolutions} == {1, 2}
    assert quantised_of("paper").convolutions[-1].weight.shape == (50, 20, 4, 4)


@every_network
def test_a_weight_is_off_by_no_more_than_half_a_step_unless_it_was_cut(quantised_of, folded_of, name):
    layers = [layer for layer in folded_of(name).layers if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear))]
    for layer, conv in zip(layers, quantised_of(name).convolutions, strict=False):
        exact = layer.weight.numpy().reshape(conv.weight.shape)
        scale = conv.weight_scale.reshape(-1, 1, 1, 1)
        off = np.abs(conv.weight * scale - exact)
        assert (
            off[np.abs(conv.weight) < 63] <= np.broadcast_to(scale, off.shape)[np.abs(conv.weight) < 63] * 0.501
        ).all()


@every_network
def test_onnxruntime_computes_the_whole_numbers(quantised_of, answers, odd_frames, name):
    answered = answers(onnx, quantised_of(name), odd_frames)
    np.testing.assert_allclose(answered, _simulated(quantised_of(name), odd_frames), atol=1e-6)


@every_network
def test_openvino_computes_what_onnxruntime_does(quantised_of, answers, odd_frames, name):
    ours = answers(onnx, quantised_of(name), odd_frames)
    theirs = answers(openvino, quantised_of(name), odd_frames)
    # What lies between two steps may be rounded to either: one such value in a few frames shifts an answer a little.
    np.testing.assert_allclose(theirs, ours, atol=1e-4)
    assert (np.abs(theirs - ours) < 1e-6).mean() > 0.95


@pytest.mark.parametrize("trained", ["checkpoint", "trusted_checkpoint"])
def test_what_was_trained_reads_digits_as_before(request, trained, answers, train_digits, test_digits):
    checkpoint = request.getfixturevalue(trained)
    network = Deployable(checkpoint.network(), checkpoint.calibration.temperature)
    quantised = quantise(network.folded(), train_digits.frames[:200])
    answered = answers(onnx, quantised, test_digits.frames)
    expected = network.run(test_digits.frames)
    assert (answered.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.98
    assert np.abs(answered - expected).mean() < 0.01
    np.testing.assert_allclose(answered, _simulated(quantised, test_digits.frames), atol=1e-5)


def _with_channels(folded, change):
    """A copy with the first convolution's weights and biases as `change` leaves them."""
    layers = torch.nn.Sequential(*folded.layers)
    copied = Folded(torch.nn.Sequential(*[_copy(layer) for layer in layers]), folded.classes)
    change(copied.layers[0].weight.data, copied.layers[0].bias.data)
    return copied


def _copy(layer):
    again = type(layer).__new__(type(layer))
    again.__dict__ = dict(layer.__dict__)
    again._parameters = {
        key: torch.nn.Parameter(value.detach().clone(), requires_grad=False) for key, value in layer._parameters.items()
    }
    return again


@settings(max_examples=8, deadline=None)
@given(
    size=st.sampled_from([0.0, 1e-30, 1e-12, 1e-7]),
    bias=st.sampled_from([-0.4, 0.0, 0.3, 0.7, 30.0]),
)
def test_channels_without_weights_do_no_harm(folded_of, train_digits, answers, size, bias):
    def kill(weight, biases):
        weight[:5] *= size / weight.abs().max()
        biases[:5] = bias

    folded = _with_channels(folded_of("nano"), kill)
    frames = train_digits.frames[:20]
    quantised = quantise(folded, frames)
    first = quantised.convolutions[0]
    steps = first.input_scale * first.weight_scale.astype(np.float64)
    np.testing.assert_allclose((first.bias * steps)[:5], bias, atol=1e-4 + abs(bias) * 1e-2)
    answered = answers(onnx, quantised, frames)
    with torch.inference_mode():
        expected = folded(torch.from_numpy(frames)).numpy()
    np.testing.assert_allclose(answered, expected, atol=0.05)
    np.testing.assert_allclose(answered, _simulated(quantised, frames), atol=1e-5)


def test_a_layer_that_gives_nothing_leaves_the_biases_after_it(folded_of, train_digits):
    def kill(weight, biases):
        weight[:] = 0
        biases[:] = -1

    folded = _with_channels(folded_of("nano"), kill)
    frames = train_digits.frames[:20]
    with torch.inference_mode():
        expected = folded(torch.from_numpy(frames)).numpy()
    np.testing.assert_allclose(_simulated(quantise(folded, frames), frames), expected, atol=0.02)


@settings(max_examples=5, deadline=None)
@given(power=st.integers(-6, 6), channel=st.integers(0, 10))
def test_a_channel_twice_as_large_has_the_same_whole_numbers_and_twice_the_scale(
    folded_of, train_digits, power, channel
):
    folded = folded_of("nano")
    layers = [*folded.layers][:-1]
    head = _copy(folded.layers[-1])
    head.weight.data[channel] *= 2.0**power
    frames = train_digits.frames[:20]
    before = quantise(folded, frames).head
    after = quantise(Folded(torch.nn.Sequential(*layers, head), 11), frames).head
    np.testing.assert_array_equal(after.weight, before.weight)
    expected = before.weight_scale.copy()
    expected[channel] *= 2.0**power
    np.testing.assert_allclose(after.weight_scale, expected, rtol=1e-6)


def test_the_same_digits_give_the_same_bytes(folded_of, quantised_of, card_for, train_digits, tmp_path):
    again = quantise(folded_of("nano"), train_digits.frames[:30])
    for quantised, path in ((quantised_of("nano"), tmp_path / "a"), (again, tmp_path / "b")):
        onnx.write(quantised, card_for("onnx", "int8"), path)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_of_int8_is_a_quarter_of_the_size(folded_of, quantised_of, card_for, tmp_path):
    card = replace(card_for("onnx", "int8"), model="x")
    onnx.write(quantised_of("base"), card, tmp_path / "small")
    onnx.write(folded_of("base"), replace(card, precision="fp32"), tmp_path / "large")
    assert (tmp_path / "small").stat().st_size < 0.3 * (tmp_path / "large").stat().st_size
