"""What a recipe for lines trains on, and what it is measured by: lines composed of digits that are kept apart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch

from edgedigits.training.amounts import draw_text
from edgedigits.training.batches import Batch
from edgedigits.training.composition import Composer, Lines
from edgedigits.training.data import load_digits, mnist_root
from edgedigits.training.digits import Digits
from edgedigits.training.distributed import share
from edgedigits.training.glyphs import (
    copied_glyphs,
    digit_glyphs,
    drawn_glyphs,
    joined_glyphs,
    mark_glyphs,
    pen_glyphs,
    scanned_glyphs,
    typeface_glyphs,
)
from edgedigits.training.material import split_digits
from edgedigits.training.recipes import LineRecipe, Recipe
from edgedigits.training.strings import Strings

__all__ = ["MEASURED_STRENGTH", "LineBatches", "LineMaterial", "composed_strings", "load_line_material", "load_strings"]

Part: TypeAlias = Literal["trained on", "held out", "test"]

PEN_DIGITS = {"trained on": (0, 5000), "held out": (5000, 6000), "test": (6000, 7494)}
"""Of the tablet's digits, in the order of their writers."""
MISLABELLED = {
    "mnist": (49960, 50340, 51248, 51944, 52294, 53063, 53396, 53806, 54264, 56596, 59915),
    "pendigits": (5207,),
}
"""Held-out digits whose pictures plainly show another digit than their labels say, by their places among those to train
on. Somebody looked at them; two networks that doubt their labels had proposed them, and many more whose labels may be
right. Each is in some ten of the lines that a promise of one in a hundred, or in two hundred, is counted by.
"""
SEEDS = {"trained on": 1, "held out": 2, "test": 3}
LETTERS, MARKS = 4000, 600
MEASURED_STRENGTH = 0.5
"""By which lines are composed that are measured by. Those of training are harder: at full strength, some cannot be read
by anybody, and no promise can be counted by them."""
FEWER = 8
"""How many times fewer letters and marks are drawn to measure by."""
MEASURED = 4096
"""Lines that are tested on, and read after each pass."""
HELD_OUT = 4
"""So many times as many are held out, for a promise of one in a hundred takes thousands to be counted by."""
BATCH, SORTED = 64, 16
"""Lines of a batch that is measured by; and how many batches' lines are sorted by width together, to pad few."""
AHEAD = 3
"""Batches composed ahead, in a thread: it works while the network's own threads wait for each other."""


@dataclass(frozen=True, eq=False)
class LineMaterial:
    """What composes lines to train on, and how many make a pass."""

    composer: Composer
    count: int

    def __len__(self) -> int:
        return self.count


def load_line_material(
    recipe: LineRecipe, device: torch.device, data_dir: Path | None = None
) -> tuple[LineMaterial, Strings]:
    """What `recipe` trains on, on `device`, and the lines it holds out. Raises `DatasetError`, `UnknownNameError`."""
    return LineMaterial(_composer(recipe, "trained on", device, data_dir), recipe.lines), load_strings(
        recipe, "held out", data_dir
    )


def load_strings(recipe: LineRecipe, part: Part, data_dir: Path | None = None) -> Strings:
    """Lines to measure by, of digits that are not trained on. Raises `DatasetError`, `UnknownNameError`."""
    composer = _composer(recipe, part, torch.device("cpu"), data_dir)
    count = MEASURED if part == "test" else HELD_OUT * MEASURED
    return composed_strings(composer, recipe.dataset, count, SEEDS[part])


def composed_strings(composer: Composer, dataset: str, count: int, seed: int) -> Strings:
    """`count` lines that a composer draws on the CPU."""
    batches = list(_compose(composer, count, BATCH, (seed,), torch.device("cpu")))
    texts = tuple(text for texts, _ in batches for text in texts)
    return Strings(f"lines of {dataset}", tuple(lines.pictures.numpy() for _, lines in batches), texts)


class LineBatches:
    """Passes of lines that are composed anew each time, from the recipe's seed and the pass's number alone."""

    def __init__(self, material: LineMaterial, recipe: Recipe, device: torch.device) -> None:
        self._material, self._recipe, self._device = material, recipe, device

    def __len__(self) -> int:
        return math.ceil(len(self._material) / self._recipe.batch_size)

    def of(self, epoch: int) -> Iterator[Batch]:
        """Pass number `epoch`, counted from 0."""
        recipe, material = self._recipe, self._material
        seed = (recipe.seed, epoch)
        for _, lines in _ahead(_compose(material.composer, len(material), recipe.batch_size, seed, self._device)):
            whole = len(lines.pictures)
            yield Batch(share(lines.pictures), share(lines.symbols), None, whole, share(lines.centres))


def _compose(
    composer: Composer, count: int, batch_size: int, seed: tuple[int, ...], device: torch.device
) -> Iterator[tuple[list[str], Lines]]:
    rng = np.random.default_rng(seed)
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
    for start in range(0, count, batch_size * SORTED):
        plans = [composer.plan(draw_text(rng), rng) for _ in range(min(batch_size * SORTED, count - start))]
        plans.sort(key=lambda plan: plan.width)
        parts = [plans[i : i + batch_size] for i in range(0, len(plans), batch_size)]
        for i in rng.permutation(len(parts)).tolist():
            yield [plan.text for plan in parts[i]], composer.batch(parts[i], generator)


def _ahead(batches: Iterator[tuple[list[str], Lines]]) -> Iterator[tuple[list[str], Lines]]:
    with ThreadPoolExecutor(1) as pool:
        pending = [pool.submit(next, batches, None) for _ in range(AHEAD)]
        while (batch := pending.pop(0).result()) is not None:
            pending.append(pool.submit(next, batches, None))
            yield batch


def _composer(recipe: LineRecipe, part: Part, device: torch.device, data_dir: Path | None) -> Composer:
    is_trained_on = part == "trained on"
    fewer = 1 if is_trained_on else FEWER
    hands = [digit_glyphs(_digits(recipe, part, data_dir))]
    if recipe.pendigits:
        hands.append(pen_glyphs(mnist_root(data_dir), *PEN_DIGITS[part], MISLABELLED["pendigits"]))
    if recipe.copies and is_trained_on:
        root, which = mnist_root(data_dir), PEN_DIGITS[part]
        hands.append(copied_glyphs(root, *which, MISLABELLED["pendigits"], copies=recipe.copies, seed=SEEDS[part]))
    # What a program draws is not always what it means to: people's digits are measured by.
    if recipe.hands and is_trained_on:
        hands.append(drawn_glyphs(recipe.hands, SEEDS[part]))
    if recipe.optdigits and is_trained_on:
        hands.append(scanned_glyphs(mnist_root(data_dir)))
    if recipe.typefaces and is_trained_on:
        hands.append(typeface_glyphs(mnist_root(data_dir)))
    marks = mark_glyphs(LETTERS // fewer, MARKS // fewer, SEEDS[part])
    # Nobody writes a digit twice the very same way: it helps to learn, and would flatter what is measured.
    how = (recipe.strength, recipe.alike) if is_trained_on else (MEASURED_STRENGTH, 0.0)
    return Composer(joined_glyphs(*hands), marks, device, *how)


def _digits(recipe: LineRecipe, part: Part, data_dir: Path | None) -> Digits:
    if part == "test":
        return load_digits(recipe.dataset, "test", data_dir)
    kept, held_out = split_digits(recipe, data_dir, MISLABELLED.get(recipe.dataset, ()))
    if part == "trained on":
        return kept
    if held_out is None:
        raise ValueError("a recipe for lines holds digits out")
    return held_out
