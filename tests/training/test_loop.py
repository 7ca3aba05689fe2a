"""The training loop: what a seed decides, and that a run may be stopped anywhere."""

import json
from dataclasses import asdict, replace
from itertools import islice

import numpy as np
import pytest
import torch

from edgedigits.errors import DatasetError, InputError, RunError, UnknownNameError
from edgedigits.training import loop
from edgedigits.training.checkpoint import Checkpoint, digest
from edgedigits.training.digits import Digits
from edgedigits.training.folder import PictureFolder
from edgedigits.training.recipes import find_recipe

CPU = torch.device("cpu")
RECIPE = replace(find_recipe("paper"), dataset="synthetic", epochs=3)


@pytest.fixture(params=["in memory", "streamed"])
def digits(request, pictures, train_digits):
    return PictureFolder(pictures, "train") if request.param == "streamed" else train_digits


def _train(checkpoint, run, digits, test, *, epochs=None, on_step=lambda *_: None):
    """Train some epochs, or to the end, and return what was left in the run's folder."""
    done = loop.train(checkpoint, run, digits, test, device=CPU, on_step=on_step)
    epochs = list(islice(done, epochs))
    done.close()
    left = Checkpoint.load(run / "checkpoint.safetensors")
    assert left.history[len(left.history) - len(epochs) :] == tuple(epochs)
    return left


def test_a_seed_decides_the_weights(tmp_path, train_digits, test_digits):
    digests = []
    for i, seed in enumerate([1, 1, 2]):
        run = tmp_path / str(i)
        start = loop.start_run(replace(RECIPE, seed=seed, epochs=1), run, CPU)
        torch.manual_seed(1000 + i)
        digests.append(digest(_train(start, run, train_digits, test_digits).weights))
    assert digests[0] == digests[1] != digests[2]


def test_a_run_resumed_after_every_epoch_ends_as_one_never_stopped(tmp_path, digits, test_digits):
    whole = _train(loop.start_run(RECIPE, tmp_path / "whole", CPU), tmp_path / "whole", digits, test_digits)
    parts = loop.start_run(RECIPE, tmp_path / "parts", CPU)
    for seed in range(RECIPE.epochs):
        torch.manual_seed(seed)
        parts = _train(parts, tmp_path / "parts", digits, test_digits, epochs=1)
    assert parts.is_complete
    assert digest(parts.weights) == digest(whole.weights)
    assert digest(parts.random_state) == digest(whole.random_state)
    assert [replace(epoch, seconds=0) for epoch in parts.history] == [
        replace(epoch, seconds=0) for epoch in whole.history
    ]


def test_an_epoch_stopped_in_the_middle_is_begun_again(tmp_path, train_digits, test_digits):
    def stop(done, steps, loss):
        raise KeyboardInterrupt

    whole = _train(loop.start_run(RECIPE, tmp_path / "whole", CPU), tmp_path / "whole", train_digits, test_digits)
    run = tmp_path / "stopped"
    first = _train(loop.start_run(RECIPE, run, CPU), run, train_digits, test_digits, epochs=1)
    with pytest.raises(KeyboardInterrupt):
        _train(first, run, train_digits, test_digits, on_step=stop)
    left = Checkpoint.load(run / "checkpoint.safetensors")
    assert len(left.history) == 1
    assert digest(_train(left, run, train_digits, test_digits).weights) == digest(whole.weights)


def test_metrics_are_the_history_line_by_line(tiny_run, checkpoint):
    lines = (tiny_run / "metrics.jsonl").read_text().splitlines()
    expected = [{**asdict(epoch), "accuracy": epoch.accuracy} for epoch in checkpoint.history]
    assert [json.loads(line) for line in lines] == expected


def test_lost_or_torn_metrics_are_written_anew_when_a_run_goes_on(tmp_path, train_digits, test_digits):
    first = _train(loop.start_run(RECIPE, tmp_path, CPU), tmp_path, train_digits, test_digits, epochs=2)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "tra')
    _train(first, tmp_path, train_digits, test_digits)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


def test_losses_are_means_over_digits(tmp_path, train_digits, test_digits):
    """At a rate of 0 and without dropout, the loss in training is that of the weights the run began with."""
    recipe = replace(RECIPE, learning_rate=0.0, epochs=1, batch_size=7)
    start = loop.start_run(recipe, tmp_path, CPU)
    epoch = _train(start, tmp_path, train_digits, train_digits).history[0]
    probabilities = loop.network_probabilities(start.network(), train_digits.frames, CPU)
    naive = -np.log(probabilities[np.arange(len(train_digits)), train_digits.labels]).mean()
    assert epoch.loss == pytest.approx(naive, rel=1e-4)
    assert epoch.train_loss == pytest.approx(naive, rel=0.02)
    assert epoch.n == len(train_digits)


