"""What a recipe trains on, and what it keeps from training to choose and calibrate by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import DatasetError
from edgedigits.training import pendigits
from edgedigits.training.data import is_folder, load_digits, mnist_root
from edgedigits.training.digits import Digits
from edgedigits.training.folder import PictureFolder
from edgedigits.training.letters import draw_letters
from edgedigits.training.networks import NO_DIGIT
from edgedigits.training.nondigits import draw_nondigits
from edgedigits.training.recipes import Recipe
from edgedigits.training.synthetic import synthetic_digits

__all__ = ["calibration_material", "is_held_out", "load_material", "split_digits"]

DRAWN_SEED, HELD_OUT_SEED = 3, 4
"""Of all that is drawn to train on: another than those of the data set `synthetic`, which is measured on."""


def is_held_out(labels: NDArray[np.int64], hold_out: int) -> NDArray[np.bool_]:
    """Which of a training split's digits, by their labels `int64 [n]`, are kept for validation: one `hold_out`-th.

    They are the last of each class, whatever a run's seed. MNIST's neighbours are alike, mostly by one writer: the same
    network, trained for two passes, read 99.24% of every sixth digit and 98.72% of the last sixth of each class.
    """
    held = np.zeros(len(labels), np.bool_)
    for label in range(10):
        of_label = np.flatnonzero(labels == label)
        held[of_label[len(of_label) - len(of_label) // hold_out :]] = True
    return held


def load_material(recipe: Recipe, data_dir: Path | None = None) -> tuple[Digits | PictureFolder, Digits | None]:
    """What `recipe` trains on, and the digits it holds out, if it does.

    A folder of pictures is streamed where a recipe takes it as it is. Raises `DatasetError`, `UnknownNameError`.
    """
    drawn = recipe.synthetic or recipe.nondigits or recipe.letters
    if is_folder(recipe.dataset) and not (recipe.hold_out or recipe.views or recipe.pendigits or drawn):
        return PictureFolder(Path(recipe.dataset), "train"), None
    kept, held_out = split_digits(recipe, data_dir)
    return _enriched(recipe, kept, data_dir), held_out


def split_digits(
    recipe: Recipe, data_dir: Path | None = None, left_out: Sequence[int] = ()
) -> tuple[Digits, Digits | None]:
    """The training digits of the data set of `recipe`, parted in those it trains on and those it holds out, if it does.

    Of the latter, those `left_out` are in neither part: their places in the training split. Raises `DatasetError`,
    `UnknownNameError`.
    """
    digits = load_digits(recipe.dataset, "train", data_dir)
    if not recipe.hold_out:
        return digits, None
    held = is_held_out(digits.labels, recipe.hold_out)
    if len(set(digits.labels[held].tolist())) < 10:
        raise DatasetError(f"{digits.dataset} holds too few digits to keep every {recipe.hold_out}th for validation")
    kept = digits.only(~held)
    held[list(left_out)] = False
    return kept, digits.only(held)


def calibration_material(recipe: Recipe, held_out: Digits) -> Digits:
    """The digits held out, and non-digits drawn from them, about as many to a digit as there are in training.

    On digits alone, what a network sets aside for non-digits would look like too little confidence.
    """
    frames, labels = held_out.frames, held_out.labels
    if count := recipe.nondigits // recipe.hold_out:
        drawn, _ = draw_nondigits(held_out, count, HELD_OUT_SEED)
        frames = np.concatenate([frames, drawn])
    if count := recipe.letters // recipe.hold_out:
        frames = np.concatenate([frames, draw_letters(count, HELD_OUT_SEED)])
    labels = np.concatenate([labels, np.full(len(frames) - len(labels), NO_DIGIT, np.int64)])
    return Digits(held_out.dataset, frames, labels)


def _enriched(recipe: Recipe, digits: Digits, data_dir: Path | None) -> Digits:
    """The `digits` to train on with all that the recipe takes besides; what is no digit is labelled `NO_DIGIT`."""
    frames, labels = [digits.frames], [digits.labels]
    if recipe.pendigits:
        written, values = pendigits.load(mnist_root(data_dir))
        frames.append(written)
        labels.append(values)
    if recipe.synthetic:
        drawn, values = synthetic_digits(recipe.synthetic, DRAWN_SEED)
        frames.append(drawn)
        labels.append(values)
    if recipe.nondigits:
        drawn, _ = draw_nondigits(digits, recipe.nondigits, DRAWN_SEED)
        frames.append(drawn)
        labels.append(np.full(len(drawn), NO_DIGIT, np.int64))
    if recipe.letters:
        frames.append(draw_letters(recipe.letters, DRAWN_SEED))
        labels.append(np.full(recipe.letters, NO_DIGIT, np.int64))
    return Digits(digits.dataset, np.concatenate(frames), np.concatenate(labels))
