"""The paper's result, from training to artifact, on all of MNIST."""

import json

import pytest


@pytest.mark.slow
def test_the_papers_recipe_reaches_the_papers_accuracy_and_is_exported_whole(edgedigits, mnist_root):
    where = ["--data-dir", mnist_root]
    history = json.loads(edgedigits("train", *where, "--device", "cpu", "--output", "run", "--json").out)["history"]
    assert [epoch["epoch"] for epoch in history] == list(range(1, 9))
    assert history[2]["correct"] >= 9700
    assert history[-1]["correct"] >= 9800
    assert history[-1]["loss"] <= 0.06
    for name in ("onnx", "torchscript"):
        parity = json.loads(edgedigits("export", "run", *where, "--format", name, "--json").out)["parity"]
        assert (parity["dataset"], parity["n"], parity["argmax_agreement"]) == ("mnist", 12972, 1.0)
        assert parity["max_abs_diff"] <= 1e-5
    told = json.loads(edgedigits("eval", "run/model.onnx", *where, "--json").out)
    assert (told["n"], told["n"] - told["errors"]) == (10000, history[-1]["correct"])
