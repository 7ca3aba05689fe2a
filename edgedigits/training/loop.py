"""The training loop, top to bottom."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from edgedigits.errors import InputError, RunError, UnknownNameError
from edgedigits.files import remove_staged, write_file
from edgedigits.models import RUN_CHECKPOINT
from edgedigits.training.batches import batches
from edgedigits.training.checkpoint import Checkpoint, Epoch
from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import evaluate
from edgedigits.training.folder import PictureFolder
from edgedigits.training.networks import DigitNetwork, build_network
from edgedigits.training.recipes import Recipe

__all__ = ["find_device", "network_probabilities", "start_run", "train"]

METRICS = "metrics.jsonl"
DEVICES = ("auto", "cpu", "cuda", "mps")
REPORT_EVERY = 50
"""Steps between looks at the loss: each look waits for the device."""


def find_device(name: str) -> torch.device:
    """`auto` is the first of cuda, mps and cpu that is there. Raises `UnknownNameError`, `InputError`."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise UnknownNameError("device", name, DEVICES)
    kind, _, index = name.partition(":")
    if not available[kind] or (index and int(index) >= torch.cuda.device_count()):
        raise InputError(f"there is no device {name} on this machine: use --device auto")
    return torch.device(name)


def start_run(recipe: Recipe, run: Path, device: torch.device) -> Checkpoint:
    """The checkpoint before the first epoch, written to `run`. Raises `RunError`, `OutputError`."""
    path = run / RUN_CHECKPOINT
    if path.exists():
        raise RunError(f"{run} already holds a run: go on with --resume, or choose another --output")
    torch.manual_seed(recipe.seed)
    network = build_network(recipe.network)
    checkpoint = Checkpoint(recipe, (), network.state_dict(), {}, _random_state(device))
    checkpoint.save(path)
    return checkpoint


def train(
    checkpoint: Checkpoint,
    run: Path,
    digits: Digits | PictureFolder,
    test: Digits,
    *,
    device: torch.device,
    on_step: Callable[[int, int, float], None],
) -> Iterator[Epoch]:
    """Go on from `checkpoint` to the recipe's last epoch, yielding each epoch once it is safely in `run`.

    `on_step` hears, every few steps, how many are done, of how many, and the loss. Stopped at any moment, by whatever
    means, a run goes on from its last whole epoch and ends, on a CPU, with the very weights it would have had.
    The test digits are only reported on: nothing is chosen by them. Raises `RunError`, `DatasetError`, `OutputError`.
    """
    recipe = checkpoint.recipe
    if not checkpoint.random_state:
        raise RunError("a checkpoint without optimiser and random state, as one that ships, cannot be trained on")
    remove_staged(run)
    network = build_network(recipe.network).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    network.load_state_dict(checkpoint.weights)
    if checkpoint.history:
        optimizer.load_state_dict(checkpoint.optimizer)
    _restore_random_state(checkpoint.random_state, device)

    passes = batches(digits, recipe.batch_size, device)
    history = checkpoint.history
    _write_metrics(run, history)
    while len(history) < recipe.epochs:
        started = time.perf_counter()
        network.train()
        total = torch.zeros((), device=device)
        for step, (frames, labels) in enumerate(passes, start=1):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(frames), labels)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(labels)
            if step % REPORT_EVERY == 0 or step == len(passes):
                on_step(step, len(passes), loss.item())
        tested = evaluate(network_probabilities(network, test.frames, device), test, accept_threshold=0).accuracy
        epoch = Epoch(
            epoch=len(history) + 1,
            train_loss=total.item() / len(digits),
            test_loss=tested.loss,
            test_correct=tested.correct,
            test_n=tested.n,
            seconds=time.perf_counter() - started,
        )
        history = (*history, epoch)
        state = Checkpoint(recipe, history, network.state_dict(), optimizer.state_dict(), _random_state(device))
        state.save(run / RUN_CHECKPOINT)
        _write_metrics(run, history)
        yield epoch


@torch.inference_mode()
def network_probabilities(
    network: DigitNetwork, frames: NDArray[np.uint8], device: torch.device, batch_size: int = 1000
) -> NDArray[np.float32]:
    """Probabilities `float32 [n, 10]` that a network on `device` gives frames `uint8 [n, 28, 28]`."""
    network.eval()
    parts = [network(part.to(device)).softmax(dim=1).cpu() for part in torch.from_numpy(frames).split(batch_size)]
    probabilities: NDArray[np.float32] = torch.cat(parts).numpy()
    return probabilities


def _random_state(device: torch.device) -> dict[str, torch.Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def _restore_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


def _write_metrics(run: Path, history: tuple[Epoch, ...]) -> None:
    lines = (json.dumps({**asdict(epoch), "test_accuracy": epoch.test_accuracy}) for epoch in history)
    write_file(run / METRICS, "".join(f"{line}\n" for line in lines))
