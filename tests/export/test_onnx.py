"""The ONNX artifact, as a client in any language meets it."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import edgedigits
from edgedigits.card import CARD_KEY, Card
from edgedigits.export import onnx as exporter
from edgedigits.export.deployable import Deployable
from edgedigits.export.exporting import export_checkpoint
from edgedigits.export.formats import find_format
from edgedigits.export.measuring import taken_by
from edgedigits.models import find_model, model_names

START = ("Unsqueeze", "Cast")


@pytest.fixture(scope="module")
def path(exported):
    return exported["onnx"].path


@pytest.fixture(scope="module")
def model(path):
    return onnx.load(path)


def _operators(made):
    return [node.op_type for node in onnx.load(made.path).graph.node]


def test_input_and_output_are_those_of_the_design(path):
    session = onnxruntime.InferenceSession(path)
    (frames,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (frames.name, frames.type, frames.shape) == ("frames", "tensor(uint8)", ["batch", 28, 28])
    assert (probabilities.name, probabilities.type) == ("probabilities", "tensor(float)")
    assert probabilities.shape == ["batch", 10]


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_any_batch_is_answered_with_the_probabilities_of_the_checkpoint(path, checkpoint, test_digits, batch):
    frames = test_digits.frames[:batch]
    (answered,) = onnxruntime.InferenceSession(path).run(None, {"frames": frames})
    expected = Deployable(checkpoint.network(), 1.0).run(frames)
    assert answered.shape == (batch, 10)
    np.testing.assert_allclose(answered, expected, atol=1e-5)
    np.testing.assert_allclose(answered.sum(axis=1), 1, atol=1e-5)


def test_the_card_is_the_only_metadata(model, exported):
    assert [prop.key for prop in model.metadata_props] == [CARD_KEY]
    assert Card.from_json(model.metadata_props[0].value, "model") == exported["onnx"].card
    assert json.loads(model.metadata_props[0].value)["format"] == "onnx"


def test_nothing_of_the_machine_is_in_the_file(path):
    content = path.read_bytes()
    places = (Path(edgedigits.__file__).parents[1], Path.home(), Path(sys.prefix), path.parent)
    for trace in (*map(str, places), "site-packages", ".py", "Traceback"):
        assert trace.encode() not in content


def test_there_are_no_notes_for_debugging_in_the_graph(model):
    graph = model.graph
    items = [model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output]
    assert [item.doc_string for item in items if item.doc_string] == []
    assert [item for item in items[1:] if item.metadata_props] == []
    assert not graph.value_info


def test_the_file_is_all_there_is_of_the_model(path, model):
    assert list(path.parent.glob("*.onnx*")) == [path]
    assert not any(initializer.external_data for initializer in model.graph.initializer)
    assert {entry.domain for entry in model.opset_import} == {""}


def test_a_temperature_is_inside_the_graph(checkpoint, exported, test_digits, tmp_path):
    deployable = Deployable(checkpoint.network(), 2.5)
    exporter.write(deployable.folded(), exported["onnx"].card, tmp_path / "warm.onnx")
    answered = exporter.load(tmp_path / "warm.onnx").run(test_digits.frames)
    np.testing.assert_allclose(answered, deployable.run(test_digits.frames), atol=1e-5)


def test_a_network_is_left_with_the_operators_that_do_the_work(trusted):
    assert _operators(trusted["onnx"]) == [*START, *["Conv", "Relu"] * 3, "Flatten", "Gemm", "Softmax", "Slice"]


def test_the_papers_network_has_no_operator_for_what_is_no_digit(exported):
    convolution = ["Conv", "MaxPool", "Relu"]
    assert _operators(exported["onnx"]) == [*START, *convolution * 2, "Flatten", "Gemm", "Relu", "Gemm", "Softmax"]


def test_in_fp16_weights_are_halves_and_arithmetic_is_not(lossy):
    made = lossy["onnx", "fp16"]
    weights = onnx.load(made.path).graph.initializer
    halves, bounds = onnx.TensorProto.FLOAT16, onnx.TensorProto.INT64
    assert {tensor.data_type for tensor in weights} == {halves, bounds}
    computing = [name for name in _operators(made) if name != "Cast"]
    assert computing == ["Unsqueeze", *["Conv", "Relu"] * 3, "Flatten", "Gemm", "Softmax", "Slice"]


def test_in_int8_convolutions_are_of_whole_numbers(lossy):
    made = lossy["onnx", "int8"]
    head = ["Cast", "Mul", "Cast", "Flatten", "Gemm", "Softmax", "Slice"]
    assert sorted(_operators(made)) == sorted(["Unsqueeze", *["QLinearConv"] * 3, *head])
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(made.path).graph.initializer]
    assert max(array.size for array in weights if array.dtype == np.float32) <= 64
    # Two products of a weight and a byte fit 16 bits.
    assert max(int(np.abs(array.astype(int)).max()) for array in weights if array.dtype == np.int8) == 63


def test_a_file_for_images_takes_a_picture_of_any_size(of_images):
    session = onnxruntime.InferenceSession(of_images.path)
    (image,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", ["height", "width"])
    assert (probabilities.name, probabilities.shape) == ("probabilities", [1, 10])
    (answered,) = session.run(None, {"image": np.full((30, 70), 9, np.uint8)})
    assert not answered.any()


def test_the_card_names_the_lowest_versions_that_run_the_file(exported, lossy, of_images):
    for made in (exported["onnx"], lossy["onnx", "int8"], of_images):
        model = onnx.load(made.path)
        (opset,) = model.opset_import
        assert made.card.requires == {
            "opset": opset.version,
            "ir_version": model.ir_version,
            "onnxruntime": exporter.OLDEST_ONNXRUNTIME,
        }
    assert exported["onnx"].card.requires["opset"] < lossy["onnx", "int8"].card.requires["opset"]


@pytest.mark.parametrize("name", model_names())
def test_what_ships_is_little_more_than_its_weights(name, test_digits, test_strings, tmp_path):
    checkpoint = find_model(name).load_checkpoint()
    made = tmp_path / "model.onnx"
    row = find_format("onnx")
    digits = test_strings if taken_by(checkpoint.recipe) == "lines" else test_digits
    export_checkpoint(checkpoint, name, made, row=row, precision="fp32", digits=digits)
    for path in (made, find_model(name).artifact):
        weights = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
        # Those of fp32 or fp16: what else there is are a few sizes and axes.
        of_weights = sum(array.nbytes for array in weights if array.dtype.kind == "f")
        assert 4 * sum(tensor.numel() for tensor in checkpoint.weights.values()) >= of_weights
        assert path.stat().st_size <= 1.1 * of_weights + 4096


def test_the_temperature_of_the_card_is_inside_the_graph_and_no_digit_is_left_out(
    trusted, trusted_checkpoint, test_digits
):
    temperature = trusted["onnx"].card.calibration.temperature
    assert temperature == trusted_checkpoint.calibration.temperature != 1
    session = onnxruntime.InferenceSession(trusted["onnx"].path)
    (answered,) = session.run(None, {"frames": test_digits.frames})
    logits = trusted_checkpoint.network()(torch.from_numpy(test_digits.frames)).detach().numpy().astype(np.float64)
    powers = np.exp(logits / temperature)
    np.testing.assert_allclose(answered, (powers / powers.sum(axis=1, keepdims=True))[:, :10], atol=1e-5)
    assert session.get_outputs()[0].shape == ["batch", 10]
    assert (answered.sum(axis=1) <= 1 + 1e-6).all()
    assert (answered.sum(axis=1) < 0.5).any()
