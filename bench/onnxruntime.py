"""onnxruntime, as the `Recognizer` runs it."""

from __future__ import annotations

from pathlib import Path

from edgedigits.artifact import OnnxArtifact
from edgedigits.bench.exports import artifact_file
from edgedigits.bench.runtimes import Candidate
from edgedigits.models import Model

__all__ = ["prepare"]


def prepare(model: Model, workspace: Path) -> Candidate:
    """Load the model's artifact, exporting it where there is none."""
    path = artifact_file(model, "onnx", workspace)
    artifact = OnnxArtifact.open(path)
    card = artifact.card
    size = path.stat().st_size
    return Candidate(model.name, "onnxruntime", card.precision, size, card.accept_threshold, artifact.run)
