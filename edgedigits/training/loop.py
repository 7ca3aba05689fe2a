"""The training loop, top to bottom."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.card import Accuracy, Calibration
from edgedigits.errors import InputError, RunError, UnknownNameError
from edgedigits.files import remove_staged, write_file
from edgedigits.models import RUN_CHECKPOINT
from edgedigits.risk import RiskCurve
from edgedigits.training.batches import Batch, Batches, batches
from edgedigits.training.calibration import calibrate
from edgedigits.training.checkpoint import Checkpoint, Epoch
from edgedigits.training.digits import Digits
from edgedigits.training.distillation import Teachers, distillation_loss, find_teachers, find_trained
from edgedigits.training.distributed import (
    is_leader,
    processes,
    replicated,
    require_agreement,
    share_random_state,
    sum_over_processes,
)
from edgedigits.training.evaluation import evaluate
from edgedigits.training.folder import PictureFolder
from edgedigits.training.line_learning import calibrate_lines, line_loss, line_run
from edgedigits.training.line_material import MEASURED, LineBatches, LineMaterial
from edgedigits.training.material import calibration_material
from edgedigits.training.networks import NO_DIGIT, DigitNetwork, build_network
from edgedigits.training.recipes import LineRecipe, Recipe
from edgedigits.training.strings import Strings, evaluate_strings, read_strings

__all__ = [
    "build_optimizer",
    "find_device",
    "learning_rate",
    "network_logits",
    "network_probabilities",
    "start_run",
    "train",
    "train_pass",
]

METRICS = "metrics.jsonl"
DEVICES = ("auto", "cpu", "cuda", "mps")
REPORT_EVERY = 50
"""Steps between looks at the loss: each look waits for the device."""
WARM_UP = 0.15
"""Share of a run in which the learning rate of `one-cycle` rises."""
CHUNK = 1000
"""Frames that a network is asked about at a time."""


def find_device(name: str) -> torch.device:
    """`auto` is the first of cuda, mps and cpu that is there; of several processes, each takes the GPU of its own.

    Raises `UnknownNameError`, `InputError`.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise UnknownNameError("device", name, DEVICES)
    kind, _, index = name.partition(":")
    if not available[kind] or (index and int(index) >= torch.cuda.device_count()):
        raise InputError(f"there is no device {name} on this machine: use --device auto")
    return torch.device(name)


def start_run(recipe: Recipe, run: Path, device: torch.device) -> Checkpoint:
    """The checkpoint before the first epoch, written to `run`.

    Raises `RunError`, `OutputError`, and `InputError` where what the recipe learns from or begins with is not at hand.
    """
    path = run / RUN_CHECKPOINT
    if is_leader() and path.exists():
        raise RunError(f"{run} already holds a run: go on with --resume, or choose another --output")
    torch.manual_seed(recipe.seed)
    network = build_network(recipe.network)
    if isinstance(recipe, LineRecipe) and recipe.begins_with:
        network.begin_with(find_trained(recipe.begins_with, network).network())
    # Found before anything is written, for they may not be there.
    teachers = find_teachers(recipe.teachers, network, device)
    taught_by = teachers.digest if teachers else ""
    checkpoint = Checkpoint(recipe, (), network.state_dict(), {}, _random_state(device), taught_by=taught_by)
    if is_leader():
        checkpoint.save(path)
    return checkpoint


