"""What a card says of its artifact: how each figure is come by, and whether it is true."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgedigits.card import Accuracy, Takes
from edgedigits.errors import DatasetError
from edgedigits.export.formats import Artifact, Format
from edgedigits.export.measuring import Material, acceptance, ask, risk_on_held_out
from edgedigits.export.parity import Parity
from edgedigits.risk import RiskCurve
from edgedigits.training.checkpoint import Checkpoint
from edgedigits.training.data import dataset_label
from edgedigits.training.evaluation import wilson_interval

__all__ = ["Claims", "check_card", "recipe_of", "risk_of"]

ROUNDING = 0.0005
"""Share of digits, or of strings, that may be read or accepted otherwise on another processor."""


def risk_of(checkpoint: Checkpoint, artifact: Artifact, data_dir: Path | None) -> RiskCurve | None:
    """The checkpoint's, or where an artifact answers a little otherwise, its own, of the same digits or lines."""
    if checkpoint.risk is None or artifact.card.precision == "fp32":
        return checkpoint.risk
    return risk_on_held_out(artifact.run, checkpoint.recipe, data_dir)


def recipe_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """The recipe as JSON types, a folder that it trained on by its name alone."""
    recipe = {**asdict(checkpoint.recipe), "dataset": dataset_label(checkpoint.recipe.dataset)}
    told: dict[str, Any] = json.loads(json.dumps(recipe))
    return told


@dataclass(frozen=True)
class Claims:
    """What a card says wrongly, and what of it could not be checked: a line for each."""

    errors: tuple[str, ...]
    unchecked: tuple[str, ...]


def check_card(
    artifact: Artifact,
    checkpoint: Checkpoint,
    *,
    row: Format,
    digits: Material,
    parity: Parity,
    data_dir: Path | None,
) -> Claims:
    """Hold what the artifact's card says against its checkpoint, `digits`, and the parity that was found on them."""
    card = artifact.card
    unchecked = []
    try:
        measured = risk_of(checkpoint, artifact, data_dir)
        risk = card.risk if _is_close_risk(card.risk, measured) else measured
    except DatasetError:
        risk = card.risk
        unchecked.append("its risk curve, for want of the digits that were held out")
    threshold, max_error = acceptance(risk, card.takes)
    facts = [
        ("format", card.format, row.name),
        ("calibration", card.calibration, checkpoint.calibration),
        ("recipe", card.provenance.get("recipe"), recipe_of(checkpoint)),
        ("number of epochs", card.provenance.get("epochs"), len(checkpoint.history)),
        ("risk curve", card.risk, risk),
        ("threshold", card.accept_threshold, threshold),
        ("max_error", card.max_error, max_error),
    ]
    accuracy = ask(artifact.run, digits)(card.accept_threshold).accuracy
    told = _told(card.accuracy, card.takes)
    if (card.accuracy.dataset, card.accuracy.n) != (accuracy.dataset, accuracy.n):
        unchecked.append(f"its accuracy, measured on {told}, not on {_told(accuracy, card.takes)}")
    elif card.provenance.get("measured_on_sha256", digits.sha256) != digits.sha256:
        # Lines are composed where they are needed: another processor may round a pixel of them otherwise.
        unchecked.append(f"its accuracy, measured on {told} that are others than those here")
    else:
        is_close = _is_close_accuracy(card.accuracy, accuracy)
        facts.append(("accuracy", card.accuracy, card.accuracy if is_close else accuracy))
        agreement = card.parity.get("digits_agreement")
        is_close = isinstance(agreement, float) and abs(agreement - parity.digits_agreement) <= ROUNDING
        facts.append(("agreement", agreement, agreement if is_close else parity.digits_agreement))
    errors = (
        f"its {name} is {_short(claim)}, and should be {_short(fact)}" for name, claim, fact in facts if claim != fact
    )
    return Claims(tuple(errors), tuple(unchecked))


def _told(accuracy: Accuracy, takes: Takes) -> str:
    return f"{accuracy.n} {'' if takes == 'lines' else 'digits of '}{accuracy.dataset}"


def _is_close_risk(claimed: RiskCurve | None, measured: RiskCurve | None) -> bool:
    """Whether another processor's rounding could be all that differs."""
    if claimed is None or measured is None:
        return claimed is measured
    if (claimed.dataset, claimed.n, claimed.thresholds) != (measured.dataset, measured.n, measured.thresholds):
        return False
    counts = zip((*claimed.accepted, *claimed.errors), (*measured.accepted, *measured.errors), strict=True)
    return all(abs(claim - fact) <= ROUNDING * measured.n for claim, fact in counts)


def _is_close_accuracy(claimed: Accuracy, measured: Accuracy) -> bool:
    slack = ROUNDING * measured.n
    return (
        abs(claimed.correct - measured.correct) <= slack
        and abs(claimed.accepted_errors - measured.accepted_errors) <= slack
        and abs(claimed.coverage - measured.coverage) <= ROUNDING
        and abs(claimed.loss - measured.loss) <= ROUNDING
        and claimed.ci95 == wilson_interval(claimed.correct, claimed.n)
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
