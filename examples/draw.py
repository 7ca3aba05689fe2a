"""Draws the pictures in this folder, in the hand of the synthetic data set: `python examples/draw.py`."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from edgedigits.training.synthetic import draw_digit, draw_strokes, strokes_of

FOLDER = Path(__file__).parent


LETTER = "10,0 10,50 10,100 / 62,2 36,28 10,54 / 24,42 44,70 68,100"


def draw(name: str, digit: int | str, seed: int, size: int, *, paper: tuple[int, ...], ink: tuple[int, ...]) -> None:
    """A digit, or what an allograph gives, on paper with a little grain and uneven light."""
    rng = np.random.default_rng(seed)
    drawn = draw_digit(digit, rng, size) if isinstance(digit, int) else draw_strokes(strokes_of(digit), rng, size)
    cover = Image.fromarray(drawn).filter(ImageFilter.GaussianBlur(size / 200))
    share = np.asarray(cover)[..., np.newaxis] / 255
    light = 1 - 0.12 * np.linspace(0, 1, size)[:, np.newaxis, np.newaxis]
    colour = (np.array(paper) * (1 - share) + np.array(ink) * share) * light + rng.normal(0, 2.5, (size, size, 1))
    Image.fromarray(np.clip(colour, 0, 255).astype(np.uint8)).save(FOLDER / name)


def draw_amounts(name: str, lines: tuple[str, ...], seed: int, *, width: int, ink: tuple[int, ...]) -> None:
    """Lines of digits, dots and dashes on paper with a security print."""
    rng = np.random.default_rng(seed)
    high, leading = 46, 78
    cover = np.zeros((24 + leading * len(lines), width))
    for number, line in enumerate(lines):
        x, top = 22, 24 + leading * number
        for symbol in line:
            if symbol.isdigit():
                drawn = Image.fromarray(draw_digit(int(symbol), rng, 112))
                cut = drawn.crop(drawn.getbbox())
                size = (max(6, round(cut.width * high / cut.height)), high)
                part = np.asarray(cut.resize(size, Image.Resampling.BOX))
                y = top + int(rng.integers(-3, 4))
            elif symbol == "-":
                part, y = np.full((5, 22), 255), top + high // 2
            else:
                part, y = np.full((5, 5), 255), top + high - 6
            place = cover[y : y + part.shape[0], x : x + part.shape[1]]
            np.maximum(place, part, out=place)
            x += part.shape[1] + int(rng.integers(5, 12))
    rows, columns = np.mgrid[: cover.shape[0], :width]
    waves = np.exp(4 * (np.cos((rows + 3 * np.sin(columns / 17)) * 2 * np.pi / 9) - 1))
    share = (cover / 255)[..., np.newaxis]
    paper = np.array((236, 240, 236)) - 22 * waves[..., np.newaxis]
    colour = paper * (1 - share) + np.array(ink) * share + rng.normal(0, 2.5, (*cover.shape, 1))
    Image.fromarray(np.clip(colour, 0, 255).astype(np.uint8)).save(FOLDER / name)


if __name__ == "__main__":
    draw("pen-on-paper.png", 3, 5, 180, paper=(244, 240, 228), ink=(28, 42, 110))
    draw("marker.jpg", 7, 11, 240, paper=(235, 235, 235), ink=(20, 20, 20))
    draw("chalk.png", 5, 2, 160, paper=(38, 62, 50), ink=(232, 236, 228))
    draw("hasty.png", 4, 21, 150, paper=(246, 244, 236), ink=(60, 60, 70))
    draw("pencil.png", 8, 9, 140, paper=(250, 250, 250), ink=(120, 120, 120))
    draw_amounts("amounts/cheque.png", ("48.250,-",), 3, width=400, ink=(30, 36, 80))
    draw_amounts("amounts/meters.png", ("019364", "7702-18", "2580"), 12, width=400, ink=(40, 40, 44))
    draw("letter.png", LETTER, 4, 150, paper=(244, 246, 248), ink=(30, 60, 50))
