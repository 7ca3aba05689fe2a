"""Whole amounts: `python -m edgedigits.bench.strings PATH... [--model amount] [--max-error 0.01] [--sheets FOLDER]`.

Strings of MNIST's test digits and collections of real ones, read with the whole runner: how many strings and how many
of their digits are right, how many are accepted and how many of those are right, and mistakes by their kind; then how
long reading six digits takes, beside reading one with `small`.

PATH is a folder of pictures with a `labels.csv`, whose column `file` names the picture. `label` is the digits of its
only line, and `boxes_xywh`, if it is there, a box of each, parted by `;`; or `label_lines` has its lines, parted by
`|`. Where a picture has one line, all that is read on it counts as that line; of several, those read are matched with
those labelled in order, so that the fewest digits differ.

A mistake is of the first kind that fits:

- `refused: REASON`: no text, for a reason other than that nothing is there.
- `background`: nothing was found, or several lines where there is one, or a line where there is none.
- `class`: the fewest edits replace digits; none is missing, none too many.
- `separator`: the same holds once those digits are left out that stand where none is labelled, as where a dash was read
  as 1, and what was read as no digit. A digit stands where its box has its middle.
- `segmentation`: digits are missing, too many, or merged.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from edgedigits.alphabet import LINE_HEIGHT
from edgedigits.artifact import open_session, read_artifact
from edgedigits.bench.measure import Timing, interleave, ratio
from edgedigits.bench.mnist_strings import compose, mnist_strings
from edgedigits.bench.sheet import Mistake
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
from edgedigits.results import Digit, Line, Reading
from edgedigits.training.data import load_digits
from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import wilson_interval

__all__ = ["Item", "Outcome", "command", "distance", "fewest_edits", "iou", "judge", "latency", "load_items", "told"]

A = TypeVar("A")
B = TypeVar("B")
MOVES = ((1, 1), (1, 0), (0, 1))
"""To replace or keep, to leave out, to add."""
NOTHING_THERE = (None, "blank", "low contrast")
AMOUNT = 6
"""Digits of the amount that is timed."""
PICTURES = 60
"""Those read in turns."""
ROUNDS, TURN_S = 60, 0.05
COLUMNS, STRIP, MOST = 4, (312, 96), 200
"""Of a sheet: its pictures side by side, the pixels of each, and their number, the first of more."""


@dataclass(frozen=True)
class Item:
    """A picture, the digits of each of its lines, and of an only line the digits' boxes, where they are known."""

    picture: Picture
    lines: tuple[str, ...]
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """A labelled line and what was read there; `label` is empty where no line is.

    `kind` is the mistake's, None where all is right; `fit` is then the intersection over union of each digit's box with
    the labelled one.
    """

    item: Item
    label: str
    text: str
    accepted: bool
    kind: str | None
    fit: tuple[float, ...] = ()


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


def judge(item: Item, reading: Reading) -> list[Outcome]:
    """What is right and wrong in a reading, line by line."""
    if len(item.lines) == 1:
        return [_judge(item, item.lines[0], reading)]
    outcomes = []
    for label, line in fewest_edits(item.lines, reading.lines, _line_distance):
        if line is not None and (label is not None or line.text):
            outcomes.append(_judge(item, label or "", line))
        elif label is not None:
            reason = None if reading.text else reading.reason
            outcomes.append(_judge(item, label, Reading("", 0.0, False, reason, ())))
    return outcomes


