"""Whole amounts: `python -m edgedigits.bench.strings PATH... [--model amount] [--max-error 0.01] [--sheets FOLDER]`.

Strings of MNIST's test digits and collections of real ones, read with the whole runner: how many strings and how many
of their digits are right, how many are accepted and how many of those are right, and mistakes by their kind, which
`judging.py` tells apart; then how long reading six digits takes, beside reading one with `small`.

PATH is a folder of pictures with a `labels.csv`, whose column `file` names the picture. `label` is the digits of its
only line, and `boxes_xywh`, if it is there, a box of each, parted by `;`; or `label_lines` has its lines, parted by
`|`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import LINE_HEIGHT
from edgedigits.artifact import open_session, read_artifact
from edgedigits.bench.judging import Item, Outcome, accepted, judge, told
from edgedigits.bench.measure import Timing, interleave, ratio
from edgedigits.bench.mnist_strings import compose, mnist_strings
from edgedigits.bench.sheet import Mistake, strip_sheet
from edgedigits.cli import run
from edgedigits.cli.options import data_dir, echo_json
from edgedigits.errors import DatasetError, InputError, PictureError, UnpromisedError
from edgedigits.files import write_file
from edgedigits.framing import FRAME_SIZE
from edgedigits.lines import find_lines
from edgedigits.marks import Box
from edgedigits.models import find_model
from edgedigits.pictures import Picture, open_picture
from edgedigits.recognizer import Recognizer
from edgedigits.results import Reading
from edgedigits.training.data import load_digits
from edgedigits.training.digits import Digits

__all__ = ["command", "latency", "load_items"]

AMOUNT = 6
"""Digits of the amount that is timed."""
PICTURES = 60
"""Those read in turns."""
ROUNDS, TURN_S = 60, 0.05


@click.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--model", default="amount", show_default=True, help="Name or file of a model that reads lines.")
@click.option(
    "--max-error", default=0.01, show_default=True, help="Error rate allowed among accepted strings, beside the card's."
)
@click.option("--sheets", type=click.Path(path_type=Path), help="Folder for contact sheets of what is read wrongly.")
@data_dir
def command(
    *, paths: tuple[Path, ...], model: str, max_error: float, sheets: Path | None, data_dir: Path | None
) -> None:
    """Print one JSON object for the model's file, one per collection, MNIST's strings first, and two for latency."""
    recognizer = Recognizer(model)
    # Now, and not after all has been read.
    _network(model, LINE_HEIGHT)
    strict, refusal = None, ""
    try:
        strict = Recognizer(model, max_error=max_error)
    except UnpromisedError as error:
        refusal = str(error)
    collections = [(path.name, load_items(path)) for path in paths]
    digits = load_digits("mnist", "test", data_dir)
    strings = list(mnist_strings(digits))
    mnist = [Item(string.picture, (string.label,), string.boxes) for string in strings]
    echo_json({"figure": "model file", "model": model, "bytes": len(_content(model))})
    for name, items in [("mnist strings", mnist), *collections]:
        outcomes = _outcomes(recognizer, items)
        at_rate = (
            {"threshold": strict.threshold, **accepted(_outcomes(strict, items))} if strict else {"unpromised": refusal}
        )
        more: dict[str, Any] = {}
        if items is mnist:
            right = [outcome.kind is None for outcome in outcomes]
            more = {
                "right_by_spacing": _right_by([string.spacing for string in strings], right),
                "right_by_length": _right_by([len(string.label) for string in strings], right),
            }
        figures = {"collection": name, "model": model, "threshold": recognizer.threshold, **told(outcomes)}
        echo_json({**figures, "accepted_at_max_error": {"max_error": max_error, **at_rate}, **more})
        if sheets:
            mistakes = sorted((outcome for outcome in outcomes if outcome.kind), key=lambda wrong: wrong.kind or "")
            trusted = [outcome for outcome in mistakes if outcome.accepted]
            for what, shown in (("mistakes", mistakes), ("accepted mistakes", trusted)):
                if sheet := strip_sheet(_shown(shown)):
                    write_file(sheets / f"{name} {what}.png".replace(" ", "-"), sheet)
    for figure in latency(model, digits, ROUNDS):
        echo_json(figure)


def load_items(path: Path) -> list[Item]:
    """The pictures of a folder and what its `labels.csv` says of them. Raises `DatasetError`."""
    try:
        with (path / "labels.csv").open(encoding="utf-8", newline="") as rows:
            items = [_item(path, row) for row in csv.DictReader(rows)]
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise DatasetError(f"{path} is no collection of pictures of strings: {error}") from error
    if not items:
        raise DatasetError(f"{path} holds nothing to read")
    return items


def latency(model: str, digits: Digits, rounds: int) -> Iterator[dict[str, Any]]:
    """Six digits read by `model` beside one by `small`, in turns within one run: whole readings, and networks alone.

    Pictures are arrays, composed of MNIST's digits, so that no decoding is timed. The network alone is given the
    line that is found in such a picture. Raises `InputError` where `model` reads no lines.
    """
    strings = [compose(digits.frames[AMOUNT * i : AMOUNT * (i + 1)], i % 9)[0] for i in range(PICTURES)]
    singles = [compose(digits.frames[i : i + 1], 0)[0] for i in range(PICTURES)]
    found = [find_lines(picture).lines[0].picture for picture in strings]
    lines = [line[np.newaxis] for line in found if line is not None]
    frames = digits.frames[:PICTURES, np.newaxis]
    reader, small = Recognizer(model), Recognizer("small")
    line_network, network = _network(model, LINE_HEIGHT), _network("small", FRAME_SIZE)
    # The loop hands over arrays: of the pictures, their numbers.
    timings = interleave(
        [
            lambda number: reader.read(strings[number[0]]),
            lambda number: small.read(singles[number[0]]),
            lambda number: line_network(lines[number[0]]),
            lambda number: network(frames[number[0]]),
        ],
        np.arange(PICTURES, dtype=np.uint8),
        1,
        rounds=rounds,
        turn_s=TURN_S,
        on_round=lambda: None,
    )
    yield _beside("picture to reading, six digits beside one", *timings[:2])
    yield _beside("network alone, a line of six digits beside a frame", *timings[2:])


def _item(folder: Path, row: dict[str, str]) -> Item:
    lines = tuple(row["label_lines"].split("|")) if "label_lines" in row else (row["label"],)
    boxes = tuple(_box(box) for box in row.get("boxes_xywh", "").split(";") if box)
    if not all(line.isascii() and line.isdecimal() for line in lines):
        raise ValueError(f"the label {'|'.join(lines)!r} of {row['file']} is not of digits alone")
    if boxes and [len(line) for line in lines] != [len(boxes)]:
        raise ValueError(f"{row['file']} has {len(boxes)} boxes and the label {'|'.join(lines)}")
    return Item(folder / row["file"], lines, boxes)


def _box(xywh: str) -> Box:
    x, y, width, height = (int(number) for number in xywh.split(","))
    return x, y, x + width, y + height


def _outcomes(recognizer: Recognizer, items: Iterable[Item]) -> list[Outcome]:
    return [outcome for item in items for outcome in judge(item, _read(recognizer, item.picture))]


def _read(recognizer: Recognizer, picture: Picture) -> Reading:
    """What the runner says; of a picture that cannot be opened, that nothing is there."""
    try:
        return recognizer.read(picture)
    except PictureError:
        return Reading("", 0.0, False, "blank", ())


def _right_by(keys: Iterable[Hashable], right: Sequence[bool]) -> dict[Hashable, list[int]]:
    """How many are right of how many, by key."""
    counts: dict[Hashable, list[int]] = {}
    for key, is_right in zip(keys, right, strict=True):
        count = counts.setdefault(key, [0, 0])
        count[0] += is_right
        count[1] += 1
    return counts


def _shown(outcomes: Iterable[Outcome]) -> Iterator[Mistake]:
    for outcome in outcomes:
        with suppress(PictureError):
            caption = f"{outcome.label or 'no line'} as {outcome.text.replace(chr(10), '|') or 'nothing'}"
            kind = outcome.kind or ""
            yield Mistake(
                open_picture(outcome.item.picture), caption, f"{kind}, accepted" if outcome.accepted else kind
            )


def _content(model: str) -> bytes:
    artifact = find_model(model).artifact
    return read_artifact(artifact or Path(model))


def _network(model: str, height: int) -> Callable[[NDArray[np.uint8]], Any]:
    """A model's bare session, as a function of its input. Raises `InputError` where that is not of this height."""
    _, session = open_session(_content(model), model)
    (given,) = session.get_inputs()
    if given.shape[1] != height:
        raise InputError(f"{model} reads {given.name}, not lines: give a model of lines, such as amount")
    return lambda batch: session.run(None, {given.name: batch})


def _beside(figure: str, amount: Timing, digit: Timing) -> dict[str, Any]:
    times, ci95 = ratio(amount, digit)
    return {
        "figure": figure,
        "n": amount.nanoseconds.size,
        "ms": {name: us / 1e3 for name, us in amount.latency_us.items()},
        "digit_ms": {name: us / 1e3 for name, us in digit.latency_us.items()},
        "ratio": times,
        "ratio_ci95": ci95,
    }


if __name__ == "__main__":
    run(command)
