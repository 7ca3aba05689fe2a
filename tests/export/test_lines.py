"""A model that reads lines, by the same path as one of digits: exported, proven, verified, measured and shipped."""

import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits import Recognizer, artifacts
from edgedigits.alphabet import ALPHABET, BLANK
from edgedigits.artifact import OnnxArtifact
from edgedigits.card import CARD_KEY, INTERFACES, UNFITTED_THRESHOLD
from edgedigits.errors import ArtifactError, InputError, ParityError, RunError, UnknownNameError
from edgedigits.export import onnx as exporter
from edgedigits.export import ship
from edgedigits.export.deployable import Deployable
from edgedigits.export.exporting import deployable, export_checkpoint, find_origin, measure, verify_artifact
from edgedigits.export.formats import FORMATS, Gate, find_format
from edgedigits.export.measuring import acceptance, ask
from edgedigits.export.parity import check_parity
from edgedigits.models import find_model, model_names
from edgedigits.onnxfile import inspect
from edgedigits.risk import RiskCurve
from edgedigits.training.strings import Strings, evaluate_strings, read_strings

STRICT, LOSSY = Gate(1e-5), Gate(1.0, agreement=0.9, accuracy_lost=0.1)


class Spelled:
    """Says at each step of a line the symbol whose place in the alphabet is its first pixel; `change` changes them."""

    def __init__(self, change=lambda lines, symbols: None):
        self.change = change

    def run(self, lines):
        symbols = lines[:, 0, : lines.shape[2] // 2 * 2 : 2].astype(np.int64) % len(ALPHABET)
        self.change(lines, symbols)
        answers = np.full((*symbols.shape, len(ALPHABET)), 0.01, np.float32)
        np.put_along_axis(answers, symbols[..., np.newaxis], 0.84, axis=2)
        return answers


@pytest.fixture(scope="module")
def spelled():
    """Twenty lines in two widths that spell their own numbers twice, with a separator between and paper around."""
    parts = []
    for numbers, width in ((range(10, 20), 64), (range(20, 30), 101)):
        lines = np.full((10, 32, width), BLANK, np.uint8)
        for line, number in zip(lines, numbers, strict=True):
            for step, symbol in enumerate(f"{number}.{number}", start=3):
                line[0, 4 * step] = ALPHABET.index(symbol)
        parts.append(lines)
    return Strings("lines of numbers", tuple(parts), tuple(f"{number}.{number}" for number in range(10, 30)))


def _is_test(lines, n=10):
    return len(lines) == n and lines.shape[2] in {64, 101} and (lines[:, 1] == BLANK).all()


def _others(count, symbol):
    """Says another `symbol` at step 6 of the first lines of each test."""

    def change(lines, symbols):
        if _is_test(lines):
            symbols[:count, 6] = symbol

    return change


def test_an_equal_artifact_passes_without_any_difference(spelled):
    parity = check_parity(Spelled().run, Spelled().run, spelled, STRICT)
    assert parity.passed
    assert (parity.items, parity.dataset) == ("lines", "lines of numbers")
    assert (parity.max_abs_diff, parity.argmax_agreement, parity.digits_agreement, parity.accuracy_lost) == (0, 1, 1, 0)
    assert parity.n > len(spelled)
    assert set(parity.probes.values()) == {0}


def test_every_line_and_every_kind_of_probe_is_asked(spelled):
    asked = []
    check_parity(Spelled().run, Spelled(lambda lines, _: asked.append(lines)).run, spelled, STRICT)
    for part in spelled.pictures:
        assert any(np.array_equal(lines, part) for lines in asked)
    assert {len(lines) for lines in asked} >= {1, 2, 7, 64}
    widths = {lines.shape[2] for lines in asked}
    assert (min(widths), max(widths)) == (2, 4096)
    assert {width % 2 for width in widths} == {0, 1}
    assert {0, 255} <= {int(lines[0, 0, 0]) for lines in asked if len(np.unique(lines)) == 1}
    assert all((lines.dtype, lines.shape[1]) == (np.uint8, 32) for lines in asked)


@pytest.mark.parametrize(("count", "passed"), [(1, True), (2, False)])
def test_a_lossy_gate_lets_as_many_strings_be_lost_as_it_says(spelled, count, passed):
    other = Spelled(_others(count, ALPHABET.index("7"))).run
    parity = check_parity(Spelled().run, other, spelled, Gate(1.0, agreement=0.8, accuracy_lost=0.1))
    assert (parity.digits_agreement, parity.accuracy_lost) == pytest.approx((1 - count / 10, count / 10))
    assert parity.passed == passed
    assert not check_parity(Spelled().run, other, spelled, replace(STRICT, max_abs_diff=1.0)).passed


def test_what_changes_a_symbol_and_no_digit_fails_a_strict_gate_alone(spelled):
    comma = Spelled(lambda lines, symbols: np.putmask(symbols, symbols == ALPHABET.index("."), ALPHABET.index(",")))
    for gate, passed in ((LOSSY, True), (replace(STRICT, max_abs_diff=1.0), False)):
        parity = check_parity(Spelled().run, comma.run, spelled, gate)
        assert (parity.digits_agreement, parity.accuracy_lost, parity.passed) == (1, 0, passed)
        assert parity.argmax_agreement < 1


def test_a_failure_says_what_was_compared_and_where_it_was_worst(spelled):
    parity = check_parity(Spelled().run, Spelled(_others(3, ALPHABET.index("?"))).run, spelled, STRICT)
    with pytest.raises(
        ParityError,
        match=r"^model\.onnx does not answer .* same symbols on [\d.]+% of \d+ lines, 70\.00% of the strings where "
        r"100% is asked, 30\.00 points of accuracy lost .*; worst is line 0 of test lines of numbers 0 to 9, step 6: "
        r"the artifact says '\?' at 0\.8400, the checkpoint '1' at 0\.8400$",
    ):
        parity.require("model.onnx")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_no_number_fails(spelled, value):
    def run(lines):
        answers = Spelled().run(lines)
        answers[0, 0] = value
        return answers

    parity = check_parity(Spelled().run, run, spelled, STRICT)
    assert not parity.passed
    json.dumps(parity.to_dict(), allow_nan=False)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.integers(2, 300), st.integers(0, 99))
