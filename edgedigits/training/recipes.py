"""Recipes: everything that defines a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edgedigits.errors import UnknownNameError

__all__ = ["RECIPES", "Recipe", "find_recipe"]


@dataclass(frozen=True)
class Recipe:
    """One training run: the same recipe gives the same weights, bit for bit, on the same machine, with the
    same versions and number of threads.

    `dataset` is `mnist`, `synthetic` or a folder of pictures; the optimiser is SGD with momentum.
    """

    name: str
    network: str
    dataset: str
    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    seed: int


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        # Network, data and passes are the paper's. It states neither rate nor momentum: these are the usual ones.
        "paper": Recipe(
            name="paper",
            network="paper",
            dataset="mnist",
            epochs=8,
            batch_size=64,
            learning_rate=0.01,
            momentum=0.9,
            seed=1,
        ),
    }
)


def find_recipe(name: str) -> Recipe:
    """A recipe by name. Raises `UnknownNameError`."""
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    return RECIPES[name]
