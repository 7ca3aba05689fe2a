"""OpenVINO's IR, for Intel's processors: `model.xml` and `model.bin` in an archive, to be unzipped by who embeds it."""

from __future__ import annotations

import tempfile
from functools import cache, reduce
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset8 as ops
from torch import nn

from edgedigits.card import Card
from edgedigits.errors import ArtifactError
from edgedigits.export.archive import read_archive, write_archive
from edgedigits.export.deployable import Folded
from edgedigits.export.folding import bias_of, pool_size
from edgedigits.export.quantisation import ACTIVATION_MAX, Quantised, QuantisedConv

__all__ = ["OpenVinoArtifact", "load", "versions", "write"]

XML, BIN = "model.xml", "model.bin"
CONFIG = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
"""One thread, and no bfloat16 behind the user's back where the processor has it."""
Value: TypeAlias = Any
"""A node's output; the bindings have no types for it."""


class OpenVinoArtifact:
    """An OpenVINO artifact ready to run on the CPU, with its card. Raises `ArtifactError` for a file not ours."""

    def __init__(self, path: Path) -> None:
        self.card, members = read_archive(path, {XML, BIN})
        core = _core()
        try:
            weights = openvino.Tensor(np.frombuffer(members[BIN], np.uint8))
            model = core.read_model(members[XML].decode(), weights)
            inputs = [(port.any_name, str(port.partial_shape)) for port in model.inputs]
            self._request = core.compile_model(model, "CPU", CONFIG).create_infer_request()
        except (RuntimeError, ValueError) as error:
            raise ArtifactError(f"{path} is no model of OpenVINO, or is damaged: export it again") from error
        if inputs != [("frames", "[?,28,28]")]:
            raise ArtifactError(f"{path} has the inputs {inputs}, not frames [?,28,28]: it is not a digit model")

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities `float32 [n, 10]` of frames `uint8 [n, 28, 28]`."""
        probabilities: NDArray[np.float32] = self._request.infer({"frames": frames})[0].copy()
        return probabilities


@cache
def _core() -> openvino.Core:
    """One for the process: with the last one OpenVINO's library goes, while threads of its own may still run in it."""
    return openvino.Core()


def write(network: Folded | Quantised, card: Card, path: Path) -> None:
    """Write the model and the card to `path`."""
    frames = ops.parameter([-1, 28, 28], np.uint8, name="frames")
    x = ops.convert(ops.unsqueeze(frames, _constant(np.int64(1))), "f32")
    logits = _integers(network, x) if isinstance(network, Quantised) else _floats(network.layers, x)
    probabilities = ops.softmax(logits, axis=1)
    if network.classes != 10:
        bounds = (_constant(np.array([value], np.int64)) for value in (0, 10, 1, 1))
        probabilities = ops.slice(probabilities, *bounds)
    probabilities.output(0).set_names({"probabilities"})
    frames.output(0).set_names({"frames"})
    model = openvino.Model([probabilities], [frames], "edgedigits")
    # OpenVINO counts all nodes of a process: the same model would be other bytes each time.
    for number, node in enumerate(model.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{number}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            openvino.save_model(model, Path(folder, XML), compress_to_fp16=False)
        except RuntimeError as error:
            raise OSError(f"OpenVINO found no room in {Path(folder).parent}") from error
        write_archive(path, card, {name: Path(folder, name).read_bytes() for name in (XML, BIN)})


def load(path: Path) -> OpenVinoArtifact:
    """Open an OpenVINO artifact. Raises `ArtifactError`."""
    return OpenVinoArtifact(path)


def versions() -> dict[str, str]:
    """Versions of the libraries that make the file."""
    return {"openvino": metadata.version("openvino")}


def _constant(value: NDArray[Any] | np.generic) -> Value:
    return ops.constant(np.asarray(value))


def _floats(layers: nn.Sequential, x: Value) -> Value:
    for layer in layers:
        match layer:
            case nn.Conv2d():
                strides, padding = list(layer.stride), [int(p) for p in layer.padding]
                x = ops.convolution(x, _constant(layer.weight.numpy()), strides, padding, padding, [1, 1])
                x = ops.add(x, _per_channel(bias_of(layer).numpy()))
            case nn.MaxPool2d():
                x = _pooled(x, pool_size(layer))
            case nn.Linear():
                x = ops.matmul(x, _constant(layer.weight.numpy()), transpose_a=False, transpose_b=True)
                x = ops.add(x, _constant(layer.bias.numpy()))
            case nn.ReLU():
                x = ops.relu(x)
            case nn.Flatten():
                x = _flattened(x)
            case _:
                raise TypeError(f"no OpenVINO operator is known for {layer}")
    return x


def _integers(network: Quantised, x: Value) -> Value:
    """Weights as whole numbers times their scale, activations through `FakeQuantize`: OpenVINO's form of int8."""
    # Bytes already, and said to be, so that the first convolution is done in whole numbers, too.
    x = reduce(_convolved, network.convolutions, _fake_quantised(x, np.float32(1)))
    head = network.head
    weight = ops.multiply(ops.convert(_constant(head.weight), "f32"), _constant(head.weight_scale[np.newaxis]))
    return ops.add(ops.matmul(_flattened(x), weight, transpose_a=False, transpose_b=False), _constant(head.bias))


def _convolved(x: Value, conv: QuantisedConv) -> Value:
    weight = ops.multiply(ops.convert(_constant(conv.weight), "f32"), _constant(conv.weight_scale.reshape(-1, 1, 1, 1)))
    x = ops.convolution(x, weight, [conv.stride] * 2, [conv.padding] * 2, [conv.padding] * 2, [1, 1])
    bias = (conv.bias * conv.input_scale * conv.weight_scale).astype(np.float32)
    x = _fake_quantised(ops.relu(ops.add(x, _per_channel(bias))), conv.output_scale)
    return _pooled(x, conv.pool) if conv.pool > 1 else x


def _fake_quantised(x: Value, scale: np.float32) -> Value:
    low, high = _constant(np.float32(0)), _constant(np.float32(scale * ACTIVATION_MAX))
    return ops.fake_quantize(x, low, high, low, high, ACTIVATION_MAX + 1)


def _pooled(x: Value, size: int) -> Value:
    return ops.max_pool(x, [size, size], [1, 1], [0, 0], [0, 0], [size, size]).output(0)


def _flattened(x: Value) -> Value:
    return ops.reshape(x, _constant(np.array([0, -1], np.int64)), special_zero=True)


def _per_channel(values: NDArray[np.float32]) -> Value:
    return _constant(values.reshape(1, -1, 1, 1))
