"""The README's tables, written from measured figures: `python -m edgedigits.bench.tables README.md bench/results`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np

from edgedigits.cli import run
from edgedigits.errors import InputError
from edgedigits.files import write_file

__all__ = ["command", "render"]

PAPER_TABLE_1 = (96, 97, 97, 98, 98, 98, 98, 98)
"""Test accuracy in percent after each pass (R. Wang, Table 1)."""
PAPER_FINAL = "98.21% (one run), loss 0.0527"
"""R. Wang, Figure 4."""
T975 = MappingProxyType({2: 4.303, 3: 3.182, 4: 2.776})
"""Student's t at 0.975 by degrees of freedom: three to five seeds."""
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

Lines = list[dict[str, Any]]


def render(readme: str, results: Path) -> str:
    """The text of a README with every table between `<!-- table: NAME -->` and `<!-- end -->` made anew.

    `results` holds NAME.json for each, what the commands printed with `--json`. Raises `InputError`.
    """

    def fill(match: re.Match[str]) -> str:
        name = match[2]
        if name not in TABLES:
            raise InputError(f"there is no table {name}: known are {', '.join(TABLES)}")
        source = results / f"{name}.json"
        try:
            lines = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read {source}: run `make results`") from error
        return f"{match[1]}{TABLES[name](lines)}\n{match[3]}"

    return MARKED.sub(fill, readme)


def _training(runs: Lines) -> str:
    """The paper's Table 1 beside the same recipe here, mean over seeds."""
    correct = np.array([[epoch["correct"] / epoch["n"] for epoch in run["history"]] for run in runs]) * 100
    loss = np.array([run["history"][-1]["loss"] for run in runs])
    seeds = ", ".join(str(run["recipe"]["seed"]) for run in runs)
    rows = [f"| pass | the paper | here, mean of seeds {seeds} | lowest to highest |", "| ---: | ---: | ---: | ---: |"]
    for i, (paper, ours) in enumerate(zip(PAPER_TABLE_1, correct.T, strict=True), start=1):
        rows.append(f"| {i} | {paper}% | {ours.mean():.2f}% | {ours.min():.2f} to {ours.max():.2f} |")
    last = correct[:, -1]
    spread = last.std(ddof=1)
    half = T975[len(last) - 1] * spread / np.sqrt(len(last))
    n = runs[0]["history"][-1]["n"]
    final = (
        f"At the end, on {n:,} test digits: the paper {PAPER_FINAL}. Here, the mean of {len(last)} seeds is "
        f"{last.mean():.2f}% (95% interval {last.mean() - half:.2f} to {last.mean() + half:.2f}, "
        f"standard deviation {spread:.2f}), loss {loss.mean():.4f}."
    )
    return "\n".join([*rows, "", final])


def _parity(artifacts: Lines) -> str:
    """Each format against its checkpoint."""
    rows = ["| format | bytes | frames | same digit | largest difference in probability |"]
    rows.append("| --- | ---: | ---: | ---: | ---: |")
    for artifact in artifacts:
        parity = artifact["parity"]
        same = round(parity["argmax_agreement"] * parity["n"])
        rows.append(
            f"| {artifact['format']} {artifact['precision']} | {artifact['bytes']:,} | {parity['n']:,} | {same:,} "
            f"| {parity['max_abs_diff']:.1g} |"
        )
    return "\n".join(rows)


def _bench(reports: Lines) -> str:
    """The runtimes as multiples of the first: absolute times are the measuring machine's, and are in the JSON."""
    (report,) = reports
    rows = ["| runtime | latency of one digit (95% interval) | p99 / p50 | throughput at batch 64 | accuracy |"]
    rows.append("| --- | ---: | ---: | ---: | ---: |")
    throughput = {row["runtime"]: row["images_per_s"] for row in report["rows"] if row["batch"] != 1}
    baseline = throughput[report["rows"][0]["runtime"]]
    for row in report["rows"]:
        if row["batch"] == 1:
            low, high = row["ratio_ci95"]
            latency = row["latency_us"]
            rows.append(
                f"| {row['runtime']} | {row['ratio']:.2f}× ({low:.2f} to {high:.2f}) "
                f"| {latency['p99'] / latency['p50']:.1f} | {throughput[row['runtime']] / baseline:.2f}× "
                f"| {100 * row['accuracy']:.2f}% ({row['dataset']}) |"
            )
    return "\n".join(rows)


TABLES: Mapping[str, Callable[[Lines], str]] = MappingProxyType(
    {"training": _training, "parity": _parity, "bench": _bench}
)


@click.command()
@click.argument("readme", type=click.Path(path_type=Path, exists=True))
@click.argument("results", type=click.Path(path_type=Path, exists=True))
def command(readme: Path, results: Path) -> None:
    """Write the tables of README anew from the figures in RESULTS."""
    write_file(readme, render(readme.read_text("utf-8"), results))


if __name__ == "__main__":
    run(command)
