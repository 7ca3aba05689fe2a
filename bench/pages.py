"""Photographs of pages, drawn: one digit in any light, on any paper, among marks that are none of it.

`DIGITS` are the conditions in which it can be read; `REFUSED` those in which there is not one digit to read, each with
the reasons that say so; `RULED` papers on which there are rules alone. All are functions of a digit's ink, `float64
[height, width]` of 0 to 1 that reaches all four edges, and of a generator. They give a picture, as `Recognizer.read`
takes it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from edgedigits.training.synthetic import draw_digit

__all__ = ["DIGITS", "NOTHING", "REFUSED", "RULED", "Page", "drawn_ink", "photograph", "place", "rules"]

Ink: TypeAlias = NDArray[np.float64]
"""Ink, or light, of 0 to 1: `[height, width]`."""
Shape: TypeAlias = "tuple[int, ...] | NDArray[np.int64]"
Light: TypeAlias = Callable[[Shape, np.random.Generator], Ink]
Photograph: TypeAlias = NDArray[np.uint8]
Page: TypeAlias = Callable[[Ink, np.random.Generator], "Photograph | bytes"]
"""Puts a digit's ink on a page of its own and photographs it."""

PAPER, PEN, PALE_PEN = 215, 60, 170
GRAIN = 4
"""Standard deviation of a camera's noise in good light, in grey levels."""
BOARD, CHALK = 40, 190
COLOURED_PAPER = (250, 250, 245)


