"""Pictures for a person who checks what was not accepted: a line cut out, with boxes around the digits in doubt."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgedigits.files import write_file
from edgedigits.marks import Box
from edgedigits.pictures import open_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgedigits.pages import Page
    from edgedigits.results import Digit, Reading

__all__ = ["write_review"]

HEIGHT = 120
"""Rows that a line is enlarged to: a digit is then a centimetre high on most screens."""
LONGEST = 2400
"""Pixels of a picture's longer side."""
AROUND = 0.3
"""Paper around a line, as a part of its height."""
MARK, MARK_WIDTH = (220, 0, 0), 2
"""Colour of a box, and how thick it is."""
LONGEST_NAME = 50


def write_review(folder: Path, page: Page, reading: Reading, record: dict[str, Any]) -> None:
    """Write a PNG of each line that is not accepted, or of a page on which no line was found, and name it in `record`.

    Raises `OutputError`, and `PictureError` where the page cannot be opened once more.
    """
    if reading.accepted:
        return
    grey = open_picture(page)
    if not reading.lines:
        everything = (0, 0, grey.shape[1], grey.shape[0])
        record["review"] = _name(page, "whole")
        write_file(folder / record["review"], _drawn(grey, everything, reading.digits, 1.0))
    for number, line in enumerate(reading.lines, 1):
        if not line.accepted:
            told = record["lines"][number - 1]
            told["review"] = _name(page, f"line{number}")
            cut = _with_margin(line.box, grey)
            scale = HEIGHT / (cut[3] - cut[1])
            write_file(folder / told["review"], _drawn(grey, cut, line.digits, scale))


def _name(page: Page, what: str) -> str:
    """Of the file, its page and the line; two files never have the same."""
    file = str(page.file)
    plain = re.sub(r"[^\w.-]+", "-", file).strip("-.")[-LONGEST_NAME:]
    if plain != file:
        plain += "-" + hashlib.sha256(file.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return "-".join([plain, *([f"page{page.number}"] if page.pages > 1 else []), what]) + ".png"


def _with_margin(box: Box, grey: NDArray[np.uint8]) -> Box:
    x0, y0, x1, y1 = box
    height, width = grey.shape
    around = round(AROUND * (y1 - y0)) + 1
    return max(0, x0 - around), max(0, y0 - around), min(width, x1 + around), min(height, y1 + around)


def _drawn(grey: NDArray[np.uint8], cut: Box, digits: Iterable[Digit], scale: float) -> bytes:
    from PIL import Image, ImageDraw

    left, top, right, bottom = cut
    scale = min(scale, LONGEST / max(right - left, bottom - top))
    size = max(1, round(scale * (right - left))), max(1, round(scale * (bottom - top)))
    part = Image.fromarray(np.ascontiguousarray(grey[top:bottom, left:right]))
    picture = part.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for digit in digits:
        if not digit.accepted:
            x0, y0, x1, y1 = digit.box
            around = scale * (x0 - left), scale * (y0 - top), scale * (x1 - left), scale * (y1 - top)
            draw.rectangle(_apart(around), outline=MARK, width=MARK_WIDTH)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _apart(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A box just outside of another, so that it hides nothing of what is in there."""
    x0, y0, x1, y1 = box
    return x0 - MARK_WIDTH - 1, y0 - MARK_WIDTH - 1, x1 + MARK_WIDTH, y1 + MARK_WIDTH
