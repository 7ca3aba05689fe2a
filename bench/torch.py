"""The network in eager torch, as it was trained, on one thread."""

from __future__ import annotations

from pathlib import Path

from edgedigits.bench.runtimes import Candidate
from edgedigits.extras import needs
from edgedigits.models import Model

__all__ = ["prepare"]


def prepare(model: Model, workspace: Path) -> Candidate:  # noqa: ARG001  the other runtimes need a workspace
    """Load the model's checkpoint."""
    with needs("train", "the runtime torch"):
        import torch

        from edgedigits.export.exporting import acceptance, deployable
    checkpoint = model.load_checkpoint()
    threshold, _ = acceptance(checkpoint.risk)
    size = model.checkpoint.stat().st_size if model.checkpoint else 0
    torch.set_num_threads(1)
    return Candidate(model.name, "torch", "fp32", size, threshold, deployable(checkpoint).run)
