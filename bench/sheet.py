"""A contact sheet of pictures that were read wrongly, each above the frame that the network saw."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from edgedigits.framing import frame_picture

__all__ = ["Mistake", "contact_sheet"]

CELL = 84
COLUMNS = 12
MOST = 120
"""Pictures on a sheet: the first of more."""


@dataclass(frozen=True)
class Mistake:
    """A picture, `uint8 [height, width]`, what it was taken for, and the reason that was given."""

    picture: NDArray[np.uint8]
    caption: str
    reason: str


def contact_sheet(mistakes: Iterable[Mistake]) -> bytes | None:
    """A PNG of at most 120 mistakes; None where there is none."""
    shown = [mistake for _, mistake in zip(range(MOST), mistakes, strict=False)]
    if not shown:
        return None
    width, height = CELL + 6, 2 * CELL + 34
    sheet = Image.new("L", (COLUMNS * width, -(-len(shown) // COLUMNS) * height), 255)
    draw = ImageDraw.Draw(sheet)
    for i, mistake in enumerate(shown):
        x, y = i % COLUMNS * width, i // COLUMNS * height
        sheet.paste(_fitted(mistake.picture), (x, y))
        frame = frame_picture(mistake.picture).frame
        if frame is not None:
            sheet.paste(_fitted(255 - frame), (x, y + CELL))
        draw.text((x, y + 2 * CELL + 2), mistake.caption, fill=0)
        draw.text((x, y + 2 * CELL + 14), mistake.reason, fill=96)
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()


def _fitted(picture: NDArray[np.uint8]) -> Image.Image:
    """A picture, smaller or larger, on a grey cell."""
    image = ImageOps.contain(Image.fromarray(picture), (CELL - 2, CELL - 2), Image.Resampling.BOX)
    cell = Image.new("L", (CELL, CELL), 208)
    cell.paste(image, ((CELL - image.width) // 2, (CELL - image.height) // 2))
    return cell
