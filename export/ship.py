"""Making a model that ships: `python -m edgedigits.export.ship RUN artifacts/NAME`."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import click

from edgedigits.alphabet import SEPARATORS
from edgedigits.artifact import OnnxArtifact
from edgedigits.card import Card
from edgedigits.cli import run
from edgedigits.cli.options import data_dir, note
from edgedigits.errors import RunError, UnpromisedError
from edgedigits.export.exporting import Exported, export_checkpoint
from edgedigits.export.formats import find_format
from edgedigits.export.measuring import USUAL_ERROR, Answered, ask, load_tests, taken_by
from edgedigits.files import write_file
from edgedigits.models import ARTIFACT_STEM, SHIPPED_CHECKPOINT, find_model
from edgedigits.risk import RiskCurve
from edgedigits.training.checkpoint import Checkpoint
from edgedigits.training.line_material import MEASURED_STRENGTH

__all__ = ["command"]

PRECISIONS = {"frames": ("fp32", "int8"), "lines": ("fp16",)}
"""The first is the model's own, and not a part of its file's name."""
MAX_ERRORS = {"frames": (0.01, 0.005, 0.002, 0.001, 0.0005), "lines": (0.05, 0.02, 0.01, 0.005, 0.002)}
"""By what the network takes, as `PRECISIONS` are."""
READS_FRAMES = """\
Reads frames (`uint8 [batch, 28, 28]`, 0 = paper, 255 = ink, centred as MNIST centres) and gives the probabilities of
the digits 0 to 9 (`float32 [batch, 10]`)."""
NO_DIGIT_PROBABILITY = "\nWhat they lack of 1 is the probability that it is no digit."
READS_LINES = f"""\
Reads lines (`uint8 [batch, 32, width]`, 0 = paper, 255 = ink) and gives for each two columns the probabilities of what
stands there (`float32 [batch, steps, 17]`): the digits 0 to 9, the separators `{SEPARATORS}`, `?` for what is written
and is neither, and nothing. What a line says is decoded from them by connectionist temporal classification."""


@click.command()
@click.argument("trained", metavar="RUN")
@click.argument("folder", type=click.Path(path_type=Path))
@data_dir
def command(*, trained: str, folder: Path, data_dir: Path | None) -> None:
    """Write weights, artifact and card of RUN to FOLDER, by whose name the model will be known.

    The run's own data set must be at hand, for its test split is what the card's accuracy is of.
    """
    checkpoint = find_model(trained).load_checkpoint()
    recipe = checkpoint.recipe
    if not checkpoint.is_complete:
        raise RunError(f"{trained} is not finished: go on with `edgedigits train --resume --output {trained}`")
    digits = load_tests(recipe.dataset, recipe, data_dir)
    row = find_format("onnx")
    exported, *_ = made = [
        export_checkpoint(
            checkpoint,
            folder.name,
            folder / row.file_name(ARTIFACT_STEM, precision if i else "fp32"),
            row=row,
            precision=precision,
            digits=digits,
            data_dir=data_dir,
        )
        for i, precision in enumerate(PRECISIONS[taken_by(recipe)])
    ]
    checkpoint.weights_only().save(folder / SHIPPED_CHECKPOINT)
    answered = ask(OnnxArtifact.open(exported.path).run, digits)
    kept = [keeps(exported.card, answered, max_error) for max_error in MAX_ERRORS[exported.card.takes]]
    write_file(folder / "README.md", describe(made, kept, checkpoint, folder))
    note(f"wrote {folder}")


def keeps(card: Card, answered: Answered, max_error: float) -> str:
    """A line on what the card promises for `max_error`, and what came of it on the test split; a table's row."""
    try:
        threshold = card.threshold_for(max_error)
    except UnpromisedError:
        return f"| {100 * max_error:g}% | cannot be promised | | |"
    accuracy = answered(threshold).accuracy
    return (
        f"| {100 * max_error:g}% | {threshold:.4f} | {100 * accuracy.coverage:.2f}% | "
        f"{accuracy.accepted_errors} of {round(accuracy.coverage * accuracy.n):,} |"
    )


