import json
from dataclasses import replace

import numpy as np
import pytest

from edgedigits.artifact import OnnxArtifact, read_artifact
from edgedigits.card import Card
from edgedigits.errors import ArtifactError
from edgedigits.models import shipped_file

onnx = pytest.importorskip("onnx", reason="foreign models are built with onnx, of the extra export")


def model(*, card, shape=("batch", 28, 28), dtype=onnx.TensorProto.UINT8, name="frames", classes=10):
    """An ONNX model that answers zeros, otherwise as wrong as its arguments make it; returns its bytes."""
    helper = onnx.helper
    weights = onnx.numpy_helper.from_array(np.zeros((28 * 28, classes), np.float32), "weights")
    flat = onnx.numpy_helper.from_array(np.array([-1, 28 * 28]), "flat")
    nodes = [
        helper.make_node("Cast", [name], ["levels"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Reshape", ["levels", "flat"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info(name, dtype, shape)],
        [helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, [shape[0], classes])],
        [weights, flat],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if card is not None:
        helper.set_model_props(made, {"edgedigits": card})
    return made.SerializeToString()


@pytest.fixture(scope="module")
def shipped():
    return shipped_file("paper").read_bytes()


@pytest.fixture(scope="module")
def card(shipped):
    return OnnxArtifact(shipped, "paper").card.to_json()


def refused(content):
    with pytest.raises(ArtifactError, match=r"\Adigits\.onnx [^\n]+\Z") as caught:
        OnnxArtifact(content, "digits.onnx")
    return str(caught.value)


def test_a_model_with_our_card_and_our_interface_is_opened_and_run(card):
    artifact = OnnxArtifact(model(card=card), "digits.onnx")
    probabilities = artifact.run(np.zeros((3, 28, 28), np.uint8))
    assert (probabilities.shape, probabilities.dtype) == ((3, 10), np.float32)
    assert artifact.card.to_json() == card


def test_a_file_is_read_once(tmp_path, shipped):
    path = tmp_path / "model.onnx"
    path.write_bytes(shipped)
    artifact = OnnxArtifact.open(path)
    path.write_bytes(b"swapped")
    assert artifact.run(np.zeros((1, 28, 28), np.uint8)).shape == (1, 10)


def test_a_batch_larger_than_what_is_run_at_once_is_answered_as_its_frames_are(shipped):
    frames = np.random.default_rng(0).integers(0, 256, (600, 28, 28), np.uint8)
    artifact = OnnxArtifact(shipped, "paper")
    answers = np.concatenate([artifact.run(part) for part in np.array_split(frames, 12)])
    np.testing.assert_allclose(artifact.run(frames), answers, atol=1e-6)
    assert artifact.run(frames).shape == (600, 10)


@pytest.mark.parametrize("content", [b"this is text\n", b"\0" * 1000, b"\x80\x02}q\0."])
def test_what_is_no_onnx_model_is_refused(content):
    assert "not an ONNX model" in refused(content)


@pytest.mark.parametrize("part", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_model_cut_short_is_refused(shipped, part):
    refused(shipped[: int(part * len(shipped))])


def test_a_model_without_a_card_is_not_ours():
    assert "has no edgedigits card" in refused(model(card=None))


def test_a_model_with_a_damaged_card_is_refused():
    assert "damaged card" in refused(model(card="{}"))


def test_a_card_that_asks_for_an_impossible_threshold_is_refused(card):
    fields = {**json.loads(card), "thresholds": {"accept": 2, "max_error": None}}
    assert "threshold" in refused(model(card=json.dumps(fields)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "pixels"},
        {"dtype": onnx.TensorProto.FLOAT},
        {"shape": ("batch", 1, 28, 28)},
        {"shape": ("batch", 784)},
        {"shape": (1, 28, 28)},
    ],
)
def test_a_card_does_not_excuse_another_input(card, wrong):
    assert "has the input" in refused(model(card=card, **wrong))


def test_a_card_that_promises_to_take_an_image_does_not_make_it_so(card):
    of_image = replace(Card.from_json(card, "paper"), takes="image").to_json()
    assert "has the input" in refused(model(card=of_image))


def test_a_card_of_frames_does_not_open_a_file_for_images(of_images, card):
    wrong = onnx.load(of_images.path)
    onnx.helper.set_model_props(wrong, {"edgedigits": card})
    assert "has the input" in refused(wrong.SerializeToString())


def test_a_file_for_images_is_opened_by_other_programs(of_images):
    assert "takes an image and frames it itself, for other programs" in refused(of_images.path.read_bytes())


def test_a_card_does_not_excuse_another_output(card):
    assert "has the output" in refused(model(card=card, classes=11))


def test_a_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "missing.onnx"
    with pytest.raises(ArtifactError, match=r"\Acannot open .*missing\.onnx: [^\n]+\Z"):
        read_artifact(path)


def test_a_folder_is_no_artifact(tmp_path):
    with pytest.raises(ArtifactError, match=r"is a folder: give the file that `edgedigits export` wrote\Z"):
        read_artifact(tmp_path)


def test_a_checkpoint_is_no_artifact(tmp_path):
    with pytest.raises(ArtifactError, match=r"is a checkpoint: give the file that `edgedigits export` makes of it\Z"):
        read_artifact(tmp_path / "model.safetensors")


def test_an_empty_file_is_no_artifact(tmp_path):
    path = tmp_path / "empty.onnx"
    path.touch()
    with pytest.raises(ArtifactError, match=r"empty\.onnx is empty"):
        read_artifact(path)
