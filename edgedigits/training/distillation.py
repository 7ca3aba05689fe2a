"""Distillation: a small network learns from a larger one's answers (Hinton, Vinyals & Dean, arXiv 1503.02531)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from edgedigits.errors import InputError
from edgedigits.models import find_model
from edgedigits.training.networks import DigitNetwork

__all__ = ["Teacher", "distillation_loss", "find_teacher"]

Teacher: TypeAlias = Callable[[Tensor], Tensor]
"""Gives frames `float32 [n, 28, 28]`, 0 to 255, softened probabilities `float32 [n, classes]`."""

TEMPERATURE = 2.0
TAUGHT = 0.9
"""Weight of what the teacher says; the rest is that of the labels."""


def find_teacher(name: str, pupil: DigitNetwork, device: torch.device) -> Teacher:
    """The shipped model, run or checkpoint `name` as a teacher. Raises `InputError` where it cannot teach `pupil`."""
    network = find_model(name).load_checkpoint().network().to(device)
    if network.classes != pupil.classes:
        raise InputError(f"{name} tells {network.classes} classes apart, not {pupil.classes}: it cannot be the teacher")

    @torch.no_grad()
    def teach(frames: Tensor) -> Tensor:
        softened: Tensor = (network(frames) / TEMPERATURE).softmax(dim=1)
        return softened

    return teach


def distillation_loss(logits: Tensor, labels: Tensor, taught: Tensor) -> Tensor:
    """Sum over a batch: the cross-entropies with what the teacher said, `float32 [n, classes]`, and with the labels.

    The former is multiplied by the temperature's square, so that both pull alike, as in the paper's section 2.
    """
    soft = F.cross_entropy(logits / TEMPERATURE, taught, reduction="sum") * TEMPERATURE**2
    return TAUGHT * soft + (1 - TAUGHT) * F.cross_entropy(logits, labels, reduction="sum")
