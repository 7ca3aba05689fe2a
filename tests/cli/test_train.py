"""`edgedigits train`: started, stopped, killed, resumed, refused."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edgedigits.training import data
from edgedigits.training.checkpoint import Checkpoint, digest

TEST_LINE = re.compile(r"Test set: Avg. loss: \d\.\d{4}, Accuracy: (\d+)/(\d+) \((\d+\.\d\d)%\)")


@pytest.fixture
def run(tiny_run, tmp_path):
    """The tiny run, which is complete after two epochs, in a folder where commands may change it."""
    return shutil.copytree(tiny_run, tmp_path / "run")


@pytest.fixture
def start(script, tmp_path):
    """Start the command as a shell does, in a process group of its own, and let nothing of it outlive the test."""
    started = []

    def popen(*arguments):
        process = subprocess.Popen(
            [script, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield popen
    for process in started:
        with process:
            process.kill()


@contextmanager
def _full_disk(room):
    """No file grows beyond `room` bytes: as on a full disk, writing fails in the middle."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _load(run):
    return Checkpoint.load(run / "checkpoint.safetensors")


def _epochs(run):
    return [json.loads(line)["epoch"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_is_trained_and_told_of_in_the_papers_words(edgedigits, tmp_path):
    ran = edgedigits("train", "--dataset", "synthetic", "--epochs", 2, "--seed", 3, "--output", "mine")
    assert ran.code == 0
    assert ran.err.startswith("paper on synthetic, 200 digits, seed 3, ")
    lines = [TEST_LINE.fullmatch(line) for line in ran.out.splitlines()]
    history = _load(tmp_path / "mine").history
    assert [(int(line[1]), int(line[2])) for line in lines] == [(epoch.correct, 100) for epoch in history]
    assert all(float(line[3]) == int(line[1]) for line in lines)
    assert _epochs(tmp_path / "mine") == [1, 2]
    with Image.open(tmp_path / "mine" / "curve.png") as picture:
        picture.load()
        assert picture.format == "PNG"
    assert len(list((tmp_path / "mine").iterdir())) == 3


def test_the_papers_figure_4():
    from edgedigits.cli.train import result_line

    assert result_line("Test", 0.05271, 9821, 10_000) == "Test set: Avg. loss: 0.0527, Accuracy: 9821/10000 (98.21%)"


def test_json_is_one_object_and_nothing_else(edgedigits):
    ran = edgedigits("train", "--dataset", "synthetic", "--epochs", 1, "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["recipe"]["epochs"], len(told["history"])) == (0, 1, 1)
    assert re.fullmatch(r"runs/paper-\d{8}-\d{6}", told["run"])


def test_a_recipe_that_holds_digits_out_is_validated_on_them_and_tested_at_its_end(edgedigits, tmp_path):
    ran = edgedigits("train", "--recipe", "sprint", "--dataset", "synthetic", "--epochs", 2, "--output", "mine")
    assert ran.code == 0
    assert ran.err.startswith("sprint on synthetic, 172 digits, seed 1, ")
    *validated, tested = ran.out.splitlines()
    left = _load(tmp_path / "mine")
    lines = [TEST_LINE.fullmatch(line.replace("Validation", "Test")) for line in validated]
    assert all(line.startswith("Validation set: ") for line in validated)
    assert [(int(line[1]), int(line[2])) for line in lines] == [(epoch.correct, 28) for epoch in left.history]
    assert TEST_LINE.fullmatch(tested)[2] == "100"
    assert (left.calibration.n, left.risk.n, left.risk.dataset) == (28, 28, "synthetic, held out of the training split")


@pytest.mark.parametrize("recipe", ["paper", "sprint"])
def test_the_figures_at_the_end_are_those_that_are_measured_of_the_run(edgedigits, recipe):
    asked = ["--recipe", recipe, "--dataset", "synthetic", "--epochs", 2, "--output", "mine", "--json"]
    tested = json.loads(edgedigits("train", *asked).out)["test"]
    told = json.loads(edgedigits("eval", "mine", "--dataset", "synthetic", "--json").out)
    assert tested == {name: told[name] for name in tested}
    assert set(tested) == {
        "dataset",
        "n",
        "loss",
        "accuracy",
        "errors",
        "accuracy_ci95",
        "coverage",
        "accepted_errors",
    }


def test_a_complete_run_resumed_is_tested_once_more_and_not_changed(edgedigits, trusted_run, tmp_path):
    mine = shutil.copytree(trusted_run, tmp_path / "mine")
    before = (mine / "checkpoint.safetensors").read_bytes()
    ran = edgedigits("train", "--resume", "--output", "mine")
    assert ran.code == 0
    assert TEST_LINE.fullmatch(ran.out.strip())[2] == "100"
    assert (mine / "checkpoint.safetensors").read_bytes() == before


def test_too_few_digits_to_hold_any_out_are_refused(edgedigits, tmp_path, monkeypatch):
    monkeypatch.setitem(data.SYNTHETIC_COUNT, "train", 12)
    refusal = edgedigits("train", "--recipe", "sprint", "--dataset", "synthetic").refusal
    assert refusal == "edgedigits: synthetic holds too few digits to keep every 6th for validation"
    assert list(tmp_path.iterdir()) == []


def test_several_seeds_are_several_runs_and_a_summary(edgedigits, tmp_path):
    asked = ["--dataset", "synthetic", "--epochs", 1, "--seed", 5, "--seeds", 3, "--output", "runs/mine"]
    ran = edgedigits("train", *asked)
    assert ran.code == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["mine-5", "mine-6", "mine-7"]
    left = [_load(tmp_path / "runs" / f"mine-{seed}") for seed in (5, 6, 7)]
    assert [one.recipe.seed for one in left] == [5, 6, 7]
    assert len({digest(one.weights) for one in left}) == 3
    shares = [one.history[-1].accuracy for one in left]
    *lines, summary = ran.out.splitlines()
    assert [int(TEST_LINE.fullmatch(line)[1]) for line in lines] == [round(100 * share) for share in shares]
    assert summary.startswith(f"paper, 3 seeds, 100 test digits each: {100 * np.mean(shares):.2f}% (95% interval ")
    assert summary.endswith(
        f"standard deviation {100 * np.std(shares, ddof=1):.2f}, {100 * min(shares):.2f} to {100 * max(shares):.2f})"
    )


def test_several_seeds_in_json_are_an_object_for_each_run_and_one_for_all(edgedigits):
    asked = ["--dataset", "synthetic", "--epochs", 2, "--seeds", 2, "--output", "mine", "--json"]
    *runs, summary = map(json.loads, edgedigits("train", *asked).out.splitlines())
    assert [(one["run"], one["recipe"]["seed"]) for one in runs] == [("mine-1", 1), ("mine-2", 2)]
    assert [len(one["history"]) for one in runs] == [2, 2]
    shares = [one["test"]["accuracy"] for one in runs]
    assert (summary["recipe"], summary["seeds"]) == ("paper", 2)
    assert summary["accuracy"]["mean"] == pytest.approx(np.mean(shares))
    assert summary["accuracy"]["standard_deviation"] == pytest.approx(np.std(shares, ddof=1))
    low, high = summary["accuracy"]["ci95"]
    assert (low + high) / 2 == pytest.approx(summary["accuracy"]["mean"])


def test_a_seed_of_several_gives_the_weights_it_gives_alone(edgedigits, tmp_path):
    asked = ["train", "--dataset", "synthetic", "--epochs", 1]
    assert edgedigits(*asked, "--seeds", 2, "--output", "mine").code == 0
    assert edgedigits(*asked, "--seed", 2, "--output", "alone").code == 0
    assert digest(_load(tmp_path / "mine-2").weights) == digest(_load(tmp_path / "alone").weights)


def test_several_runs_are_resumed_where_they_were_and_those_that_never_began_are_as_the_others(edgedigits, tmp_path):
    begun = ["--recipe", "sprint", "--dataset", "synthetic", "--epochs", 2, "--seeds", 3, "--output", "mine"]
    assert edgedigits("train", *begun).code == 0
    whole = [_load(tmp_path / f"mine-{seed}") for seed in (1, 2, 3)]
    shutil.rmtree(tmp_path / "mine-3")
    kept = [(tmp_path / f"mine-{seed}" / "checkpoint.safetensors").read_bytes() for seed in (1, 2)]
    ran = edgedigits("train", "--resume", "--seeds", 3, "--output", "mine", "--json")
    assert ran.code == 0
    assert "mine-1 is complete" in ran.err
    assert "mine-3 holds no checkpoint yet" in ran.err
    summary = json.loads(ran.out.splitlines()[-1])
    assert (summary["recipe"], summary["seeds"]) == ("sprint", 3)
    assert [(tmp_path / f"mine-{seed}" / "checkpoint.safetensors").read_bytes() for seed in (1, 2)] == kept
    assert _load(tmp_path / "mine-3").recipe == whole[2].recipe
    assert digest(_load(tmp_path / "mine-3").weights) == digest(whole[2].weights)


def test_a_folder_of_pictures_is_trained_on(edgedigits, pictures, tmp_path):
    ran = edgedigits("train", "--dataset", pictures, "--epochs", 1, "--output", "mine")
    assert ran.code == 0
    assert TEST_LINE.fullmatch(ran.out.strip())[2] == "10"
    assert _load(tmp_path / "mine").recipe.dataset == str(pictures)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "papper"], "unknown recipe 'papper': did you mean 'paper'?"),
        (["--dataset", "synthetik"], "unknown data set 'synthetik': did you mean 'synthetic'?"),
        (["--device", "cdua"], "unknown device 'cdua': did you mean 'cuda'?"),
        (["--dataset", "mnist"], "MNIST is not at hand"),
        (["--epochs", "0"], "0 is not in the range x>=1"),
        (["--epochs", "many"], "'many' is not a valid integer"),
        (["--seed", "-1"], "-1 is not in the range 0<=x"),
        (["--resume"], "there is no run in runs/ to resume"),
        (["--seeds", "1"], "1 is not in the range x>=2"),
        (["--seeds", "some"], "'some' is not a valid integer"),
        (["--seeds", "2", "--resume"], "to resume several runs, name them with --output"),
        (["--seeds", "2", "--output", "."], ". has no name that a seed could be added to"),
        (["--seeds", "2", "--output", "/"], "/ has no name that a seed could be added to"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_trained_is_refused_and_leaves_no_run(edgedigits, tmp_path, arguments, message):
    assert message in edgedigits("train", *arguments).refusal
    assert list(tmp_path.iterdir()) == []


def test_a_gpu_that_is_not_there_is_refused(edgedigits):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    ran = edgedigits("train", "--dataset", "synthetic", "--device", "cuda")
    assert ran.refusal == "edgedigits: there is no device cuda on this machine: use --device auto"


def test_a_run_is_not_started_over_another(edgedigits, run):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    ran = edgedigits("train", "--dataset", "synthetic", "--output", run)
    assert ran.refusal.endswith("run already holds a run: go on with --resume, or choose another --output")
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


@pytest.mark.parametrize(
    ("option", "value"), [("--epochs", 5), ("--seed", 9), ("--dataset", "mnist"), ("--recipe", "papre")]
)
def test_a_run_is_not_resumed_as_another(edgedigits, run, option, value):
    before = (run / "checkpoint.safetensors").read_bytes()
    refusal = edgedigits("train", "--resume", "--output", run, option, value).refusal
    assert f", not {value}: resume it as it was" in refusal or "unknown recipe" in refusal
    assert (run / "checkpoint.safetensors").read_bytes() == before


def test_a_run_may_be_resumed_with_what_it_was_started_with(edgedigits, run):
    asked = ["--epochs", 2, "--seed", 1, "--dataset", "synthetic", "--recipe", "paper"]
    assert edgedigits("train", "--resume", "--output", run, *asked).code == 0


def test_a_complete_run_resumed_gets_its_curve_and_no_more_epochs(edgedigits, run):
    before = (run / "checkpoint.safetensors").read_bytes()
    ran = edgedigits("train", "--resume", "--output", run)
    assert (ran.code, ran.out) == (0, "")
    assert (run / "curve.png").exists()
    assert (run / "checkpoint.safetensors").read_bytes() == before


def test_a_run_without_a_checkpoint_yet_is_started(edgedigits, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".checkpoint.safetensors.0badcafe.tmp").write_bytes(b"half")
    ran = edgedigits("train", "--resume", "--output", "mine", "--dataset", "synthetic", "--epochs", 1)
    assert ran.code == 0
    assert "mine holds no checkpoint yet: starting from the beginning" in ran.err
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == [
        "checkpoint.safetensors",
        "curve.png",
        "metrics.jsonl",
    ]


def test_without_a_name_the_newest_run_is_resumed(edgedigits, tiny_run, tmp_path):
    for age, name in [(100, "old"), (0, "new"), (50, "middle")]:
        copy = shutil.copytree(tiny_run, tmp_path / "runs" / name)
        when = time.time() - age
        os.utime(copy / "checkpoint.safetensors", (when, when))
    assert edgedigits("train", "--resume").err.startswith("runs/new is complete")


def test_a_damaged_checkpoint_is_not_resumed(edgedigits, run):
    path = run / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "is damaged or not a checkpoint" in edgedigits("train", "--resume", "--output", run).refusal


def test_a_damaged_picture_is_one_line(edgedigits, pictures, tmp_path):
    mine = shutil.copytree(pictures, tmp_path / "pictures")
    (mine / "2" / "4.png").write_bytes(b"")
    ran = edgedigits("train", "--dataset", "pictures", "--epochs", 1, "--output", "mine")
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(r"paper on .*\nedgedigits: .*/pictures/2/4\.png .*: mend or remove it\n", ran.err)


def test_a_run_cannot_lie_below_a_file(edgedigits, tmp_path):
    (tmp_path / "file").touch()
    ran = edgedigits("train", "--dataset", "synthetic", "--output", "file/run")
    assert ran.refusal == "edgedigits: cannot write file/run/checkpoint.safetensors: Not a directory"


def test_a_full_disk_leaves_the_old_checkpoint_whole(edgedigits, tmp_path):
    asked = ["train", "--dataset", "synthetic", "--epochs", 2, "--output", "mine"]
    with _full_disk(120_000):
        ran = edgedigits(*asked)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith("edgedigits: cannot write mine/checkpoint.safetensors: File too large\n")
    assert "Traceback" not in ran.err
    assert [path.name for path in (tmp_path / "mine").glob("*.safetensors")] == ["checkpoint.safetensors"]
    assert list((tmp_path / "mine").glob(".*")) == []
    assert _load(tmp_path / "mine").history == ()
    assert edgedigits("train", "--resume", "--output", "mine").code == 0
    assert _epochs(tmp_path / "mine") == [1, 2]


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(start, edgedigits, pictures, tmp_path):
    asked = ["--dataset", pictures, "--epochs", 200, "--output", "mine"]
    process = start("train", *asked)
    assert TEST_LINE.fullmatch(process.stdout.readline().strip())
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    _, how, stopped = filter(None, err.splitlines())
    done = re.fullmatch(r"stopped after epoch (\d+)/200; go on: edgedigits (train --resume --output=mine)", how)
    assert stopped == "edgedigits: stopped"
    assert "Traceback" not in err
    assert 1 + out.count("Test set") <= int(done[1]) <= len(_load(tmp_path / "mine").history) < 200
    assert edgedigits(*done[2].split(), "--epochs", 199).code == 2
    assert _epochs(tmp_path / "mine") == list(range(1, len(_load(tmp_path / "mine").history) + 1))


@pytest.mark.slow
def test_ctrl_c_among_several_seeds_says_how_to_go_on_with_all(start, edgedigits, pictures, tmp_path):
    process = start("train", "--dataset", pictures, "--epochs", 20, "--seeds", 2, "--output", "mine")
    assert TEST_LINE.fullmatch(process.stdout.readline().strip())
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    how = re.search(r"; go on: edgedigits (train --resume .*--output=mine)\n", err)[1]
    ran = edgedigits(*how.split())
    assert ran.code == 0
    assert "paper, 2 seeds, 10 test digits each: " in ran.out
    left = [_load(tmp_path / f"mine-{seed}") for seed in (1, 2)]
    assert [(len(one.history), one.recipe.dataset) for one in left] == 2 * [(20, str(pictures))]
    assert left[1].recipe == replace(left[0].recipe, seed=2)


@pytest.mark.slow
def test_a_run_killed_at_any_moment_ends_with_the_weights_of_one_never_stopped(start, installed, pictures, tmp_path):
    epochs, kills, rng = 30, 0, np.random.default_rng()
    asked = ["train", "--dataset", str(pictures), "--epochs", str(epochs)]
    assert installed(*asked, "--output", "whole").code == 0
    for epochs_first in (0, 1, 3, 2):
        process = start(*asked, "--output", "killed", "--resume")
        # On a fast machine, a run may have been done before it was killed.
        while not ("-> killed" in (said := process.stderr.readline()) or "killed is complete" in said):
            assert process.poll() is None
        for _ in range(epochs_first):
            process.stdout.readline()
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills > 0
    assert installed(*asked, "--output", "killed", "--resume").code == 0
    whole, killed = _load(tmp_path / "whole"), _load(tmp_path / "killed")
    assert digest(killed.weights) == digest(whole.weights)
    assert digest(killed.random_state) == digest(whole.random_state)
    assert [epoch.loss for epoch in killed.history] == [epoch.loss for epoch in whole.history]
    assert _epochs(tmp_path / "killed") == list(range(1, epochs + 1))
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == [
        "checkpoint.safetensors",
        "curve.png",
        "metrics.jsonl",
    ]
