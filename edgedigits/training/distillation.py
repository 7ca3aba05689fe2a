"""Distillation: a network learns from the answers of others (Hinton, Vinyals & Dean, arXiv 1503.02531)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from edgedigits.errors import InputError
from edgedigits.models import find_model, is_name
from edgedigits.training.checkpoint import Checkpoint, digest
from edgedigits.training.networks import DigitNetwork

__all__ = ["Teachers", "distillation_loss", "find_teachers", "find_trained"]

TEMPERATURE = 2.0
SOFT_WEIGHT = 0.9
"""Weight of what the teacher says; the rest is that of the labels."""


class Teachers:
    """Trained networks that are asked what they think; `digest` is that of all their weights."""

    def __init__(self, checkpoints: Sequence[Checkpoint], device: torch.device) -> None:
        digests = [digest(checkpoint.weights) for checkpoint in checkpoints]
        self.digest = digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()
        self._networks = [checkpoint.network().to(device) for checkpoint in checkpoints]

    @torch.no_grad()
    def __call__(self, frames: Tensor) -> Tensor:
        """Softened probabilities `float32 [n, classes]`, their mean, of frames `float32 [n, 28, 28]`, 0 to 255."""
        return torch.stack([(network(frames) / TEMPERATURE).softmax(dim=1) for network in self._networks]).mean(dim=0)


def find_teachers(names: Sequence[str], student: DigitNetwork, device: torch.device) -> Teachers | None:
    """The shipped models, runs or checkpoints `names`; None where there are none.

    Raises `InputError` where one cannot teach `student`.
    """
    checkpoints = [find_trained(name, student) for name in names]
    return Teachers(checkpoints, device) if checkpoints else None


def find_trained(name: str, student: DigitNetwork) -> Checkpoint:
    """The checkpoint of a shipped model or a run, whole. Raises `InputError` where it has nothing for `student`."""
    if not is_name(name) and not Path(name).exists():
        raise InputError(f"{name}, to be learned from, is not here: train it first, as `make models` does")
    checkpoint = find_model(name).load_checkpoint()
    classes = checkpoint.network().classes
    if classes != student.classes:
        raise InputError(f"{name} tells {classes} classes apart, not {student.classes}: it cannot be a teacher")
    if not checkpoint.is_complete:
        raise InputError(f"{name} has not learned all of its own recipe yet: finish it with --resume first")
    return checkpoint


def distillation_loss(logits: Tensor, labels: Tensor, taught: Tensor) -> Tensor:
    """Sum over a batch: the cross-entropies with what the teacher said, `float32 [n, classes]`, and with the labels.

    The former is multiplied by the temperature's square, so that both pull alike, as in the paper's section 2.
    """
    soft = F.cross_entropy(logits / TEMPERATURE, taught, reduction="sum") * TEMPERATURE**2
    return SOFT_WEIGHT * soft + (1 - SOFT_WEIGHT) * F.cross_entropy(logits, labels, reduction="sum")
