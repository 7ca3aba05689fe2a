"""`edgedigits eval`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgedigits.card import Accuracy
from edgedigits.cli.options import as_json, data_dir, echo_json, note, print_table
from edgedigits.errors import MissingExtraError
from edgedigits.extras import needs
from edgedigits.files import write_file
from edgedigits.models import Model, find_model

if TYPE_CHECKING:
    from edgedigits.card import Card
    from edgedigits.export.measuring import StringEvaluation
    from edgedigits.training.evaluation import Evaluation
    from edgedigits.training.recipes import Recipe


@click.command()
@click.argument("model", metavar="RUN_OR_MODEL")
@click.option("--dataset", default="mnist", show_default=True, help="mnist, synthetic, or a folder with 0 to 9 in it.")
@data_dir
@click.option("--max-error", type=float, help="Error rate allowed among what is accepted.  [default: the model's]")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder for pictures: samples, mistakes, confusion, risk."
)
@as_json
def command(
    *, model: str, dataset: str, data_dir: Path | None, max_error: float | None, output: Path | None, as_json: bool
) -> None:
    """Measure a model on the test split of a data set; one that reads lines, on lines composed of its digits.

    Prints loss, accuracy with its 95% interval, errors, figures per class and the confusion matrix. A run's folder
    receives pictures of sample predictions, the worst mistakes, those that were accepted, the confusion matrix, and of
    the error rate against the share accepted; other models draw them where --output says. Of a model that reads lines,
    strings count, each right as a whole or not, and no table or picture is made.

    \b
    Example:
      edgedigits eval paper --dataset mnist --data-dir data --output pictures
    """
    from edgedigits.training.evaluation import Evaluation

    found = find_model(model)
    evaluation, threshold = _evaluate(found, dataset, data_dir, max_error)
    of_digits = evaluation if isinstance(evaluation, Evaluation) else None
    if as_json:
        figures = {"accept_threshold": threshold, "max_error": max_error, **evaluation.accuracy.to_dict()}
        confusion = {"confusion": of_digits.confusion.tolist()} if of_digits else {}
        echo_json({"model": found.name, **figures, **confusion})
    else:
        _print(evaluation.accuracy, threshold)
        if of_digits:
            _print_confusion(of_digits)
    if output and not of_digits:
        note(f"no pictures: {found.name} reads lines, of which none are drawn")
    if of_digits and (folder := output or found.folder):
        try:
            for path in _draw(of_digits, threshold, folder):
                note(f"wrote {path}")
        except MissingExtraError as error:
            if output:
                raise
            note(f"no pictures: {error}")


def _evaluate(
    model: Model, dataset: str, data_dir: Path | None, max_error: float | None
) -> tuple[Evaluation | StringEvaluation, float]:
    """Ask the model's artifact where it has one, for it is proven equal to the checkpoint; else the checkpoint."""
    from edgedigits.export.measuring import ask, load_tests

    if model.artifact:
        from edgedigits.export.formats import format_of

        artifact = format_of(model.artifact).exporter().load(model.artifact)
        threshold = artifact.card.threshold_for(max_error)
        recipe = _line_recipe(model, artifact.card) if artifact.card.takes == "lines" else None
        return ask(artifact.run, load_tests(dataset, recipe, data_dir))(threshold), threshold
    with needs("train", "a checkpoint"):
        from edgedigits.export.exporting import measure
    checkpoint = model.load_checkpoint()
    return measure(checkpoint, load_tests(dataset, checkpoint.recipe, data_dir), max_error)


def _line_recipe(model: Model, card: Card) -> Recipe:
    """What says how lines are composed: the model's own recipe; for an artifact alone, that which its card names."""
    from edgedigits.training.recipes import LineRecipe

    if model.checkpoint:
        return model.load_checkpoint().recipe
    told = card.provenance["recipe"]
    return LineRecipe(**{**told, "teachers": tuple(told["teachers"])})


def _print(accuracy: Accuracy, threshold: float) -> None:
    low, high = accuracy.ci95
    click.echo(
        f"{accuracy.dataset}: {accuracy.correct}/{accuracy.n} right, {100 * accuracy.accuracy:.2f}% "
        f"(95% interval {100 * low:.2f} to {100 * high:.2f}), {accuracy.errors} errors, "
        f"loss {accuracy.loss:.4f}\n"
        f"accepted at confidence {threshold:g}: {100 * accuracy.coverage:.2f}%, "
        f"{accuracy.accepted_errors} errors among them"
    )


def _print_confusion(evaluation: Evaluation) -> None:
    from rich import box
    from rich.table import Table

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
