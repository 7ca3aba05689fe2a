"""`edgedigits bench`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

from edgedigits.cli.options import data_dir, load_test_digits, note, print_table
from edgedigits.errors import InputError
from edgedigits.extras import needs
from edgedigits.files import write_file
from edgedigits.models import find_model

PICTURES = (".png", ".svg")


@click.command()
@click.option("--models", help="Runs, models or names, parted by commas.  [default: the newest run, else what ships]")
@click.option("--runtimes", help="Parted by commas.  [default: all]")
@data_dir
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path, allow_dash=True), help="File for the figures, or -."
)
@click.option("--plot", type=click.Path(path_type=Path), help="Picture to draw, .png or .svg.")
def command(
    *, models: str | None, runtimes: str | None, data_dir: Path | None, json_path: Path | None, plot: Path | None
) -> None:
    """Measure speed against accuracy on this machine.

    All candidates take turns within one run, one frame at a time on one thread; ratios are to the first of them. A
    runtime that is not installed is listed with what would install it.

    \b
    Example:
      edgedigits bench --models paper --json bench.json --plot bench.png
    """
    if plot and plot.suffix not in PICTURES:
        raise InputError(f"{plot} is neither .png nor .svg")
    if plot:
        with needs("train", "drawing a plot"):
            from edgedigits.bench.plot import draw
    from rich.console import Console
    from rich.progress import Progress

    from edgedigits.bench.report import BATCHES, ROUNDS, run_bench
    from edgedigits.bench.runtimes import RUNTIMES, find_runtime, prepare_all

    found = [find_model(name) for name in (models.split(",") if models else [None])]
    under_test = [find_runtime(name) for name in runtimes.split(",")] if runtimes else list(RUNTIMES.values())
    digits = load_test_digits("mnist", data_dir)
    with tempfile.TemporaryDirectory() as workspace:
        candidates, unavailable = prepare_all(found, under_test, Path(workspace))
        for missing in unavailable:
            note(f"not measured: {missing['runtime']}, {missing['reason']}")
        if not candidates:
            raise InputError("nothing is left to measure")
        with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("measuring", total=ROUNDS * len(BATCHES))
            report = run_bench(candidates, unavailable, digits, on_round=lambda: bar.advance(task))
    figures = json.dumps(report.to_dict(), ensure_ascii=False) + "\n"
    if json_path and str(json_path) == "-":
        click.echo(figures, nl=False)
    else:
        print_table(report.table())
    if json_path and str(json_path) != "-":
        write_file(json_path, figures)
        note(f"wrote {json_path}")
    if plot:
        write_file(plot, draw(report, plot.suffix))
        note(f"wrote {plot}")
