"""What several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.table import Table

    from edgedigits.export.exporting import Exported
    from edgedigits.training.digits import Digits

__all__ = ["as_json", "data_dir", "echo_json", "load_test_digits", "note", "print_exported", "print_table"]

WIDTH = 120

Command = TypeVar("Command", bound=Callable[..., Any])

data_dir: Callable[[Command], Command] = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder that holds MNIST in torchvision's layout.  [default: $EDGEDIGITS_DATA, else a cache folder]",
)
as_json: Callable[[Command], Command] = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def echo_json(value: dict[str, Any]) -> None:
    """One object on one line of standard output."""
    click.echo(json.dumps(value))


def note(message: str) -> None:
    """One line for people: on standard error, so that it never mixes with what machines read."""
    click.echo(message.replace("\n", " "), err=True)


def load_test_digits(dataset: str, data_dir: Path | None) -> Digits:
    """The test split of `dataset`, or the synthetic one, said aloud, where that is not at hand."""
    from edgedigits.training.data import is_folder, load_digits, mnist_is_at_hand

    at_hand = mnist_is_at_hand(data_dir) if dataset == "mnist" else dataset == "synthetic" or is_folder(dataset)
    if not at_hand:
        note(f"{dataset} is not at hand: using the synthetic digits instead")
    return load_digits(dataset if at_hand else "synthetic", "test", data_dir)


def print_exported(exported: Exported, *, as_json: bool) -> None:
    """What `export` and `verify` say of an artifact."""
    about, parity = exported.to_dict(), exported.parity
    if as_json:
        echo_json(about)
        return
    click.echo(
        f"{exported.path}: {about['format']} {about['precision']}, {about['bytes']:,} bytes, "
        f"same digit as the checkpoint on {round(parity.argmax_agreement * parity.n)}/{parity.n} frames "
        f"({parity.dataset} test digits and probes), largest difference in probability {parity.max_abs_diff:.1e}"
    )


def print_table(table: Table) -> None:
    """A table on standard output, as wide as the terminal; where there is none, wide enough not to wrap."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(table)
