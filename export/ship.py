"""Making a model that ships: `python -m edgedigits.export.ship RUN artifacts/NAME`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from edgedigits.card import Card
from edgedigits.cli import run
from edgedigits.cli.options import data_dir, note
from edgedigits.export.exporting import export_checkpoint
from edgedigits.export.formats import find_format
from edgedigits.export.parity import Parity
from edgedigits.files import write_file
from edgedigits.models import ARTIFACT, SHIPPED_CHECKPOINT, find_model
from edgedigits.training.data import load_digits

__all__ = ["command"]


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
    exported = export_checkpoint(
        checkpoint, folder.name, folder / ARTIFACT, row=find_format("onnx"), precision="fp32", digits=digits
    )
    checkpoint.weights_only().save(folder / SHIPPED_CHECKPOINT)
    write_file(folder / "README.md", describe(exported.card, exported.parity, folder))
    note(f"wrote {folder}")


def describe(card: Card, parity: Parity, folder: Path) -> str:
    """The card for people, in Markdown; `folder` holds the files it speaks of."""
    accuracy, recipe = card.accuracy, card.provenance["recipe"]
    low, high = accuracy.ci95
    files = "\n".join(
        f"| `{name}` | {len(content):,} | `{hashlib.sha256(content).hexdigest()}` |"
        for name in (ARTIFACT, SHIPPED_CHECKPOINT)
        for content in [(folder / name).read_bytes()]
    )
    settings = "\n".join(f"| {name} | {value} |" for name, value in recipe.items())
    versions = ", ".join(f"{name} {version}" for name, version in sorted(card.provenance["versions"].items()))
    right = f"{accuracy.correct} of {accuracy.n}, {100 * accuracy.accuracy:.2f}%"
    accepted = f"{100 * accuracy.coverage:.2f}%, {accuracy.accepted_errors} errors among them"
    return f"""# {card.model}

Reads frames (`uint8 [batch, 28, 28]`, 0 = paper, 255 = ink, centred as MNIST centres) and gives the probabilities of
the digits 0 to 9 (`float32 [batch, 10]`).

| measured once on the test split of {accuracy.dataset} | |
| --- | --- |
| right | {right} (95% interval {100 * low:.2f} to {100 * high:.2f}) |
| mean negative log-likelihood | {accuracy.loss:.4f} |
| accepted at confidence {card.accept_threshold:g} | {accepted} |
| largest difference in probability from the checkpoint | {parity.max_abs_diff:.1e}, over {parity.n} frames |

Calibration: {card.calibration.method}. The threshold is a convention and was fitted to nothing, so it promises no
error rate. Trained on digits alone: what is no digit is read as one.

| recipe | |
| --- | --- |
{settings}

| file | bytes | sha256 |
| --- | ---: | --- |
{files}

Made by `python -m edgedigits.export.ship RUN artifacts/{card.model}` with {versions}.
The weights' own digest is `{card.weights_sha256}`.
"""


if __name__ == "__main__":
    run(command)