def told(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of a collection, as JSON types; `accepted` is at the threshold that the readings were made with."""
    strings = sum(bool(outcome.label) for outcome in outcomes)
    right = sum(outcome.kind is None for outcome in outcomes)
    digits = sum(len(outcome.label) for outcome in outcomes)
    edits = sum(distance(outcome.label, outcome.text.replace("\n", "")) for outcome in outcomes)
    fits = [fit for outcome in outcomes for fit in outcome.fit]
    return {
        "strings": strings,
        "right": right,
        "accuracy": right / strings,
        "ci95": wilson_interval(right, strings),
        "digits": digits,
        "digit_accuracy": 1 - edits / digits,
        "accepted": accepted(outcomes),
        "mistakes": dict(sorted(Counter(outcome.kind for outcome in outcomes if outcome.kind).items())),
        **({"box_iou": sum(fits) / len(fits)} if fits else {}),
    }


def accepted(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """How many are accepted, which share of the strings that is, and how many of those are right."""
    trusted = [outcome.kind is None for outcome in outcomes if outcome.accepted]
    right = sum(trusted)
    return {
        "n": len(trusted),
        "share": len(trusted) / sum(bool(outcome.label) for outcome in outcomes),
        "right": right,
        "accuracy": right / len(trusted) if trusted else None,
        "ci95": wilson_interval(right, len(trusted)) if trusted else None,
    }


def fewest_edits(
    label: Sequence[A], found: Sequence[B], cost: Callable[[A | None, B | None], int]
) -> list[tuple[A | None, B | None]]:
    """What is labelled beside what was found, in order, at the least cost in all; None is what the other side lacks.

    `cost` is of a pair. Of edits that cost the same, those replace where they can. The table is R. A. Wagner's & M. J.
    Fischer's (J. ACM 21(1), 1974).
    """
    n, m = len(label), len(found)
    least = [[0] * (m + 1) for _ in range(n + 1)]
    moves: list[list[tuple[int, int]]] = [[(0, 0)] * (m + 1) for _ in range(n + 1)]
    for i in range(n + 1):
        for j in range(m + 1):
            ways = [
                (
                    least[i - down][j - across]
                    + cost(label[i - 1] if down else None, found[j - 1] if across else None),
                    k,
                )
                for k, (down, across) in enumerate(MOVES)
                if i >= down and j >= across
            ]
            if ways:
                least[i][j], best = min(ways)
                moves[i][j] = MOVES[best]
    pairs: list[tuple[A | None, B | None]] = []
    i, j = n, m
    while i or j:
        down, across = moves[i][j]
        pairs.append((label[i - 1] if down else None, found[j - 1] if across else None))
        i, j = i - down, j - across
    return pairs[::-1]


def distance(label: str, text: str) -> int:
    """The fewest characters to replace, leave out or add (V. I. Levenshtein, Sov. Phys. Dokl. 10(8), 1966)."""
    return sum(ours != theirs for ours, theirs in _edits(label, text))


def iou(ours: Box, theirs: Box) -> float:
    """Intersection over union of two boxes that are not empty."""
    width = min(ours[2], theirs[2]) - max(ours[0], theirs[0])
    height = min(ours[3], theirs[3]) - max(ours[1], theirs[1])
    shared = max(0, width) * max(0, height)
    return shared / (_area(ours) + _area(theirs) - shared)


def latency(model: str, digits: Digits, rounds: int) -> Iterator[dict[str, Any]]:
    """Six digits read by `model` beside one by `small`, in turns within one run: whole readings, and networks alone.

    Pictures are arrays, composed of MNIST's digits, so that no decoding is timed. The network alone is given the
    line that is found in such a picture. Raises `InputError` where `model` reads no lines.
    """
    strings = [compose(digits.frames[AMOUNT * i : AMOUNT * (i + 1)], i % 9)[0] for i in range(PICTURES)]
    singles = [compose(digits.frames[i : i + 1], 0)[0] for i in range(PICTURES)]
    lines = [find_lines(picture).lines[0].picture[np.newaxis] for picture in strings]
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


def strip_sheet(mistakes: Iterable[Mistake]) -> bytes | None:
    """A PNG of at most 200 lines, each above its caption and reason; None where there is none."""
    shown = [mistake for _, mistake in zip(range(MOST), mistakes, strict=False)]
    if not shown:
        return None
    width, height = STRIP[0] + 8, STRIP[1] + 34
    sheet = Image.new("L", (COLUMNS * width, -(-len(shown) // COLUMNS) * height), 255)
    draw = ImageDraw.Draw(sheet)
    for i, mistake in enumerate(shown):
        x, y = i % COLUMNS * width, i // COLUMNS * height
        sheet.paste(ImageOps.contain(Image.fromarray(mistake.picture), STRIP, Image.Resampling.BOX), (x, y))
        draw.text((x, y + STRIP[1] + 2), mistake.caption, fill=0)
        draw.text((x, y + STRIP[1] + 14), mistake.reason, fill=96)
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()


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


def _judge(item: Item, label: str, read: Reading | Line) -> Outcome:
    kind = _kind(label, read, item.boxes)
    fit = () if kind else tuple(iou(digit.box, box) for digit, box in zip(read.digits, item.boxes, strict=False))
    return Outcome(item, label, read.text, read.accepted, kind, fit)


def _kind(label: str, read: Reading | Line, boxes: Sequence[Box]) -> str | None:
    """The kind of a mistake, as the module says; None where there is none."""
    if read.text == label:
        return None
    if not read.text and read.reason not in NOTHING_THERE:
        return f"refused: {read.reason}"
    if not label or not read.text or "\n" in read.text:
        return "background"
    if _replaces_alone(label, read.text):
        return "class"
    placed = [digit for digit in read.digits if not boxes or any(_stands_in(digit, box) for box in boxes)]
    return "separator" if _replaces_alone(label, "".join(str(digit.value) for digit in placed)) else "segmentation"


def _replaces_alone(label: str, text: str) -> bool:
    return all(ours is not None and theirs is not None for ours, theirs in _edits(label, text))


def _stands_in(digit: Digit, box: Box) -> bool:
    x, y = (digit.box[0] + digit.box[2]) / 2, (digit.box[1] + digit.box[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _edits(label: str, text: str) -> list[tuple[str | None, str | None]]:
    return fewest_edits(label, text, lambda ours, theirs: ours != theirs)


def _line_distance(label: str | None, line: Line | None) -> int:
    return distance(label or "", line.text if line else "")


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


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
