"""`edgedigits models`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from edgedigits.cli.options import as_json, echo_json, print_table
from edgedigits.models import DEFAULT_MODEL, model_names, shipped_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgedigits.artifact import OnnxArtifact

BASELINE = "paper"
ROUNDS, TURN_S = 20, 0.005
SIX_DIGITS = 144
"""Columns of a line of six digits, as people write them."""


@click.command()
@as_json
def command(as_json: bool) -> None:
    """List the models that ship: size and measured accuracy, as their cards say, and speed, as measured here and now.

    The speed is the latency of one digit on one thread, as a multiple of the paper's network, all in turns; of what
    reads lines, it is that of a line of six digits, and the accuracy that of whole strings.

    \b
    Example:
      edgedigits models --json
    """
    import numpy as np

    from edgedigits.alphabet import LINE_HEIGHT
    from edgedigits.artifact import OnnxArtifact
    from edgedigits.bench.measure import interleave, ratio

    contents = {name: shipped_file(name).read_bytes() for name in model_names()}
    artifacts = {name: OnnxArtifact(content, name) for name, content in contents.items()}
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (16, 28, 28), np.uint8)
    line = rng.integers(0, 256, (1, LINE_HEIGHT, SIX_DIGITS), np.uint8)
    runs = [_asked(artifact, line) for artifact in artifacts.values()]
    timings = interleave(runs, frames, 1, rounds=ROUNDS, turn_s=TURN_S, on_round=lambda: None)
    baseline = timings[list(artifacts).index(BASELINE)]
    rows = []
    for (name, artifact), timing in zip(artifacts.items(), timings, strict=True):
        card = artifact.card
        rows.append(
            {
                "model": name,
                "default": name == DEFAULT_MODEL,
                "bytes": len(contents[name]),
                "precision": card.precision,
                "takes": card.takes,
                "latency_ratio": ratio(timing, baseline)[0],
                "max_error": card.max_error,
                **card.accuracy.to_dict(),
            }
        )
    rows.sort(key=lambda row: row["latency_ratio"])
    if as_json:
        for row in rows:
            echo_json(row)
    else:
        _print(rows)


def _asked(artifact: OnnxArtifact, line: NDArray[np.uint8]) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """A model's run on the frames it is given; of what takes lines, on `line` instead."""
    return (lambda _: artifact.run(line)) if artifact.card.takes == "lines" else artifact.run


def _print(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

    title = f"latency of one digit, or of a line of six, as a multiple of that of a digit in {BASELINE}"
    columns = ("model", "measured on", "bytes", "latency", "accuracy", "accepted", "wrong")
    table = Table(*columns, title=title, box=box.SIMPLE_HEAD)
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        table.add_row(
            f"{row['model']} (default)" if row["default"] else row["model"],
            row["dataset"],
            f"{row['bytes']:,}",
            f"{row['latency_ratio']:.2f}×",
            f"{100 * row['accuracy']:.2f}%",
            f"{100 * row['coverage']:.1f}%",
            f"{row['accepted_errors']} of {round(row['coverage'] * row['n']):,}",
        )
    print_table(table)
