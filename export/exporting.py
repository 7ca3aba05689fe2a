"""From a checkpoint to an artifact that is proven equal to it, and from an artifact back to its proof."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import edgedigits
from edgedigits.card import UNFITTED_THRESHOLD, Card, promised_threshold
from edgedigits.errors import CheckpointError, InputError
from edgedigits.export.deployable import Deployable
from edgedigits.export.formats import Format, format_of
from edgedigits.export.parity import Parity, check_parity
from edgedigits.files import staged
from edgedigits.models import RUN_CHECKPOINT, RUNS, SHIPPED_CHECKPOINT, find_model, model_names
from edgedigits.risk import RiskCurve
from edgedigits.training.checkpoint import Checkpoint, digest
from edgedigits.training.data import dataset_label
from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import Evaluation, answer_all, evaluate

USUAL_COVERAGE = 0.99
"""Share of the digits held out that a card's threshold accepts: who puts up with fewer errors says so to the runner."""

__all__ = [
    "Exported",
    "acceptance",
    "deployable",
    "export_checkpoint",
    "find_origin",
    "measure",
    "verify_artifact",
]


@dataclass(frozen=True)
class Exported:
    """An artifact and its proof."""

    path: Path
    card: Card
    parity: Parity

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        content = self.path.read_bytes()
        return {
            "artifact": str(self.path),
            "format": self.card.format,
            "precision": self.card.precision,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "parity": self.parity.to_dict(),
        }


def export_checkpoint(
    checkpoint: Checkpoint, model: str, path: Path, *, row: Format, precision: str, digits: Digits
) -> Exported:
    """Write `checkpoint` as an artifact to `path`, named `model` in its card, once parity over `digits` has passed.

    Raises `ParityError`, `UnknownNameError` for a precision the format cannot honour, `OutputError`.
    """
    tolerance = row.tolerance(precision)
    exporter = row.exporter()
    threshold, max_error = acceptance(checkpoint.risk)
    network = deployable(checkpoint)
    card = Card(
        model=model,
        format=row.name,
        precision=precision,
        calibration=checkpoint.calibration,
        accept_threshold=threshold,
        max_error=max_error,
        risk=checkpoint.risk,
        accuracy=evaluate(answer_all(network.run, digits.frames), digits, threshold).accuracy,
        weights_sha256=digest(checkpoint.weights),
        provenance={
            "recipe": {**asdict(checkpoint.recipe), "dataset": dataset_label(checkpoint.recipe.dataset)},
            "epochs": len(checkpoint.history),
            "taught_by_sha256": checkpoint.taught_by or None,
            "versions": {"edgedigits": edgedigits.__version__, **exporter.versions()},
        },
    )
    with staged(path) as temporary:
        exporter.write(network, card, temporary)
        parity = check_parity(network, exporter.load(temporary), digits, tolerance).require(str(path))
    return Exported(path, card, parity)


def verify_artifact(path: Path, checkpoint: Checkpoint, digits: Digits) -> Exported:
    """Hold an artifact made earlier against a checkpoint.

    Whether it passed is in the parity that is returned. Raises `ArtifactError`, and `ParityError` where the two cannot
    be compared.
    """
    row = format_of(path)
    artifact = row.exporter().load(path)
    card = artifact.card
    network = Deployable(checkpoint.network(), card.calibration.temperature)
    return Exported(path, card, check_parity(network, artifact, digits, row.tolerance(card.precision)))


def measure(checkpoint: Checkpoint, digits: Digits, max_error: float | None = None) -> tuple[Evaluation, float]:
    """What `checkpoint`, once exported, makes of `digits`, and the confidence from which it accepts them.

    `max_error` and what is raised for it are as in `Card.threshold_for`.
    """
    usual, _ = acceptance(checkpoint.risk)
    threshold = usual if max_error is None else promised_threshold(checkpoint.risk, max_error, checkpoint.recipe.name)
    return evaluate(answer_all(deployable(checkpoint).run, digits.frames), digits, threshold), threshold


def deployable(checkpoint: Checkpoint) -> Deployable:
    """What is exported of a checkpoint."""
    return Deployable(checkpoint.network(), checkpoint.calibration.temperature)


def find_origin(path: Path) -> Checkpoint:
    """The checkpoint that an artifact was made from, by the hash in its card: beside it, in `runs/`, or shipped.

    Raises `ArtifactError`, and `InputError` where it is nowhere.
    """
    card = format_of(path).exporter().load(path).card
    for candidate in _checkpoints(path.parent):
        try:
            checkpoint = Checkpoint.load(candidate)
        except CheckpointError:
            continue
        if digest(checkpoint.weights) == card.weights_sha256:
            return checkpoint
    raise InputError(f"the checkpoint that {path} was made from is not here: name it with --against")


def acceptance(risk: RiskCurve | None) -> tuple[float, float | None]:
    """The threshold that a card begins with, and the error rate among accepted digits that it promises."""
    return (UNFITTED_THRESHOLD, None) if risk is None else risk.at_coverage(USUAL_COVERAGE)


def _checkpoints(beside: Path) -> Iterator[Path]:
    yield beside / RUN_CHECKPOINT
    yield beside / SHIPPED_CHECKPOINT
    yield from RUNS.glob(f"*/{RUN_CHECKPOINT}")
    for name in model_names():
        if checkpoint := find_model(name).checkpoint:
            yield checkpoint
