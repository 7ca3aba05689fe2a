"""Time to accuracy: `python -m edgedigits.bench.sprint [--seeds 20] [--device auto]`.

The measure, so that others can beat it: the digits lie on the device, and one whole run has been thrown away to warm
up. The clock runs from before the weights are drawn until the device has done the last step of the last pass; nothing
is looked at meanwhile. The trained network is then asked once about the test digits. Reported are means over seeds.

`--tutorial` measures instead how soon 98% of the held-out digits are read right, beside the loop that every tutorial
has: torchvision's MNIST, its transforms sample by sample, a DataLoader, the paper's network, a look after every pass,
which its clock leaves out. Both take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset

from edgedigits.cli import run
from edgedigits.cli.options import data_dir, echo_json
from edgedigits.errors import InputError
from edgedigits.training.batches import Batches, batches
from edgedigits.training.data import load_digits, mnist_root
from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import mean_interval
from edgedigits.training.loop import build_optimizer, find_device, network_probabilities, train_pass
from edgedigits.training.material import is_held_out, load_material
from edgedigits.training.mnist import torchvision_mnist
from edgedigits.training.networks import MNIST_MEAN, MNIST_STD, DigitNetwork, PaperNetwork, build_network
from edgedigits.training.recipes import Recipe, find_recipe

__all__ = ["command"]

GOAL = 0.98
MAX_PASSES = 20


@click.command()
@click.option("--seeds", default=20, show_default=True, type=click.IntRange(min=2), help="How many runs.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--tutorial", is_flag=True, help="Time to 98%, beside the loop that every tutorial has.")
@data_dir
def command(*, seeds: int, device: str, tutorial: bool, data_dir: Path | None) -> None:
    """Print the time to accuracy as one JSON object."""
    on, recipe = find_device(device), find_recipe("sprint-98" if tutorial else "sprint")
    digits, held_out = load_material(recipe, data_dir)
    passes = batches(digits, recipe, on)
    told: dict[str, Any] = {
        "device": torch.cuda.get_device_name(on) if on.type == "cuda" else f"{on}, {torch.get_num_threads()} threads",
        "seeds": seeds,
    }
    sprint(recipe, passes, on)
    if tutorial and held_out:
        told |= _beside_the_tutorial(recipe, passes, held_out, on, seeds=seeds, root=mnist_root(data_dir))
    else:
        test = load_digits(recipe.dataset, "test", data_dir)
        told |= _time_to_accuracy(recipe, passes, test, on, seeds)
    echo_json(told)


def sprint(recipe: Recipe, passes: Batches, device: torch.device) -> tuple[DigitNetwork, float]:
    """A network trained from nothing, and the seconds it took."""
    _wait_for(device)
    started = time.perf_counter()
    torch.manual_seed(recipe.seed)
    network = build_network(recipe.network).to(device)
    optimizer = build_optimizer(recipe, network)
    for epoch in range(recipe.epochs):
        train_pass(network, optimizer, passes, recipe, epoch=epoch)
    _wait_for(device)
    return network, time.perf_counter() - started


def _time_to_accuracy(
    recipe: Recipe, passes: Batches, test: Digits, device: torch.device, seeds: int
) -> dict[str, Any]:
    seconds, accuracies = [], []
    for seed in range(recipe.seed, recipe.seed + seeds):
        network, took = sprint(replace(recipe, seed=seed), passes, device)
        seconds.append(took)
        accuracies.append(_accuracy(network, test, device))
    mean, deviation, ci95 = mean_interval(accuracies)
    return {
        "seconds_mean": float(np.mean(seconds)),
        "seconds_max": max(seconds),
        "test_n": len(test),
        "accuracy_mean": mean,
        "accuracy_deviation": deviation,
        "accuracy_ci95": ci95,
        "accuracy_min": min(accuracies),
    }


def _beside_the_tutorial(
    recipe: Recipe, passes: Batches, held_out: Digits, device: torch.device, *, seeds: int, root: Path
) -> dict[str, Any]:
    ours, theirs, passes_needed = [], [], []
    for seed in range(recipe.seed, recipe.seed + seeds):
        network, seconds = sprint(replace(recipe, seed=seed), passes, device)
        if _accuracy(network, held_out, device) < GOAL:
            raise InputError(f"the recipe does not reach {GOAL:.0%} with seed {seed}: nothing can be compared")
        ours.append(seconds)
        torch.manual_seed(seed)
        seconds, needed = _tutorial(recipe.hold_out, device, root, lambda trained: _accuracy(trained, held_out, device))
        theirs.append(seconds)
        passes_needed.append(needed)
    ratios = np.divide(theirs, ours)
    return {
        "goal": GOAL,
        "sprint_seconds": ours,
        "tutorial_seconds": theirs,
        "tutorial_passes": passes_needed,
        "times_faster_median": float(np.median(ratios)),
        "times_faster_min": float(ratios.min()),
    }


def _tutorial(
    hold_out: int, device: torch.device, root: Path, accuracy: Callable[[DigitNetwork], float]
) -> tuple[float, int]:
    """Seconds and passes that the loop of the tutorials takes to `GOAL`, at the paper's rate."""
    mnist = torchvision_mnist()
    # After MNIST, for that import is what makes torchvision work beside any build of torch.
    from torchvision import transforms

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MNIST_MEAN,), (MNIST_STD,))])
    dataset = mnist(root, train=True, transform=transform)
    kept = np.flatnonzero(~is_held_out(dataset.targets.numpy(), hold_out)).tolist()
    loader = DataLoader(Subset(dataset, kept), batch_size=64, shuffle=True)
    paper = find_recipe("paper")
    network = PaperNetwork().to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=paper.learning_rate, momentum=paper.momentum)
    seconds = 0.0
    for count in range(1, MAX_PASSES + 1):
        started = time.perf_counter()
        network.train()
        for pixels, labels in loader:
            optimizer.zero_grad()
            F.cross_entropy(network.logits(pixels.to(device)), labels.to(device)).backward()
            optimizer.step()
        _wait_for(device)
        seconds += time.perf_counter() - started
        if accuracy(network) >= GOAL:
            return seconds, count
    raise InputError(f"the tutorial's loop did not reach {GOAL:.0%} in {MAX_PASSES} passes")


def _accuracy(network: DigitNetwork, digits: Digits, device: torch.device) -> float:
    answers = network_probabilities(network, digits.frames, device).argmax(axis=1)
    return float((answers == digits.labels).mean())


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    run(command)
