"""Digits of handwriting typefaces, which people drew and licensed freely: `typefaces.json` names and pins them.

They are packages of npm, which `make typefaces` installs beside MNIST.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edgedigits.errors import DatasetError

__all__ = ["FOLDER", "NAMES", "draw_typefaces"]

FOLDER = "typefaces"
NAMES = Path(__file__).with_suffix(".json")
TYPE_SIZE = 96
SIDE = 3 * TYPE_SIZE
BOLDER = (0, 2, 4)
"""Pixels of `TYPE_SIZE` that are added to strokes on each side, in turns: some typefaces are finer than any pen."""


def draw_typefaces(root: Path) -> tuple[list[NDArray[np.uint8]], NDArray[np.int64]]:
    """Pictures `uint8 [SIDE, SIDE]`, ink 255, of the ten digits of each typeface, each in three weights, and labels.

    Raises `DatasetError`.
    """
    pictures: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for name in sorted(json.loads(NAMES.read_text("utf-8"))["dependencies"]):
        path = root / FOLDER / "node_modules" / name / "files" / f"{Path(name).name}-latin-400-normal.woff"
        try:
            typeface = ImageFont.truetype(path, TYPE_SIZE, layout_engine=ImageFont.Layout.BASIC)
        except OSError as error:
            raise DatasetError(f"cannot open the typeface {path}: {error}; `make typefaces` installs them") from error
        for bolder in BOLDER:
            for digit in range(10):
                picture = Image.new("L", (SIDE, SIDE))
                middle = (SIDE / 2, SIDE / 2)
                ImageDraw.Draw(picture).text(middle, str(digit), 255, typeface, anchor="mm", stroke_width=bolder)
                pictures.append(np.asarray(picture))
                labels.append(digit)
    return pictures, np.array(labels, np.int64)
