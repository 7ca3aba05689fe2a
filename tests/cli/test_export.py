"""`edgedigits export`: bare, by name, refused, and on a full disk."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edgedigits.export.formats import FORMATS, find_format, format_of
from edgedigits.models import find_model
from edgedigits.training.checkpoint import Checkpoint, digest

FULL_DISK = 'ulimit -f 40 && exec "$@"'
"""No file grows beyond 20 or 40 KiB, as shells count blocks: half an artifact."""


@pytest.fixture
def run(tiny_run, tmp_path):
    return shutil.copytree(tiny_run, tmp_path / "runs" / "tiny")


def _card(path):
    return format_of(path).exporter().load(path).card


@pytest.fixture
def trusted_here(edgedigits, trusted_material, trusted_run, tmp_path):
    """A run that can be quantised without harm, with the digits that it was trained on."""
    return shutil.copytree(trusted_run, tmp_path / "runs" / "trusted")


def test_bare_it_exports_the_newest_run_into_its_folder(edgedigits, run, checkpoint):
    ran = edgedigits("export")
    assert ran.code == 0
    assert "runs/tiny/model.onnx: onnx fp32, " in ran.out
    assert "same digit as the checkpoint on 3072/3072 frames (synthetic test digits and probes)" in ran.out
    assert _card(run / "model.onnx").weights_sha256 == digest(checkpoint.weights)


def test_with_no_run_it_exports_what_ships_and_says_which_digits_stood_in(edgedigits, tmp_path):
    ran = edgedigits("export", "--json", "--format", "torchscript")
    assert ran.err == "mnist is not at hand: using the synthetic digits instead\n"
    told = json.loads(ran.out)
    content = (tmp_path / "small.torchscript").read_bytes()
    assert set(told) == {"artifact", "format", "precision", "bytes", "sha256", "parity", "card_errors", "unchecked"}
    assert (told["artifact"], told["format"], told["precision"]) == ("small.torchscript", "torchscript", "fp32")
    assert (told["bytes"], told["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (told["parity"]["passed"], told["parity"]["dataset"]) == (True, "synthetic")
    shipped = Checkpoint.load(find_model("small").checkpoint)
    assert _card(tmp_path / "small.torchscript").weights_sha256 == digest(shipped.weights)


@pytest.mark.parametrize("given", ["runs/tiny", "runs/tiny/checkpoint.safetensors"])
def test_a_run_and_its_checkpoint_are_exported_to_where_it_is_said(edgedigits, run, tmp_path, given):
    assert edgedigits("export", given, "--format", "torchscript", "--output", "new/it.torchscript").code == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["it.torchscript"]


@pytest.mark.slow
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
        (["--format", "tflite"], "unknown format 'tflite': known are onnx, torchscript, pt2, openvino, ncnn"),
        (["--precision", "fp17"], "unknown precision for onnx 'fp17': did you mean 'fp16'?"),
        (["--precision", "int4"], "unknown precision for onnx 'int4': did you mean 'int8'?"),
        (
            ["--format", "torchscript", "--precision", "int8"],
            "unknown precision for torchscript 'int8': known are fp32",
        ),
        (["--format", "pt2", "--precision", "fp16"], "unknown precision for pt2 'fp16': did you mean 'fp32'?"),
        (
            ["--format", "openvino", "--precision", "fp16"],
            "unknown precision for openvino 'fp16': did you mean 'fp32'?",
        ),
        (["--format", "ncnn", "--precision", "int8"], "unknown precision for ncnn 'int8': known are fp32, fp16"),
        (["--format", "all", "--precision", "bf16"], "no format has the precision bf16 and takes frames"),
        (["--input", "images"], "unknown input for onnx 'images': did you mean 'image'?"),
        (["--format", "ncnn", "--input", "image"], "unknown input for ncnn 'image': known are frames"),
        (["--format", "all", "--input", "picture"], "no format has the precision fp32 and takes picture"),
        (["--format", "ncnn", "--output", "a.zip"], "a.zip does not end in .ncnn.zip, by which ncnn files are known"),
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
@pytest.mark.slow
def test_a_full_disk_leaves_the_old_file_whole(program, script, run, tmp_path, name):
    path = tmp_path / f"model{find_format(name).suffix}"
    path.write_bytes(b"the old one")
    ran = program("sh", "-c", FULL_DISK, "sh", script, "export", run, "--format", name, "--output", path)
    # OpenVINO does not say why it could not write.
    why = "OpenVINO found no room in " if name == "openvino" else "File too large"
    assert ran.refusal.startswith(f"edgedigits: cannot write {path}: {why}")
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


@pytest.mark.slow
def test_every_format_is_written_to_a_folder_with_a_line_of_json_for_each(edgedigits, run, tmp_path):
    ran = edgedigits("export", run, "--format", "all", "--output", "all", "--json")
    assert (ran.code, ran.err) == (0, "")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [made["format"] for made in told] == list(FORMATS)
    assert [made["artifact"] for made in told] == [f"all/model{row.suffix}" for row in FORMATS.values()]
    for made in told:
        path = tmp_path / made["artifact"]
        assert made["parity"]["passed"]
        assert "latency_ratio" not in made
        assert made["bytes"] == path.stat().st_size
        assert _card(path).format == made["format"]
    assert len(list((tmp_path / "all").iterdir())) == len(FORMATS)


def test_of_all_formats_those_are_written_that_honour_what_is_asked(edgedigits, run):
    ran = edgedigits("export", run, "--format", "all", "--precision", "fp16", "--json")
    assert ran.code == 0
    assert [json.loads(line)["artifact"].rpartition("/")[2] for line in ran.out.splitlines()] == [
        "model.fp16.onnx",
        "model.fp16.ncnn.zip",
    ]
    assert sorted(path.name for path in run.glob("model.*")) == ["model.fp16.ncnn.zip", "model.fp16.onnx"]


@pytest.mark.slow
def test_of_all_formats_those_whose_packages_are_absent_are_noted_and_the_others_made(
    installed, without, run, tmp_path
):
    ran = installed("export", run, "--format", "all", "--output", "all", "--json", **without("openvino", "pnnx"))
    assert ran.code == 0
    assert [json.loads(line)["format"] for line in ran.out.splitlines()] == ["onnx", "torchscript", "pt2"]
    assert ran.err.splitlines() == [
        f"not exported: {name}, the format {name} needs {package}, which is not installed: "
        f"pip install 'edgedigits[{name}]'"
        for name, package in (("openvino", "openvino"), ("ncnn", "pnnx"))
    ]
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [
        "model.onnx",
        "model.pt2",
        "model.torchscript",
    ]


def test_a_format_that_was_asked_for_and_whose_packages_are_absent_is_refused(installed, without, run):
    ran = installed("export", run, "--format", "openvino", **without("openvino"))
    assert ran.refusal.endswith("needs openvino, which is not installed: pip install 'edgedigits[openvino]'")
    assert not (run / "model.openvino.zip").exists()


@pytest.mark.parametrize(("name", "precision"), [("onnx", "int8"), ("ncnn", "fp16")])
def test_in_fewer_bits_agreement_accuracy_and_latency_are_told(edgedigits, trusted_here, name, precision):
    ran = edgedigits("export", "--format", name, "--precision", precision, "--json")
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(ran.out)
    path = trusted_here / f"model.{precision}{find_format(name).suffix}"
    assert (told["artifact"], told["precision"]) == (f"runs/trusted/{path.name}", precision)
    assert told["parity"]["digits_agreement"] >= told["parity"]["gate"]["agreement"] == 0.999
    assert told["parity"]["accuracy_lost"] <= told["parity"]["gate"]["accuracy_lost"] == 0.0005
    low, high = told["latency_ratio_ci95"]
    assert 0 < low <= told["latency_ratio"] <= high
    assert edgedigits("verify", path).code == 0
    # What it was compared with, in fp32, is gone.
    assert not (trusted_here / f"model{find_format(name).suffix}").exists()


def test_in_fewer_bits_people_are_told_the_same(edgedigits, run):
    ran = edgedigits("export", "--precision", "fp16")
    first, second, third = ran.out.splitlines()
    assert first.startswith("runs/tiny/model.fp16.onnx: onnx fp16, ")
    assert second.startswith("  of synthetic's digits alone, the same on 100.00%; accuracy ")
    assert " times the latency of fp32 on this machine (" in third


def test_a_network_that_cannot_be_quantised_without_harm_is_not_written(edgedigits, run):
    # After two passes over few digits it is so unsure that rounding decides.
    ran = edgedigits("export", "--precision", "int8")
    assert (ran.code, ran.out) == (1, "")
    assert "of the digits where 99.9% is asked" in ran.err
    assert "points of accuracy lost where 0.05 may be" in ran.err
    assert ran.err.count("\n") == 1
    assert not (run / "model.int8.onnx").exists()


def test_a_model_may_frame_pictures_itself(edgedigits, trusted_here):
    told = json.loads(edgedigits("export", "--input", "image", "--json").out)
    path = trusted_here / "model.image.onnx"
    assert (told["artifact"], told["parity"]["passed"]) == ("runs/trusted/model.image.onnx", True)
    assert _card(path).takes == "image"
    assert edgedigits("verify", path).code == 0
