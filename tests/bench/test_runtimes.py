"""The runtimes under test: what each prepares, and what is said of one that cannot be had."""

import os
from dataclasses import replace

import numpy as np
import pytest

from edgedigits.artifact import OnnxArtifact
from edgedigits.bench.files import Shelf
from edgedigits.bench.runtimes import RUNTIMES, find_runtime, prepare_all
from edgedigits.errors import UnknownNameError
from edgedigits.export.formats import FORMATS, find_format
from edgedigits.models import find_model
from edgedigits.training.checkpoint import digest

QUICKLY = [name for name, runtime in RUNTIMES.items() if not runtime.by_name_only]
FORMAT_OF = {"onnxruntime": "onnx", **{name: name for name in FORMATS if name != "onnx"}}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Where every runtime was prepared."""
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="module")
def prepared(tiny_run, workspace):
    """Every runtime's candidates for the tiny run, by its name and the precision."""
    candidates, unavailable = prepare_all(
        [Shelf(find_model(tiny_run), workspace)], [RUNTIMES[name] for name in QUICKLY]
    )
    assert {told["precision"] for told in unavailable} == {"int8"}
    return {(candidate.runtime, candidate.precision): candidate for candidate in candidates}


def test_every_runtime_answers_as_the_checkpoint_does_in_every_precision(prepared, checkpoint, test_digits):
    import torch

    expected = checkpoint.network()(torch.from_numpy(test_digits.frames)).softmax(dim=1).detach()
    assert set(prepared) == {
        *(("onnxruntime", precision) for precision in ("fp32", "fp16")),
        *(("ncnn", precision) for precision in ("fp32", "fp16")),
        *((name, "fp32") for name in QUICKLY),
    }
    for (_, precision), candidate in prepared.items():
        assert candidate.model == "tiny"
        answered = candidate.run(test_digits.frames)
        np.testing.assert_allclose(answered, expected, atol=1e-5 if precision == "fp32" else 1e-2)


@pytest.mark.slow
# torch's compiler uses what torch itself deprecates.
@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated:DeprecationWarning")
def test_compiled_by_torch_it_answers_as_the_checkpoint_does(tiny_run, tmp_path, prepared, test_digits):
    (candidate,), missing = prepare_all([Shelf(find_model(tiny_run), tmp_path)], [find_runtime("torch.compile")])
    assert missing == []
    expected = prepared["torch", "fp32"].run(test_digits.frames)
    np.testing.assert_allclose(candidate.run(test_digits.frames), expected, atol=1e-5)


def test_there_is_a_runtime_for_every_format_and_what_a_user_would_pick_instead():
    formats, instead = list(RUNTIMES)[: len(FORMATS)], list(RUNTIMES)[len(FORMATS) :]
    assert {name: RUNTIMES[name].row.name for name in formats} == FORMAT_OF
    assert instead == ["tract", "onnxruntime-default", "torch", "torch.compile"]


def test_what_takes_all_cores_says_so(prepared):
    threads = {name: candidate.threads for (name, _), candidate in prepared.items()}
    assert threads.pop("onnxruntime-default") == os.cpu_count()
    assert set(threads.values()) == {1}


@pytest.mark.parametrize("name", ["onnxruntime", "torch"])
def test_a_calibrated_run_is_measured_with_its_temperature_and_threshold(
    trusted_run, trusted, test_digits, tmp_path, name
):
    candidates, _ = prepare_all([Shelf(find_model(trusted_run), tmp_path, is_closed=True)], [find_runtime(name)])
    (candidate,) = candidates
    assert candidate.accept_threshold == trusted["onnx"].card.accept_threshold
    expected = OnnxArtifact.open(trusted["onnx"].path).run(test_digits.frames)
    np.testing.assert_allclose(candidate.run(test_digits.frames), expected, atol=1e-5)


