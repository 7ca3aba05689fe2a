"""From a checkpoint to an artifact that is proven equal to it, and back to its proof."""

import hashlib
import shutil
import sys
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch

from edgedigits.card import UNFITTED_THRESHOLD
from edgedigits.errors import (
    ArtifactError,
    InputError,
    OutputError,
    ParityError,
    UnknownNameError,
)
from edgedigits.export.exporting import (
    USUAL_COVERAGE,
    export_checkpoint,
    find_origin,
    measure,
    verify_artifact,
)
from edgedigits.export.formats import FORMATS, Format, find_format
from edgedigits.risk import RiskCurve, acceptance_score
from edgedigits.training.checkpoint import Checkpoint, digest
from edgedigits.training.data import load_digits
from edgedigits.training.evaluation import evaluate

every_format = pytest.mark.parametrize("name", FORMATS)


@pytest.fixture
def copied(exported, tmp_path, monkeypatch):
    """Copies of the artifacts in a folder from which no checkpoint is in sight."""
    monkeypatch.chdir(tmp_path)
    return {name: shutil.copy(made.path, tmp_path / made.path.name) for name, made in exported.items()}


def _tamper(path):
    """Change one weight by a little, and leave the card as it is."""
    model = onnx.load(path)
    bias = next(tensor for tensor in model.graph.initializer if tensor.dims == [10])
    values = onnx.numpy_helper.to_array(bias).copy()
    values[0] += 0.01
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, path)


@pytest.fixture
def faulty(copied, monkeypatch):
    """A format whose writer gets one weight wrong."""
    _tamper(copied["onnx"])
    content = copied["onnx"].read_bytes()
    copied["onnx"].unlink()
    right = find_format("onnx").exporter()
    module = SimpleNamespace(
        write=lambda deployable, card, path: path.write_bytes(content), load=right.load, versions=right.versions
    )
    monkeypatch.setitem(sys.modules, "a_faulty_exporter", module)
    return Format("onnx", ".onnx", {"fp32": 1e-5}, "a_faulty_exporter", "export")


@every_format
def test_an_artifact_equals_its_checkpoint(exported, checkpoint, test_digits, name):
    parity = exported[name].parity
    assert parity.passed
    assert parity.n > len(test_digits)
    artifact = find_format(name).exporter().load(exported[name].path)
    logits = checkpoint.network()(torch.from_numpy(test_digits.frames))
    np.testing.assert_allclose(artifact.run(test_digits.frames), logits.softmax(dim=1).detach(), atol=1e-5)


@every_format
def test_the_card_says_what_was_measured_and_where_it_came_from(exported, checkpoint, test_digits, name):
    card = find_format(name).exporter().load(exported[name].path).card
    assert card == exported[name].card
    assert (card.model, card.format, card.precision) == ("tiny", name, "fp32")
    assert card.weights_sha256 == digest(checkpoint.weights)
    assert card.provenance["recipe"] == asdict(checkpoint.recipe)
    assert card.provenance["epochs"] == 2
    probabilities = find_format(name).exporter().load(exported[name].path).run(test_digits.frames)
    measured = evaluate(probabilities, test_digits, card.accept_threshold).accuracy
    assert replace(measured, loss=card.accuracy.loss) == card.accuracy
    assert measured.loss == pytest.approx(card.accuracy.loss, rel=1e-5)


@every_format
def test_a_network_that_was_folded_is_held_against_the_checkpoint_as_it_was_trained(
    trusted, trusted_checkpoint, test_digits, name
):
    made = trusted[name]
    assert made.parity.passed
    assert 0 < made.parity.max_abs_diff <= 1e-5
    artifact = find_format(name).exporter().load(made.path)
    logits = trusted_checkpoint.network()(torch.from_numpy(test_digits.frames)).detach()
    expected = (logits / trusted_checkpoint.calibration.temperature).softmax(dim=1)[:, :10]
    np.testing.assert_allclose(artifact.run(test_digits.frames), expected, atol=1e-5)
    assert verify_artifact(made.path, trusted_checkpoint, test_digits).parity == made.parity


