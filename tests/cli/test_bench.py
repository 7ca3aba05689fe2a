"""`edgedigits bench`: the figures, the table, the plot, and what cannot be measured."""

import json

import pytest
from PIL import Image

from edgedigits.bench.runtimes import RUNTIMES


@pytest.fixture
def artifact(exported):
    """An artifact alone: the runtimes that need a checkpoint cannot be had for it."""
    return exported["onnx"].path


def test_json_on_standard_output_is_all_there_is(edgedigits, artifact, tmp_path):
    ran = edgedigits("bench", "--models", artifact, "--json", "-", "--plot", "bench.svg")
    told = json.loads(ran.out)
    assert ran.code == 0
    assert set(told) == {"environment", "rows", "unavailable"}
    assert [(row["model"], row["runtime"], row["batch"]) for row in told["rows"]] == [
        ("model", "onnxruntime", 1),
        ("model", "onnxruntime", 64),
    ]
    assert {(missing["model"], missing["runtime"]) for missing in told["unavailable"]} == {
        ("model", runtime) for runtime in RUNTIMES if runtime != "onnxruntime"
    }
    assert all("is an artifact: give the run" in missing["reason"] for missing in told["unavailable"])
    for missing in told["unavailable"]:
        assert f"not measured: {missing['runtime']}, {missing['reason']}" in ran.err
    assert "mnist is not at hand: using the synthetic digits instead" in ran.err
    assert (tmp_path / "bench.svg").read_text().count("<svg") == 1


def test_every_runtime_takes_part_in_one_run(edgedigits, tiny_run, tmp_path):
    ran = edgedigits("bench", "--models", tiny_run, "--json", "figures/bench.json", "--plot", "bench.png")
    assert ran.code == 0
    told = json.loads((tmp_path / "figures" / "bench.json").read_text())
    assert told["unavailable"] == []
    assert [row["runtime"] for row in told["rows"] if row["batch"] == 1] == list(RUNTIMES)
    assert [row["ratio"] for row in told["rows"] if row["runtime"] == "onnxruntime"] == [1, 1]
    assert len({row["accuracy"] for row in told["rows"]}) == 1
    for row in told["rows"]:
        if row["batch"] == 1:
            assert f"{row['latency_us']['p50']:.1f}" in ran.out
            assert row["runtime"] in ran.out
    assert ran.err.splitlines()[-2:] == ["wrote figures/bench.json", "wrote bench.png"]
    with Image.open(tmp_path / "bench.png") as picture:
        picture.load()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runtimes", "onnx"], "unknown runtime 'onnx': did you mean 'onnxruntime'?"),
        (["--models", "papper"], "unknown model 'papper': did you mean 'paper'?"),
        (["--models", "paper,runs/none"], "there is no runs/none"),
        (["--plot", "bench.jpg"], "bench.jpg is neither .png nor .svg"),
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
