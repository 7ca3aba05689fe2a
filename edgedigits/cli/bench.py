"""`edgedigits bench`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgedigits.cli.options import data_dir, load_test_digits, note, print_table
from edgedigits.errors import InputError
from edgedigits.extras import needs
from edgedigits.files import write_file
from edgedigits.models import DEFAULT_MODEL, find_model, newest_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgedigits.bench.budget import Budget
    from edgedigits.bench.compare import Change
    from edgedigits.bench.report import Report
    from edgedigits.bench.runtimes import Runtime
    from edgedigits.models import Model
    from edgedigits.training.digits import Digits

PICTURES = (".png", ".svg")
QUICK_RUNTIMES = ("onnxruntime", "onnxruntime-default")
QUICK_DIGITS = 1000


@click.command()
@click.option("--models", help="Runs, models or names, parted by commas.  [default: the newest run, else what ships]")
@click.option("--runtimes", help="Parted by commas.  [default: all but torch.compile]")
@click.option("--quick", is_flag=True, help="In some seconds: onnxruntime, the files at hand, 1,000 digits.")
@click.option("--budget", "budgets", multiple=True, help="As p99<200us, bytes<50k, accuracy>99%; may be given again.")
@data_dir
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path, allow_dash=True), help="File for the figures, or -."
)
@click.option(
    "--plot", "plots", multiple=True, type=click.Path(path_type=Path), help="Picture to draw, .png or .svg; or both."
)
@click.option(
    "--compare", "old_path", type=click.Path(path_type=Path), help="Figures of an earlier run: tells what got slower."
)
def command(
    *,
    models: str | None,
    runtimes: str | None,
    quick: bool,
    budgets: tuple[str, ...],
    data_dir: Path | None,
    json_path: Path | None,
    plots: tuple[Path, ...],
    old_path: Path | None,
) -> None:
    """Measure speed against accuracy on this machine.

    All candidates take turns within one run; ratios are to the first of them. What is on the front is marked, and one
    candidate recommended, within the budgets if there are any. What is not installed is listed with what would install
    it. The exit code is 1 where something got slower than in the run to compare with, or nothing keeps to the budgets.

    \b
    Example:
      edgedigits bench --budget "p99<200us" --budget "bytes<50k" --json bench.json --plot bench.png
    """
    for plot in plots:
        if plot.suffix not in PICTURES:
            raise InputError(f"{plot} is neither .png nor .svg")
    if plots:
        with needs("train", "drawing a plot"):
            from edgedigits.bench.plot import draw
    from edgedigits.bench.budget import Budget
    from edgedigits.bench.compare import changes, read_report
    from edgedigits.bench.files import reads_lines
    from edgedigits.bench.runtimes import RUNTIMES, find_runtime

    limits = [Budget.parse(text) for text in budgets]
    old = read_report(old_path) if old_path else None
    usual = QUICK_RUNTIMES if quick else [name for name, runtime in RUNTIMES.items() if not runtime.by_name_only]
    under_test = [find_runtime(name) for name in (runtimes.split(",") if runtimes else usual)]
    found = [find_model(name) for name in (models.split(",") if models else _usual_models())]
    for model in found:
        if reads_lines(model):
            raise InputError(f"{model.name} reads lines: `python -m edgedigits.bench.strings` measures those")
    report = _measure(found, under_test, load_test_digits("mnist", data_dir), limits, quick=quick)
    told = report.to_dict()
    since = changes(told, old) if old else []
    if old:
        told["compared"] = [change.to_dict() for change in since]
    figures = json.dumps(told, ensure_ascii=False) + "\n"
    if json_path and str(json_path) == "-":
        click.echo(figures, nl=False)
    else:
        _show(report, since if old else None)
    if json_path and str(json_path) != "-":
        write_file(json_path, figures)
        note(f"wrote {json_path}")
    for plot in plots:
        write_file(plot, draw(report, plot.suffix))
        note(f"wrote {plot}")
    if any(change.verdict == "slower" for change in since) or report.advice.place is None:
        sys.exit(1)


def _measure(
    models: Sequence[Model], runtimes: Sequence[Runtime], digits: Digits, budgets: Sequence[Budget], *, quick: bool
) -> Report:
    from rich.console import Console
    from rich.progress import Progress

    from edgedigits.bench.files import Shelf
    from edgedigits.bench.report import run_bench, steps
    from edgedigits.bench.runtimes import prepare_all
    from edgedigits.bench.scenarios import QUICK, USUAL

    effort = QUICK if quick else USUAL
    with (
        tempfile.TemporaryDirectory() as workspace,
        Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("preparing", total=None)
        shelves = [Shelf(model, Path(workspace), is_closed=quick) for model in models]
        candidates, unavailable = prepare_all(shelves, runtimes, lambda what: bar.update(task, description=what))
        for missing in dict.fromkeys((missing["runtime"], missing["reason"]) for missing in unavailable):
            note(f"not measured: {', '.join(missing)}")
        if not candidates:
            raise InputError("nothing is left to measure")
        bar.update(task, total=steps(candidates, effort))
        return run_bench(
            candidates,
            unavailable,
            digits.only(slice(QUICK_DIGITS)) if quick else digits,
            effort,
            budgets=budgets,
            on_step=lambda what: bar.update(task, advance=1, description=what),
        )


def _show(report: Report, since: list[Change] | None) -> None:
    from edgedigits.bench.show import compared, notes, tables

    for table in tables(report):
        print_table(table)
    for line in notes(report):
        click.echo(line)
    if since is not None:
        if any(change.verdict != "alike" for change in since):
            print_table(compared(since))
        else:
            click.echo(f"Of {len(since)} candidates, none got slower or faster beyond noise.")


def _usual_models() -> list[str]:
    """The newest run, else all that ship, the default model first; what reads lines is left out."""
    from edgedigits.bench.files import digit_models, reads_lines

    newest = newest_run()
    if newest and reads_lines(find_model(newest)):
        note(f"not measured: {newest}, which reads lines")
        newest = None
    return [str(newest)] if newest else sorted(digit_models(), key=lambda name: name != DEFAULT_MODEL)
