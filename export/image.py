"""ONNX artifacts that take a picture of any size and frame it themselves, and what they are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgedigits.card import Card
from edgedigits.framing import frame_clean
from edgedigits.training.synthetic import draw_digit

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["ImageArtifact", "framed", "image_probes"]

SIDES = (1, 9, 27, 50, 120, 513, 700)
"""Of the pictures that are asked, in pixels: tiny, near a frame's, and beyond what is shrunk first."""


class ImageArtifact:
    """An ONNX artifact that takes an image, ready to run, with its card."""

    def __init__(self, card: Card, session: onnxruntime.InferenceSession) -> None:
        self.card, self._session = card, session

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities `float32 [n, 10]` of pictures `uint8 [n, height, width]`, each framed by itself."""
        return np.concatenate([self._session.run(None, {"image": frame})[0] for frame in frames])


def framed(
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """What maps pictures `uint8 [n, height, width]` to the probabilities that `run` gives their frames.

    They are all 0 for a picture that is blank.
    """

    def of_pictures(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        frames = {i: framing.frame for i, framing in enumerate(map(frame_clean, pictures))}
        found = {i: frame for i, frame in frames.items() if frame is not None}
        probabilities = np.zeros((len(frames), 10), np.float32)
        if found:
            probabilities[list(found)] = run(np.stack(list(found.values())))
        return probabilities

    return of_pictures


def image_probes() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Pictures of many sizes, `uint8 [n, height, width]`: digits dark on light and light on dark, noise, one grey."""
    rng = np.random.default_rng(0)
    for side in SIDES:
        shape = (side, max(1, side * 2 // 3))
        digits = np.stack([_picture(digit, shape, rng) for digit in range(10)])
        yield f"{shape[0]}×{shape[1]} dark on light", 255 - digits
        yield f"{shape[0]}×{shape[1]} light on dark", digits
        yield f"{shape[0]}×{shape[1]} noise", rng.integers(0, 256, (4, *shape), np.uint8)
        yield f"{shape[0]}×{shape[1]} of one grey", np.full((1, *shape), 200, np.uint8)


def _picture(digit: int, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A digit drawn across a picture, on paper that is not quite even."""
    drawn = draw_digit(digit, rng, 56)
    rows, columns = (np.arange(side) * 56 // side for side in shape)
    grain = rng.integers(0, 12, shape, np.uint8)
    picture: NDArray[np.uint8] = np.maximum(np.minimum(drawn[np.ix_(rows, columns)], 230) + grain, grain)
    return picture
