"""Training by two processes, as torch's own launcher starts them: what one process would have learned."""

import io
import os
import re
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgedigits.training import loop
from edgedigits.training.checkpoint import Checkpoint
from edgedigits.training.distributed import GlobalBatchNorm2d, is_leader, processes, share, sum_over_processes
from edgedigits.training.material import load_material
from edgedigits.training.networks import build_network
from edgedigits.training.recipes import find_recipe

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
LAUNCHER = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
CASES = ("views", "streamed", "resumed")
WORKER = """
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import distributed

from edgedigits.training import loop
from edgedigits.training.checkpoint import Checkpoint
from edgedigits.training.digits import Digits
from edgedigits.training.distributed import (
    GlobalBatchNorm2d, is_leader, process_group, processes, share, share_random_state, sum_over_processes,
)
from edgedigits.training.folder import PictureFolder
from edgedigits.training.recipes import find_recipe
from edgedigits.training.synthetic import synthetic_digits

root, pictures, teacher = map(Path, sys.argv[1:])
cpu = torch.device("cpu")
# The last batch is a single digit, so that one of two processes has none.
digits, held_out = (Digits("synthetic", *synthetic_digits(n, seed)) for n, seed in ((97, 1), (40, 2)))
nano = replace(
    find_recipe("nano"), dataset="synthetic", epochs=3, batch_size=48, learning_rate=0.001, views=2, teachers=()
)


def train(name, recipe, digits, stop_after=None):
    run = root / name
    checkpoint = loop.start_run(recipe, run, cpu)
    if stop_after:
        list(islice(loop.train(checkpoint, run, digits, held_out, device=cpu, on_step=hear), stop_after))
        if processes() > 1:
            distributed.barrier()
        checkpoint = Checkpoint.load(run / "checkpoint.safetensors")
    for epoch in loop.train(checkpoint, run, digits, held_out, device=cpu, on_step=hear):
        if is_leader():
            print(name, epoch.epoch)


def hear(done, steps, loss):
    assert loss >= 0


def normalise(rank):
    torch.manual_seed(0)
    layer = GlobalBatchNorm2d(3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, 2.0, -1.0]))
        layer.bias.copy_(torch.tensor([0.0, 1.0, -3.0]))
    # Seven rows: four for one process and three for the other.
    whole, pulls = torch.randn(7, 3, 5, 4) * 2 + 3, torch.randn(7, 3, 5, 4)
    x = share(whole).clone().requires_grad_()
    y = layer(x)
    (y * share(pulls)).sum().backward()
    answers = layer.eval()(share(whole))
    constants = torch.linspace(0, 1000, 64).view(1, 64, 1, 1).expand(4, 64, 3, 3)
    flat = GlobalBatchNorm2d(64)(share(constants))
    torch.manual_seed(100 + rank)
    share_random_state()
    np.savez(
        root / f"{rank}.npz", y=y.detach(), x_gradient=x.grad, answers=answers.detach(), flat=flat.detach(),
        weight_gradient=sum_over_processes(layer.weight.grad), bias_gradient=sum_over_processes(layer.bias.grad),
        mean=layer.running_mean, variance=layer.running_var, batches=layer.num_batches_tracked, drawn=torch.rand(9),
        about=[processes(), is_leader()],
    )


if __name__ == "__main__":
    with process_group(cpu):
        normalise(distributed.get_rank() if processes() > 1 else 0)
        train("views", replace(nano, teachers=(str(teacher),)), digits)
        train("streamed", replace(nano, views=0, dataset=str(pictures)), PictureFolder(pictures, "train"))
        train("resumed", replace(nano, views=0), digits, stop_after=1)
    assert processes() == 1
    # Threads that go on when the interpreter ends may abort the process; Linux tells their names.
    names = [task.read_text() for task in Path("/proc/self/task").glob("*/comm")]
    assert not [name for name in names if "gloo" in name], names
"""


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, checkpoint):
    """A checkpoint that a pupil of the family can learn from."""
    torch.manual_seed(2)
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    recipe = replace(find_recipe("nano"), dataset="synthetic", epochs=0)
    Checkpoint(recipe, (), build_network("nano").state_dict()).save(path)
    return path


