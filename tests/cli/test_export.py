"""`edgedigits export`: bare, by name, refused, and on a full disk."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edgedigits.export.formats import FORMATS, find_format
from edgedigits.models import find_model
from edgedigits.training.checkpoint import Checkpoint, digest

FULL_DISK = 'ulimit -f 40 && exec "$@"'
"""No file grows beyond 20 or 40 KiB, as shells count blocks: half an artifact."""


@pytest.fixture
def run(tiny_run, tmp_path):
    return shutil.copytree(tiny_run, tmp_path / "runs" / "tiny")


def _card(path):
    return find_format("onnx" if path.suffix == ".onnx" else "torchscript").exporter().load(path).card


def test_bare_it_exports_the_newest_run_into_its_folder(edgedigits, run, checkpoint):
    ran = edgedigits("export")
    assert ran.code == 0
    assert "runs/tiny/model.onnx: onnx fp32, " in ran.out
    assert "same digit as the checkpoint on 240/240 frames (synthetic test digits and probes)" in ran.out
    assert _card(run / "model.onnx").weights_sha256 == digest(checkpoint.weights)


def test_with_no_run_it_exports_what_ships_and_says_which_digits_stood_in(edgedigits, tmp_path):
    ran = edgedigits("export", "--json", "--format", "torchscript")
    assert ran.err == "mnist is not at hand: using the synthetic digits instead\n"
    told = json.loads(ran.out)
    content = (tmp_path / "small.torchscript").read_bytes()
    assert set(told) == {"artifact", "format", "precision", "bytes", "sha256", "parity"}
    assert (told["artifact"], told["format"], told["precision"]) == ("small.torchscript", "torchscript", "fp32")
    assert (told["bytes"], told["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (told["parity"]["passed"], told["parity"]["dataset"]) == (True, "synthetic")
    shipped = Checkpoint.load(find_model("small").checkpoint)
    assert _card(tmp_path / "small.torchscript").weights_sha256 == digest(shipped.weights)


@pytest.mark.parametrize("given", ["runs/tiny", "runs/tiny/checkpoint.safetensors"])
def test_a_run_and_its_checkpoint_are_exported_to_where_it_is_said(edgedigits, run, tmp_path, given):
    assert edgedigits("export", given, "--format", "torchscript", "--output", "new/it.torchscript").code == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["it.torchscript"]


def test_all_of_mnist_is_held_against_the_checkpoint(edgedigits, mnist_root):
    told = json.loads(edgedigits("export", "paper", "--format", "torchscript", "--data-dir", mnist_root, "--json").out)
    assert told["parity"]["passed"]
    assert told["parity"]["argmax_agreement"] == 1
    assert told["parity"]["max_abs_diff"] <= 1e-5
    assert told["parity"]["n"] > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "onyx"], "unknown format 'onyx': did you mean 'onnx'?"),
        (["--format", "tflite"], "unknown format 'tflite': known are onnx, torchscript"),
        (["--precision", "fp16"], "unknown precision for onnx 'fp16': did you mean 'fp32'?"),
        (["--output", "model.torchscript"], "model.torchscript does not end in .onnx, by which onnx files are known"),
        (["--output", "model"], "model does not end in .onnx"),
        (["papper"], "unknown model 'papper': did you mean 'paper'?"),
        (["runs/none"], "there is no runs/none"),
        (["broken.safetensors"], "broken.safetensors is damaged or not a checkpoint"),
        (["code.safetensors"], "code.safetensors is a pickle, which may carry code"),
        (["model.onnx"], "model.onnx is an artifact: give the run or the checkpoint it was made from"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_exported_is_refused_and_nothing_written(edgedigits, exported, tmp_path, arguments, message):
    Path("broken.safetensors").write_bytes(b"broken")
    Path("code.safetensors").write_bytes(b"PK\x03\x04")
    shutil.copy(exported["onnx"].path, tmp_path)
    before = sorted(tmp_path.iterdir())
    assert message in edgedigits("export", *arguments).refusal
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("place", ["file/model.torchscript", "folder.torchscript"])
def test_a_place_that_cannot_be_written_to_is_one_line(edgedigits, run, tmp_path, place):
    (tmp_path / "file").touch()
    (tmp_path / "folder.torchscript").mkdir()
    ran = edgedigits("export", run, "--format", "torchscript", "--output", place)
    assert ran.refusal.startswith(f"edgedigits: cannot write {place}: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.torchscript", "runs"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_leaves_the_old_file_whole(program, script, run, tmp_path, name):
    path = tmp_path / f"model{find_format(name).suffix}"
    path.write_bytes(b"the old one")
    ran = program("sh", "-c", FULL_DISK, "sh", script, "export", run, "--format", name, "--output", path)
    assert ran.refusal == f"edgedigits: cannot write {path}: File too large"
    assert path.read_bytes() == b"the old one"
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, "runs"]


def test_nothing_but_the_outcome_is_printed(installed, run):
    ran = installed("export", run)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("\n") == 1


def test_a_folder_named_as_the_place_of_mnist_has_to_hold_it(edgedigits, checkpoint, tmp_path):
    replace(checkpoint, recipe=replace(checkpoint.recipe, dataset="mnist")).save(tmp_path / "run.safetensors")
    (tmp_path / "elsewhere").mkdir()
    assert "MNIST is not at hand" in edgedigits("export", "run.safetensors", "--data-dir", "elsewhere").refusal
    assert not (tmp_path / "run.onnx").exists()


def test_a_models_folder_keeps_its_own_artifact(edgedigits, checkpoint, tmp_path):
    checkpoint.save(tmp_path / "mine" / "model.safetensors")
    (tmp_path / "mine" / "model.onnx").write_bytes(b"measured on more than is here")
    assert edgedigits("export", "mine").code == 0
    assert (tmp_path / "mine" / "model.onnx").read_bytes() == b"measured on more than is here"
    assert (tmp_path / "mine.onnx").exists()
