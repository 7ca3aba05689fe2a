"""`edgedigits data`."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from edgedigits.cli.options import as_json, data_dir, echo_json, note
from edgedigits.extras import needs
from edgedigits.files import write_file

SHOWN = 40
SILENCE_S = 60
"""Seconds without a byte after which a download is given up."""


@click.group()
def command() -> None:
    """Fetch a data set, or look at one.

    \b
    Example:
      edgedigits data show --dataset synthetic
    """


@command.command()
@data_dir
@as_json
def fetch(data_dir: Path | None, as_json: bool) -> None:
    """Download MNIST and verify it. It can be interrupted and repeated; what is already there is kept.

    \b
    Example:
      edgedigits data fetch --data-dir data
    """
    from edgedigits.training.data import mnist_root

    with needs("train", "edgedigits data fetch"):
        from edgedigits.training import mnist
    root = mnist_root(data_dir)
    socket.setdefaulttimeout(SILENCE_S)
    fetched = mnist.fetch(root)
    if as_json:
        echo_json({"data_dir": str(root), "fetched": [str(path) for path in fetched]})
    else:
        note(f"MNIST is whole in {root}" + (f": fetched {len(fetched)} files" if fetched else ""))


@command.command()
@click.option("--dataset", default="mnist", show_default=True, help="mnist, synthetic, or a folder with 0 to 9 in it.")
@data_dir
@click.option("--output", type=click.Path(path_type=Path), default=Path("digits.png"), show_default=True)
@as_json
def show(dataset: str, data_dir: Path | None, output: Path, as_json: bool) -> None:
    """Draw training digits with their labels, as the paper's Figure 3.

    \b
    Example:
      edgedigits data show --dataset synthetic --output digits.png
    """
    from edgedigits.training.data import load_digits

    with needs("train", "edgedigits data show"):
        from edgedigits.training.plots import digit_grid
    digits = load_digits(dataset, "train", data_dir)
    titles = [str(label) for label in digits.labels[:SHOWN]]
    write_file(output, digit_grid(digits.frames[:SHOWN], titles))
    if as_json:
        echo_json({"dataset": digits.dataset, "n": len(digits), "picture": str(output)})
    else:
        note(f"{digits.dataset}: {len(digits)} training digits, the first {len(titles)} drawn to {output}")