def test_training_teaches(tmp_path, train_digits, test_digits):
    recipe = replace(RECIPE, epochs=12)
    history = _train(loop.start_run(recipe, tmp_path, CPU), tmp_path, train_digits, test_digits).history
    assert history[-1].loss < 0.6 * history[0].loss
    assert history[-1].accuracy > 0.6


def test_progress_ends_with_the_last_step_of_each_epoch(tmp_path, digits, test_digits):
    heard = []
    start = loop.start_run(replace(RECIPE, batch_size=1), tmp_path, CPU)
    _train(start, tmp_path, digits, test_digits, epochs=1, on_step=lambda *what: heard.append(what))
    steps = [(done, of) for done, of, _ in heard]
    assert steps[-1] == (len(digits), len(digits))
    assert len(steps) == -(-len(digits) // loop.REPORT_EVERY)


def test_a_complete_run_has_nothing_to_go_on_with(tiny_run, checkpoint, tmp_path, train_digits, test_digits):
    checkpoint.save(tmp_path / "checkpoint.safetensors")
    assert _train(checkpoint, tmp_path, train_digits, test_digits).history == checkpoint.history


def test_a_run_is_not_started_over_another(tiny_run):
    before = (tiny_run / "checkpoint.safetensors").read_bytes()
    with pytest.raises(RunError, match="already holds a run: go on with --resume"):
        loop.start_run(RECIPE, tiny_run, CPU)
    assert (tiny_run / "checkpoint.safetensors").read_bytes() == before


def test_weights_that_shipped_cannot_be_resumed(checkpoint, tmp_path, train_digits, test_digits):
    shipped = replace(checkpoint.weights_only(), recipe=replace(checkpoint.recipe, epochs=3))
    shipped.save(tmp_path / "checkpoint.safetensors")
    with pytest.raises(InputError):
        _train(Checkpoint.load(tmp_path / "checkpoint.safetensors"), tmp_path, train_digits, test_digits)


def test_what_a_killed_writer_left_is_cleared_away(tmp_path, train_digits, test_digits):
    start = loop.start_run(replace(RECIPE, epochs=1), tmp_path, CPU)
    (tmp_path / ".checkpoint.safetensors.0badcafe.tmp").write_bytes(b"half")
    _train(start, tmp_path, train_digits, test_digits)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.safetensors", "metrics.jsonl"]


def test_a_damaged_picture_stops_training_with_one_line_and_leaves_the_run_whole(tmp_path, test_digits):
    pictures = tmp_path / "pictures"
    for label in range(10):
        (pictures / str(label)).mkdir(parents=True)
        (pictures / str(label) / "0.png").write_bytes(b"no picture")
    run = tmp_path / "run"
    start = loop.start_run(RECIPE, run, CPU)
    with pytest.raises(DatasetError, match="mend or remove it"):
        _train(start, run, PictureFolder(pictures, "train"), test_digits)
    assert digest(Checkpoint.load(run / "checkpoint.safetensors").weights) == digest(start.weights)


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_probabilities_do_not_depend_on_the_batch(checkpoint, test_digits, batch_size):
    network = checkpoint.network()
    probabilities = loop.network_probabilities(network, test_digits.frames, CPU, batch_size)
    expected = network(torch.from_numpy(test_digits.frames)).softmax(dim=1).detach().numpy()
    assert (probabilities.shape, probabilities.dtype) == ((100, 10), np.float32)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)


def test_the_device_that_is_there_is_found():
    assert loop.find_device("cpu") == CPU
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert loop.find_device("auto").type == expected


@pytest.mark.parametrize("name", ["gpu", "cudo", "cuda:first", "cuda:-1", "cpu:", "cuda:", "auto:0", ""])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(UnknownNameError, match="known are auto, cpu, cuda, mps"):
        loop.find_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_gpu_that_is_not_there_is_refused(name):
    with pytest.raises(InputError, match=f"there is no device {name} on this machine: use --device auto"):
        loop.find_device(name)


def test_a_small_data_set_still_trains(tmp_path, train_digits, test_digits):
    one = Digits("synthetic", train_digits.frames[:1], train_digits.labels[:1])
    start = loop.start_run(replace(RECIPE, epochs=1), tmp_path, CPU)
    assert _train(start, tmp_path, one, test_digits).is_complete