def _launch(folder, *arguments):
    """What two processes said; a warning of what is deprecated would be an error."""
    done = subprocess.run(
        [*LAUNCHER, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error::FutureWarning"},
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def trained(tmp_path_factory, pictures, teacher):
    """Where the same program left its runs, by one process and by two, and what each said."""
    folder = tmp_path_factory.mktemp("distributed")
    worker, said = folder / "worker.py", {}
    worker.write_text(WORKER)
    for name in ("one", "two"):
        (folder / name).mkdir()
        arguments = [str(folder / name), str(pictures), str(teacher)]
        if name == "two":
            done = _launch(folder, worker, *arguments)
            said[name] = (done.stdout, done.stderr)
            continue
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
            patch.setattr("sys.argv", [str(worker), *arguments])
            runpy.run_path(str(worker), run_name="__main__")
        said[name] = (out.getvalue(), "")
    return folder, said


def _assert_learned_alike(one, two):
    """Two runs ended at the same place, compared with how far they went.

    Rounding alone carries some unit over the edge of its ReLU now and then, and then a gradient is a little another.
    """
    one, two = (Checkpoint.load(run / "checkpoint.safetensors") for run in (one, two))
    torch.manual_seed(one.recipe.seed)
    network = build_network(one.recipe.network)
    start, parameters = network.state_dict(), [name for name, _ in network.named_parameters()]

    def distance(weights, others):
        return torch.cat([(weights[name] - others[name]).flatten() for name in parameters]).norm()

    assert distance(one.weights, start) > 0.001
    assert distance(one.weights, two.weights) < 0.03 * distance(one.weights, start)
    for name in set(start) - set(parameters):
        torch.testing.assert_close(two.weights[name], one.weights[name], rtol=0.01, atol=0.01)
    for epoch, other in zip(one.history, two.history, strict=True):
        assert (other.epoch, other.n) == (epoch.epoch, epoch.n)
        assert (other.train_loss, other.loss) == pytest.approx((epoch.train_loss, epoch.loss), rel=1e-3)
    return one, two


@pytest.mark.parametrize("case", CASES)
def test_two_processes_learn_what_one_does(trained, case):
    folder, _ = trained
    one, two = _assert_learned_alike(folder / "one" / case, folder / "two" / case)
    assert two.is_complete
    assert two.calibration.temperature == pytest.approx(one.calibration.temperature, rel=0.05)
    assert two.risk.n == one.risk.n == 40


@pytest.mark.parametrize("case", CASES)
def test_one_process_of_two_writes(trained, case):
    folder, _ = trained
    assert sorted(path.name for path in (folder / "two" / case).iterdir()) == [
        "checkpoint.safetensors",
        "metrics.jsonl",
    ]
    assert len((folder / "two" / case / "metrics.jsonl").read_text().splitlines()) == 3


def test_one_process_of_two_speaks_and_none_warns(trained):
    _, said = trained
    assert said["two"] == said["one"]
    assert said["one"][0].splitlines() == [
        *(f"{case} {epoch}" for case in ("views", "streamed") for epoch in (1, 2, 3)),
        "resumed 2",
        "resumed 3",
    ]
    assert said["one"][1] == ""


@pytest.fixture(scope="module")
def normalised(trained):
    """What batch normalisation gave each of two processes."""
    folder, _ = trained
    return [dict(np.load(folder / "two" / f"{rank}.npz")) for rank in range(2)]


@pytest.fixture(scope="module")
def expected():
    """torch's own batch normalisation of the same rows, all at once."""
    torch.manual_seed(0)
    layer = torch.nn.BatchNorm2d(3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, 2.0, -1.0]))
        layer.bias.copy_(torch.tensor([0.0, 1.0, -3.0]))
    whole, pulls = torch.randn(7, 3, 5, 4) * 2 + 3, torch.randn(7, 3, 5, 4)
    x = whole.clone().requires_grad_()
    y = layer(x)
    (y * pulls).sum().backward()
    return {
        "y": y.detach(),
        "x_gradient": x.grad,
        "answers": layer.eval()(whole).detach(),
        "weight_gradient": layer.weight.grad,
        "bias_gradient": layer.bias.grad,
        "mean": layer.running_mean,
        "variance": layer.running_var,
        "batches": layer.num_batches_tracked,
    }