def train(
    checkpoint: Checkpoint,
    run: Path,
    digits: Digits | PictureFolder | LineMaterial,
    measured: Digits | Strings,
    *,
    device: torch.device,
    on_step: Callable[[int, int, float], None],
) -> Iterator[Epoch]:
    """Go on from `checkpoint` to the recipe's last epoch, yielding each epoch once it is safely in `run`.

    `on_step` hears, every few steps, how many are done, of how many, and the loss. Stopped at any moment, by whatever
    means, a run goes on from its last whole epoch and ends, on a CPU, with the very weights it would have had.
    The digits, or lines, `measured` after each epoch, those held out where the recipe does, are only reported on while
    training goes on; the finished run is calibrated on them where they were held out. In a process group, all processes
    call this alike and the first writes. Raises `RunError`, `DatasetError`, `OutputError`, and `InputError` where what
    a run that is `averaged` began with is not at hand.
    """
    recipe = checkpoint.recipe
    if not checkpoint.random_state:
        raise RunError("a checkpoint without optimiser and random state, as one that ships, cannot be trained on")
    if is_leader():
        remove_staged(run)
    network = build_network(recipe.network).to(device)
    network.load_state_dict(checkpoint.weights)
    optimizer = build_optimizer(recipe, network)
    if checkpoint.history:
        optimizer.load_state_dict(checkpoint.optimizer)
    teachers = find_teachers(recipe.teachers, network, device)
    if teachers and teachers.digest != checkpoint.taught_by:
        names = " and ".join(recipe.teachers)
        raise RunError(f"{run} was begun with other teachers than {names} are now: start another run")
    require_agreement(
        (recipe, len(checkpoint.history)), f"the processes do not find the same run in {run}: let them share the folder"
    )
    begun = _begun_with(recipe) if isinstance(recipe, LineRecipe) and recipe.averaged else None
    trained = replicated(network, device)
    _restore_random_state(checkpoint.random_state, device)

    passes = _passes(digits, recipe, device, teachers)
    history = checkpoint.history
    if is_leader():
        _write_metrics(run, history)
    while len(history) < recipe.epochs:
        started = time.perf_counter()
        total = train_pass(trained, optimizer, passes, recipe, epoch=len(history), on_step=on_step)
        if begun and len(history) + 1 == recipe.epochs:
            _average(network, begun)
        tested = _measure(network, measured, device)
        epoch = Epoch(
            epoch=len(history) + 1,
            train_loss=sum_over_processes(total).item() / len(digits),
            loss=tested.loss,
            correct=tested.correct,
            n=tested.n,
            seconds=time.perf_counter() - started,
        )
        history = (*history, epoch)
        if is_leader():
            state = replace(
                checkpoint,
                history=history,
                weights=network.state_dict(),
                optimizer=optimizer.state_dict(),
                random_state=_random_state(device),
            )
            if state.is_complete and recipe.hold_out:
                calibration, risk = _calibrate(network, recipe, measured, device)
                state = replace(state, calibration=calibration, risk=risk)
            state.save(run / RUN_CHECKPOINT)
            _write_metrics(run, history)
        yield epoch


def train_pass(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    passes: Batches,
    recipe: Recipe,
    *,
    epoch: int,
    on_step: Callable[[int, int, float], None] | None = None,
) -> Tensor:
    """Train for one pass, number `epoch` counted from 0. The sum of this process's losses, `float32 []`, on its device.

    `on_step` is as in `train`.
    """
    network.train()
    share_random_state()
    losses = []
    for step, batch in enumerate(passes.of(epoch), start=1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, (epoch + (step - 1) / len(passes)) / recipe.epochs)
        optimizer.zero_grad()
        with torch.autocast(batch.frames.device.type, torch.bfloat16, enabled=_in_bfloat16(recipe, batch.frames)):
            logits = network(batch.frames)
        loss = _loss(logits.float(), batch, recipe)
        # DistributedDataParallel takes the mean over processes, each of which holds a part of the sum.
        (loss * (processes() / batch.whole)).backward()
        optimizer.step()
        losses.append(loss.detach())
        if on_step and (step % REPORT_EVERY == 0 or step == len(passes)):
            # A last batch may be too small for every process to have a row of it.
            on_step(step, len(passes), loss.item() / max(1, len(batch.labels)))
    return torch.stack(losses).sum()


def learning_rate(recipe: Recipe, done: float) -> float:
    """The learning rate when the share `done`, 0 to 1, of a run is behind it.

    `one-cycle` rises linearly from a tenth, and falls as a cosine to nothing (after Smith & Topin, arXiv 1708.07120).
    """
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if done < WARM_UP:
        return recipe.learning_rate * (0.1 + 0.9 * done / WARM_UP)
    return recipe.learning_rate * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2


