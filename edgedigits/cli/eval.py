"""`edgedigits eval`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgedigits.cli.options import as_json, data_dir, echo_json, note, print_table
from edgedigits.errors import MissingExtraError
from edgedigits.extras import needs
from edgedigits.files import write_file
from edgedigits.models import Model, find_model

if TYPE_CHECKING:
    from edgedigits.training.digits import Digits
    from edgedigits.training.evaluation import Evaluation


@click.command()
@click.argument("model", metavar="RUN_OR_MODEL")
@click.option("--dataset", default="mnist", show_default=True, help="mnist, synthetic, or a folder with 0 to 9 in it.")
@data_dir
@click.option("--max-error", type=float, help="Error rate allowed among accepted digits.  [default: the model's]")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder for pictures: samples, mistakes, confusion, risk."
)
@as_json
def command(
    *, model: str, dataset: str, data_dir: Path | None, max_error: float | None, output: Path | None, as_json: bool
) -> None:
    """Measure a model on the test split of a data set.

    Prints loss, accuracy with its 95% interval, errors, figures per class and the confusion matrix. A run's folder
    receives pictures of sample predictions, the worst mistakes, those that were accepted, the confusion matrix, and of
    the error rate against the share accepted; other models draw them where --output says.

    \b
    Example:
      edgedigits eval paper --dataset mnist --data-dir data --output pictures
    """
    from edgedigits.training.data import load_digits

    found = find_model(model)
    evaluation, threshold = _evaluate(found, load_digits(dataset, "test", data_dir), max_error)
    if as_json:
        figures = {"accept_threshold": threshold, "max_error": max_error, **evaluation.accuracy.to_dict()}
        echo_json({"model": found.name, **figures, "confusion": evaluation.confusion.tolist()})
    else:
        _print(evaluation, threshold)
    if folder := output or found.folder:
        try:
            for path in _draw(evaluation, threshold, folder):
                note(f"wrote {path}")
        except MissingExtraError as error:
            if output:
                raise
            note(f"no pictures: {error}")


def _evaluate(model: Model, digits: Digits, max_error: float | None) -> tuple[Evaluation, float]:
    """Ask the model's artifact where it has one, for it is proven equal to the checkpoint; else the checkpoint."""
    from edgedigits.training.evaluation import answer_all, evaluate

    if model.artifact:
        from edgedigits.export.formats import format_of

        artifact = format_of(model.artifact).exporter().load(model.artifact)
        threshold = artifact.card.threshold_for(max_error)
        return evaluate(answer_all(artifact.run, digits.frames), digits, threshold), threshold
    with needs("train", "a checkpoint"):
        from edgedigits.export.exporting import measure
    return measure(model.load_checkpoint(), digits, max_error)


def _print(evaluation: Evaluation, threshold: float) -> None:
    from rich import box
    from rich.table import Table

    accuracy = evaluation.accuracy
    low, high = accuracy.ci95
    click.echo(
        f"{accuracy.dataset}: {accuracy.correct}/{accuracy.n} right, {100 * accuracy.accuracy:.2f}% "
        f"(95% interval {100 * low:.2f} to {100 * high:.2f}), {accuracy.errors} errors, "
        f"loss {accuracy.loss:.4f}\n"
        f"accepted at confidence {threshold:g}: {100 * accuracy.coverage:.2f}%, "
        f"{accuracy.accepted_errors} errors among them"
    )
    read_as = [str(i) for i in range(10)]
    title = "rows: digit, columns: read as"
    table = Table("", *read_as, "recall", "precision", title=title, box=box.SIMPLE_HEAD, collapse_padding=True)
    for column in table.columns:
        column.justify = "right"
    for i, (row, recall, precision) in enumerate(
        zip(evaluation.confusion, evaluation.recall, evaluation.precision, strict=True)
    ):
        counts = [f"[bold]{n}[/]" if i == j else str(n) if n else "[dim]·[/]" for j, n in enumerate(row)]
        shares = ["–" if math.isnan(share) else f"{100 * share:.2f}%" for share in (recall, precision)]
        table.add_row(str(i), *counts, *shares)
    print_table(table)


def _draw(evaluation: Evaluation, threshold: float, folder: Path) -> list[Path]:
    with needs("train", "drawing pictures"):
        from edgedigits.training import plots
    pictures = {
        "predictions.png": plots.sample_predictions(evaluation),
        "confusion.png": plots.confusion_matrix(evaluation),
        "mistakes.png": plots.mistakes(evaluation),
        "accepted_mistakes.png": plots.mistakes(evaluation, accepted_from=threshold),
        "risk.png": plots.risk_coverage(evaluation.risk, threshold),
    }
    written = [folder / name for name, picture in pictures.items() if picture]
    for path in written:
        write_file(path, pictures[path.name] or b"")
    return written
