"""`edgedigits verify`: what passes, what fails, and what cannot be held against anything."""

import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from edgedigits.card import CARD_KEY
from edgedigits.export.formats import FORMATS

every_format = pytest.mark.parametrize("name", FORMATS)


@pytest.fixture
def artifacts(exported, tiny_run, tmp_path):
    """Copies of the artifacts, with their checkpoint beside them."""
    folder = shutil.copytree(tiny_run, tmp_path / "made")
    return {name: shutil.copy(made.path, folder) for name, made in exported.items()}


def _shift(path, index, by):
    model = onnx.load(path)
    tensor = model.graph.initializer[index]
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.flat[0] += by
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)


def _edit(path, changes):
    """Change fields of the card, and nothing else."""
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {CARD_KEY: json.dumps({**json.loads(model.metadata_props[0].value), **changes})})
    onnx.save(model, path)


@pytest.fixture
def exported_lossy(edgedigits, tiny_run, tmp_path):
    """The tiny run in fp16, and the run beside it."""
    shutil.copytree(tiny_run, tmp_path / "run")
    assert edgedigits("export", "run", "--precision", "fp16", "--output", "half.onnx").code == 0
    return tmp_path / "half.onnx"


def _weights(path):
    model = onnx.load(path)
    return [i for i, tensor in enumerate(model.graph.initializer) if tensor.data_type == onnx.TensorProto.FLOAT]


@every_format
def test_an_artifact_is_proven_equal_to_the_checkpoint_beside_it(edgedigits, artifacts, name):
    ran = edgedigits("verify", artifacts[name])
    assert (ran.code, ran.err) == (0, "")
    assert "same digit as the checkpoint on 3072/3072 frames" in ran.out


def test_json_has_the_fields_of_the_design(edgedigits, artifacts):
    told = json.loads(edgedigits("verify", artifacts["onnx"], "--json").out)
    assert set(told) == {"artifact", "format", "precision", "bytes", "sha256", "parity", "card_errors", "unchecked"}
    assert {"n", "max_abs_diff", "argmax_agreement", "passed"} <= set(told["parity"])
    assert told["parity"]["passed"]
    assert told["parity"]["gate"] == {"max_abs_diff": 1e-5, "agreement": 1, "accuracy_lost": 0}
    assert told["card_errors"] == []


def test_a_changed_weight_fails_and_the_worst_case_is_named(edgedigits, artifacts):
    _shift(artifacts["onnx"], _weights(artifacts["onnx"])[-1], 0.5)
    ran = edgedigits("verify", artifacts["onnx"])
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"edgedigits: {artifacts['onnx']} does not answer as its checkpoint does: ")
    assert " where 1e-05 may be, same digit on " in ran.err
    assert "; worst is frame " in ran.err
    assert ran.err.count("\n") == 1


def test_a_failure_is_told_to_machines_too(edgedigits, artifacts):
    _shift(artifacts["onnx"], _weights(artifacts["onnx"])[-1], 0.5)
    ran = edgedigits("verify", artifacts["onnx"], "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["parity"]["passed"]) == (1, False)
    assert told["parity"]["max_abs_diff"] > 1e-5


def test_weights_that_are_no_numbers_fail(edgedigits, artifacts):
    _shift(artifacts["onnx"], _weights(artifacts["onnx"])[-1], np.nan)
    assert edgedigits("verify", artifacts["onnx"]).code == 1


@every_format
def test_another_run_fails(edgedigits, artifacts, checkpoint, tmp_path, name):
    other = {key: tensor + 0.1 for key, tensor in checkpoint.weights.items()}
    replace(checkpoint, weights=other).save(tmp_path / "runs" / "other" / "checkpoint.safetensors")
    ran = edgedigits("verify", artifacts[name], "--against", "runs/other")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"edgedigits: {artifacts[name]} was not made from this checkpoint: its card names other weights\n"
    )


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        ({"thresholds": {"accept": 0.5, "max_error": None}}, "its threshold is 0.5, and should be 0.95"),
        ({"thresholds": {"accept": 0.95, "max_error": 0.01}}, "its max_error is 0.01, and should be None"),
        (
            {"risk": {"dataset": "all", "n": 9, "thresholds": [0.5], "accepted": [9], "errors": [0]}},
            "its risk curve is RiskCurve(dataset='all', ",
        ),
        ({"provenance": {"recipe": {"name": "another"}}}, "its recipe is {'name': 'another'}, and should be {"),
        ({"provenance": {}}, "its recipe is None, and should be {"),
        ({"format": "pt2"}, "its format is pt2, and should be onnx"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_card_that_was_edited_fails_in_one_line_that_says_what(edgedigits, artifacts, edit, what):
    _edit(artifacts["onnx"], edit)
    ran = edgedigits("verify", artifacts["onnx"])
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"edgedigits: {artifacts['onnx']} has a card that is not true: {what}")
    assert ran.err.count("\n") == 1


