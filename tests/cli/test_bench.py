"""`edgedigits bench`: the figures, the table, the plot, and what cannot be measured."""

import json

import pytest
from PIL import Image

from edgedigits.bench.runtimes import RUNTIMES

FIRST = ("onnxruntime", "fp32")
"""Runtime and precision that ratios are to."""


@pytest.fixture
def artifact(exported):
    """An artifact alone: the runtimes that need a checkpoint cannot be had for it."""
    return exported["onnx"].path


@pytest.mark.slow
def test_json_on_standard_output_is_all_there_is(edgedigits, artifact, tmp_path):
    ran = edgedigits("bench", "--models", artifact, "--json", "-", "--plot", "bench.svg")
    told = json.loads(ran.out)
    assert ran.code == 0
    assert set(told) >= {"environment", "rows", "unavailable", "recommendation"}
    assert "compared" not in told
    rows = [(row["model"], row["runtime"]) for row in told["rows"] if row["batch"] == 1]
    assert rows == [("model", name) for name in ("onnxruntime", "tract", "onnxruntime-default")]
    assert {(missing["model"], missing["runtime"]) for missing in told["unavailable"]} == {
        ("model", runtime) for runtime in ("torchscript", "pt2", "openvino", "ncnn", "torch")
    }
    assert all("is an artifact: give the run" in missing["reason"] for missing in told["unavailable"])
    for missing in told["unavailable"]:
        assert f"not measured: {missing['runtime']}, {missing['reason']}" in ran.err
    assert "mnist is not at hand: using the synthetic digits instead" in ran.err
    assert (tmp_path / "bench.svg").read_text().count("<svg") == 1


@pytest.mark.slow
def test_every_runtime_takes_part_in_one_run(edgedigits, tiny_run, tmp_path):
    plots = ("--plot", "bench.png", "--plot", "bench.svg")
    ran = edgedigits("bench", "--models", tiny_run, "--json", "figures/bench.json", *plots)
    assert ran.code == 0
    told = json.loads((tmp_path / "figures" / "bench.json").read_text())
    assert {missing["precision"] for missing in told["unavailable"]} == {"int8"}
    assert {row["runtime"] for row in told["rows"]} == set(RUNTIMES) - {"torch.compile"}
    assert {row["ratio"] for row in told["rows"] if (row["runtime"], row["precision"]) == FIRST} == {1}
    assert len({row["accuracy"] for row in told["rows"] if row["precision"] == "fp32"}) == 1
    assert any(row["front"] for row in told["rows"] if row["batch"] == 1)
    assert {"onnxruntime", "onnxruntime-default", "openvino", "ncnn", "tract"} <= {
        process["runtime"] for process in told["processes"]
    }
    assert told["recommendation"] in ran.out.replace("\n", "")
    for row in told["rows"]:
        if row["batch"] == 1:
            assert f"{row['latency_us']['p50']:.1f}" in ran.out
            assert row["runtime"] in ran.out
    assert ran.err.splitlines()[-3:] == ["wrote figures/bench.json", "wrote bench.png", "wrote bench.svg"]
    with Image.open(tmp_path / "bench.png") as picture:
        picture.load()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runtimes", "onnx"], "unknown runtime 'onnx': did you mean 'onnxruntime'?"),
        (["--models", "papper"], "unknown model 'papper': did you mean 'paper'?"),
        (["--models", "paper,runs/none"], "there is no runs/none"),
        (["--plot", "bench.jpg"], "bench.jpg is neither .png nor .svg"),
        (["--plot", "bench.png", "--plot", "bench.jpg"], "bench.jpg is neither .png nor .svg"),
        (["--budget", "fast"], "a budget is written as p99<200us or accuracy>99%, not 'fast'"),
        (["--compare", "none.json"], "cannot open none.json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_measured_is_refused(edgedigits, tmp_path, arguments, message):
    assert message in edgedigits("bench", *arguments).refusal
    assert list(tmp_path.iterdir()) == []


def test_nothing_left_to_measure_is_an_error_after_the_reasons(edgedigits, artifact):
    ran = edgedigits("bench", "--models", artifact, "--runtimes", "torch")
    assert (ran.code, ran.out) == (2, "")
    assert "not measured: torch, " in ran.err
    assert ran.err.endswith("edgedigits: nothing is left to measure\n")


def test_figures_that_cannot_be_written_are_one_line(edgedigits, artifact, tmp_path):
    (tmp_path / "file").touch()
    ran = edgedigits("bench", "--models", artifact, "--runtimes", "onnxruntime", "--json", "file/bench.json")
    assert ran.code == 2
    assert ran.err.endswith("edgedigits: cannot write file/bench.json: Not a directory\n")


def _slowed(path, times):
    """The figures as they would have been, had everything taken so many times as long."""
    told = json.loads(path.read_text())
    for row in told["rows"]:
        row["yardsticks"] *= times
        row["yardsticks_ci95"] = [times * bound for bound in row["yardsticks_ci95"]]
    path.write_text(json.dumps(told))


@pytest.mark.slow
def test_a_quick_run_is_compared_with_another(edgedigits, artifact, tmp_path):
    call = ("bench", "--quick", "--models", artifact, "--runtimes", "onnxruntime")
    first = edgedigits(*call, "--json", "old.json")
    assert first.code == 0
    assert "none got slower" not in first.out
    old = tmp_path / "old.json"
    _slowed(old, 1 / 3)
    slower = edgedigits(*call, "--compare", "old.json")
    assert slower.code == 1
    assert "slower" in slower.out
    _slowed(old, 9)
    faster = edgedigits(*call, "--compare", "old.json", "--json", "-")
    (change,) = json.loads(faster.out)["compared"]
    assert (faster.code, change["verdict"]) == (0, "faster")
    assert change["ci95"][0] <= change["times"] <= change["ci95"][1]


def test_a_budget_that_nothing_keeps_to_fails_the_check(edgedigits, artifact):
    call = ("bench", "--quick", "--models", artifact, "--runtimes", "onnxruntime")
    kept = edgedigits(*call, "--budget", "p50<1s", "--budget", "bytes<1M")
    assert kept.code == 0
    assert "Within p50<1s and bytes<1M, take model in onnxruntime, fp32" in kept.out
    broken = edgedigits(*call, "--budget", "bytes<1k")
    assert broken.code == 1
    assert "Nothing here keeps to bytes<1k: 0 of 1 to bytes<1k." in broken.out