def drawn_ink(digit: int, rng: np.random.Generator, size: int = 170) -> Ink:
    """A digit's ink, cut out to its box: 0.7 of `size` high or wide."""
    ink = draw_digit(digit, rng, size) / 255
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.5), np.flatnonzero(ink.max(axis=0) > 0.5)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def place(ink: Ink, rng: np.random.Generator) -> Ink:
    """The ink somewhere on a page of some size."""
    height, width = np.maximum(rng.integers(190, 320, 2), np.add(ink.shape, 21))
    page = np.zeros((height, width))
    y, x = (int(rng.integers(10, side - own - 10)) for side, own in zip(page.shape, ink.shape, strict=True))
    page[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
    return page


def photograph(
    ink: Ink,
    rng: np.random.Generator,
    *,
    light: Ink | float = 1.0,
    paper: float = PAPER,
    pen: float = PEN,
    grain: float = GRAIN,
) -> Photograph:
    """What a camera sees of ink on paper."""
    seen = (paper - (paper - pen) * ink) * light + rng.normal(0, grain, ink.shape)
    return np.clip(seen, 0, 255).astype(np.uint8)


def across(shape: Shape, rng: np.random.Generator) -> Ink:
    """How far each pixel is from the page's middle in a direction drawn, -0.7 to 0.7 sides."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    angle = rng.uniform(0, 2 * np.pi)
    distance: Ink = (x / shape[1] - 0.5) * np.cos(angle) + (y / shape[0] - 0.5) * np.sin(angle)
    return distance


def fading(shape: Shape, rng: np.random.Generator, least: float) -> Ink:
    """Light that fades evenly from one side to the other."""
    distance = across(shape, rng)
    light: Ink = least + (1 - least) * (distance - distance.min()) / np.ptp(distance)
    return light


def shadow(shape: Shape, rng: np.random.Generator, least: float, softness: float) -> Ink:
    """A shadow's edge somewhere on the page, `softness` sides wide."""
    return least + (1 - least) / (1 + np.exp((rng.uniform(-0.25, 0.25) - across(shape, rng)) / softness))


def vignette(shape: Shape, _rng: np.random.Generator) -> Ink:
    """Light that is good in the middle alone."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    light: Ink = 1 - 1.5 * ((x / shape[1] - 0.5) ** 2 + (y / shape[0] - 0.5) ** 2)
    return light


def hard_shadow(shape: Shape, rng: np.random.Generator) -> Ink:
    return shadow(shape, rng, 0.55, 0.004)


def soft_shadow(shape: Shape, rng: np.random.Generator) -> Ink:
    return shadow(shape, rng, 0.5, 0.06)


def half_light(shape: Shape, rng: np.random.Generator) -> Ink:
    return fading(shape, rng, 0.5)


def lit_by(light: Light, **seen: float) -> Page:
    def make(ink: Ink, rng: np.random.Generator) -> Photograph:
        page = place(ink, rng)
        return photograph(page, rng, light=light(page.shape, rng), **seen)

    return make


def seen_as(**seen: float) -> Page:
    return lambda ink, rng: photograph(place(ink, rng), rng, **seen)


def on_a_board(ink: Ink, rng: np.random.Generator) -> Photograph:
    page = place(ink, rng)
    return photograph(page, rng, paper=BOARD, pen=CHALK, grain=5, light=fading(page.shape, rng, 0.4))


def textured(shape: Shape, rng: np.random.Generator) -> Ink:
    """Paper of which some patches are lighter than others."""
    coarse = rng.normal(1, 0.08, (shape[0] // 6 + 1, shape[1] // 6 + 1)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((int(shape[1]), int(shape[0])), Image.Resampling.BICUBIC))


def rules(
    shape: Shape,
    rng: np.random.Generator,
    tilt: float = 0.0,
    *,
    ink: float = 0.6,
    width: int = 2,
    is_grid: bool = False,
) -> Ink:
    """Ruled lines, tilted by up to `tilt` degrees."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    spacing, slope = rng.integers(45, 80), np.tan(np.radians(rng.uniform(-tilt, tilt)))
    offset = rng.uniform(0, spacing)
    lines = (y - slope * x - offset) % spacing < width
    if is_grid:
        lines |= (x + slope * y - offset) % spacing < width
    inked: Ink = ink * lines
    return inked


def ruled(**how: Any) -> Page:
    def make(ink: Ink, rng: np.random.Generator) -> Photograph:
        page = place(ink, rng)
        return photograph(np.maximum(page, rules(page.shape, rng, **how)), rng)

    return make


def small_on_a_ruled_page(ink: Ink, rng: np.random.Generator) -> Photograph:
    """A digit that a wide page's rules go through: they may be a good part of its height apart."""
    half = np.asarray(Image.fromarray(np.rint(255 * ink).astype(np.uint8)).reduce(2)) / 255
    page = np.zeros((300, 400))
    y, x = (int(rng.integers(15, side - own - 15)) for side, own in zip(page.shape, half.shape, strict=True))
    page[y : y + half.shape[0], x : x + half.shape[1]] = half
    return photograph(np.maximum(page, rules(page.shape, rng, 1.0)), rng)


def with_a_baseline(ink: Ink, rng: np.random.Generator) -> Photograph:
    page = place(ink, rng)
    line = int(0.9 * len(page))
    page[line : line + 3] = 1
    return photograph(page, rng)


def with_specks(ink: Ink, rng: np.random.Generator) -> Photograph:
    page = place(ink, rng)
    for _ in range(12):
        side = int(rng.integers(1, 5))
        y, x = rng.integers(0, np.subtract(page.shape, side))
        page[y : y + side, x : x + side] = 1
    return photograph(page, rng)


def with_a_full_stop(ink: Ink, rng: np.random.Generator) -> Photograph:
    dot = np.zeros((len(ink), ink.shape[1] + 17))
    dot[:, : ink.shape[1]] = ink
    dot[-9:, -9:] = 1
    return photograph(place(dot, rng), rng)


def with_a_neighbour_cut(ink: Ink, rng: np.random.Generator) -> Photograph:
    page = place(ink, rng)
    neighbour = drawn_ink(int(rng.integers(10)), rng, 150)
    seen = int(0.25 * neighbour.shape[1])
    height = min(len(neighbour), len(page))
    page = np.pad(page, ((0, 0), (seen, 0)))
    page[:height, :seen] = neighbour[:height, -seen:]
    return photograph(page, rng)


def cut_out_tightly(ink: Ink, rng: np.random.Generator) -> Photograph:
    return photograph(ink, rng)


def cut_out_tightly_in_fading_light(ink: Ink, rng: np.random.Generator) -> Photograph:
    return photograph(ink, rng, light=fading(ink.shape, rng, 0.6))


def at_the_border(ink: Ink, rng: np.random.Generator) -> Photograph:
    """The page ends on one side where the digit does."""
    margins = rng.integers(20, 60, 4)
    margins[rng.integers(4)] = 0
    return photograph(np.pad(ink, margins.reshape(2, 2)), rng)


def tiny(ink: Ink, rng: np.random.Generator) -> Photograph:
    page = Image.fromarray(photograph(place(ink, rng), rng))
    return np.asarray(page.resize((page.width // 9, page.height // 9), Image.Resampling.BOX))


def huge(ink: Ink, rng: np.random.Generator) -> Photograph:
    page = Image.fromarray(photograph(place(ink, rng), rng))
    return np.asarray(page.resize((page.width * 8, page.height * 8), Image.Resampling.BILINEAR))


def as_a_poor_jpeg(ink: Ink, rng: np.random.Generator) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photograph(place(ink, rng), rng)).save(file, "JPEG", quality=12)
    return file.getvalue()


def blurred(ink: Ink, rng: np.random.Generator) -> Photograph:
    page = Image.fromarray(photograph(place(ink, rng), rng))
    return np.asarray(page.filter(ImageFilter.GaussianBlur(4)))


def filtered(ink: Ink, ink_filter: ImageFilter.Filter) -> Ink:
    return np.asarray(Image.fromarray(np.rint(255 * ink).astype(np.uint8)).filter(ink_filter)) / 255


def by_a_thick_pen(ink: Ink, rng: np.random.Generator) -> Photograph:
    return photograph(filtered(place(ink, rng), ImageFilter.MaxFilter(9)), rng)


def by_a_thin_pen(ink: Ink, rng: np.random.Generator) -> Photograph:
    return photograph(filtered(place(ink, rng), ImageFilter.MinFilter(3)), rng)


def in_pencil(ink: Ink, rng: np.random.Generator) -> Photograph:
    page = place(ink, rng)
    return photograph(page * rng.uniform(0.6, 1, page.shape), rng, paper=225, pen=150)


def in_colour(*pen: int) -> Page:
    def make(ink: Ink, rng: np.random.Generator) -> Photograph:
        page = place(ink, rng)
        channels = zip(COLOURED_PAPER, pen, strict=True)
        return np.stack([photograph(page, rng, paper=paper, pen=level) for paper, level in channels], axis=2)

    return make


DIGITS = {
    "light that fades to a half": lit_by(half_light),
    "light that fades to a quarter": lit_by(lambda shape, rng: fading(shape, rng, 0.25)),
    "a soft shadow": lit_by(soft_shadow),
    "a hard shadow": lit_by(hard_shadow),
    "a vignette": lit_by(vignette),
    "a board": on_a_board,
    "noise": seen_as(grain=15),
    "much noise": seen_as(grain=30),
    "texture": lit_by(textured),
    "pencil": in_pencil,
    "pale ink": seen_as(pen=PALE_PEN, grain=3),
    "faint rules": ruled(ink=0.3),
    "rules": ruled(),
    "tilted rules": ruled(tilt=2.5),
    "a grid": ruled(tilt=1, ink=0.5, is_grid=True),
    "dark rules": ruled(tilt=1, ink=1.0),
    "rules on a wide page": small_on_a_ruled_page,
    "a baseline": with_a_baseline,
    "specks": with_specks,
    "a full stop": with_a_full_stop,
    "a neighbour cut": with_a_neighbour_cut,
    "a tight crop": cut_out_tightly,
    "a tight crop in fading light": cut_out_tightly_in_fading_light,
    "the border": at_the_border,
    "tiny": tiny,
    "huge": huge,
    "a poor JPEG": as_a_poor_jpeg,
    "blur": blurred,
    "a thick pen": by_a_thick_pen,
    "a thin pen": by_a_thin_pen,
    "a yellow pen": in_colour(250, 225, 60),
    "a cyan pen": in_colour(90, 215, 235),
    "a red pen": in_colour(215, 40, 50),
}


def two_apart(ink: Ink, rng: np.random.Generator) -> Photograph:
    other = drawn_ink(int(rng.integers(10)), rng)
    pair = np.zeros((max(len(ink), len(other)) + 10, ink.shape[1] + other.shape[1] + 40))
    pair[: len(ink), : ink.shape[1]] = ink
    pair[-len(other) :, -other.shape[1] :] = other
    return photograph(place(pair, rng), rng)


def cut_through_twice(_ink: Ink, rng: np.random.Generator) -> Photograph:
    """Half a zero, whose outline crosses the picture's border in two places."""
    zero = drawn_ink(0, rng)
    margins, side = np.full(4, 30), rng.integers(4)
    margins[side] = 0
    height, width = zero.shape
    halves = (zero[height // 2 :], zero[: height // 2], zero[:, width // 2 :], zero[:, : width // 2])
    return photograph(np.pad(halves[side], margins.reshape(2, 2)), rng)


def blank(light: Light | None = None, **seen: float) -> Page:
    def make(_ink: Ink, rng: np.random.Generator) -> Photograph:
        nothing = np.zeros(rng.integers(190, 320, 2))
        return photograph(nothing, rng, light=1.0 if light is None else light(nothing.shape, rng), **seen)

    return make


def rules_alone(**how: Any) -> Page:
    def make(_ink: Ink, rng: np.random.Generator) -> Photograph:
        return photograph(rules(rng.integers(190, 320, 2), rng, **how), rng)

    return make


NOTHING = {"blank", "low contrast"}
REFUSED = {
    "two digits apart": (two_apart, {"several digits"}),
    "a digit cut through twice": (cut_through_twice, {"cut off"}),
    "blank paper": (blank(), {"blank"}),
    "blank paper and noise": (blank(grain=8), NOTHING),
    "blank paper in fading light": (blank(half_light), NOTHING),
    "blank paper in a soft shadow": (blank(soft_shadow), NOTHING),
    "blank paper in a hard shadow": (blank(hard_shadow), NOTHING),
    "blank paper in a vignette": (blank(vignette), NOTHING),
    "blank paper with texture": (blank(textured), NOTHING),
}
RULED = {
    "rules": rules_alone(tilt=1),
    "dark rules": rules_alone(tilt=1, ink=1.0),
    "a grid": rules_alone(tilt=1, ink=0.5, is_grid=True),
}
