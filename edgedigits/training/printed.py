"""Printed letters, which are no digits, in the typefaces that come with matplotlib.

Those are DejaVu (Bitstream Vera's licence), STIX (its own licence) and Computer Modern (Bakoma's): all may be used
freely. Letters that a digit may rightly be seen in are left out: O, Q, I, i, l, Z, z, S, s, B, b, G, g, q, j and o, and
the Greek and Cyrillic letters like 0, 1, 3, 4, 5, 6 and 9.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from edgedigits.framing import frame_picture

__all__ = ["ALPHABETS", "draw_printed", "open_typeface"]

LATIN = "AACCDDEEFFHHJJKLMNPRTUVWXYacdefhkmnprtuvwxy"
"""Those nearest to a digit twice."""
GREEK = "ΓΔΛΞΠΣΦΨΩαβγεηθκλμπφχψω"
CYRILLIC = "ЖИЛДЦШЩЫЮЯжиклмнптцшщыюя"
ORNATE = "𝒜𝒞𝒟𝒥𝒦𝒩𝒫𝒯𝒰𝒱𝒲𝒳𝒴𝔄𝔇𝔈𝔉𝔍𝔎𝔏𝔐𝔑𝔓𝔗𝔘𝔙𝔚𝔛𝔜𝔸𝔻𝔼𝔽𝕁𝕂𝕃𝕄𝕋𝕌𝕍𝕎𝕏𝕐"
"""Mathematicians' script, Fraktur and double-struck capitals."""
PLAIN = (
    *(f"DejaVuSans{kind}{style}" for kind in ("", "Mono") for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
)
COMPUTER_MODERN = ("cmb10", "cmr10", "cmss10", "cmti10", "cmtt10", "cmmi10")
ALPHABETS: tuple[tuple[float, tuple[str, ...], str], ...] = (
    (0.58, PLAIN, LATIN),
    (0.14, COMPUTER_MODERN, LATIN),
    (0.11, PLAIN, GREEK),
    (0.11, PLAIN, CYRILLIC),
    (0.06, ("STIXGeneral",), ORNATE),
)
"""Shares of the letters, the typefaces that they are set in, and what is set."""

TYPE_SIZE = 64
SIDE = 160
BOLDER = (-1, 0, 0, 0, 0, 1, 1, 2, 3)
"""Pixels of `TYPE_SIZE` that are added to a letter all round, or taken away: one as likely as another."""
OUTLINED, SIGN, TIGHT, COARSE = 0.08, 0.12, 0.38, 0.5
"""Shares of letters in outline, cut out of a sign of ink, cut tightly with no paper around, and of few pixels.

The framing takes a bold letter with no paper around for paper, as whoever cuts so tightly will find.
"""

Ink = NDArray[np.uint8]
"""Ink 255 on paper 0, `uint8 [height, width]`."""


def draw_printed(rng: np.random.Generator) -> Ink:
    """The frame `uint8 [28, 28]` of some printed letter."""
    _, typefaces, letters = ALPHABETS[rng.choice(len(ALPHABETS), p=[share for share, *_ in ALPHABETS])]
    while True:
        typeface, letter = typefaces[rng.integers(len(typefaces))], letters[rng.integers(len(letters))]
        ink = _pressed(_set(typeface, letter), rng)
        frame = frame_picture(_cut_out(ink, rng)).frame
        # What is too fine to be seen once there are few pixels is drawn again.
        if frame is not None:
            return frame


@cache
def open_typeface(name: str) -> ImageFont.FreeTypeFont:
    """One of matplotlib's typefaces, at `TYPE_SIZE`."""
    # Here, for exporting reads what this was trained on without matplotlib.
    import matplotlib as mpl

    path = Path(mpl.get_data_path(), "fonts", "ttf", f"{name}.ttf")
    return ImageFont.truetype(str(path), TYPE_SIZE, layout_engine=ImageFont.Layout.BASIC)


def _set(typeface: str, letter: str) -> Image.Image:
    image = Image.new("L", (SIDE, SIDE))
    middle = (SIDE / 2, SIDE / 2)
    ImageDraw.Draw(image).text(middle, letter, fill=255, font=open_typeface(typeface), anchor="mm")
    return image


def _pressed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The same letter bolder or finer, wider or narrower, leaning, or in outline; cut to its ink."""
    bolder = BOLDER[rng.integers(len(BOLDER))]
    if bolder < 0:
        image = image.filter(ImageFilter.MinFilter(3))
    elif bolder > 0:
        image = image.filter(ImageFilter.MaxFilter(2 * bolder + 1))
    if rng.random() < OUTLINED:
        larger = image.filter(ImageFilter.MaxFilter(2 * int(rng.integers(1, 4)) + 1))
        image = Image.fromarray(np.asarray(larger) - np.asarray(image))
    across, lean, turn = np.exp(rng.normal(0, 0.25)), rng.normal(0.08, 0.15), rng.normal(0, 0.07)
    matrix = np.array([[across, lean], [turn, 1.0]])
    offset = SIDE / 2 - matrix @ (SIDE / 2, SIDE / 2)
    rows = np.column_stack([matrix, offset]).ravel().tolist()
    image = image.transform((SIDE, SIDE), Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR)
    return image.crop(image.getbbox())


def _cut_out(image: Image.Image, rng: np.random.Generator) -> Ink:
    """A picture of such a letter, on more or less paper or on a sign, of many or few pixels."""
    where = rng.random()
    if where < SIGN:
        image = ImageOps.expand(ImageOps.invert(ImageOps.expand(image, int(rng.integers(4, 16)))), 8)
    elif where > SIGN + TIGHT:
        image = ImageOps.expand(image, int(rng.integers(4, 20)))
    if rng.random() < COARSE:
        scale = rng.integers(18, 40) / max(image.size)
        size = (max(2, round(image.width * scale)), max(2, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(image)
