"""Making a model that ships: `python -m edgedigits.export.ship RUN artifacts/NAME`."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from edgedigits.artifact import OnnxArtifact
from edgedigits.card import Card
from edgedigits.cli import run
from edgedigits.cli.options import data_dir, note
from edgedigits.errors import UnpromisedError
from edgedigits.export.exporting import Exported, export_checkpoint
from edgedigits.export.formats import find_format
from edgedigits.files import write_file
from edgedigits.models import ARTIFACT_STEM, SHIPPED_CHECKPOINT, find_model
from edgedigits.training.checkpoint import Epoch
from edgedigits.training.data import load_digits
from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import answer_all, evaluate

__all__ = ["command"]

MAX_ERRORS = (0.01, 0.005, 0.002, 0.001, 0.0005)
PRECISIONS = ("fp32", "int8")
NO_DIGIT_PROBABILITY = "\nWhat they lack of 1 is the probability that it is no digit."


@click.command()
@click.argument("trained", metavar="RUN")
@click.argument("folder", type=click.Path(path_type=Path))
@data_dir
def command(*, trained: str, folder: Path, data_dir: Path | None) -> None:
    """Write weights, artifact and card of RUN to FOLDER, by whose name the model will be known.

    The run's own data set must be at hand, for its test split is what the card's accuracy is of.
    """
    checkpoint = find_model(trained).load_checkpoint()
    digits = load_digits(checkpoint.recipe.dataset, "test", data_dir)
    row = find_format("onnx")
    exported, *_ = made = [
        export_checkpoint(
            checkpoint,
            folder.name,
            folder / row.file_name(ARTIFACT_STEM, precision),
            row=row,
            precision=precision,
            digits=digits,
            data_dir=data_dir,
        )
        for precision in PRECISIONS
    ]
    checkpoint.weights_only().save(folder / SHIPPED_CHECKPOINT)
    answers = answer_all(OnnxArtifact.open(exported.path).run, digits.frames)
    kept = [keeps(exported.card, answers, digits, max_error) for max_error in MAX_ERRORS]
    write_file(folder / "README.md", describe(made, kept, checkpoint.history, folder))
    note(f"wrote {folder}")


def keeps(card: Card, answers: NDArray[np.float32], digits: Digits, max_error: float) -> str:
    """A line on what the card promises for `max_error`, and what came of it on the test `digits`; a table's row."""
    try:
        threshold = card.threshold_for(max_error)
    except UnpromisedError:
        return f"| {100 * max_error:g}% | cannot be promised | | |"
    accuracy = evaluate(answers, digits, threshold).accuracy
    return (
        f"| {100 * max_error:g}% | {threshold:.4f} | {100 * accuracy.coverage:.2f}% | "
        f"{accuracy.accepted_errors} of {round(accuracy.coverage * accuracy.n):,} |"
    )


def describe(made: list[Exported], kept: list[str], history: tuple[Epoch, ...], folder: Path) -> str:
    """The cards for people, in Markdown: of what was `made`, in fp32 first, and of the checkpoint beside it."""
    card = made[0].card
    accuracy, recipe = card.accuracy, card.provenance["recipe"]
    low, high = accuracy.ci95
    proofs = "\n".join(
        f"| {exported.card.precision} | {exported.card.accuracy.correct} | {exported.card.accept_threshold:g} "
        f"| {100 * exported.card.accuracy.coverage:.2f}%, {exported.card.accuracy.accepted_errors} errors among them "
        f"| {exported.parity.max_abs_diff:.1e} | {100 * exported.parity.digits_agreement:.2f}% |"
        for exported in made
    )
    files = "\n".join(
        f"| `{path.name}` | {len(content):,} | `{hashlib.sha256(content).hexdigest()}` |"
        for path in (*(exported.path for exported in made), folder / SHIPPED_CHECKPOINT)
        for content in [path.read_bytes()]
    )
    settings = "\n".join(
        f"| {name} | {value} |" for name, value in recipe.items() if value is not None and value is not False
    )
    passes = "\n".join(
        f"| {epoch.epoch} | {epoch.train_loss:.4f} | {epoch.loss:.4f} | {100 * epoch.accuracy:.2f}% |"
        for epoch in history
        if epoch.epoch in {1, 2, 5, 10, 20, 40, 80, len(history)}
    )
    versions = ", ".join(f"{name} {version}" for name, version in sorted(card.provenance["versions"].items()))
    right = f"{accuracy.correct} of {accuracy.n}, {100 * accuracy.accuracy:.2f}%"
    accepted = f"{100 * accuracy.coverage:.2f}%, {accuracy.accepted_errors} errors among them"
    return f"""# {card.model}

Reads frames (`uint8 [batch, 28, 28]`, 0 = paper, 255 = ink, centred as MNIST centres) and gives the probabilities of
the digits 0 to 9 (`float32 [batch, 10]`).{NO_DIGIT_PROBABILITY if recipe["nondigits"] else ""}

| measured once on the test split of {accuracy.dataset} | |
| --- | --- |
| right | {right} (95% interval {100 * low:.2f} to {100 * high:.2f}) |
| mean negative log-likelihood | {accuracy.loss:.4f} |
| accepted at confidence {card.accept_threshold:g} | {accepted} |

| precision | right | threshold | accepted | largest difference from the checkpoint | same digit as it |
| --- | ---: | ---: | ---: | ---: | ---: |
{proofs}

{_trust(card, kept)}

| recipe | |
| --- | --- |
{settings}

| pass | objective in training | loss on {"the validation split" if card.risk else "the test split"} | accuracy there |
| ---: | ---: | ---: | ---: |
{passes}

| file | bytes | sha256 |
| --- | ---: | --- |
{files}

Made by `python -m edgedigits.export.ship RUN artifacts/{card.model}` with {versions}, RUN being what
`OMP_NUM_THREADS=1 edgedigits train --recipe {recipe["name"]} --seed {recipe["seed"]} --device cpu` left.
The weights' own digest is `{card.weights_sha256}`; every pass is in `model.safetensors`.
"""


def _trust(card: Card, kept: list[str]) -> str:
    calibration, risk = card.calibration, card.risk
    if risk is None:
        return (
            "Not calibrated: the recipe holds nothing out. The threshold is a convention, fitted to nothing, so it\n"
            "promises no error rate. Trained on digits alone: what is no digit is read as one."
        )
    promises = "\n".join(kept)
    drawn, temperature = calibration.n - risk.n, calibration.temperature
    before, after = 100 * calibration.ece_before, 100 * calibration.ece_after
    # Rounded up: less would not be promised.
    max_error = math.ceil(1e4 * (card.max_error or 0)) / 100
    return f"""Calibrated on {risk.n:,} digits held out of the training split and {drawn:,} non-digits drawn:
temperature {temperature:.3f}, expected calibration error {before:.2f}% before and {after:.2f}% after. The threshold
above accepts 99% of the digits held out, and promises that no more than {max_error:.2f}% of such digits as it accepts
are wrong, with 95% confidence. `Recognizer("{card.model}", max_error=...)` sets others:

| promised error rate | threshold | accepted on the test split | wrong among them |
| ---: | ---: | ---: | ---: |
{promises}"""


if __name__ == "__main__":
    run(command)
