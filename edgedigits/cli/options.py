"""What several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgedigits.errors import DatasetError, MissingExtraError, UnknownNameError

if TYPE_CHECKING:
    from rich.table import Table

    from edgedigits.export.exporting import Exported
    from edgedigits.export.measuring import Material
    from edgedigits.training.digits import Digits
    from edgedigits.training.recipes import Recipe

__all__ = [
    "as_json",
    "data_dir",
    "echo_json",
    "load_test_digits",
    "load_test_material",
    "note",
    "pictures",
    "print_exported",
    "print_table",
]

MAX_WIDTH = 1000

Command = TypeVar("Command", bound=Callable[..., Any])


class _Named(click.Path):
    """A path; an empty one, as of a shell's variable that is not set, would be the folder in which one stands."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not value:
            self.fail("a name is empty: give that of a picture or of a folder", param, ctx)
        return super().convert(value, param, ctx)


data_dir: Callable[[Command], Command] = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder that holds MNIST in torchvision's layout.  [default: $EDGEDIGITS_DATA, else a cache folder]",
)
pictures: Callable[[Command], Command] = click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=_Named(path_type=Path)
)
as_json: Callable[[Command], Command] = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def echo_json(value: dict[str, Any]) -> None:
    """One object on one line of standard output."""
    click.echo(json.dumps(value))


def note(message: str) -> None:
    """One line for people: on standard error, so that it never mixes with what machines read."""
    click.echo(message.replace("\n", " "), err=True)


def load_test_digits(dataset: str, data_dir: Path | None) -> Digits:
    """The test split of `dataset`, or the synthetic one, said aloud, where that cannot be had here.

    What was asked for by name, a `data_dir`, has to be there.
    """
    from edgedigits.training.data import dataset_label, is_folder, load_digits, mnist_is_at_hand

    try:
        at_hand = dataset == "synthetic" or is_folder(dataset)
        if at_hand or (dataset == "mnist" and (data_dir or mnist_is_at_hand())):
            return load_digits(dataset, "test", data_dir)
        note(f"{dataset_label(dataset)} is not at hand: using the synthetic digits instead")
    except MissingExtraError as error:
        note(f"{error}; using the synthetic digits instead")
    return load_digits("synthetic", "test")


def load_test_material(recipe: Recipe, data_dir: Path | None) -> Material:
    """What a network of `recipe` is tested on, digits or lines of them; synthetic ones where those cannot be had here.

    As in `load_test_digits`.
    """
    from edgedigits.export.measuring import load_tests
    from edgedigits.training.recipes import LineRecipe

    if not isinstance(recipe, LineRecipe):
        return load_test_digits(recipe.dataset, data_dir)
    try:
        return load_tests(recipe.dataset, recipe, data_dir)
    except (DatasetError, UnknownNameError, MissingExtraError) as error:
        if data_dir:
            raise
        note(f"{error}; using lines of synthetic digits instead")
    return load_tests("synthetic", recipe)


def print_exported(
    exported: Exported, *, as_json: bool, latency_ratio: tuple[float, tuple[float, float]] | None = None
) -> None:
    """What `export` and `verify` say of an artifact; `latency_ratio` is to fp32's, with its 95% interval."""
    about, parity = exported.to_dict(), exported.parity
    if as_json:
        latency = {"latency_ratio": latency_ratio[0], "latency_ratio_ci95": latency_ratio[1]} if latency_ratio else {}
        echo_json({**about, **latency})
        return
    click.echo(
        f"{exported.path}: {about['format']} {about['precision']}, {about['bytes']:,} bytes, same {parity.same} as the "
        f"checkpoint on {round(parity.argmax_agreement * parity.n)}/{parity.n} {parity.items} ({parity.tests} and "
        f"probes), largest difference in probability {parity.max_abs_diff:.1e}"
    )
    for line in exported.unchecked:
        note(f"not checked: {line}")
    if parity.gate.agreement < 1:
        accuracy = exported.card.accuracy
        alone = f"{parity.dataset}'s digits" if parity.items == "frames" else parity.tests
        click.echo(
            f"  of {alone} alone, the same on {100 * parity.digits_agreement:.2f}%; accuracy "
            f"{-100 * parity.accuracy_lost:+.2f} points, {accuracy.correct} of {accuracy.n} right"
        )
    if latency_ratio:
        times, (low, high) = latency_ratio
        pace = "slower" if low > 1 else "faster" if high < 1 else "neither faster nor slower, as far as can be told"
        click.echo(f"  {times:.2f} times the latency of fp32 on this machine ({low:.2f} to {high:.2f}): {pace}")


def print_table(table: Table) -> None:
    """A table on standard output, never narrower than its figures: a terminal may wrap them, but none is lost."""
    from rich.console import Console

    console = Console()
    needed = console.measure(table, options=console.options.update(max_width=MAX_WIDTH)).maximum
    Console(width=max(needed, console.width)).print(table)
