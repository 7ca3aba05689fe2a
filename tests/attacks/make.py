"""Writes the files beside it, each an attack on who opens it: `python tests/attacks/make.py`.

All but those that are no model are a tiny model that reads no digit but has all that makes an artifact, changed in one
place.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgedigits.card import Accuracy, Calibration, Card

FOLDER = Path(__file__).parent
CARD = Card(
    model="attack",
    format="onnx",
    precision="fp32",
    calibration=Calibration(),
    accept_threshold=0.95,
    max_error=None,
    risk=None,
    accuracy=Accuracy("nothing", 10, 1, 2.3, (0.0, 0.4), 0.0, 0),
    weights_sha256="0" * 64,
    provenance={},
).to_json()
FRAMES = ("frames", TensorProto.UINT8, ("batch", 28, 28))
PROBABILITIES = ("probabilities", TensorProto.FLOAT, ("batch", 10))
GRAPH, TRAINING, UNKNOWN = 7, 20, 99
"""Fields of a model."""


def constant(name: str, values: object, dtype: type = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.array(values, dtype), name)


def honest(card: str | None = CARD, source: tuple = FRAMES, result: tuple = PROBABILITIES) -> onnx.ModelProto:
    """The model that attacks change: the brightest pixel of a frame decides."""
    nodes = [
        helper.make_node("Cast", [source[0]], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["levels"], ["picture"], axes=[1]),
        helper.make_node("MaxPool", ["picture"], ["brightest"], kernel_shape=[28, 28]),
        helper.make_node("Flatten", ["brightest"], ["row"]),
        helper.make_node("Gemm", ["row", "weight"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "attack",
        [helper.make_tensor_value_info(*source)],
        [helper.make_tensor_value_info(*result)],
        [constant("weight", [np.arange(10)])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=4)
    if card is not None:
        helper.set_model_props(model, {"edgedigits": card})
    return model


def written(model: onnx.ModelProto) -> bytes:
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    """The honest model after `change`."""
    model = honest()
    change(model)
    return written(model)


def with_node(*nodes: onnx.NodeProto, constants: tuple[TensorProto, ...] = ()) -> bytes:
    """The honest model with more to do at its beginning."""

    def change(model: onnx.ModelProto) -> None:
        kept = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend([*nodes, *kept])
        model.graph.initializer.extend(constants)

    return changed(change)


def with_weight(**fields: object) -> bytes:
    """The honest model with other fields of its only weight; a list takes the place of what was there."""

    def change(model: onnx.ModelProto) -> None:
        (weight,) = model.graph.initializer
        for field, value in fields.items():
            weight.ClearField(field)
            if isinstance(value, list):
                getattr(weight, field).extend(value)
            elif value is not None:
                setattr(weight, field, value)

    return changed(change)


def with_card(**fields: object) -> bytes:
    return written(honest(card=json.dumps({**json.loads(CARD), **fields})))


def elsewhere(location: str, **more: str) -> bytes:
    """The honest model with its weight in another file."""
    entries = [
        onnx.StringStringEntryProto(key=key, value=value) for key, value in {"location": location, **more}.items()
    ]
    return with_weight(raw_data=None, data_location=TensorProto.EXTERNAL, external_data=entries)


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def block(number: int, content: bytes) -> bytes:
    """A field that holds a message or bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def graph_with(number: int, content: bytes) -> bytes:
    """The honest model with one more field in its graph."""
    model = honest()
    graph = model.graph.SerializeToString(deterministic=True)
    model.ClearField("graph")
    return written(model) + block(GRAPH, graph + block(number, content))


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("model/data.pkl"), b"\x80\x02.")
    return content.getvalue()


