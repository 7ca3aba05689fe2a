"""From a checkpoint to an artifact that is proven equal to it, and from an artifact back to its proof."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import edgedigits
from edgedigits.card import Card, Takes, promised_threshold
from edgedigits.errors import ArtifactError, CheckpointError, EdgeDigitsError, InputError, ParityError
from edgedigits.export.claims import check_card, recipe_of, risk_of
from edgedigits.export.deployable import Deployable, Folded
from edgedigits.export.exams import Question
from edgedigits.export.formats import Artifact, Format, format_of
from edgedigits.export.image import framed, image_probes
from edgedigits.export.measuring import Material, Run, StringEvaluation, acceptance, ask, sample, taken_by
from edgedigits.export.parity import Parity, check_parity
from edgedigits.export.quantisation import Quantised, quantise
from edgedigits.files import staged
from edgedigits.models import RUN_CHECKPOINT, RUNS, SHIPPED_CHECKPOINT, find_model, model_names
from edgedigits.training.checkpoint import Checkpoint, digest
from edgedigits.training.evaluation import Evaluation
from edgedigits.training.material import split_digits

QUANTISED_BY = 1000
"""Training digits, the first ones, whose activations decide on the scales of int8."""
CHECKED = 100
"""Digits by which a finished file is compared with the one that was proven, which lacks figures in its card alone."""

__all__ = [
    "Exported",
    "deployable",
    "export_checkpoint",
    "find_origin",
    "measure",
    "require_takes",
    "verify_artifact",
    "write_unproven",
]


@dataclass(frozen=True)
class Exported:
    """An artifact, its proof, what its card says wrongly, a line for each, and what of it could not be checked here."""

    path: Path
    card: Card
    parity: Parity
    card_errors: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

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
            "card_errors": list(self.card_errors),
            "unchecked": list(self.unchecked),
        }

    @property
    def passed(self) -> bool:
        """Whether the artifact is what it says."""
        return self.parity.passed and not self.card_errors

    def require(self) -> Exported:
        """Itself, if it passed. Raises `ParityError`."""
        self.parity.require(str(self.path))
        if self.card_errors:
            raise ParityError(f"{self.path} has a card that is not true: {'; '.join(self.card_errors)}")
        return self


def export_checkpoint(
    checkpoint: Checkpoint,
    model: str,
    path: Path,
    *,
    row: Format,
    precision: str,
    digits: Material,
    takes: Takes | None = None,
    data_dir: Path | None = None,
) -> Exported:
    """Write `checkpoint` as an artifact to `path`, named `model` in its card, once parity over `digits` has passed.

    `digits` are what `load_tests` has of its recipe: for what reads lines, lines of digits. It `takes` what the network
    does, if nothing else is said. For int8, what the recipe trains on is needed: `data_dir` is as for `load_digits`.
    Raises `ParityError`, `UnknownNameError` for a precision the format cannot honour, `InputError` for what it cannot
    take, `DatasetError`, `OutputError`.
    """
    takes = require_takes(checkpoint, row, takes)
    gate = row.gate(precision, takes)
    exporter = row.exporter()
    reference, probes = _reference(deployable(checkpoint), takes)
    source, card = _draft(
        checkpoint, model, row=row, precision=precision, digits=digits, takes=takes, data_dir=data_dir
    )
    with staged(path) as temporary:
        exporter.write(source, card, temporary)
        draft = exporter.load(temporary)
        parity = check_parity(reference, draft.run, digits, gate, probes).require(str(path))
        risk = risk_of(checkpoint, draft, data_dir)
        threshold, max_error = acceptance(risk, takes)
        accuracy = ask(draft.run, digits)(threshold).accuracy
        exporter.write(
            source,
            replace(
                card,
                accept_threshold=threshold,
                max_error=max_error,
                risk=risk,
                accuracy=accuracy,
                parity=_summary(parity),
            ),
            temporary,
        )
        finished = exporter.load(temporary)
        few = sample(digits, CHECKED)
        if not np.array_equal(finished.run(few), draft.run(few)):
            raise ParityError(f"{path} answers otherwise once its card is whole: nothing was written")
    return Exported(path, finished.card, parity)


def write_unproven(
    checkpoint: Checkpoint,
    model: str,
    path: Path,
    *,
    row: Format,
    precision: str,
    digits: Material,
    data_dir: Path | None = None,
) -> None:
    """Write to `path` what `export_checkpoint` would prove first, for who measures it anyway, and throws it away.

    Its threshold is the checkpoint's. Raises as `export_checkpoint`, but for `ParityError`.
    """
    takes = require_takes(checkpoint, row)
    row.gate(precision, takes)
    source, card = _draft(
        checkpoint, model, row=row, precision=precision, digits=digits, takes=takes, data_dir=data_dir
    )
    threshold, max_error = acceptance(checkpoint.risk, takes)
    card = replace(card, accept_threshold=threshold, max_error=max_error, risk=checkpoint.risk)
    row.exporter().write(source, card, path)


def verify_artifact(path: Path, checkpoint: Checkpoint, digits: Material, data_dir: Path | None = None) -> Exported:
    """Hold an artifact made earlier, and what its card says, against a checkpoint.

    Whether it passed is in what is returned. What can be measured on other digits alone is not compared. Raises
    `ArtifactError`, and `ParityError` where the two cannot be compared.
    """
    row = format_of(path)
    artifact = _Guarded(row.exporter().load(path), path)
    card = artifact.card
    if card.weights_sha256 != digest(checkpoint.weights):
        raise ParityError(f"{path} was not made from this checkpoint: its card names other weights")
    reference, probes = _reference(deployable(checkpoint), card.takes)
    parity = check_parity(reference, artifact.run, digits, row.gate(card.precision, card.takes), probes)
    claims = check_card(artifact, checkpoint, row=row, digits=digits, parity=parity, data_dir=data_dir)
    return Exported(path, card, parity, claims.errors, claims.unchecked)


def measure(
    checkpoint: Checkpoint, digits: Material, max_error: float | None = None
) -> tuple[Evaluation | StringEvaluation, float]:
    """What `checkpoint`, once exported, makes of `digits`, and the confidence from which it accepts them.

    `max_error` and what is raised for it are as in `Card.threshold_for`.
    """
    usual, _ = acceptance(checkpoint.risk, taken_by(checkpoint.recipe))
    threshold = usual if max_error is None else promised_threshold(checkpoint.risk, max_error, checkpoint.recipe.name)
    return ask(deployable(checkpoint).run, digits)(threshold), threshold


def deployable(checkpoint: Checkpoint) -> Deployable:
    """What is exported of a checkpoint."""
    return Deployable(checkpoint.network(), checkpoint.calibration.temperature)


def require_takes(checkpoint: Checkpoint, row: Format, takes: str | None = None) -> Takes:
    """What an artifact of `checkpoint` in a format is to take: what its network does, unless `takes` says otherwise.

    Raises `UnknownNameError` for what the format cannot take, `InputError` for what the network cannot.
    """
    own = taken_by(checkpoint.recipe)
    if own not in row.takes:
        raise InputError(f"{checkpoint.recipe.name} takes {own}, for which there is no {row.name}: export it as onnx")
    given = row.require_takes(takes or own)
    if (given == "lines") != (own == "lines"):
        raise InputError(f"{checkpoint.recipe.name} takes {own}: it cannot be exported to take {given}")
    return given


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


class _Guarded:
    """An artifact from elsewhere, whose model may be made to fail: that is its fault, not the program's."""

    def __init__(self, artifact: Artifact, path: Path) -> None:
        self._artifact, self._path = artifact, path

    @property
    def card(self) -> Card:
        return self._artifact.card

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            return self._artifact.run(frames)
        except EdgeDigitsError:
            raise
        # Each runtime has exceptions of its own.
        except Exception as error:
            raise ArtifactError(f"{self._path} fails when it is run, so it is not a digit model") from error