def build_optimizer(recipe: Recipe, network: DigitNetwork) -> torch.optim.Optimizer:
    """SGD or AdamW as the recipe has it."""
    # Weight decay is for what multiplies: biases and the scales of normalisation are left alone.
    groups: list[dict[str, Any]] = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in network.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    if isinstance(recipe, LineRecipe):
        return torch.optim.AdamW(groups, lr=recipe.learning_rate)
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)


def _begun_with(recipe: LineRecipe) -> dict[str, Tensor]:
    """The weights that a run began with, and what its normalisation knew of its inputs."""
    network = build_network(recipe.network)
    network.begin_with(find_trained(recipe.begins_with, network).network())
    return network.state_dict()


@torch.no_grad()
def _average(network: DigitNetwork, begun: dict[str, Tensor]) -> None:
    """Make a network's weights, and what its normalisation knows, the mean of its own and those that it began with."""
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(begun[name].to(tensor.device), 0.5)


def _in_bfloat16(recipe: Recipe, frames: Tensor) -> bool:
    """Whether that is sooner done: on GPUs, and for lines on CPUs with AMX; with AVX-512 alone it took longer."""
    if frames.device.type == "cpu":
        # Older versions of torch do not tell.
        capabilities = getattr(torch.cpu, "get_capabilities", dict[str, bool])()
        return isinstance(recipe, LineRecipe) and bool(capabilities.get("amx_bf16"))
    return frames.device.type == "cuda"


def _passes(
    digits: Digits | PictureFolder | LineMaterial, recipe: Recipe, device: torch.device, teachers: Teachers | None
) -> Batches:
    if isinstance(digits, LineMaterial):
        return LineBatches(digits, recipe, device)
    return batches(digits, recipe, device, teachers)


def _measure(network: DigitNetwork, measured: Digits | Strings, device: torch.device) -> Accuracy:
    if isinstance(measured, Strings):
        part = measured.first(MEASURED)
        return evaluate_strings(read_strings(line_run(network, device), part), part, accept_threshold=0)
    return evaluate(network_probabilities(network, measured.frames, device), measured, accept_threshold=0).accuracy


def _calibrate(
    network: DigitNetwork, recipe: Recipe, measured: Digits | Strings, device: torch.device
) -> tuple[Calibration, RiskCurve]:
    if isinstance(measured, Strings):
        return calibrate_lines(network, measured, device)
    material = calibration_material(recipe, measured)
    return calibrate(network_logits(network, material.frames, device).numpy(), material)


def _loss(logits: Tensor, batch: Batch, recipe: Recipe) -> Tensor:
    """The sum over this process's rows."""
    if batch.centres is not None:
        return line_loss(logits, batch.labels, batch.centres)
    if batch.taught is None:
        return F.cross_entropy(logits, batch.labels, reduction="sum")
    if not recipe.label_nondigits:
        return distillation_loss(logits, batch.labels, batch.taught)
    taught = batch.labels != NO_DIGIT
    by_labels = F.cross_entropy(logits[~taught], batch.labels[~taught], reduction="sum")
    return by_labels + distillation_loss(logits[taught], batch.labels[taught], batch.taught[taught])


def network_probabilities(
    network: DigitNetwork, frames: NDArray[np.uint8], device: torch.device
) -> NDArray[np.float32]:
    """Probabilities `float32 [n, 10]` of the ten digits that a network on `device` gives frames `uint8 [n, 28, 28]`."""
    return _probabilities(network_logits(network, frames, device))


@torch.inference_mode()
def network_logits(network: DigitNetwork, frames: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Logits `float32 [n, classes]`, on the CPU, that a network on `device` gives frames `uint8 [n, 28, 28]`."""
    network.eval()
    return torch.cat([network(part.to(device)).cpu() for part in torch.from_numpy(frames).split(CHUNK)])


def _probabilities(logits: Tensor) -> NDArray[np.float32]:
    probabilities: NDArray[np.float32] = logits.softmax(dim=1)[:, :10].numpy()
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
    lines = (json.dumps({**asdict(epoch), "accuracy": epoch.accuracy}) for epoch in history)
    write_file(run / METRICS, "".join(f"{line}\n" for line in lines))
