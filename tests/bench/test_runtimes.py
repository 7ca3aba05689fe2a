"""The runtimes under test: what each prepares, and what is said of one that cannot be had."""

from dataclasses import replace

import numpy as np
import pytest

from edgedigits.artifact import OnnxArtifact
from edgedigits.bench.runtimes import RUNTIMES, Runtime, find_runtime, prepare_all
from edgedigits.errors import UnknownNameError
from edgedigits.export.formats import FORMATS, find_format
from edgedigits.models import find_model
from edgedigits.training.checkpoint import digest

FORMAT_OF = {"onnxruntime": "onnx", **{name: name for name in FORMATS if name != "onnx"}}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Where every runtime was prepared."""
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="module")
def prepared(tiny_run, workspace):
    """Every runtime's candidate for the tiny run, by its name."""
    candidates, unavailable = prepare_all([find_model(tiny_run)], list(RUNTIMES.values()), workspace)
    assert unavailable == []
    return {candidate.runtime: candidate for candidate in candidates}


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_answers_as_the_checkpoint_does(prepared, checkpoint, test_digits, name):
    import torch

    candidate = prepared[name]
    assert (candidate.model, candidate.precision) == ("tiny", "fp32")
    answered = candidate.run(test_digits.frames)
    expected = checkpoint.network()(torch.from_numpy(test_digits.frames)).softmax(dim=1).detach()
    np.testing.assert_allclose(answered, expected, atol=1e-5)


def test_there_is_a_runtime_for_every_format_and_torch_as_it_trains():
    assert list(RUNTIMES) == ["onnxruntime", "torchscript", "pt2", "openvino", "ncnn", "torch"]
    assert {name: runtime.row.name for name, runtime in RUNTIMES.items() if runtime.row} == FORMAT_OF


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_calibrated_run_is_measured_with_its_temperature_and_threshold(
    trusted_run, trusted, test_digits, tmp_path, name
):
    (candidate,), _ = prepare_all([find_model(trusted_run)], [find_runtime(name)], tmp_path)
    assert candidate.accept_threshold == trusted["onnx"].card.accept_threshold
    expected = OnnxArtifact.open(trusted["onnx"].path).run(test_digits.frames)
    np.testing.assert_allclose(candidate.run(test_digits.frames), expected, atol=1e-5)


def test_bytes_are_those_of_the_file_that_was_loaded(prepared, tiny_run):
    assert prepared["torch"].bytes == (tiny_run / "checkpoint.safetensors").stat().st_size
    assert all(80_000 < prepared[name].bytes < 150_000 for name in FORMAT_OF)


def test_torch_is_held_to_one_thread(prepared):
    import torch

    assert torch.get_num_threads() == 1


def test_nothing_is_written_beside_the_model(prepared, tiny_run):
    assert sorted(path.name for path in tiny_run.iterdir()) == ["checkpoint.safetensors", "metrics.jsonl"]


@pytest.mark.parametrize("name", FORMAT_OF)
def test_a_checkpoint_is_exported_into_the_workspace(prepared, workspace, checkpoint, name):
    row = find_format(FORMAT_OF[name])
    card = row.exporter().load(workspace / row.file_name("tiny", "fp32")).card
    assert (card.model, card.weights_sha256) == ("tiny", digest(checkpoint.weights))
    assert card.accuracy.dataset == "synthetic"
    assert prepared[name].accept_threshold == card.accept_threshold


@pytest.mark.parametrize("name", FORMAT_OF)
def test_an_artifact_that_is_there_is_measured_as_it_is(exported, tmp_path, name):
    path = exported[FORMAT_OF[name]].path
    (candidate,), missing = prepare_all([find_model(path)], [find_runtime(name)], tmp_path)
    assert missing == []
    assert candidate.bytes == path.stat().st_size
    assert list(tmp_path.iterdir()) == []


def test_an_artifact_in_fewer_bits_is_measured_as_it_is(lossy, tmp_path):
    path = lossy["onnx", "int8"].path
    (candidate,), _ = prepare_all([find_model(path)], [find_runtime("onnxruntime")], tmp_path)
    assert (candidate.precision, candidate.bytes) == ("int8", path.stat().st_size)


def test_a_runtime_that_cannot_be_had_is_listed_with_its_reason(exported, tmp_path, monkeypatch):
    (tmp_path / "format_of_another_planet.py").write_text("import package_of_another_planet")
    monkeypatch.syspath_prepend(tmp_path)
    other = Runtime("other", replace(find_format("ncnn"), module="format_of_another_planet"))
    found = find_model(exported["onnx"].path)
    candidates, unavailable = prepare_all([found], [other, find_runtime("onnxruntime")], tmp_path)
    assert [candidate.runtime for candidate in candidates] == ["onnxruntime"]
    (missing,) = unavailable
    assert (missing["model"], missing["runtime"]) == ("model", "other")
    assert missing["reason"].endswith(
        "package_of_another_planet, which is not installed: pip install 'edgedigits[ncnn]'"
    )


@pytest.mark.parametrize("name", [name for name in RUNTIMES if name != "onnxruntime"])
def test_a_runtime_that_needs_the_checkpoint_says_so_of_an_artifact(exported, tmp_path, name):
    found = find_model(exported["onnx"].path)
    candidates, (missing,) = prepare_all([found], [find_runtime(name)], tmp_path)
    assert candidates == []
    assert "is an artifact: give the run or the checkpoint it was made from" in missing["reason"]
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_runtime_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown runtime 'onnxruntme': did you mean 'onnxruntime'"):
        find_runtime("onnxruntme")
