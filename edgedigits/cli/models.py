"""`edgedigits models`."""

from __future__ import annotations

from typing import Any

import click

from edgedigits.cli.options import as_json, echo_json, print_table
from edgedigits.models import DEFAULT_MODEL, model_names, shipped_file

BASELINE = "paper"
ROUNDS, TURN_S = 20, 0.005


@click.command()
@as_json
def command(as_json: bool) -> None:
    """List the models that ship: size and measured accuracy, as their cards say, and speed, as measured here and now.

    The speed is the latency of one digit on one thread, as a multiple of the paper's network, all in turns.

    \b
    Example:
      edgedigits models --json
    """
    import numpy as np

    from edgedigits.artifact import OnnxArtifact
    from edgedigits.bench.measure import interleave, ratio

    contents = {name: shipped_file(name).read_bytes() for name in model_names()}
    artifacts = {name: OnnxArtifact(content, name) for name, content in contents.items()}
    frames = np.random.default_rng(0).integers(0, 256, (16, 28, 28), dtype=np.uint8)
    runs = [artifact.run for artifact in artifacts.values()]
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


def _print(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

    title = f"latency of one digit as a multiple of {BASELINE}; accuracy and acceptance on {rows[0]['dataset']}"
    table = Table("model", "bytes", "latency", "accuracy", "accepted", "wrong", title=title, box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(
            f"{row['model']} (default)" if row["default"] else row["model"],
            f"{row['bytes']:,}",
            f"{row['latency_ratio']:.2f}×",
            f"{100 * row['accuracy']:.2f}%",
            f"{100 * row['coverage']:.1f}%",
            f"{row['accepted_errors']} of {round(row['coverage'] * row['n']):,}",
        )
    print_table(table)
