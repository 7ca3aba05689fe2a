"""Distillation: a small network learns from a larger one's answers (Hinton, Vinyals & Dean, arXiv 1503.02531)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from edgedigits.errors import InputError
from edgedigits.models import find_model
from edgedigits.training.checkpoint import Checkpoint, digest
from edgedigits.training.networks import DigitNetwork

__all__ = ["Teacher", "distillation_loss", "find_teacher"]

TEMPERATURE = 2.0
SOFT_WEIGHT = 0.9
"""Weight of what the teacher says; the rest is that of the labels."""


class Teacher:
    """A trained network that is asked what it thinks; `digest` is that of its weights."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.digest = digest(checkpoint.weights)
        self._network = checkpoint.network().to(device)

    @torch.no_grad()
    def __call__(self, frames: Tensor) -> Tensor:
        """Softened probabilities `float32 [n, classes]` of frames `float32 [n, 28, 28]`, 0 to 255."""
        softened: Tensor = (self._network(frames) / TEMPERATURE).softmax(dim=1)
        return softened


def find_teacher(name: str, student: DigitNetwork, device: torch.device) -> Teacher:
    """The shipped model, run or checkpoint `name`. Raises `InputError` where it cannot teach `student`."""
    checkpoint = find_model(name).load_checkpoint()
    classes = checkpoint.network().classes
    if classes != student.classes:
        raise InputError(f"{name} tells {classes} classes apart, not {student.classes}: it cannot be the teacher")
    return Teacher(checkpoint, device)


def distillation_loss(logits: Tensor, labels: Tensor, taught: Tensor) -> Tensor:
    """Sum over a batch: the cross-entropies with what the teacher said, `float32 [n, classes]`, and with the labels.

    The former is multiplied by the temperature's square, so that both pull alike, as in the paper's section 2.
    """
    soft = F.cross_entropy(logits / TEMPERATURE, taught, reduction="sum") * TEMPERATURE**2
    return SOFT_WEIGHT * soft + (1 - SOFT_WEIGHT) * F.cross_entropy(logits, labels, reduction="sum")
