"""What a card says of its artifact: how each figure is come by, and whether it is true."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgedigits.card import UNFITTED_THRESHOLD, Accuracy
from edgedigits.errors import DatasetError
from edgedigits.export.formats import Artifact, Format
from edgedigits.export.parity import Parity
from edgedigits.risk import RiskCurve
from edgedigits.training.calibration import held_out_risk
from edgedigits.training.checkpoint import Checkpoint
from edgedigits.training.data import dataset_label
from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import answer_all, evaluate, wilson_interval
from edgedigits.training.material import split_digits

__all__ = ["Claims", "acceptance", "check_card", "recipe_of", "risk_of"]

USUAL_COVERAGE = 0.99
"""Share of the digits held out that a card's threshold accepts: who puts up with fewer errors says so to the runner."""
ROUNDING = 0.0005
"""Share of digits that may be read or accepted otherwise on another processor."""


def acceptance(risk: RiskCurve | None) -> tuple[float, float | None]:
    """The threshold that a card begins with, and the error rate among accepted digits that it promises."""
    return (UNFITTED_THRESHOLD, None) if risk is None else risk.at_coverage(USUAL_COVERAGE)


def risk_of(checkpoint: Checkpoint, artifact: Artifact, data_dir: Path | None) -> RiskCurve | None:
    """The checkpoint's, or where an artifact answers a little otherwise, its own, of the same digits."""
    if checkpoint.risk is None or artifact.card.precision == "fp32":
        return checkpoint.risk
    _, held_out = split_digits(checkpoint.recipe, data_dir)
    return held_out_risk(answer_all(artifact.run, held_out.frames), held_out) if held_out else None


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
    digits: Digits,
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
    threshold, max_error = acceptance(risk)
    facts = [
        ("format", card.format, row.name),
        ("calibration", card.calibration, checkpoint.calibration),
        ("recipe", card.provenance.get("recipe"), recipe_of(checkpoint)),
        ("number of epochs", card.provenance.get("epochs"), len(checkpoint.history)),
        ("risk curve", card.risk, risk),
        ("threshold", card.accept_threshold, threshold),
        ("max_error", card.max_error, max_error),
    ]
    if card.accuracy.dataset == digits.dataset and card.accuracy.n == len(digits):
        accuracy = evaluate(answer_all(artifact.run, digits.frames), digits, card.accept_threshold).accuracy
        is_close = _is_close_accuracy(card.accuracy, accuracy)
        facts.append(("accuracy", card.accuracy, card.accuracy if is_close else accuracy))
        agreement = card.parity.get("digits_agreement")
        is_close = isinstance(agreement, float) and abs(agreement - parity.digits_agreement) <= ROUNDING
        facts.append(("agreement", agreement, agreement if is_close else parity.digits_agreement))
    else:
        told = f"{card.accuracy.n} digits of {card.accuracy.dataset}"
        unchecked.append(f"its accuracy, measured on {told}, not on {len(digits)} of {digits.dataset}")
    errors = (
        f"its {name} is {_short(claim)}, and should be {_short(fact)}" for name, claim, fact in facts if claim != fact
    )
    return Claims(tuple(errors), tuple(unchecked))


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
