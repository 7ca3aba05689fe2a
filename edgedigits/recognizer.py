"""The runner: frames or pictures in, answers and whether to trust them out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedigits.artifact import OnnxArtifact, read_artifact
from edgedigits.card import Card
from edgedigits.errors import FramesError
from edgedigits.framing import FRAME_SIZE, frame_picture
from edgedigits.models import DEFAULT_MODEL, is_name, shipped_file
from edgedigits.pictures import Picture, open_picture
from edgedigits.results import Digit, Predictions, Reading, Reason
from edgedigits.risk import acceptance_score

__all__ = ["Recognizer"]


class Recognizer:
    """Reads handwritten digits with one model, on one CPU thread.

    `model` is the name of a shipped model or the path of an ONNX artifact. `max_error` is the error rate that is put up
    with among accepted digits: it sets the threshold that keeps to it with 95% confidence, for digits such as the model
    was validated on; without it, the threshold is the card's. The model is read once, here; a recognizer can be shared
    by threads, pickled and inherited through a fork. Raises `ArtifactError`, `UnknownNameError`, and `UnpromisedError`
    where the card's figures cannot promise so low an error rate.
    """

    def __init__(self, model: str | os.PathLike[str] = DEFAULT_MODEL, *, max_error: float | None = None) -> None:
        name = os.fspath(model)
        content = shipped_file(name).read_bytes() if is_name(model) else read_artifact(Path(model))
        self._load(content, name, max_error)

    def _load(self, content: bytes, name: str, max_error: float | None) -> None:
        self._content, self._name, self._max_error = content, name, max_error
        self._artifact = OnnxArtifact(content, name)
        self._threshold = self.card.threshold_for(max_error)

    def __getstate__(self) -> tuple[bytes, str, float | None]:
        return self._content, self._name, self._max_error

    def __setstate__(self, state: tuple[bytes, str, float | None]) -> None:
        self._load(*state)

    def __repr__(self) -> str:
        max_error = "" if self._max_error is None else f", max_error={self._max_error:g}"
        return f"Recognizer({self._name!r}{max_error})"

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        return self._artifact.card

    @property
    def threshold(self) -> float:
        """The confidence from which a digit is accepted."""
        return self._threshold

    def classify(self, frames: NDArray[np.uint8]) -> Predictions:
        """Classify frames, `uint8 [n, 28, 28]`: 0 is paper, 255 ink, centred as MNIST centres. Raises `FramesError`."""
        if (
            not isinstance(frames, np.ndarray)
            or frames.dtype != np.uint8
            or frames.shape[1:] != (FRAME_SIZE, FRAME_SIZE)
        ):
            raise FramesError(f"frames must be a uint8 array [n, 28, 28], not {_describe(frames)}")
        probabilities = self._artifact.run(frames)
        digits = probabilities.argmax(axis=1)
        accepted = acceptance_score(probabilities) >= self._threshold
        return Predictions(digits, probabilities.max(axis=1), accepted, probabilities)

    def read(self, picture: Picture) -> Reading:
        """Read a clean picture of one digit, dark on light or light on dark.

        `picture` is a path, an encoded file's bytes, a PIL image, or a `uint8` array `[height, width]` (grey),
        `[height, width, 3]` or `[height, width, 4]`. Raises `PictureError`.
        """
        framing = frame_picture(open_picture(picture))
        if framing.frame is None or framing.box is None:
            return Reading("", 0.0, False, "blank", ())
        predictions = self.classify(framing.frame[np.newaxis])
        value, confidence = int(predictions.digits[0]), float(predictions.confidence[0])
        accepted = bool(predictions.accepted[0])
        no_digit = 1 - float(predictions.probabilities[0].sum())
        reason: Reason | None = None if accepted else "no digit" if no_digit > confidence else "unsure"
        runner_up = int(predictions.probabilities[0].argsort()[-2])
        digit = Digit(value, confidence, accepted, reason, framing.box, runner_up)
        text = "" if reason == "no digit" else str(value)
        return Reading(text, confidence, accepted, reason, (digit,))


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {list(value.shape)}"
    return type(value).__name__
