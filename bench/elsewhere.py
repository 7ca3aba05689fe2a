"""Digits from elsewhere, and what is no digit: `python -m edgedigits.bench.elsewhere PATH... [--models paper,small]`.

MNIST is one pen, one scanner and one country. This reads other collections with the whole runner, framing included, and
tells how many digits are read right, how many are accepted, and how much of what is no digit is refused, all at the
threshold of the model's card.

PATH is a NumPy archive `*.npz` with `images` (`uint8 [n, height, width]`) and `labels`; a folder of pictures with a
`labels.csv`, whose column `file` names the picture and `label` or `letter` what it shows; or a JSON file with a list of
`{"label": digit, "strokes": [[[x, y], ...], ...]}`, of which those are left out that models were trained on.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from edgedigits.cli import run
from edgedigits.cli.options import data_dir, echo_json
from edgedigits.errors import DatasetError, PictureError
from edgedigits.framing import FRAME_SIZE, frame_picture
from edgedigits.models import model_names
from edgedigits.pictures import Picture, open_picture
from edgedigits.recognizer import Recognizer
from edgedigits.training import pendigits
from edgedigits.training.data import load_digits
from edgedigits.training.evaluation import wilson_interval

__all__ = ["command"]

LOOK_ALIKES = frozenset("OoIilZzSsBbGgq")
"""Latin letters that a digit may rightly be seen in; of other letters, `labels.csv` says it in `looks_like_a_digit`."""
PEN = 14
"""Width of the pen that strokes are drawn with, in pixels."""


@dataclass(frozen=True)
class Item:
    """A picture and what it shows; `label` is None where that is no digit."""

    picture: Picture
    label: int | None


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--models", help="Names or files, parted by commas.  [default: all that ship]")
@data_dir
def command(*, paths: tuple[Path, ...], models: str | None, data_dir: Path | None) -> None:
    """Print one JSON object per collection and model, MNIST's test digits first."""
    recognizers = {name: Recognizer(name) for name in (models.split(",") if models else model_names())}
    mnist = load_digits("mnist", "test", data_dir)
    _tell(recognizers, "mnist test", mnist.frames, mnist.labels)
    for path in paths:
        _tell(recognizers, path.stem, *_read(path))


def _tell(
    recognizers: dict[str, Recognizer], collection: str, frames: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    is_digit, written = labels >= 0, frames.any(axis=(1, 2))
    for name, recognizer in recognizers.items():
        predictions = recognizer.classify(frames)
        accepted = written & predictions.accepted
        right = is_digit & written & (predictions.digits == labels)
        told: dict[str, Any] = {"collection": collection, "model": name}
        if digits := int(is_digit.sum()):
            told |= {
                "digits": digits,
                "right": int(right.sum()),
                "ci95": wilson_interval(int(right.sum()), digits),
                "accepted": int((is_digit & accepted).sum()),
                "accepted_right": int((right & accepted).sum()),
            }
        if others := int((~is_digit).sum()):
            told |= {"no_digits": others, "refused": int((~is_digit & ~accepted).sum())}
        echo_json(told)


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Frames `uint8 [n, 28, 28]` and labels `int64 [n]`, -1 for no digit.

    A picture that the runner finds blank, or cannot read, is a blank frame here: nothing that it would ask a model.
    """
    frames, labels = [], []
    try:
        items = list(_items(path))
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise DatasetError(f"{path} is no collection of pictures of one digit or letter each: {error}") from error
    for item in items:
        try:
            frame = frame_picture(open_picture(item.picture)).frame
        except PictureError:
            frame = None
        frames.append(np.zeros((FRAME_SIZE, FRAME_SIZE), np.uint8) if frame is None else frame)
        labels.append(-1 if item.label is None else item.label)
    if not frames:
        raise DatasetError(f"{path} holds nothing to read")
    return np.stack(frames), np.array(labels, np.int64)


def _items(path: Path) -> Iterator[Item]:
    if path.suffix == ".npz":
        with np.load(path) as archive:
            for image, label in zip(archive["images"], archive["labels"].tolist(), strict=True):
                if label not in LOOK_ALIKES:
                    yield Item(image, None if isinstance(label, str) else _digit(label))
    elif path.suffix == ".json":
        for drawn in json.loads(path.read_text("utf-8"))[pendigits.TRAINED_ON :]:
            yield Item(pendigits.draw_strokes(drawn["strokes"], PEN), _digit(drawn["label"]))
    else:
        with (path / "labels.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if row.get("looks_like_a_digit") != "yes":
                    label = None if "letter" in row else _digit(row["label"])
                    yield Item(path / row["file"], label)


def _digit(label: int | str) -> int:
    if not 0 <= int(label) <= 9:
        raise ValueError(f"the label {label} is no digit")
    return int(label)


if __name__ == "__main__":
    run(command)
