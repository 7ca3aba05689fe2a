"""Training by several processes, one per device, as `torchrun` starts them: same batches, same weights, up to rounding.

Every process draws the random numbers of whole batches and works on its own share of the rows. Gradients are averaged
by torch's DistributedDataParallel; batch statistics are those of the whole batch.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from edgedigits.errors import RunError

__all__ = [
    "GlobalBatchNorm2d",
    "is_leader",
    "process_group",
    "processes",
    "replicated",
    "require_agreement",
    "share",
    "share_random_state",
    "sum_over_processes",
]


MOMENTUM = 0.1
"""Of the running statistics: torch's own for batch normalisation."""


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the processes that `torchrun` started, where it did: NCCL between GPUs, gloo between CPUs."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    # torch's optimisers import this when the first is made. Where it meets a process group, it keeps it: gloo's threads
    # would outlive the group, and abort the process when the interpreter ends before they have let go of all tensors.
    importlib.import_module("torch._dynamo")
    # Random state and its like lie on the CPU, which NCCL knows nothing of.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def processes() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_leader() -> bool:
    """Whether this process writes the files and reports: the only one, or the first of several."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def share(rows: Tensor) -> Tensor:
    """This process's rows of a whole batch."""
    return rows[distributed.get_rank() :: processes()] if processes() > 1 else rows


def replicated(network: nn.Module, device: torch.device) -> nn.Module:
    """The network as it is to be called in training: its gradients will be the mean over all processes."""
    if processes() == 1:
        return network
    return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)


def require_agreement(value: object, message: str) -> None:
    """Raise `RunError` with `message` where the processes do not all hold an equal `value`."""
    if processes() > 1:
        values: list[object] = [None] * processes()
        distributed.all_gather_object(values, value)
        if any(other != value for other in values):
            raise RunError(message)


def share_random_state() -> None:
    """Give all processes the first one's random state on the CPU, from which whole batches are drawn.

    Dropout draws from it too, and not alike everywhere.
    """
    if processes() > 1:
        state = torch.get_rng_state()
        distributed.broadcast(state, 0)
        torch.set_rng_state(state)


def sum_over_processes(value: Tensor) -> Tensor:
    """The sum of what each process holds."""
    if processes() > 1:
        distributed.all_reduce(value)
    return value


class _Sum(torch.autograd.Function):
    """`sum_over_processes` that gradients go back through, to every process."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:
        return sum_over_processes(value.clone())

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return sum_over_processes(gradient.clone())


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the batches of all processes together. torch's own SyncBatchNorm needs GPUs."""

    def forward(self, x: Tensor) -> Tensor:
        """`float32 [n, channels, height, width]`, normalised over all but the channels, of all processes."""
        if not self.training or processes() == 1:
            return super().forward(x)
        count = torch.full((1,), x.numel() / x.shape[1], device=x.device)
        sums = torch.cat([x.sum((0, 2, 3)), x.square().sum((0, 2, 3)), count])
        total: Tensor = _Sum.apply(sums)  # type: ignore[no-untyped-call]  # torch's own
        n, channels = total[-1], x.shape[1]
        mean = total[:channels] / n
        # Of a channel that is constant, rounding would leave less than nothing.
        variance = (total[channels:-1] / n - mean.square()).clamp_min(0)
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            with torch.no_grad():
                self.running_mean.lerp_(mean, MOMENTUM)
                self.running_var.lerp_(variance * n / (n - 1), MOMENTUM)
                self.num_batches_tracked.add_(1)
        scale = self.weight * (variance + self.eps).rsqrt()
        normalised: Tensor = x * scale.view(1, -1, 1, 1) + (self.bias - mean * scale).view(1, -1, 1, 1)
        return normalised