def _reference(network: Deployable, takes: Takes) -> tuple[Run, Iterable[Question]]:
    """What an artifact that `takes` this is held against, and what it is asked besides digits."""
    return (framed(network.run), image_probes()) if takes == "image" else (network.run, ())


def _draft(
    checkpoint: Checkpoint,
    model: str,
    *,
    row: Format,
    precision: str,
    digits: Material,
    takes: Takes,
    data_dir: Path | None,
) -> tuple[Folded | Quantised, Card]:
    """What is written, and its card, without a threshold and what decides on it."""
    reference, _ = _reference(deployable(checkpoint), takes)
    source, provenance = _prepared(checkpoint, precision, data_dir)
    card = Card(
        model=model,
        format=row.name,
        precision=precision,
        calibration=checkpoint.calibration,
        accept_threshold=0,
        max_error=None,
        risk=None,
        accuracy=ask(reference, digits)(0).accuracy,
        weights_sha256=digest(checkpoint.weights),
        provenance={
            "command": f"edgedigits export {model} --format {row.name} --precision {precision} --input {takes}",
            "recipe": recipe_of(checkpoint),
            "epochs": len(checkpoint.history),
            "taught_by_sha256": checkpoint.taught_by or None,
            "measured_on_sha256": digits.sha256,
            **provenance,
            "versions": {
                "edgedigits": edgedigits.__version__,
                "numpy": np.__version__,
                "torch": torch.__version__,
                **row.exporter().versions(),
            },
        },
        takes=takes,
    )
    return source, card


def _prepared(
    checkpoint: Checkpoint, precision: str, data_dir: Path | None
) -> tuple[Folded | Quantised, dict[str, Any]]:
    """What is written, and what a card says of how it came to be."""
    folded = deployable(checkpoint).folded()
    if precision != "int8":
        return folded, {}
    trained_on, _ = split_digits(checkpoint.recipe, data_dir)
    return quantise(folded, trained_on.frames[:QUANTISED_BY]), {"quantised_by": QUANTISED_BY}


def _summary(parity: Parity) -> dict[str, Any]:
    """What a card says of a parity that passed, in three digits: gate and items are the format's and the card's own."""
    told = {name: value for name, value in parity.to_dict().items() if name not in {"gate", "passed", "items"}}
    told["probes"] = {name: _three_digits(value) for name, value in parity.probes.items()}
    return {name: _three_digits(value) if name == "max_abs_diff" else value for name, value in told.items()}


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def _checkpoints(beside: Path) -> Iterator[Path]:
    yield beside / RUN_CHECKPOINT
    yield beside / SHIPPED_CHECKPOINT
    yield from RUNS.glob(f"*/{RUN_CHECKPOINT}")
    for name in model_names():
        if checkpoint := find_model(name).checkpoint:
            yield checkpoint