def describe(made: list[Exported], kept: list[str], checkpoint: Checkpoint, folder: Path) -> str:
    """The cards for people, in Markdown: of what was `made`, its own file first, and of the checkpoint beside it."""
    card, history = made[0].card, checkpoint.history
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
    same = "same string as it" if card.takes == "lines" else "same digit as it"
    # Of GPUs there is a random state of their own. A run on lines begins with others, and is not made again bit by bit.
    device = "cuda" if "cuda" in checkpoint.random_state else "cpu"
    how = "OMP_NUM_THREADS=1 " if device == "cpu" and card.takes == "frames" else ""
    return f"""# {card.model}

{_reads(card)}

| measured once on {_tests(card)} | |
| --- | --- |
| right | {right} (95% interval {100 * low:.2f} to {100 * high:.2f}) |
| mean negative log-likelihood | {accuracy.loss:.4f} |
| accepted at confidence {card.accept_threshold:g} | {accepted} |

| precision | right | threshold | accepted | largest difference from the checkpoint | {same} |
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
`{how}edgedigits train --recipe {recipe["name"]} --seed {recipe["seed"]} --device {device}` left.
The weights' own digest is `{card.weights_sha256}`; every pass is in `model.safetensors`.
"""


def _reads(card: Card) -> str:
    """What goes in and comes out, and of lines, what they were that it was measured on."""
    recipe = card.provenance["recipe"]
    if card.takes == "frames":
        return READS_FRAMES + (NO_DIGIT_PROBABILITY if recipe["nondigits"] else "")
    digits = f"the test digits of {recipe['dataset']}"
    digits += " and those of the last writers on a tablet" if recipe["pendigits"] else ""
    return f"""{READS_LINES}

Figures are of lines that were composed, not of such as people wrote: of {digits},
none of which it was trained on, with separators, foreign marks, rules, paper and camera. They are disturbed at a
strength of {MEASURED_STRENGTH}, those that it was trained on at {recipe["strength"]}. A string counts as right where
all its digits are, in their order; separators are not asked for."""


def _tests(card: Card) -> str:
    if card.takes == "lines":
        return f"{card.accuracy.n:,} {card.accuracy.dataset}'s test digits"
    return f"the test split of {card.accuracy.dataset}"


def _trust(card: Card, kept: list[str]) -> str:
    if card.risk is None:
        return (
            "Not calibrated: the recipe holds nothing out. The threshold is a convention, fitted to nothing, so it\n"
            "promises no error rate. Trained on digits alone: what is no digit is read as one."
        )
    promises = "\n".join(kept)
    calibration = card.calibration
    errors = f"{100 * calibration.ece_before:.2f}% before and {100 * calibration.ece_after:.2f}% after"
    return f"""Calibrated on {_held_out(card, card.risk)}:
temperature {calibration.temperature:.3f}, expected calibration error {errors}. The threshold
{_promise(card)}, with 95% confidence. `Recognizer("{card.model}", max_error=...)` sets others:

| promised error rate | threshold | accepted on the test split | wrong among them |
| ---: | ---: | ---: | ---: |
{promises}"""


def _held_out(card: Card, risk: RiskCurve) -> str:
    n = card.calibration.n
    if card.takes == "lines":
        return f"{n:,} lines of digits held out of the training split, of which {risk.n:,} have nothing foreign in them"
    return f"{risk.n:,} digits held out of the training split and {n - risk.n:,} non-digits drawn"


def _promise(card: Card) -> str:
    # Rounded up: less would not be promised.
    most = f"{math.ceil(1e4 * (card.max_error or 0)) / 100:.2f}%"
    what, share = ("strings", "at least half") if card.takes == "lines" else ("digits", "99%")
    is_given = card.takes == "lines" and card.max_error == USUAL_ERROR
    first = "" if is_given else f"accepts {share} of the {what} held out, and "
    return f"above {first}promises that no more than {most} of such {what} as it accepts\nare wrong"


if __name__ == "__main__":
    run(command)
