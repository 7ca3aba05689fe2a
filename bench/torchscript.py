"""TorchScript in torch, on one thread."""

from __future__ import annotations

from pathlib import Path

from edgedigits.bench.exports import artifact_file
from edgedigits.bench.runtimes import Candidate
from edgedigits.extras import needs
from edgedigits.models import Model

__all__ = ["prepare"]


def prepare(model: Model, workspace: Path) -> Candidate:
    """Load the model's file, exporting it where there is none."""
    path = artifact_file(model, "torchscript", workspace)
    with needs("export", "the runtime torchscript"):
        import torch

        from edgedigits.export.torchscript import TorchScriptArtifact
    torch.set_num_threads(1)
    artifact = TorchScriptArtifact(path)
    card = artifact.card
    size = path.stat().st_size
    return Candidate(model.name, "torchscript", card.precision, size, card.accept_threshold, artifact.run)
