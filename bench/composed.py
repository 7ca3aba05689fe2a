"""Strings of other people's digits: `python -m edgedigits.bench.composed PATH... [--models amount,FILE]`.

Models that read lines are chosen by these, so that the real amounts of `strings.py` are left to report on. PATH is what
`elsewhere.py` takes; every digit of it that can be framed is used once, in strings of 2 to 10, spaced as MNIST's are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import click
import numpy as np

from edgedigits.bench import elsewhere
from edgedigits.bench.judging import Item, judge, told
from edgedigits.bench.mnist_strings import LENGTHS, SPACINGS, compose
from edgedigits.cli import run
from edgedigits.cli.options import echo_json
from edgedigits.errors import PictureError
from edgedigits.framing import frame_picture
from edgedigits.pictures import open_picture
from edgedigits.recognizer import Recognizer
from edgedigits.training.digits import Digits

__all__ = ["command", "composed_items", "framed_digits"]


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--models", default="amount", show_default=True, help="Names or files, parted by commas.")
def command(*, paths: tuple[Path, ...], models: str) -> None:
    """Print one JSON object per collection and model."""
    recognizers = {name: Recognizer(name) for name in models.split(",")}
    for name, collected in elsewhere.load_collections(paths):
        items = list(composed_items(framed_digits(name, collected)))
        for model, recognizer in recognizers.items():
            outcomes = [outcome for item in items for outcome in judge(item, recognizer.read(item.picture))]
            echo_json({"collection": f"strings of {name}", "model": model, **told(outcomes)})


def framed_digits(name: str, items: Iterable[elsewhere.Item]) -> Digits:
    """The digits of pictures that show one."""
    frames, labels = [], []
    for item in items:
        if item.picture is None or item.label is None:
            continue
        with suppress(PictureError):
            frame = frame_picture(open_picture(item.picture)).frame
            if frame is not None:
                frames.append(frame)
                labels.append(item.label)
    return Digits(name, np.array(frames, np.uint8).reshape(-1, 28, 28), np.array(labels, np.int64))


def composed_items(digits: Digits) -> Iterator[Item]:
    """Strings of all digits but the few at the end that make none, the same ones of the same `digits` each time."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len(digits))
    while len(order) >= min(LENGTHS):
        chosen, order = np.split(order, [min(int(rng.choice(LENGTHS)), len(order))])
        picture, boxes = compose(digits.frames[chosen], int(rng.choice(SPACINGS)))
        yield Item(picture, ("".join(map(str, digits.labels[chosen].tolist())),), boxes)


if __name__ == "__main__":
    run(command)