def test_bytes_are_those_of_the_file_that_was_loaded(prepared, tiny_run):
    assert prepared["torch", "fp32"].bytes == (tiny_run / "checkpoint.safetensors").stat().st_size
    assert all(80_000 < prepared[name, "fp32"].bytes < 150_000 for name in FORMAT_OF)
    assert prepared["onnxruntime", "fp16"].bytes < 0.6 * prepared["onnxruntime", "fp32"].bytes


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
    assert prepared[name, "fp32"].accept_threshold == card.accept_threshold


def _prepare(model, folder, *names, is_closed=False):
    shelf = Shelf(find_model(model), folder, is_closed=is_closed)
    return prepare_all([shelf], [find_runtime(name) for name in names])


@pytest.mark.parametrize("name", FORMAT_OF)
def test_an_artifact_that_is_there_is_measured_as_it_is(exported, tmp_path, name):
    path = exported[FORMAT_OF[name]].path
    (candidate,), missing = _prepare(path, tmp_path, name)
    assert missing == []
    assert candidate.bytes == path.stat().st_size
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_artifact_in_fewer_bits_is_measured_as_it_is(lossy, tmp_path):
    path = lossy["onnx", "int8"].path
    (candidate,), _ = _prepare(path, tmp_path, "onnxruntime")
    assert (candidate.precision, candidate.bytes) == ("int8", path.stat().st_size)


def test_a_model_that_ships_is_measured_in_the_precisions_that_ship(tmp_path):
    candidates, missing = _prepare("nano", tmp_path, "onnxruntime", "torchscript", is_closed=True)
    assert missing == []
    assert [(candidate.runtime, candidate.precision) for candidate in candidates] == [
        ("onnxruntime", "fp32"),
        ("onnxruntime", "int8"),
        ("torchscript", "fp32"),
    ]
    (only,), _ = _prepare("nano.int8", tmp_path, "onnxruntime")
    assert only.precision == "int8"


def test_int8_that_is_not_at_hand_is_listed_with_the_command_that_makes_it(tmp_path):
    candidates, (missing,) = _prepare("nano", tmp_path, "openvino")
    assert [candidate.precision for candidate in candidates] == ["fp32"]
    assert (missing["runtime"], missing["precision"]) == ("openvino", "int8")
    assert "`edgedigits export MODEL --format openvino --precision int8`" in missing["reason"]


def test_a_runtime_that_cannot_be_had_is_listed_with_its_reason(exported, tmp_path, monkeypatch):
    (tmp_path / "format_of_another_planet.py").write_text("import package_of_another_planet")
    monkeypatch.syspath_prepend(tmp_path)
    row = replace(find_format("ncnn"), module="format_of_another_planet")
    other = replace(find_runtime("ncnn"), name="other", row=row)
    shelf = Shelf(find_model("nano"), tmp_path)
    candidates, (missing,) = prepare_all([shelf], [other, find_runtime("onnxruntime-default")])
    assert [candidate.runtime for candidate in candidates] == ["onnxruntime-default"]
    assert (missing["model"], missing["runtime"]) == ("nano", "other")
    assert missing["reason"].endswith(
        "package_of_another_planet, which is not installed: pip install 'edgedigits[ncnn]'"
    )


def test_a_client_whose_library_is_not_installed_is_listed_with_what_installs_it(tmp_path):
    def absent(_):
        raise ModuleNotFoundError(name="package_of_another_planet")

    other = replace(find_runtime("tract"), client=absent)
    candidates, (missing,) = prepare_all([Shelf(find_model("nano"), tmp_path)], [other])
    assert candidates == []
    assert missing["reason"] == (
        "the runtime tract needs package_of_another_planet, which is not installed: pip install tract"
    )


@pytest.mark.parametrize("name", ["torchscript", "pt2", "openvino", "ncnn", "torch", "torch.compile"])
def test_a_runtime_that_needs_the_checkpoint_says_so_of_an_artifact(exported, tmp_path, name):
    candidates, (missing,) = _prepare(exported["onnx"].path, tmp_path, name)
    assert candidates == []
    assert "is an artifact: give the run or the checkpoint it was made from" in missing["reason"]
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_runtime_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown runtime 'onnxruntme': did you mean 'onnxruntime'"):
        find_runtime("onnxruntme")
