"""The golden set: frames or lines, and the answers to them that whatever runs a model, in any language, is held to."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import LINE_HEIGHT
from edgedigits.card import Takes
from edgedigits.files import write_file
from edgedigits.framing import FRAME_SIZE
from edgedigits.training.synthetic import PICTURE_SIZE, draw_digit, frame_drawing

__all__ = ["golden_frames", "golden_lines", "golden_pictures", "write_golden"]

SEED = 1
CLOSE = 1e-3
"""Two probabilities no further apart may change places between runtimes, which round differently."""


def golden_frames() -> NDArray[np.uint8]:
    """Frames `uint8 [24, 28, 28]`: each digit in two hands, and blank, full, noise and a single pixel."""
    digits = [_drawn(digit, hand) for digit in range(10) for hand in range(2)]
    blank, full = (np.full((FRAME_SIZE, FRAME_SIZE), value, np.uint8) for value in (0, 255))
    noise = np.random.default_rng(SEED).integers(0, 256, blank.shape, np.uint8)
    pixel = blank.copy()
    pixel[FRAME_SIZE // 2, FRAME_SIZE // 2] = 255
    return np.stack([*digits, blank, full, noise, pixel])


def golden_pictures() -> NDArray[np.uint8]:
    """Pictures `uint8 [12, 100, 80]` for what takes an image: each digit, dark on light, one blank and one of noise."""
    rng = np.random.default_rng(SEED)
    digits = [255 - draw_digit(digit, rng, 100)[:, 10:90] for digit in range(10)]
    return np.stack([*digits, np.full((100, 80), 255, np.uint8), rng.integers(0, 256, (100, 80), np.uint8)])


def golden_lines() -> NDArray[np.uint8]:
    """Lines `uint8 [6, 32, 145]` for what takes those: six digits in two hands, blank, full, noise, a single column."""
    size, (blank, full) = 24, (np.full((LINE_HEIGHT, 145), value, np.uint8) for value in (0, 255))
    written = []
    for hand in range(2):
        line = blank.copy()
        for place, digit in enumerate((1, 8, 9, 6, 0, 3)):
            rng = np.random.default_rng((SEED, digit, hand))
            line[4 : 4 + size, place * size :][:, :size] = draw_digit(digit, rng, size)
        written.append(line)
    noise = np.random.default_rng(SEED).integers(0, 256, blank.shape, np.uint8)
    column = blank.copy()
    column[:, 72] = 255
    return np.stack([*written, blank, full, noise, column])


def write_golden(
    path: Path, model: Path, takes: Takes, frames: NDArray[np.uint8], probabilities: NDArray[np.float32]
) -> None:
    """Write to `path` what the model in the file `model` has to answer, as JSON. Raises `OutputError`.

    `model` is the file's SHA-256, `input` the name of its input, `frames` the bytes of `uint8 [n, height, width]` in
    base 64, and `shape` their shape; what takes an image is given them one by one. `digits` are the most probable ones,
    null where a second is about as probable; of a line, there is a list of classes, one for each step.
    """
    ascending = np.sort(probabilities, axis=-1)
    digits = probabilities.argmax(axis=-1).astype(object)
    digits[ascending[..., -1] - ascending[..., -2] <= CLOSE] = None
    golden = {
        "model": hashlib.sha256(model.read_bytes()).hexdigest(),
        "input": takes,
        "frames": base64.b64encode(frames.tobytes()).decode(),
        "shape": frames.shape,
        "probabilities": probabilities.tolist(),
        "digits": digits.tolist(),
    }
    write_file(path, json.dumps(golden))


def _drawn(digit: int, hand: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng((SEED, digit, hand))
    return frame_drawing(draw_digit(digit, rng, PICTURE_SIZE), rng)
