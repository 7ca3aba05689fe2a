"""Digits as a camera sees them: `python -m edgedigits.bench.conditions [--models paper,small]`.

MNIST's test digits, each on a drawn page in every condition of `bench.pages`, read with the whole runner; and pages
that do not show one digit, which are to be refused.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgedigits.bench.pages import DIGITS, REFUSED
from edgedigits.cli import run
from edgedigits.cli.options import data_dir, echo_json
from edgedigits.marks import bounding_box
from edgedigits.recognizer import Recognizer
from edgedigits.training.data import load_digits

__all__ = ["command"]

PAGES = 200
"""Of each condition."""
HEIGHTS = (90, 150)
"""Of a digit on its page, in pixels."""


@click.command()
@click.option("--models", default="small", show_default=True, help="Names or files, parted by commas.")
@data_dir
def command(*, models: str, data_dir: Path | None) -> None:
    """Print one JSON object per condition and model."""
    digits = load_digits("mnist", "test", data_dir)
    chosen = np.random.default_rng(0).permutation(len(digits.labels))[:PAGES]
    recognizers = {name: Recognizer(name) for name in models.split(",")}
    for condition, draw in (DIGITS | {name: refused for name, (refused, _) in REFUSED.items()}).items():
        pages = []
        for i in chosen.tolist():
            rng = np.random.default_rng((0, i))
            pages.append(draw(_ink(digits.frames[i], rng), rng))
        for name, recognizer in recognizers.items():
            readings = [recognizer.read(page) for page in pages]
            accepted = sum(reading.accepted for reading in readings)
            told = {"condition": condition, "model": name, "pages": len(pages)}
            if condition in REFUSED:
                echo_json({**told, "refused": len(pages) - accepted})
                continue
            values = [reading.digits[0].value if reading.digits else None for reading in readings]
            right = [value == label for value, label in zip(values, digits.labels[chosen].tolist(), strict=True)]
            trusted = sum(r and reading.accepted for r, reading in zip(right, readings, strict=True))
            echo_json({**told, "right": sum(right), "accepted": accepted, "accepted_right": trusted})


def _ink(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float64]:
    """A frame's digit, enlarged with sharp edges and cut out: `float64 [height, width]`, 0 to 1."""
    x0, y0, x1, y1 = bounding_box(frame > 0)
    scale = rng.integers(*HEIGHTS) / (y1 - y0)
    size = (max(1, round((x1 - x0) * scale)), round((y1 - y0) * scale))
    soft = np.asarray(Image.fromarray(frame).crop((x0, y0, x1, y1)).resize(size, Image.Resampling.BICUBIC)) / 255
    ink: NDArray[np.float64] = np.clip((soft - 0.5) * 2.2 + 0.5, 0, 1)
    left, top, right, bottom = bounding_box(ink > 0.5)
    return ink[top:bottom, left:right]


if __name__ == "__main__":
    run(command)