def nested(number: int, depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = block(number, content)
    return content


def sparse() -> onnx.SparseTensorProto:
    return helper.make_sparse_tensor(constant("thin", [1]), constant("at", [0], np.int64), [2**28])


def branching() -> onnx.NodeProto:
    then = helper.make_graph([], "then", [], [helper.make_tensor_value_info("frames", TensorProto.UINT8, None)])
    return helper.make_node("If", ["frames"], ["either"], then_branch=then, else_branch=then)


def function() -> onnx.FunctionProto:
    negative = helper.make_node("Neg", ["x"], ["y"])
    return helper.make_function("", "Softmax", ["x"], ["y"], [negative], [helper.make_opsetid("", 12)])


def attacks() -> dict[str, bytes]:
    """The files by name, without suffix."""
    whole = written(honest())
    graph = whole.index(bytes([GRAPH << 3 | 2])) + 1
    node = helper.make_node
    return {
        "text": b"this is no model\n",
        "empty": b"",
        "zeros": bytes(1000),
        "html": b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body></body></html>\n",
        "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0:~\x9bU",
        "zip": zipped(),
        "pickle": b"cos\nsystem\n(S'touch owned'\ntR.",
        "cut_in_a_field": whole[:1],
        "cut_in_the_graph": whole[: len(whole) // 8],
        "cut_in_the_card": whole[:-100],
        "cut_by_a_byte": whole[:-1],
        "length_flipped": whole[:graph] + bytes([whole[graph] ^ 0x40]) + whole[graph + 1 :],
        "length_huge": block(GRAPH, b"")[:1] + varint((1 << 63) - 1) + whole,
        "number_endless": b"\x08" + b"\xff" * 40,
        "number_padded": b"\x08\x84\x80\x00" + whole[2:],
        "number_of_65_bits": b"\x08" + b"\xff" * 9 + b"\x03" + whole[2:],
        "field_zero": whole + b"\x00\x01",
        "field_unknown": whole + block(UNKNOWN, b"what is this"),
        "field_of_another_type": whole + b"\x15\0\0\0\0",
        "group": whole + b"\x3b\x3c",
        "no_text": changed(lambda model: setattr(model, "producer_name", "name")).replace(b"name", b"\xff\xfe\0\n", 1),
        "nested_graphs": block(GRAPH, block(1, block(5, nested(6, 2000)))),
        "nested_types": block(GRAPH, block(11, block(2, nested(4, 2000)))),
        "two_graphs": whole + block(GRAPH, b""),
        "two_cards": whole + block(14, block(1, b"edgedigits") + block(2, b"{}")),
        "two_operator_sets": changed(lambda model: model.opset_import.append(helper.make_opsetid("", 7))),
        "two_of_a_name": with_node(node("Identity", ["frames"], ["weight"])),
        "no_graph": written(honest())[: graph - 1],
        "no_card": written(honest(card=None)),
        "card_no_json": written(honest(card="model: digits")),
        "card_a_list": written(honest(card="[]")),
        "card_nan": with_card(thresholds={"accept": float("nan"), "max_error": None}),
        "card_infinite": written(honest(card=CARD.replace("2.3", "1e999"))),
        "card_long_number": written(honest(card=CARD.replace("2.3", "9" * 5000))),
        "card_nested": written(honest(card="[" * 4000)),
        "card_other_labels": with_card(labels=list("9876543210")),
        "card_other_input": with_card(input={"name": "frames", "dtype": "float32", "shape": ["batch", 28, 28]}),
        "card_other_schema": with_card(schema=1),
        "input_of_another_name": written(honest(source=("pixels", *FRAMES[1:]))),
        "input_of_another_type": written(honest(source=("frames", TensorProto.FLOAT, FRAMES[2]))),
        "input_of_another_shape": written(honest(source=(*FRAMES[:2], ("batch", 32, 32)))),
        "input_optional": changed(lambda model: model.graph.initializer.append(constant("frames", [1], np.uint8))),
        "inputs_two": changed(lambda model: model.graph.input.append(helper.make_tensor_value_info("more", 1, [1]))),
        "output_of_another_shape": written(honest(result=(*PROBABILITIES[:2], ("batch", 11)))),
        "output_lies": with_weight(dims=[1, 11], raw_data=bytes(44)),
        "external_beside": elsewhere("weights.bin"),
        "external_above": elsewhere("../../etc/passwd", offset="0", length="40"),
        "external_absolute": elsewhere("/etc/passwd"),
        "external_in_memory": elsewhere("*/_ORT_MEM_ADDR_/*", offset="4096", length="40"),
        "external_said_only": with_weight(data_location=TensorProto.EXTERNAL),
        "external_in_an_attribute": with_node(
            node(
                "ConstantOfShape",
                ["frames"],
                ["values"],
                value=TensorProto(data_type=1, dims=[1], data_location=TensorProto.EXTERNAL),
            )
        ),
        "tensor_huge": with_weight(dims=[2**31, 2**31], raw_data=None),
        "tensor_overflowing": with_weight(dims=[2**32, 2**32, 10]),
        "tensor_negative": with_weight(dims=[-1, -10]),
        "tensor_empty": with_weight(dims=[0, 2**40], raw_data=None),
        "tensor_short": with_weight(raw_data=bytes(36)),
        "tensor_long": with_weight(raw_data=bytes(44)),
        "tensor_listed_short": with_weight(raw_data=None, float_data=[1.0]),
        "tensor_twice": with_weight(float_data=[1.0] * 10),
        "tensor_of_text": with_weight(raw_data=None, data_type=TensorProto.STRING),
        "tensor_of_many_lengths": with_weight(dims=[1] * 2000),
        "tensor_sparse": changed(lambda model: model.graph.sparse_initializer.append(sparse())),
        "attribute_sparse": with_node(node("Relu", ["frames"], ["thin"], value=sparse())),
        "attribute_giant": with_node(
            node("Unsqueeze", ["frames"], ["one"], axes=[1]),
            node("MaxPool", ["one"], ["giant"], kernel_shape=[2**20] * 2, pads=[2**20 - 1] * 4),
        ),
        "attribute_twice": changed(
            lambda model: model.graph.node[-1].attribute.append(helper.make_attribute("axis", 0))
        ),
        "attribute_of_another_type": changed(lambda model: setattr(model.graph.node[-1].attribute[0], "type", 7)),
        "attribute_of_an_unknown_type": whole.replace(b"axis\x18\x01\xa0\x01\x02", b"axis\x18\x01\xa0\x01\x7f"),
        "operator_of_microsoft": with_node(node("Gelu", ["frames"], ["own"], domain="com.microsoft")),
        "operator_of_a_stranger": with_node(node("Backdoor", ["frames"], ["own"], domain="evil.corp")),
        "operator_set_of_a_stranger": changed(
            lambda model: model.opset_import.append(helper.make_opsetid("evil.corp", 1))
        ),
        "operator_unknown": with_node(node("Backdoor", ["frames"], ["own"])),
        "operator_random": with_node(node("RandomNormal", [], ["noise"], shape=[1000])),
        "operator_on_two_lines": with_node(node("Relu\nedgedigits: all is well\x1b[2J", ["frames"], ["own"])),
        "operator_branching": with_node(branching()),
        "function": changed(lambda model: model.functions.append(function())),
        "training": whole + block(TRAINING, b""),
        "graph_with_annotations": graph_with(14, block(1, b"weight")),
        "nodes_unsorted": with_node(node("Relu", ["row"], ["early"])),
        "nodes_empty": block(GRAPH, block(1, b"") * 4000) + block(8, b"\x10\x0c"),
        "bomb_of_a_constant_shape": with_node(
            node("ConstantOfShape", ["size"], ["bomb"]), constants=(constant("size", [2**17, 2**17], np.int64),)
        ),
        "bomb_of_a_frames_shape": with_node(
            node("Shape", ["frames"], ["size"]),
            node("Mul", ["size", "times"], ["sizes"]),
            node("ConstantOfShape", ["sizes"], ["bomb"]),
            constants=(constant("times", [2**17], np.int64),),
        ),
        "bomb_of_products": with_node(
            node("Mul", ["down", "across"], ["bomb"]),
            constants=(constant("down", np.ones((2100, 1)), np.int8), constant("across", np.ones((1, 2100)), np.int8)),
        ),
    }


if __name__ == "__main__":
    for name, content in attacks().items():
        (FOLDER / f"{name}.onnx").write_bytes(content)
