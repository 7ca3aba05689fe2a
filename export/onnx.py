"""ONNX: the format of the runner. Loading needs the base install alone."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgedigits.artifact import OnnxArtifact, open_session, read_artifact
from edgedigits.card import CARD_KEY, INTERFACES, Card
from edgedigits.errors import ArtifactError
from edgedigits.extras import needs
from edgedigits.onnxfile import short

if TYPE_CHECKING:
    import onnx
    from torch import Tensor, nn

    from edgedigits.export.deployable import Folded
    from edgedigits.export.formats import Artifact
    from edgedigits.export.graph import Graph
    from edgedigits.export.quantisation import Quantised
    from edgedigits.training.networks import Attention

__all__ = ["OLDEST_ONNXRUNTIME", "load", "versions", "write"]

OLDEST_ONNXRUNTIME = "1.15.0"
"""The oldest onnxruntime that runs what is written here, as tests/clients shows."""


def write(network: Folded | Quantised, card: Card, path: Path) -> None:
    """Write the model to `path`, the card under the metadata key `edgedigits`; it takes what the card says."""
    with needs("export", "the format onnx"):
        from edgedigits.export.framing import frame_in_graph
        from edgedigits.export.graph import IR_VERSION, Graph
        from edgedigits.export.quantisation import Quantised

    source, result = INTERFACES[card.takes]
    graph = Graph()
    frames, is_framed = frame_in_graph(graph, source["name"]) if card.takes == "image" else (source["name"], None)
    pixels = graph.add("Unsqueeze", frames, axes=[1])
    if isinstance(network, Quantised):
        logits = _integers(graph, network, pixels)
    else:
        logits = _floats(graph, network.layers, pixels, np.float16 if card.precision == "fp16" else np.float32)
    if card.takes == "lines":
        # Before opset 13, Softmax is over all axes from its own on, so that the classes have to be the last.
        by_step = graph.add("Transpose", graph.add("Squeeze", logits, axes=[2]), perm=[0, 2, 1])
        answer = graph.add("Softmax", by_step, axis=2)
    else:
        answer = graph.add("Softmax", logits, axis=1)
        if network.classes != 10:
            bounds = (graph.constant(np.array([value], np.int64)) for value in (0, 10, 1))
            answer = graph.add("Slice", answer, *bounds)
    if is_framed:
        answer = graph.add("Mul", answer, is_framed)
    requires = {"opset": graph.opset, "ir_version": IR_VERSION, "onnxruntime": OLDEST_ONNXRUNTIME}
    model = graph.model(answer, source, result, {CARD_KEY: replace(card, requires=requires).to_json()})
    path.write_bytes(model.SerializeToString(deterministic=True))


def load(path: Path) -> Artifact:
    """Open an ONNX artifact, whatever it takes. Raises `ArtifactError`."""
    content = read_artifact(path)
    card, session = open_session(content, str(path))
    # The benchmark loads files where the base install is all there is; who exports or verifies has onnx.
    if importlib.util.find_spec("onnx"):
        _require_truth(card, content, str(path))
    if card.takes == "image":
        from edgedigits.export.image import ImageArtifact

        return ImageArtifact(card, session)
    return OnnxArtifact.opened(card, session, str(path))


def _window(kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]) -> dict[str, Any]:
    """The attributes of a convolution that are not as they are by default; all are of rows, then of columns."""
    window = {"kernel_shape": list(kernel)}
    if max(stride) > 1:
        window["strides"] = list(stride)
    if max(padding):
        window["pads"] = [*padding, *padding]
    return window


def _require_truth(card: Card, content: bytes, name: str) -> None:
    """Raise `ArtifactError` where the card says of the graph what it is not."""
    import onnx

    model = onnx.load_model_from_string(content)
    for what, claim, fact in (
        ("opset", card.requires.get("opset"), model.opset_import[0].version),
        ("ir_version", card.requires.get("ir_version"), model.ir_version),
        ("precision", card.precision, _precision(model)),
    ):
        if claim != fact:
            raise ArtifactError(f"{name} has a card that says its {what} is {short(claim)}, and it is {fact}")


def _precision(model: onnx.ModelProto) -> str:
    if any(node.op_type == "QLinearConv" for node in model.graph.node):
        return "int8"
    is_halved = any(weight.data_type == weight.FLOAT16 for weight in model.graph.initializer)
    return "fp16" if is_halved else "fp32"


def versions() -> dict[str, str]:
    """Versions of the libraries that make the file."""
    with needs("export", "the format onnx"):
        import onnx
        import torch

    return {"torch": torch.__version__, "onnx": onnx.__version__}


def _floats(graph: Graph, layers: nn.Sequential, pixels: str, stored: type[np.floating]) -> str:
    """Layers with weights that are stored in some precision and used in `float32`, as a CPU has arithmetic for."""
    from torch import nn

    from edgedigits.export.folding import bias_of, padding_of, pool_size
    from edgedigits.export.graph import FLOAT
    from edgedigits.training.networks import Attention, Context

    def weight(tensor: Tensor) -> str:
        name = graph.constant(tensor.numpy().astype(stored))
        return name if stored is np.float32 else graph.add("Cast", name, to=FLOAT)

    x = graph.add("Cast", pixels, to=FLOAT)
    for layer in layers:
        match layer:
            case nn.Conv2d():
                x = graph.add(
                    "Conv",
                    x,
                    weight(layer.weight),
                    weight(bias_of(layer)),
                    **_window(layer.kernel_size, layer.stride, padding_of(layer)),
                )
            case nn.MaxPool2d():
                x = graph.add("MaxPool", x, kernel_shape=[pool_size(layer)] * 2, strides=[pool_size(layer)] * 2)
            case nn.Linear():
                x = graph.add("Gemm", x, weight(layer.weight), weight(layer.bias), transB=1)
            case nn.ReLU():
                x = graph.add("Relu", x)
            case Context():
                most = graph.add("Conv", x, weight(layer.down.weight), weight(bias_of(layer.down)), kernel_shape=[1, 1])
                most = graph.add("GlobalMaxPool", graph.add("Relu", most))
                most = graph.add("Conv", most, weight(layer.up.weight), weight(bias_of(layer.up)), kernel_shape=[1, 1])
                x = graph.add("Add", x, most)
            case Attention():
                x = graph.add("Add", x, _attended(graph, layer, x, weight))
            case nn.Flatten():
                x = graph.add("Flatten", x, axis=1)
            case _:
                raise TypeError(f"no ONNX operator is known for {layer}")
    return x


def _attended(graph: Graph, layer: Attention, x: str, weight: Callable[[Tensor], str]) -> str:
    """What `layer` adds to `x`."""
    from edgedigits.export.folding import bias_of

    def by_head(part: nn.Conv2d, scale: float = 1.0) -> str:
        convolved = graph.add(
            "Conv", x, weight(part.weight * scale), weight(bias_of(part) * scale), kernel_shape=[1, 1]
        )
        return graph.add("Reshape", convolved, graph.constant(np.array([-1, layer.heads, layer.features, 0], np.int64)))

    query = graph.add("Transpose", by_head(layer.query, layer.features**-0.5), perm=[0, 1, 3, 2])
    alike = graph.add("Softmax", graph.add("MatMul", query, by_head(layer.key)), axis=3)
    found = graph.add("MatMul", by_head(layer.value), graph.add("Transpose", alike, perm=[0, 1, 3, 2]))
    whole = graph.add("Reshape", found, graph.constant(np.array([-1, layer.heads * layer.features, 1, 0], np.int64)))
    return graph.add("Conv", whole, weight(layer.up.weight), weight(bias_of(layer.up)), kernel_shape=[1, 1])


def _integers(graph: Graph, network: Quantised, x: str) -> str:
    from edgedigits.export.graph import FLOAT

    zero = graph.constant(np.uint8(0))
    for conv in network.convolutions:
        x = graph.add(
            "QLinearConv",
            x,
            graph.constant(conv.input_scale),
            zero,
            graph.constant(conv.weight),
            graph.constant(conv.weight_scale),
            graph.constant(np.zeros(len(conv.weight), np.int8)),
            graph.constant(conv.output_scale),
            zero,
            graph.constant(conv.bias),
            **_window(conv.weight.shape[2:], [conv.stride] * 2, [conv.padding] * 2),
        )
        if conv.pool > 1:
            x = graph.add("MaxPool", x, since=12, kernel_shape=[conv.pool] * 2, strides=[conv.pool] * 2)
    # The last layer's sums are not rounded again: its weights are stored as whole numbers, and used as what they stand
    # for. Runtimes work that out once, when they load the model.
    head = network.head
    scale = graph.constant(head.input_scale * head.weight_scale)
    weight = graph.add("Mul", graph.add("Cast", graph.constant(head.weight), to=FLOAT), scale)
    x = graph.add("Flatten", graph.add("Cast", x, to=FLOAT), axis=1)
    return graph.add("Gemm", x, weight, graph.constant(head.bias))