def test_an_accuracy_that_was_edited_fails_and_machines_are_told(edgedigits, artifacts):
    accuracy = json.loads(onnx.load(artifacts["onnx"]).metadata_props[0].value)["accuracy"]
    _edit(artifacts["onnx"], {"accuracy": {**accuracy, "correct": accuracy["n"]}})
    ran = edgedigits("verify", artifacts["onnx"], "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["parity"]["passed"]) == (1, True)
    (error,) = told["card_errors"]
    assert error.startswith("its accuracy is Accuracy(")
    assert error in ran.err


def test_a_file_in_fewer_bits_is_verified_by_its_own_gate(edgedigits, exported_lossy, tmp_path):
    ran = edgedigits("verify", exported_lossy, "--against", "run")
    assert (ran.code, ran.err) == (0, "")
    assert ": onnx fp16, " in ran.out
    assert "  of synthetic's digits alone, the same on 100.00%; accuracy " in ran.out


def test_a_checkpoint_elsewhere_has_to_be_named(edgedigits, artifacts, tmp_path):
    lost = shutil.move(artifacts["onnx"], tmp_path / "lost.onnx")
    assert edgedigits("verify", lost).refusal.endswith("was made from is not here: name it with --against")
    assert edgedigits("verify", lost, "--against", "made").code == 0
    assert edgedigits("verify", lost, "--against", "made/checkpoint.safetensors").code == 0


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("absent.onnx", "cannot open absent.onnx: No such file or directory"),
        ("absent.torchscript", "cannot open absent.torchscript: No such file or directory"),
        ("notes.onnx", "notes.onnx is not an ONNX model, or is damaged (field 13 in a ModelProto): export it again"),
        ("notes.torchscript", "notes.torchscript is not a TorchScript model, or is damaged: export it again"),
        ("empty.onnx", "empty.onnx is empty"),
        ("notes.txt", "notes.txt has no suffix of a model file: known are .onnx (onnx), .torchscript (torchscript)"),
        ("foreign.onnx", "foreign.onnx has no edgedigits card, so it is not one of ours"),
        ("foreign.torchscript", "foreign.torchscript has no edgedigits card, so it is not one of ours"),
    ],
)
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_file_that_is_not_ours_is_refused(edgedigits, tmp_path, path, message):
    for name in ("notes.onnx", "notes.torchscript", "notes.txt"):
        (tmp_path / name).write_text("notes")
    (tmp_path / "empty.onnx").touch()
    frames = onnx.helper.make_tensor_value_info("frames", onnx.TensorProto.UINT8, ["batch", 28, 28])
    same = onnx.helper.make_tensor_value_info("same", onnx.TensorProto.UINT8, ["batch", 28, 28])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["frames"], ["same"])], "g", [frames], [same])
    opset = onnx.helper.make_opsetid("", 18)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10), tmp_path / "foreign.onnx")
    torch.jit.save(torch.jit.trace(torch.nn.Identity(), torch.zeros(1)), str(tmp_path / "foreign.torchscript"))
    assert message in edgedigits("verify", path).refusal


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 99},
        {"provenance": "mine"},
        {"calibration": {"method": "none", "temperature": "warm"}},
        {"precision": "fp7"},
        {"labels": ["zero"]},
    ],
    ids=str,
)
def test_a_card_that_cannot_be_is_refused(edgedigits, artifacts, change):
    _edit(artifacts["onnx"], change)
    ran = edgedigits("verify", artifacts["onnx"])
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[-1].startswith("edgedigits: ")


def test_against_something_that_has_no_checkpoint_is_refused(edgedigits, artifacts):
    refusal = edgedigits("verify", artifacts["onnx"], "--against", artifacts["onnx"]).refusal
    assert "is an artifact: give the run or the checkpoint it was made from" in refusal


def test_what_ships_is_proven_on_mnist(edgedigits, mnist_root):
    from edgedigits.models import find_model

    told = json.loads(edgedigits("verify", find_model("paper").artifact, "--data-dir", mnist_root, "--json").out)
    assert told["parity"]["passed"]
    assert told["parity"]["dataset"] == "mnist"
    assert told["parity"]["argmax_agreement"] == 1