@every_format
def test_the_card_passes_on_what_was_found_on_the_digits_held_out(trusted, trusted_checkpoint, name):
    card = find_format(name).exporter().load(trusted[name].path).card
    assert card == trusted[name].card
    assert (card.calibration, card.risk) == (trusted_checkpoint.calibration, trusted_checkpoint.risk)
    assert card.calibration.method == "temperature"
    assert card.calibration.n >= card.risk.n > 0
    # So few digits cannot promise the usual error rate: the card promises the least that they can.
    assert (card.accept_threshold, card.max_error) == card.risk.at_coverage(USUAL_COVERAGE)


def test_the_card_of_a_run_that_held_nothing_out_promises_nothing(exported):
    card = exported["onnx"].card
    assert (card.accept_threshold, card.max_error, card.risk) == (UNFITTED_THRESHOLD, None, None)
    assert (card.calibration.method, card.calibration.temperature) == ("none", 1)


def test_a_card_accepts_the_usual_share_and_promises_the_error_rate_that_it_can(
    trusted_checkpoint, test_digits, tmp_path
):
    risk = RiskCurve("many", 9000, (0.9, 0.7, 0.5), (6000, 8950, 9000), (0, 3, 30))
    row, path = find_format("torchscript"), tmp_path / "model.torchscript"
    mine = replace(trusted_checkpoint, risk=risk)
    export_checkpoint(mine, "mine", path, row=row, precision="fp32", digits=test_digits)
    card = row.exporter().load(path).card
    assert (card.accept_threshold, card.max_error) == (0.7, risk.risk_bound()[1])
    score = acceptance_score(row.exporter().load(path).run(test_digits.frames))
    assert card.accuracy.coverage == np.mean(score >= 0.7)


def test_a_checkpoint_is_measured_as_what_is_exported_from_it(trusted, trusted_checkpoint, test_digits):
    evaluation, threshold = measure(trusted_checkpoint, test_digits)
    card = trusted["onnx"].card
    assert (evaluation.accuracy, threshold) == (card.accuracy, card.accept_threshold)


