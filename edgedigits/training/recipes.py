"""Recipes: everything that defines a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, TypeAlias

from edgedigits.errors import UnknownNameError

__all__ = ["RECIPES", "LineRecipe", "Recipe", "find_recipe"]

Schedule: TypeAlias = Literal["constant", "one-cycle"]


@dataclass(frozen=True)
class Recipe:
    """One training run: the same recipe gives the same weights, bit for bit, on the same machine, with the
    same versions and number of threads.

    `dataset` is `mnist`, `synthetic` or a folder of pictures. Of its training digits one `hold_out`-th is kept from
    training, to choose and calibrate by; 0 keeps none. Trained on besides are, with `pendigits`, digits from a tablet,
    and as many as `synthetic`, `nondigits` and `letters` say of those drawn from stroke skeletons, of pictures that are
    no digit, and of letters, which are none either. `augmented` digits are changed anew in each pass, or in each of
    `views` passes that are then repeated. `teachers` are the shipped models or runs whose answers, averaged, are
    learned from (distillation); with `label_nondigits` they are not heard on what is no digit, of which they may have
    seen too few kinds. The learning rate is constant, or rises and falls once (`one-cycle`) with `learning_rate` its
    highest; the optimiser is SGD.
    """

    name: str
    network: str
    dataset: str
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    momentum: float = 0.0
    schedule: Schedule = "constant"
    weight_decay: float = 0.0
    augmented: bool = False
    views: int = 0
    hold_out: int = 0
    pendigits: bool = False
    synthetic: int = 0
    nondigits: int = 0
    letters: int = 0
    teachers: tuple[str, ...] = ()
    label_nondigits: bool = False


@dataclass(frozen=True)
class LineRecipe(Recipe):
    """A run that learns to read lines, `lines` of them in a pass, each composed anew.

    Their digits are the data set's, with `pendigits` those from the tablet, `copies` of each of these by other hands,
    with `optdigits` some that were scanned, with `typefaces` those of handwriting typefaces, and those of `hands` that
    are drawn. `strength`, 0 to 1, is by what part hands, paper and camera differ from what is plain to read; in a share
    `alike` of lines, a digit that comes again is the same glyph, as most hands write it nearly the same. The optimiser
    is AdamW (Loshchilov & Hutter, arXiv 1711.05101). A run that `begins_with` another goes on from its weights with a
    learning rate that rises and falls once more (a warm restart: arXiv 1608.03983); where they are `averaged`, it ends
    with the mean of the weights that it began with and those that it came to (arXiv 2203.05482).
    """

    lines: int = 0
    hands: int = 0
    copies: int = 0
    optdigits: bool = False
    typefaces: bool = False
    strength: float = 1.0
    alike: float = 0.0
    begins_with: str = ""
    averaged: bool = False


_TEACHER = Recipe(
    name="teacher",
    network="base",
    dataset="mnist",
    epochs=16,
    batch_size=128,
    learning_rate=0.1,
    momentum=0.9,
    schedule="one-cycle",
    weight_decay=5e-4,
    augmented=True,
    hold_out=6,
    pendigits=True,
    synthetic=10_000,
    nondigits=16_000,
    seed=1,
)
"""What the models that ship have in common; the numbers were chosen by the digits held out."""
_BASE = replace(
    _TEACHER, name="base", epochs=36, views=18, teachers=("runs/teacher-1", "runs/teacher-2", "runs/teacher-3")
)
_SMALL = replace(_BASE, name="small", network="small", epochs=54, letters=16_000, label_nondigits=True)
_NANO = replace(_BASE, name="nano", network="nano", epochs=108)

_SPRINT = Recipe(
    name="sprint",
    network="small",
    dataset="mnist",
    epochs=4,
    batch_size=256,
    learning_rate=0.2,
    momentum=0.9,
    schedule="one-cycle",
    weight_decay=5e-4,
    hold_out=6,
    seed=1,
)
"""To 99% in as little time as can be, and to 98%: see `python -m edgedigits.bench.sprint`."""

_AMOUNT_FIRST = LineRecipe(
    name="amount-first",
    network="amount-shallow",
    dataset="mnist",
    epochs=34,
    batch_size=64,
    learning_rate=0.004,
    schedule="one-cycle",
    weight_decay=0.01,
    hold_out=6,
    pendigits=True,
    lines=40_000,
    hands=1000,
    seed=1,
)

_AMOUNT_SECOND = replace(
    _AMOUNT_FIRST, name="amount-second", epochs=16, learning_rate=0.002, begins_with="runs/amount-first", seed=2
)
"""Its seed is another, or it would learn from the same lines again."""
_AMOUNT_THIRD = replace(
    _AMOUNT_SECOND,
    name="amount-third",
    epochs=30,
    learning_rate=0.003,
    begins_with="runs/amount-second",
    hands=1500,
    optdigits=True,
    typefaces=True,
    seed=3,
)
_AMOUNT_FOURTH = replace(
    _AMOUNT_THIRD,
    name="amount-fourth",
    epochs=20,
    learning_rate=0.002,
    begins_with="runs/amount-third",
    strength=0.6,
    seed=6,
)
"""At full strength, some lines cannot be read by anybody, and there is more to learn from those that can."""
_AMOUNT_FIFTH = replace(
    _AMOUNT_FOURTH,
    name="amount-fifth",
    network="amount",
    epochs=36,
    learning_rate=0.003,
    begins_with="runs/amount-fourth",
    seed=8,
)
"""Deeper: what the network before learned of lines had not come to an end of what there is to learn, but nearly of what
it could."""
_AMOUNT_SIXTH = replace(
    _AMOUNT_FIFTH,
    name="amount-sixth",
    epochs=27,
    learning_rate=0.002,
    begins_with="runs/amount-fifth",
    averaged=True,
    hands=3000,
    seed=9,
)
"""The run that `amount` began with was begun with 36 passes before it, shortened to 30 after 16 of them, and ended
after 27: its learning rate rose and fell as in one of 36, and then of 30. For it, and for those before it, nobody's
digits were kept together, so that these recipes give weights near to those, but not the same.
"""

_AMOUNT_SEVENTH = replace(
    _AMOUNT_SIXTH,
    name="amount-seventh",
    network="amount-context",
    epochs=46,
    learning_rate=0.003,
    begins_with="runs/amount-sixth",
    averaged=False,
    hands=1500,
    copies=4,
    seed=12,
)
"""A line is by one hand, and the network sees all of it. In the run that `amount` began with, the first eleven passes
were made without ball pens, and with digits down to 16 rows high, and ink was not wiped with rules yet; and in all of
it, pictures did not end within lines, nor had JPEG passed over them, and no digit came first more often than others.
"""
_AMOUNT_EIGHTH = replace(_AMOUNT_SEVENTH, name="amount-eighth", epochs=30, begins_with="runs/amount-seventh", seed=13)
"""Paper is more like that of real cheques. In the first pass of the run that ships, the learning rate rose as in one of
36 passes; and in all of it, no block of JPEG's began at a picture's border.
"""
_AMOUNT_NINTH = replace(
    _AMOUNT_EIGHTH,
    name="amount-ninth",
    network="amount-attention",
    epochs=28,
    begins_with="runs/amount-eighth",
    alike=0.3,
    seed=14,
)
"""Who writes an 8 like this writes other 8s like this. After each pass of the run that ships, lines were read in which
digits came again, too; it was calibrated, when it had ended, by others.
"""
_AMOUNT = replace(
    _AMOUNT_NINTH, name="amount", epochs=36, learning_rate=0.002, begins_with="runs/amount-ninth", hands=3000, seed=15
)
"""More ways to write digits, and what stands around them: 1s like an l, 7s like an f, zeros joined below, dashes that
rise, amounts that begin with a large digit.
"""

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            # Network, data and passes are the paper's. It states neither rate nor momentum: these are the usual ones.
            Recipe(
                name="paper",
                network="paper",
                dataset="mnist",
                epochs=8,
                batch_size=64,
                learning_rate=0.01,
                momentum=0.9,
                seed=1,
            ),
            _TEACHER,
            _BASE,
            _SMALL,
            _NANO,
            # The same without the tablet's digits, for where they are not at hand.
            *(
                replace(
                    recipe,
                    name=f"{recipe.name}-mnist",
                    pendigits=False,
                    teachers=tuple(name.replace("teacher", "teacher-mnist") for name in recipe.teachers),
                )
                for recipe in (_TEACHER, _BASE, _SMALL, _NANO)
            ),
            _AMOUNT_FIRST,
            _AMOUNT_SECOND,
            _AMOUNT_THIRD,
            _AMOUNT_FOURTH,
            _AMOUNT_FIFTH,
            _AMOUNT_SIXTH,
            _AMOUNT_SEVENTH,
            _AMOUNT_EIGHTH,
            _AMOUNT_NINTH,
            _AMOUNT,
            replace(_AMOUNT_FIRST, name="amount-mnist", pendigits=False),
            _SPRINT,
            replace(_SPRINT, name="sprint-98", network="nano", epochs=2),
        )
    }
)


def find_recipe(name: str) -> Recipe:
    """A recipe by name. Raises `UnknownNameError`."""
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    return RECIPES[name]
