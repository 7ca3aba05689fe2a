"""Digits from elsewhere, and what is no digit: `python -m edgedigits.bench.elsewhere PATH... [--models paper,small]`.

MNIST is one pen, one scanner and one country. This reads other collections with the whole runner, and tells
how many digits are read right, of whom, how many are accepted, and how much of what is no digit is refused, all at the
threshold of the model's card or at the one for `--max-error`.

PATH is a NumPy archive `*.npz` with `images` (`uint8 [n, height, width]`) and `labels`; a folder of pictures with a
`labels.csv`, whose column `file` names the picture and `label` or `letter` what it shows; or a JSON file with a list of
`{"label": digit, "strokes": [[[x, y], ...], ...]}`, of which those are left out that models were trained on.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from edgedigits.bench.files import digit_models
from edgedigits.bench.sheet import Mistake, contact_sheet
from edgedigits.cli import run
from edgedigits.cli.options import data_dir, echo_json
from edgedigits.errors import DatasetError, PictureError
from edgedigits.files import write_file
from edgedigits.pictures import Picture, open_picture
from edgedigits.recognizer import Recognizer
from edgedigits.results import Reading
from edgedigits.strokes import Strokes
from edgedigits.training import pendigits
from edgedigits.training.data import load_digits
from edgedigits.training.evaluation import evaluate, wilson_interval

__all__ = ["Item", "command", "load_collections"]

LOOK_ALIKES = frozenset("OoIilZzSsBbGgq")
"""Latin letters that a digit may rightly be seen in; of other letters, `labels.csv` says it in `looks_like_a_digit`."""


@dataclass(frozen=True)
class Item:
    """A picture, or the strokes of one digit, and what is there; `label` is None where that is no digit.

    `name` tells it from others of its collection, `person` who wrote it, where that is known.
    """

    name: str
    label: int | None
    picture: Picture | None = None
    strokes: Strokes = ()
    person: str = ""


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--models", help="Names or files, parted by commas.  [default: all that ship and take digits]")
@click.option("--max-error", type=float, help="Error rate allowed among accepted digits.  [default: each model's]")
@click.option(
    "--sheets", type=click.Path(path_type=Path), help="Folder for contact sheets of what the last model reads wrongly."
)
@data_dir
def command(
    *,
    paths: tuple[Path, ...],
    models: str | None,
    max_error: float | None,
    sheets: Path | None,
    data_dir: Path | None,
) -> None:
    """Print one JSON object per collection and model, MNIST's test digits first."""
    names = models.split(",") if models else digit_models()
    recognizers = {name: Recognizer(name, max_error=max_error) for name in names}
    mnist = load_digits("mnist", "test", data_dir)
    for name, recognizer in recognizers.items():
        answers = evaluate(recognizer.classify(mnist.frames).probabilities, mnist, recognizer.threshold).accuracy
        echo_json(
            {
                "collection": "mnist test",
                "model": name,
                "digits": answers.n,
                "right": answers.correct,
                "ci95": answers.ci95,
                "accepted": round(answers.coverage * answers.n),
                "accepted_right": round(answers.coverage * answers.n) - answers.accepted_errors,
            }
        )
    for collection, items in load_collections(paths):
        for name, recognizer in recognizers.items():
            readings = [_read(recognizer, item) for item in items]
            echo_json({"collection": collection, "model": name, **_told(items, readings)})
        if sheets and (sheet := contact_sheet(_mistaken(items, readings))):
            write_file(sheets / f"{collection}.png", sheet)


def load_collections(paths: Iterable[Path]) -> Iterator[tuple[str, list[Item]]]:
    """The name of each collection and what is in it. Raises `DatasetError`."""
    for path in paths:
        try:
            items = list(_items(path))
        except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
            raise DatasetError(f"{path} is no collection of pictures of one digit or letter each: {error}") from error
        if not items:
            raise DatasetError(f"{path} holds nothing to read")
        yield path.stem, items


def _read(recognizer: Recognizer, item: Item) -> Reading:
    """What the runner says; of a picture that cannot be opened, that nothing is there."""
    try:
        return recognizer.read_strokes(item.strokes) if item.picture is None else recognizer.read(item.picture)
    except PictureError:
        return Reading("", 0.0, False, "blank", ())


def _is_right(item: Item, reading: Reading) -> bool:
    """Whether the digit is the one that is there, trusted or not."""
    return bool(reading.digits) and reading.digits[0].value == item.label


def _told(items: Sequence[Item], readings: Sequence[Reading]) -> dict[str, Any]:
    digits = [(item, reading) for item, reading in zip(items, readings, strict=True) if item.label is not None]
    told: dict[str, Any] = {}
    if digits:
        right = [_is_right(item, reading) for item, reading in digits]
        accepted = [reading.accepted for _, reading in digits]
        told |= {
            "digits": len(digits),
            "right": sum(right),
            "ci95": wilson_interval(sum(right), len(digits)),
            "accepted": sum(accepted),
            "accepted_right": sum(r and a for r, a in zip(right, accepted, strict=True)),
        }
        people: dict[str, list[bool]] = {}
        for (item, _), is_right in zip(digits, right, strict=True):
            people.setdefault(item.person, []).append(is_right)
        if people.keys() != {""}:
            told["people"] = {person: [sum(each), len(each)] for person, each in sorted(people.items())}
    if others := len(items) - len(digits):
        refused = sum(
            item.label is None and not reading.accepted for item, reading in zip(items, readings, strict=True)
        )
        told |= {"no_digits": others, "refused": refused}
    return told


def _mistaken(items: Sequence[Item], readings: Sequence[Reading]) -> Iterator[Mistake]:
    """Digits that are read wrongly, and what is no digit and accepted all the same."""
    for item, reading in zip(items, readings, strict=True):
        is_mistake = reading.accepted if item.label is None else not _is_right(item, reading)
        if is_mistake and item.picture is not None:
            with suppress(PictureError):
                read_as = reading.digits[0].value if reading.digits else "nothing"
                caption = f"{'no digit' if item.label is None else item.label} as {read_as}"
                yield Mistake(open_picture(item.picture), caption, reading.reason or "accepted")


def _items(path: Path) -> Iterator[Item]:
    if path.suffix == ".npz":
        with np.load(path) as archive:
            for i, (image, label) in enumerate(zip(archive["images"], archive["labels"].tolist(), strict=True)):
                if label not in LOOK_ALIKES:
                    yield Item(str(i), None if isinstance(label, str) else _digit(label), picture=image)
    elif path.suffix == ".json":
        for i, drawn in enumerate(json.loads(path.read_text("utf-8"))[pendigits.TRAINED_ON :]):
            yield Item(str(i), _digit(drawn["label"]), strokes=drawn["strokes"])
    else:
        with (path / "labels.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if row.get("looks_like_a_digit") != "yes":
                    label = None if "letter" in row else _digit(row["label"])
                    person = row.get("source", "").partition(" ")[0]
                    yield Item(row["file"], label, picture=path / row["file"], person=person)


def _digit(label: int | str) -> int:
    if not 0 <= int(label) <= 9:
        raise ValueError(f"the label {label} is no digit")
    return int(label)


if __name__ == "__main__":
    run(command)