@every_format
def test_the_dictionary_is_of_the_file_as_it_lies_there(exported, name):
    made, content = exported[name].to_dict(), exported[name].path.read_bytes()
    assert set(made) == {"artifact", "format", "precision", "bytes", "sha256", "parity"}
    assert (made["bytes"], made["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert {"n", "max_abs_diff", "argmax_agreement", "passed"} <= set(made["parity"])


@pytest.mark.parametrize("old", [None, b"the old one"], ids=["no file", "an old file"])
def test_a_file_that_fails_parity_is_not_written(checkpoint, test_digits, faulty, tmp_path, old):
    path = tmp_path / "out" / "model.onnx"
    if old:
        path.parent.mkdir()
        path.write_bytes(old)
    with pytest.raises(ParityError, match=r"model\.onnx does not answer as its checkpoint does: .* worst is"):
        export_checkpoint(checkpoint, "tiny", path, row=faulty, precision="fp32", digits=test_digits)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == ({"model.onnx": old} if old else {})


def test_an_exporter_that_breaks_leaves_nothing_behind(checkpoint, test_digits, tmp_path, monkeypatch):
    def write(deployable, card, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "a_broken_exporter", SimpleNamespace(write=write, versions=dict))
    row = Format("onnx", ".onnx", {"fp32": 1e-5}, "a_broken_exporter", "export")
    with pytest.raises(KeyboardInterrupt):
        export_checkpoint(checkpoint, "t", tmp_path / "m.onnx", row=row, precision="fp32", digits=test_digits)
    assert list(tmp_path.iterdir()) == []


@every_format
def test_a_precision_that_cannot_be_honoured_is_refused_before_any_work(checkpoint, test_digits, tmp_path, name):
    with pytest.raises(UnknownNameError, match="unknown precision"):
        export_checkpoint(
            checkpoint, "t", tmp_path / "model", row=find_format(name), precision="fp8", digits=test_digits
        )
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_an_output_error(checkpoint, test_digits, tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "model.torchscript"
    with pytest.raises(OutputError, match="cannot write"):
        export_checkpoint(checkpoint, "t", path, row=find_format("torchscript"), precision="fp32", digits=test_digits)


@every_format
def test_an_artifact_made_earlier_is_verified(copied, checkpoint, test_digits, exported, name):
    verified = verify_artifact(copied[name], checkpoint, test_digits)
    assert verified.parity == exported[name].parity
    assert verified.card == exported[name].card


def test_a_changed_weight_is_found_out(copied, checkpoint, test_digits):
    _tamper(copied["onnx"])
    parity = verify_artifact(copied["onnx"], checkpoint, test_digits).parity
    assert not parity.passed
    assert parity.max_abs_diff > parity.tolerance
    with pytest.raises(ParityError, match="worst is frame"):
        parity.require("it")


@every_format
def test_another_checkpoint_is_found_out(copied, checkpoint, test_digits, name):
    other = {key: tensor + 0.1 for key, tensor in checkpoint.weights.items()}
    assert not verify_artifact(copied[name], replace(checkpoint, weights=other), test_digits).parity.passed


@pytest.mark.parametrize("place", ["checkpoint.safetensors", "model.safetensors", "runs/any/checkpoint.safetensors"])
def test_the_checkpoint_is_found_by_the_hash_in_the_card(copied, checkpoint, test_digits, tmp_path, place):
    other = {key: tensor + 0.1 for key, tensor in checkpoint.weights.items()}
    replace(checkpoint, weights=other).save(tmp_path / "runs" / "other" / "checkpoint.safetensors")
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "checkpoint.safetensors").write_bytes(b"broken")
    checkpoint.save(tmp_path / place)
    assert verify_artifact(copied["onnx"], find_origin(copied["onnx"]), test_digits).parity.passed


def test_a_checkpoint_that_is_not_to_be_found_has_to_be_named(copied, test_digits):
    with pytest.raises(InputError, match=r"the checkpoint that .*model\.onnx was made from is not here: name it with"):
        verify_artifact(copied["onnx"], find_origin(copied["onnx"]), test_digits)


@every_format
def test_what_ships_is_found_from_anywhere(exported, name, tmp_path, monkeypatch, test_digits):
    from edgedigits.models import find_model

    monkeypatch.chdir(tmp_path)
    shipped = Checkpoint.load(find_model("paper").checkpoint)
    row = find_format(name)
    if name == "onnx":
        path = shutil.copy(find_model("paper").artifact, tmp_path / "model.onnx")
    else:
        path = tmp_path / f"model{row.suffix}"
        export_checkpoint(shipped, "paper", path, row=row, precision="fp32", digits=test_digits)
    assert verify_artifact(path, find_origin(path), test_digits).parity.passed


@pytest.mark.parametrize("suffix", [row.suffix for row in FORMATS.values()])
def test_a_file_that_is_no_artifact_is_refused(tmp_path, test_digits, suffix):
    path = tmp_path / f"notes{suffix}"
    path.write_text("notes")
    with pytest.raises(ArtifactError, match="or is damaged: export it again"):
        verify_artifact(path, find_origin(path), test_digits)


def test_an_artifact_of_a_run_on_pictures_does_not_tell_where_they_lay(checkpoint, pictures, tmp_path):
    digits = load_digits(str(pictures), "test")
    mine = replace(checkpoint, recipe=replace(checkpoint.recipe, dataset=str(pictures)))
    row = find_format("torchscript")
    made = export_checkpoint(mine, "t", tmp_path / "t.torchscript", row=row, precision="fp32", digits=digits)
    assert str(pictures.parent) not in made.card.to_json()