def test_what_onnxruntime_answers_is_what_torch_does_whatever_the_width(
    exported_lines, line_checkpoint, batch, width, seed
):
    lines = np.random.default_rng(seed).integers(0, 256, (batch, 32, width), np.uint8)
    answered = OnnxArtifact.open(exported_lines["fp32"].path).run(lines)
    assert (answered.shape, answered.dtype) == ((batch, width // 2, len(ALPHABET)), np.float32)
    np.testing.assert_allclose(answered.sum(axis=2), 1, atol=1e-5)
    logits = line_checkpoint.network()(_tensor(lines)) / line_checkpoint.calibration.temperature
    np.testing.assert_allclose(answered, logits.softmax(dim=2).detach(), atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_no_lines_are_answered_by_no_probabilities(exported_lines, precision):
    answered = OnnxArtifact.open(exported_lines[precision].path).run(np.zeros((0, 32, 40), np.uint8))
    assert (answered.shape, answered.dtype) == ((0, 20, len(ALPHABET)), np.float32)


def _tensor(lines):
    import torch

    return torch.from_numpy(lines)


@pytest.mark.parametrize("name", ["amount", "amount-context", "amount-attention"])
def test_a_random_network_is_folded_and_answers_alike_in_torch_and_in_onnx(
    random_network, card_for, test_strings, tmp_path, name
):
    network = Deployable(random_network(name), 1.7)
    folded = network.folded()
    exporter.write(folded, card_for("onnx", takes="lines"), tmp_path / "model.onnx")
    lines = test_strings.pictures[0]
    expected = network.run(lines)
    np.testing.assert_allclose(folded(_tensor(lines)).detach(), expected, atol=1e-5)
    np.testing.assert_allclose(exporter.load(tmp_path / "model.onnx").run(lines), expected, atol=1e-5)


def test_the_graph_is_as_old_and_as_small_as_can_be(exported_lines):
    model = onnx.load(exported_lines["fp32"].path)
    operators = [node.op_type for node in model.graph.node]
    assert operators == [
        *("Unsqueeze", "Cast"),
        *["Conv", "Relu"] * 12,
        *("GlobalMaxPool", "Conv", "Add"),
        *("Conv", "Reshape", "Transpose", "Conv", "Reshape", "MatMul", "Softmax"),
        *("Conv", "Reshape", "Transpose", "MatMul", "Reshape", "Conv", "Add"),
        *["Conv", "Relu"] * 2,
        *("Conv", "Squeeze", "Transpose", "Softmax"),
    ]
    assert [entry.version for entry in model.opset_import] == [9]
    assert exported_lines["fp32"].card.requires["opset"] == 9
    session = onnxruntime.InferenceSession(exported_lines["fp32"].path)
    (lines,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (lines.name, lines.type, lines.shape) == ("lines", "tensor(uint8)", ["batch", 32, "width"])
    assert (probabilities.name, probabilities.type) == ("probabilities", "tensor(float)")
    assert probabilities.shape == ["batch", "steps", 17]


def test_the_file_is_read_as_onnxruntime_reads_it(exported_lines):
    content = exported_lines["fp32"].path.read_bytes()
    found = inspect(content, "model")
    assert [value.shape for value in found.inputs] == [INTERFACES["lines"][0]["shape"]]
    assert [value.shape for value in found.outputs] == [INTERFACES["lines"][1]["shape"]]
    assert json.loads(found.metadata[CARD_KEY])["labels"] == list(ALPHABET)


def test_the_reference_evaluator_of_onnx_agrees(exported_lines, test_strings):
    from onnx.reference import ReferenceEvaluator

    lines = test_strings.pictures[0][:3]
    (answered,) = ReferenceEvaluator(str(exported_lines["fp32"].path)).run(None, {"lines": lines})
    np.testing.assert_allclose(answered, OnnxArtifact.open(exported_lines["fp32"].path).run(lines), atol=1e-5)


@pytest.mark.parametrize("width", [0, 1])
def test_a_line_that_is_too_narrow_is_refused(exported_lines, width):
    with pytest.raises(ArtifactError):
        OnnxArtifact.open(exported_lines["fp32"].path).run(np.zeros((1, 32, width), np.uint8))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_an_artifact_equals_its_checkpoint_and_its_card_says_so(
    exported_lines, line_checkpoint, test_strings, precision
):
    made = exported_lines[precision]
    card = find_format("onnx").exporter().load(made.path).card
    assert card == made.card
    assert made.parity.passed
    assert (card.takes, card.precision, card.model) == ("lines", precision, "amount")
    assert card.calibration == line_checkpoint.calibration
    assert card.provenance["recipe"]["lines"] == line_checkpoint.recipe.lines
    assert card.provenance["measured_on_sha256"] == test_strings.sha256
    assert {"digits_agreement", "probes", "n"} <= set(card.parity)
    assert "items" not in card.parity
    read = read_strings(OnnxArtifact.open(made.path).run, test_strings)
    assert card.accuracy == evaluate_strings(read, test_strings, card.accept_threshold)
    if precision == "fp32":
        assert card.risk == line_checkpoint.risk
        assert made.parity.max_abs_diff <= 1e-5
    assert (card.accept_threshold, card.max_error) == acceptance(card.risk, "lines")


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.slow
def test_an_artifact_made_earlier_is_verified(exported_lines, little_of_all, line_checkpoint, test_strings, precision):
    verified = verify_artifact(exported_lines[precision].path, line_checkpoint, test_strings)
    assert verified.passed
    assert (verified.card_errors, verified.unchecked) == ((), ())
    assert verified.parity == exported_lines[precision].parity


@pytest.fixture
def copied(exported_lines, tmp_path):
    return shutil.copy(exported_lines["fp32"].path, tmp_path / "model.onnx")


def test_a_changed_weight_is_found_out(copied, line_checkpoint, test_strings):
    model = onnx.load(copied)
    bias = next(tensor for tensor in model.graph.initializer if tensor.dims == [len(ALPHABET)])
    values = onnx.numpy_helper.to_array(bias).copy()
    values[0] += 0.01
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, copied)
    verified = verify_artifact(copied, line_checkpoint, test_strings)
    assert verified.parity.max_abs_diff > verified.parity.gate.max_abs_diff == 1e-5
    with pytest.raises(ParityError, match=r"does not answer as its checkpoint does: .* worst is line "):
        verified.require()


@pytest.mark.parametrize(
    ("name", "edit"),
    {
        "threshold": lambda card: card["thresholds"].update(accept=0.123),
        "max_error": lambda card: card["thresholds"].update(max_error=1e-4),
        "accuracy": lambda card: card["accuracy"].update(correct=card["accuracy"]["n"]),
        "risk curve": lambda card: card["risk"].update(errors=[0] * len(card["risk"]["errors"])),
        "recipe": lambda card: card["provenance"]["recipe"].update(lines=1),
    }.items(),
)
@pytest.mark.slow
def test_a_card_that_lies_is_found_out(copied, line_checkpoint, test_strings, name, edit):
    model = onnx.load(copied)
    fields = json.loads(model.metadata_props[0].value)
    if name == "risk curve":
        fields["risk"]["accepted"] = [fields["risk"]["n"]] * len(fields["risk"]["accepted"])
    edit(fields)
    onnx.helper.set_model_props(model, {CARD_KEY: json.dumps(fields)})
    onnx.save(model, copied)
    verified = verify_artifact(copied, line_checkpoint, test_strings)
    assert verified.parity.passed
    assert any(error.startswith(f"its {name} is ") for error in verified.card_errors)


@pytest.mark.slow
def test_on_other_lines_the_accuracy_is_not_compared(copied, line_checkpoint, test_strings):
    first, *others = test_strings.pictures
    smudged = replace(test_strings, pictures=(np.maximum(first, 9), *others))
    verified = verify_artifact(copied, line_checkpoint, smudged)
    assert verified.passed
    (line,) = verified.unchecked
    assert line.endswith("lines of synthetic that are others than those here")


def test_a_checkpoint_is_measured_as_what_is_exported_from_it(exported_lines, line_checkpoint, test_strings):
    evaluation, threshold = measure(line_checkpoint, test_strings)
    card = exported_lines["fp32"].card
    assert threshold == card.accept_threshold
    assert replace(evaluation.accuracy, loss=0) == replace(card.accuracy, loss=0)
    assert evaluation.accuracy.loss == pytest.approx(card.accuracy.loss, rel=1e-4)
    assert ask(deployable(line_checkpoint).run, test_strings)(1.1).accuracy.coverage == 0


def test_a_card_promises_one_wrong_string_in_a_hundred_or_accepts_half():
    sure = RiskCurve("sure", 4000, (0.9, 0.5, 0.0), (1000, 3000, 4000), (0, 3, 500))
    assert acceptance(sure, "lines") == (0.5, 0.01)
    unsure = RiskCurve("unsure", 400, (0.9, 0.5, 0.0), (100, 200, 400), (10, 20, 200))
    assert acceptance(unsure, "lines") == unsure.at_coverage(0.5)
    assert acceptance(unsure, "lines")[0] == 0.5
    assert acceptance(unsure, "frames")[0] == 0
    assert acceptance(None, "lines") == (UNFITTED_THRESHOLD, None)


@pytest.mark.parametrize("name", [name for name, row in FORMATS.items() if "lines" not in row.takes])
def test_a_format_without_lines_is_refused_in_one_line(line_checkpoint, test_strings, tmp_path, name):
    with pytest.raises(InputError, match=rf"\Aamount takes lines, for which there is no {name}: export it as onnx\Z"):
        export_checkpoint(
            line_checkpoint, "t", tmp_path / "t", row=find_format(name), precision="fp32", digits=test_strings
        )
    assert list(tmp_path.iterdir()) == []


def test_what_takes_lines_takes_no_frames_and_the_other_way_round(
    line_checkpoint, checkpoint, test_strings, test_digits, tmp_path
):
    asked = {"path": tmp_path / "t", "row": find_format("onnx"), "precision": "fp32"}
    for takes in ("frames", "image"):
        with pytest.raises(InputError, match=f"amount takes lines: it cannot be exported to take {takes}"):
            export_checkpoint(line_checkpoint, "t", digits=test_strings, takes=takes, **asked)
    with pytest.raises(InputError, match="paper takes frames: it cannot be exported to take lines"):
        export_checkpoint(checkpoint, "t", digits=test_digits, takes="lines", **asked)
    with pytest.raises(UnknownNameError, match="unknown input for onnx 'liness': did you mean 'lines'"):
        export_checkpoint(checkpoint, "t", digits=test_digits, takes="liness", **asked)


@pytest.fixture
def run(edgedigits, little_of_all, line_run, tmp_path):
    """The run on lines, in the folder of the command line."""
    return shutil.copytree(line_run, tmp_path / "runs" / "amount")


@pytest.mark.slow
def test_export_and_verify_take_a_run_on_lines_as_any_other(edgedigits, run, line_checkpoint, test_strings):
    ran = edgedigits("export")
    assert (ran.code, ran.err) == (0, "")
    assert "runs/amount/model.onnx: onnx fp32, " in ran.out
    assert " lines (test lines of synthetic and probes), largest difference" in ran.out
    assert "same symbols as the checkpoint on " in ran.out
    ran = edgedigits("verify", run / "model.onnx", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["card_errors"], told["unchecked"]) == (0, [], [])
    assert (told["parity"]["passed"], told["parity"]["items"]) == (True, "lines")
    assert find_origin(run / "model.onnx").recipe == line_checkpoint.recipe


@pytest.mark.slow
def test_export_in_fp16_tells_latency_and_what_becomes_of_the_strings(edgedigits, run):
    ran = edgedigits("export", "--precision", "fp16")
    assert ran.code == 0
    _, second, third = ran.out.splitlines()
    assert second.startswith("  of test lines of synthetic alone, the same on 100.00%; accuracy ")
    assert " times the latency of fp32 on this machine (" in third
    assert (run / "model.fp16.onnx").is_file()


@pytest.mark.slow
def test_of_all_formats_those_are_written_that_take_lines(edgedigits, run):
    ran = edgedigits("export", "--format", "all", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["format"] == "onnx"
    assert ran.err.splitlines() == [
        f"not exported: {name}, which has no fp32 or does not take lines" for name in FORMATS if name != "onnx"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "ncnn"], "amount takes lines, for which there is no ncnn: export it as onnx"),
        (["--input", "image"], "amount takes lines: it cannot be exported to take image"),
        (["--precision", "int8"], "unknown precision for lines in onnx 'int8': known are fp32, fp16"),
        (["--format", "all", "--precision", "int8"], "no format has the precision int8 and takes lines"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_exported_of_lines_is_refused(edgedigits, run, arguments, message):
    before = sorted(run.iterdir())
    assert message in edgedigits("export", *arguments).refusal
    assert sorted(run.iterdir()) == before


@pytest.mark.slow
def test_what_a_run_was_measured_on_may_be_absent(edgedigits, little_of_all, line_checkpoint, tmp_path):
    recipe = replace(line_checkpoint.recipe, dataset="mnist", pendigits=True)
    replace(line_checkpoint, recipe=recipe).save(tmp_path / "run.safetensors")
    ran = edgedigits("export", "run.safetensors")
    assert ran.code == 0
    assert ran.err.endswith("; using lines of synthetic digits instead\n")
    assert ran.err.count("\n") == 1
    ran = edgedigits("verify", "run.onnx", "--against", "run.safetensors")
    assert (ran.code, "(test lines of synthetic and probes)" in ran.out) == (0, True)
    (tmp_path / "elsewhere").mkdir()
    assert "MNIST is not at hand" in edgedigits("export", "run.safetensors", "--data-dir", "elsewhere").refusal


@pytest.mark.parametrize("kind", ["run", "onnx"])
def test_eval_tells_strings_right_and_accepted(edgedigits, run, exported_lines, kind):
    model = run if kind == "run" else exported_lines["fp32"].path
    ran = edgedigits("eval", model, "--dataset", "synthetic", "--json")
    told = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert set(told) == {
        *("model", "dataset", "n", "loss", "accuracy", "errors", "accuracy_ci95", "coverage", "accepted_errors"),
        *("accept_threshold", "max_error"),
    }
    assert told["dataset"] == "lines of synthetic"
    ran = edgedigits("eval", model, "--dataset", "synthetic", "--output", "pictures")
    assert ran.out.startswith(f"lines of synthetic: {told['n'] - told['errors']}/{told['n']} right, ")
    assert ran.out.count("\n") == 2
    assert "no pictures" in ran.err


def test_eval_on_what_is_not_here_is_refused(edgedigits, run):
    assert "MNIST is not at hand" in edgedigits("eval", run).refusal


@pytest.fixture
def shipped(edgedigits, run, tmp_path, monkeypatch):
    """The run on lines as a model that ships beside the others, by the name of `amount`."""
    folder = shutil.copytree(artifacts.__path__[0], tmp_path / "artifacts")
    ship.command.main([str(run), str(folder / "amount")], standalone_mode=False)
    shutil.rmtree(run)
    monkeypatch.setattr(artifacts, "__path__", [str(folder)])
    assert "amount" in model_names()
    return folder / "amount"


@pytest.mark.slow
def test_a_model_that_reads_lines_ships_with_a_card_that_speaks_of_strings(shipped, edgedigits):
    assert sorted(path.name for path in shipped.iterdir()) == ["README.md", "model.onnx", "model.safetensors"]
    readme, card = (shipped / "README.md").read_text("utf-8"), Recognizer("amount").card
    assert readme.startswith("# amount\n\nReads lines (`uint8 [batch, 32, width]`")
    assert f"measured once on {card.accuracy.n:,} lines of synthetic" in readme
    assert f"of which {card.risk.n:,} have nothing foreign in them" in readme
    assert "such strings as it accepts" in readme
    # Weights take half the room so.
    assert card.precision == "fp16"
    assert (shipped / "model.onnx").stat().st_size < 0.6 * (shipped / "model.safetensors").stat().st_size
    assert not {"frames", "centred as MNIST", "non-digits", "same digit"} & set(readme.split())
    assert "disturbed at a\nstrength of 0.5, those that it was trained on at 1.0." in readme
    assert "tablet" not in readme
    verified = edgedigits("verify", shipped / "model.onnx")
    assert (verified.code, verified.err) == (0, "")
    assert json.loads(edgedigits("eval", "amount", "--dataset", "synthetic", "--json").out)["n"] == card.accuracy.n


def test_a_run_that_is_not_finished_does_not_ship(edgedigits, run, line_checkpoint, tmp_path):
    replace(line_checkpoint, recipe=replace(line_checkpoint.recipe, epochs=2)).save(run / "checkpoint.safetensors")
    with pytest.raises(RunError, match="is not finished: go on with"):
        ship.command.main([str(run), str(tmp_path / "amount")], standalone_mode=False)


@pytest.mark.slow
def test_models_lists_it_beside_the_others(shipped, edgedigits):
    models = {about["model"]: about for about in map(json.loads, edgedigits("models", "--json").out.splitlines())}
    assert models["amount"]["takes"] == "lines"
    assert {about["takes"] for name, about in models.items() if name != "amount"} == {"frames"}
    assert models["amount"]["latency_ratio"] > 0
    line = next(line for line in edgedigits("models").out.splitlines() if line.split()[:1] == ["amount"])
    assert " lines of synthetic " in line


@pytest.mark.slow
def test_bench_leaves_it_out_and_says_where_it_is_measured(shipped, edgedigits, run_again, tmp_path):
    from edgedigits.bench.files import digit_models, reads_lines

    assert "amount" not in digit_models()
    assert set(digit_models()) == set(model_names()) - {"amount"}
    assert reads_lines(find_model("amount"))
    for model in ("amount", "runs/amount"):
        refusal = edgedigits("bench", "--models", f"small,{model}").refusal
        assert refusal == "edgedigits: amount reads lines: `python -m edgedigits.bench.strings` measures those"
    ran = edgedigits("bench", "--quick", "--runtimes", "onnxruntime", "--json", "-")
    assert ran.code == 0
    assert "not measured: runs/amount, which reads lines\n" in ran.err
    assert {row["model"] for row in json.loads(ran.out)["rows"]} == set(model_names()) - {"amount"}


@pytest.fixture
def run_again(shipped, line_run, tmp_path):
    """The run on lines, the newest beside what ships."""
    return shutil.copytree(line_run, tmp_path / "runs" / "amount")