@pytest.mark.parametrize("what", ["y", "x_gradient", "answers"])
def test_a_batch_is_normalised_as_a_whole(normalised, expected, what):
    for rank, found in enumerate(normalised):
        assert len(found[what]) == 4 - rank
        np.testing.assert_allclose(found[what], expected[what][rank::2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("what", ["weight_gradient", "bias_gradient", "mean", "variance", "batches"])
def test_processes_agree_on_statistics_and_gradients(normalised, expected, what):
    np.testing.assert_array_equal(normalised[0][what], normalised[1][what])
    np.testing.assert_allclose(normalised[0][what], expected[what], rtol=1e-4, atol=1e-4)


def test_a_channel_without_variance_is_normalised_to_next_to_nothing(normalised):
    for found in normalised:
        assert np.abs(found["flat"]).max() < 0.2


def test_processes_draw_alike_once_they_share_their_random_state(normalised):
    torch.manual_seed(100)
    for found in normalised:
        np.testing.assert_array_equal(found["drawn"], normalised[0]["drawn"])
    np.testing.assert_array_equal(normalised[0]["drawn"], torch.rand(9))


def test_processes_know_how_many_they_are_and_who_leads(normalised):
    assert [found["about"].tolist() for found in normalised] == [[2, 1], [2, 0]]


def test_a_process_alone_leads_and_has_every_row():
    rows = torch.arange(5)
    assert (processes(), is_leader()) == (1, True)
    assert share(rows).tolist() == sum_over_processes(rows).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("training", [True, False])
def test_batch_normalisation_of_a_process_alone_is_torchs_own(training):
    ours, torchs = GlobalBatchNorm2d(4).train(training), torch.nn.BatchNorm2d(4).train(training)
    x = torch.randn(6, 4, 3, 3) + 2
    assert torch.equal(ours(x), torchs(x))
    assert torch.equal(ours.running_mean, torchs.running_mean)
    assert torch.equal(ours.running_var, torchs.running_var)


@pytest.fixture(scope="module")
def commanded(tmp_path_factory, pictures):
    """A run of the command by two processes, the same by one, and what the two said."""
    folder = tmp_path_factory.mktemp("commanded")
    asked = ["train", "--recipe", "sprint", "--dataset", pictures, "--epochs", "2", "--output", "two"]
    done = _launch(folder, "-m", "edgedigits", *asked)
    recipe = replace(find_recipe("sprint"), dataset=str(pictures), epochs=2)
    digits, held_out = load_material(recipe)
    start = loop.start_run(recipe, folder / "one", CPU)
    list(loop.train(start, folder / "one", digits, held_out, device=CPU, on_step=lambda *_: None))
    return folder, done


def test_the_command_by_two_processes_leaves_one_run_with_the_weights_of_one(commanded):
    folder, _ = commanded
    assert sorted(path.name for path in folder.iterdir()) == ["one", "two"]
    assert sorted(path.name for path in (folder / "two").iterdir()) == [
        "checkpoint.safetensors",
        "curve.png",
        "metrics.jsonl",
    ]
    _assert_learned_alike(folder / "one", folder / "two")


def test_the_command_by_two_processes_says_everything_once(commanded):
    _, done = commanded
    sets = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert sets == ["Validation set"] * 2 + ["Test set"]
    told, wrote = done.stderr.splitlines()
    assert re.fullmatch(r"sprint on .*, 80 digits, seed 1, cpu -> two", told)
    assert wrote.startswith(f"wrote {Path('two') / 'checkpoint.safetensors'}")
