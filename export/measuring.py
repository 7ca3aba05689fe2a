"""What a model is worth, be it of digits or of lines: how it is measured, and from which confidence it is accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.card import UNFITTED_THRESHOLD, Accuracy, Takes
from edgedigits.errors import UnpromisedError
from edgedigits.extras import needs
from edgedigits.risk import RiskCurve
from edgedigits.training.calibration import held_out_risk
from edgedigits.training.data import load_digits
from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import Evaluation, answer_all, evaluate
from edgedigits.training.recipes import LineRecipe, Recipe
from edgedigits.training.strings import Read, Strings, evaluate_strings, read_strings, string_risk

__all__ = [
    "Answered",
    "Material",
    "Run",
    "StringEvaluation",
    "acceptance",
    "ask",
    "load_tests",
    "risk_on_held_out",
    "sample",
    "taken_by",
]

Run: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Frames `uint8 [n, 28, 28]` to probabilities `float32 [n, 10]`; or lines `[n, 32, width]` to `[n, steps, 17]`."""
Material: TypeAlias = Digits | Strings
"""What a model is measured by."""

USUAL_COVERAGE = 0.99
"""Share of the digits held out that a card's threshold accepts: who puts up with fewer errors says so to the runner."""
USUAL_ERROR, LESS_COVERAGE = 0.01, 0.5
"""Share of the strings accepted that may be wrong at a card's threshold; and, of a model that cannot promise that, the
share of the strings held out that it accepts."""


@dataclass(frozen=True, eq=False)
class StringEvaluation:
    """What a model read of lines."""

    accuracy: Accuracy
    read: Read
    strings: Strings


Answered: TypeAlias = Callable[[float], Evaluation | StringEvaluation]
"""What answers are worth where they are accepted from such a confidence on."""


def taken_by(recipe: Recipe) -> Takes:
    """What a network that a recipe trains is given."""
    return "lines" if isinstance(recipe, LineRecipe) else "frames"


def load_tests(dataset: str, recipe: Recipe | None = None, data_dir: Path | None = None) -> Material:
    """The test split of a data set; for a `recipe` whose network reads lines, lines composed of it as the recipe says.

    Of a data set that is not the recipe's own, they are composed without the tablet's digits. Raises `DatasetError`,
    `UnknownNameError`, `MissingExtraError`.
    """
    if not isinstance(recipe, LineRecipe):
        return load_digits(dataset, "test", data_dir)
    with needs("train", "lines to measure by"):
        from edgedigits.training.line_material import load_strings
    if dataset != recipe.dataset:
        recipe = replace(recipe, dataset=dataset, pendigits=False)
    return load_strings(recipe, "test", data_dir)


def ask(run: Run, material: Material) -> Answered:
    """Let a model answer, once; what its answers are worth then depends on the confidence from which they count."""
    if isinstance(material, Strings):
        read = read_strings(run, material)
        return lambda threshold: StringEvaluation(evaluate_strings(read, material, threshold), read, material)
    answers = answer_all(run, material.frames)
    return lambda threshold: evaluate(answers, material, threshold)


def sample(material: Material, count: int) -> NDArray[np.uint8]:
    """The first of the frames or, of one width, of the lines: `uint8 [n, height, width]`, n up to `count`."""
    return (material.pictures[0] if isinstance(material, Strings) else material.frames)[:count]


def risk_on_held_out(run: Run, recipe: Recipe, data_dir: Path | None) -> RiskCurve | None:
    """The risk curve on what a recipe holds out, None where that is nothing. Raises `DatasetError`."""
    if isinstance(recipe, LineRecipe):
        from edgedigits.training.line_material import load_strings

        strings = load_strings(recipe, "held out", data_dir)
        return string_risk(read_strings(run, strings), strings)
    from edgedigits.training.material import split_digits

    _, held_out = split_digits(recipe, data_dir)
    return held_out_risk(answer_all(run, held_out.frames), held_out) if held_out else None


def acceptance(risk: RiskCurve | None, takes: Takes) -> tuple[float, float | None]:
    """The threshold that a card begins with, and the error rate among what is accepted that it promises."""
    if risk is None:
        return UNFITTED_THRESHOLD, None
    if takes != "lines":
        return risk.at_coverage(USUAL_COVERAGE)
    try:
        return risk.threshold_for(USUAL_ERROR), USUAL_ERROR
    except UnpromisedError:
        return risk.at_coverage(LESS_COVERAGE)
