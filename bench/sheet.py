"""Contact sheets of what was read wrongly: digits, each above the frame that the network saw, or lines."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from edgedigits.framing import frame_picture

__all__ = ["Mistake", "contact_sheet", "strip_sheet"]

CELL = 84
STRIP = (312, 96)
"""Pixels of a digit's picture, which is square, and of a line's."""


@dataclass(frozen=True)
class Mistake:
    """A picture, `uint8 [height, width]`, what it was taken for, and the reason that was given."""

    picture: NDArray[np.uint8]
    caption: str
    reason: str


def contact_sheet(mistakes: Iterable[Mistake]) -> bytes | None:
    """A PNG of the first 120 digits, each above its frame, caption and reason; None where there is none."""
    return _sheet(mistakes, _above_its_frame, most=120, columns=12, cell=(CELL + 6, 2 * CELL))


def strip_sheet(mistakes: Iterable[Mistake]) -> bytes | None:
    """A PNG of the first 200 lines, each above its caption and reason; None where there is none."""
    return _sheet(mistakes, _strip, most=200, columns=4, cell=(STRIP[0] + 8, STRIP[1]))


def _sheet(
    mistakes: Iterable[Mistake],
    shown: Callable[[NDArray[np.uint8]], Image.Image],
    *,
    most: int,
    columns: int,
    cell: tuple[int, int],
) -> bytes | None:
    """A PNG of pictures as they are `shown`, each in a cell so wide and high, with room for two lines below."""
    first = [mistake for _, mistake in zip(range(most), mistakes, strict=False)]
    if not first:
        return None
    width, height = cell[0], cell[1] + 34
    sheet = Image.new("L", (columns * width, -(-len(first) // columns) * height), 255)
    draw = ImageDraw.Draw(sheet)
    for i, mistake in enumerate(first):
        x, y = i % columns * width, i // columns * height
        sheet.paste(shown(mistake.picture), (x, y))
        draw.text((x, y + cell[1] + 2), mistake.caption, fill=0)
        draw.text((x, y + cell[1] + 14), mistake.reason, fill=96)
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()


def _above_its_frame(picture: NDArray[np.uint8]) -> Image.Image:
    both = Image.new("L", (CELL, 2 * CELL), 255)
    both.paste(_fitted(picture), (0, 0))
    frame = frame_picture(picture).frame
    if frame is not None:
        both.paste(_fitted(255 - frame), (0, CELL))
    return both


def _fitted(picture: NDArray[np.uint8]) -> Image.Image:
    """A picture, smaller or larger, on a grey cell."""
    image = ImageOps.contain(Image.fromarray(picture), (CELL - 2, CELL - 2), Image.Resampling.BOX)
    cell = Image.new("L", (CELL, CELL), 208)
    cell.paste(image, ((CELL - image.width) // 2, (CELL - image.height) // 2))
    return cell


def _strip(picture: NDArray[np.uint8]) -> Image.Image:
    return ImageOps.contain(Image.fromarray(picture), STRIP, Image.Resampling.BOX)
