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
from edgedigits.training.evaluation import mean_interval

__all__ = ["command", "render"]

PAPER_TABLE_1 = (96, 97, 97, 98, 98, 98, 98, 98)
"""Test accuracy in percent after each pass (R. Wang, Table 1)."""
PAPER_FINAL = "98.21% (one run), loss 0.0527"
"""R. Wang, Figure 4."""
SHOWN = ("nano", "small")
"""Models whose exports are listed one by one: the others' are in bench/results/formats.json."""
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
    mean, deviation, (low, high) = mean_interval(correct[:, -1].tolist())
    final = (
        f"At the end, on {runs[0]['history'][-1]['n']:,} test digits: the paper {PAPER_FINAL}. Here, the mean of "
        f"{len(runs)} seeds is {mean:.2f}% (95% interval {low:.2f} to {high:.2f}, standard deviation {deviation:.2f}), "
        f"loss {loss.mean():.4f}."
    )
    return "\n".join([*rows, "", final])


def _formats(exports: Lines) -> str:
    """What each format and precision costs and keeps, of the smallest model and of the default one."""
    rows = ["| model | format | bytes | same digit | accuracy | largest difference | latency (95%) |"]
    rows.append("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for export in exports:
        if export["model"] in SHOWN:
            parity, (low, high) = export["parity"], export["latency_ratio_ci95"]
            rows.append(
                f"| {export['model']} | {export['format']} {export['precision']} | {export['bytes']:,} "
                f"| {100 * parity['digits_agreement']:.2f}% | {100 * export['accuracy']:.2f}% "
                f"| {parity['max_abs_diff']:.1g} | {export['latency_ratio']:.2f}× ({low:.2f} to {high:.2f}) |"
            )
    return "\n".join(rows)


def _bench(reports: Lines) -> str:
    """The runtimes as multiples of the first: absolute times are the measuring machine's, and are in the JSON."""
    (report,) = reports
    rows = ["| runtime | latency of one digit (95% interval) | p99 / p50 | throughput at batch 64 | accuracy |"]
    rows.append("| --- | ---: | ---: | ---: | ---: |")
    measured = [row for row in report["rows"] if row["precision"] == "fp32" and row.get("callers", 1) == 1]
    throughput = {row["runtime"]: row["images_per_s"] for row in measured if row["batch"] == 64}
    baseline = throughput[measured[0]["runtime"]]
    for row in measured:
        if row["batch"] == 1:
            low, high = row["ratio_ci95"]
            latency = row["latency_us"]
            rows.append(
                f"| {row['runtime']} | {row['ratio']:.2f}× ({low:.2f} to {high:.2f}) "
                f"| {latency['p99'] / latency['p50']:.1f} | {throughput[row['runtime']] / baseline:.2f}× "
                f"| {100 * row['accuracy']:.2f}% ({row['dataset']}) |"
            )
    return "\n".join(rows)


def _family(lines: Lines) -> str:
    """The networks: what training gave over seeds, and what they cost, as a multiple of the paper's."""
    runs = [line for line in lines if "history" in line]
    (report,) = (line for line in lines if "rows" in line)
    latency = {row["model"]: row for row in report["rows"] if row["batch"] == 1 and row["precision"] == "fp32"}
    accuracies = {name: _accuracies(runs, name) for name in dict.fromkeys(run["recipe"]["name"] for run in runs)}
    rows = [
        "| model | parameters | latency (95%) | accuracy (95%) | seeds, lowest to highest |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, row in sorted(latency.items(), key=lambda item: item[1]["ratio"]):
        values = accuracies[name]
        mean, _, (low, high) = mean_interval(values)
        fast, slow = row["ratio_ci95"]
        rows.append(
            f"| {name} | {_parameters(name):,} | {row['ratio']:.2f}× ({fast:.2f} to {slow:.2f}) "
            f"| {100 * mean:.2f}% ({100 * low:.2f} to {100 * min(high, 1):.2f}) "
            f"| {len(values)}, {100 * min(values):.2f} to {100 * max(values):.2f} |"
        )
    return "\n".join(rows)


def _accuracies(runs: Lines, recipe: str) -> list[float]:
    return [run["test"]["accuracy"] for run in runs if run["recipe"]["name"] == recipe]


def _parameters(recipe: str) -> int:
    """As exported: batch normalisation is folded into what it follows."""
    from edgedigits.export.folding import fold
    from edgedigits.training.networks import build_network
    from edgedigits.training.recipes import find_recipe

    folded = fold(build_network(find_recipe(recipe).network), temperature=1)
    return sum(parameter.numel() for parameter in folded.parameters())


def _trust(lines: Lines) -> str:
    """What is accepted of MNIST's test digits where an error rate is promised, and how much of it is wrong."""
    promised = list(dict.fromkeys(line["max_error"] for line in lines))
    rows = [
        "| model | " + " | ".join(f"at most {100 * max_error:g}% wrong" for max_error in promised) + " |",
        "| --- |" + " ---: |" * len(promised),
    ]
    for name in dict.fromkeys(line["model"] for line in lines):
        cells = [
            f"{100 * line['coverage']:.1f}% accepted, {line['accepted_errors']} wrong"
            for line in lines
            if line["model"] == name
        ]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _elsewhere(lines: Lines) -> str:
    """Digits that no model was trained on, and what is no digit."""
    models = list(dict.fromkeys(line["model"] for line in lines))
    rows = ["| collection | pictures | " + " | ".join(models) + " |", "| --- | ---: |" + " ---: |" * len(models)]
    for collection in dict.fromkeys(line["collection"] for line in lines):
        of_it = [line for line in lines if line["collection"] == collection]
        if "digits" in of_it[0]:
            cells = [f"{100 * line['right'] / line['digits']:.1f}%" for line in of_it]
            rows.append(f"| {collection}, right | {of_it[0]['digits']:,} | " + " | ".join(cells) + " |")
        if "no_digits" in of_it[0]:
            cells = [f"{100 * line['refused'] / line['no_digits']:.1f}%" for line in of_it]
            rows.append(f"| {collection}, refused | {of_it[0]['no_digits']:,} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _strings(lines: Lines) -> str:
    """Whole amounts: what is right, what is accepted, and how fast; sizes and times are in the JSON."""
    measured = [line for line in lines if "strings" in line]
    promised = next((line["accepted_at_max_error"] for line in measured if "accepted_at_max_error" in line), None)
    strict = f"at most {100 * promised['max_error']:g}% wrong promised" if promised else "strictly"
    rows = [
        f"| collection | lines | right (95%) | digits right | accepted, right of those | {strict} |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for line in measured:
        low, high = line["ci95"]
        rows.append(
            f"| {line['collection']} | {line['strings']:,} "
            f"| {100 * line['accuracy']:.1f}% ({100 * low:.1f} to {100 * high:.1f}) "
            f"| {100 * line['digit_accuracy']:.2f}% | {_accepted(line['accepted'])} "
            f"| {_accepted(line['accepted_at_max_error']) if 'accepted_at_max_error' in line else '–'} |"
        )
    return "\n".join(rows)


def _accepted(told: dict[str, Any]) -> str:
    right = f"{100 * told['right'] / told['n']:.1f}%" if told["n"] else "–"
    return f"{100 * told['share']:.1f}%, {right}"


def _pages(lines: Lines) -> str:
    """Digits on pages as a camera sees them, and pages without one."""
    rows = ["| page | read right | accepted | of those wrong |", "| --- | ---: | ---: | ---: |"]
    for line in lines:
        pages, name = line["pages"], line["condition"]
        if "refused" in line:
            rows.append(f"| {name}: refused | {100 * line['refused'] / pages:.1f}% | | |")
            continue
        right, accepted = line["right"] / pages, line["accepted"] / pages
        wrong = line["accepted"] - line["accepted_right"]
        rows.append(f"| {name} | {100 * right:.1f}% | {100 * accepted:.1f}% | {wrong} |")
    return "\n".join(rows)


def _guest(lines: Lines) -> str:
    """What the runner costs the program it lives in."""
    rows = ["| figure | here | measured over |", "| --- | ---: | ---: |"]
    for line in lines:
        figure, n = line["figure"], f"{line['n']:,}"
        if "grown_bytes" in line:
            rows.append(f"| {figure}: growth | {line['grown_bytes'] / 1e6:.2f} MB | {n} readings |")
        elif "beyond_bytes" in line:
            own = line["beyond"]["edgedigits"] / 1e6
            whole = f"{line['beyond_bytes'] / 1e6:.1f} MB, of which {own:.1f} our own"
            rows.append(f"| installed beyond onnxruntime's own install | {whole} | {n} packages |")
        elif "share_of_a_core" in line:
            shares = f"{100 * line['share_of_a_core']:.2f}% of a core, {100 * line['baseline_share']:.0f}%"
            rows.append(f"| {figure}, and a default session's | {shares} | {n} readings |")
        else:
            low, high = line["ratio_ci95"]
            rows.append(f"| {GUESTS[figure]} | {line['ratio']:.2f}× ({low:.2f} to {high:.2f}) | {n} |")
    return "\n".join(rows)


GUESTS: Mapping[str, str] = MappingProxyType(
    {
        "classify": "`classify` of a frame, to the bare `session.run`",
        "read a PNG": "`read` of a PNG of 28×28 pixels, to decoding it with Pillow",
        "start and classify": "process start to a first answer, to `import onnxruntime` alone",
        "start and read a PNG": "the same with a PNG, which loads Pillow",
    }
)
"""What a figure of `edgedigits.bench.guest` is set beside."""

TABLES: Mapping[str, Callable[[Lines], str]] = MappingProxyType(
    {
        "bench": _bench,
        "elsewhere": _elsewhere,
        "family": _family,
        "formats": _formats,
        "guest": _guest,
        "pages": _pages,
        "strings": _strings,
        "training": _training,
        "trust": _trust,
    }
)


@click.command()
@click.argument("readme", type=click.Path(path_type=Path, exists=True))
@click.argument("results", type=click.Path(path_type=Path, exists=True))
def command(readme: Path, results: Path) -> None:
    """Write the tables of README anew from the figures in RESULTS."""
    write_file(readme, render(readme.read_text("utf-8"), results))


if __name__ == "__main__":
    run(command)
