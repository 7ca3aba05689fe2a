"""Time to accuracy."""

import json
from dataclasses import replace

import torch
from click.testing import CliRunner

from edgedigits.bench import sprint
from edgedigits.training.batches import batches
from edgedigits.training.checkpoint import digest
from edgedigits.training.recipes import find_recipe

CPU = torch.device("cpu")


def test_a_sprint_is_decided_by_its_seed_and_learns(train_digits, test_digits):
    recipe = replace(find_recipe("sprint-98"), dataset="synthetic", epochs=12, batch_size=32)
    passes = batches(train_digits, recipe, CPU)
    (first, seconds), (again, _), (other, _) = (
        sprint.sprint(replace(recipe, seed=seed), passes, CPU) for seed in (1, 1, 2)
    )
    assert seconds > 0
    assert digest(first.state_dict()) == digest(again.state_dict()) != digest(other.state_dict())
    right = first.eval()(torch.from_numpy(test_digits.frames))[:, :10].argmax(1).numpy() == test_digits.labels
    assert right.mean() > 0.5


def test_the_command_reports_means_over_seeds(mnist_root, monkeypatch):
    tiny = replace(find_recipe("sprint"), network="nano", epochs=1, hold_out=2)
    monkeypatch.setattr(sprint, "find_recipe", lambda name: tiny)
    ran = CliRunner().invoke(sprint.command, ["--seeds", "2", "--device", "cpu"], catch_exceptions=False)
    told = json.loads(ran.stdout)
    assert (ran.exit_code, told["seeds"], told["test_n"]) == (0, 2, 10_000)
    assert 0.9 < told["accuracy_min"] <= told["accuracy_mean"] < 1
    assert 0 < told["seconds_mean"] <= told["seconds_max"]
