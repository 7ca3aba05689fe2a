"""The runner: pictures or frames in, readings and whether to trust them out."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgedigits.artifact import OnnxArtifact, read_artifact
from edgedigits.card import Card
from edgedigits.errors import ClosedError, FramesError, InputError, PictureError
from edgedigits.framing import FRAME_SIZE, Box, Framing, frame_picture
from edgedigits.many import read_many
from edgedigits.models import DEFAULT_MODEL, is_name, shipped_file
from edgedigits.pictures import Picture, open_picture
from edgedigits.results import Digit, Predictions, Reading, Reason
from edgedigits.risk import acceptance_score
from edgedigits.strokes import Strokes, frame_strokes

if TYPE_CHECKING:
    from edgedigits.expectation import Expected
    from edgedigits.lines import Layout

__all__ = ["Recognizer"]

P = TypeVar("P", bound=Picture)


class Recognizer:
    """Reads handwritten digits with one model, on one CPU thread: one digit on a picture, or with a model that takes
    lines, such as `amount`, whole numbers in one line or several.

    `model` is the name of a shipped model or the path of an ONNX artifact. `max_error` is the error rate that is put up
    with among accepted digits, or among accepted lines: it sets the threshold that keeps to it with 95% confidence, for
    such as the model was validated on; without it, the threshold is the card's. The model is read once, here; a
    recognizer can be shared by threads, pickled and inherited through a fork, in whose child the session is made anew.
    As a context manager, it is closed at the end. Raises `ArtifactError`, `UnknownNameError`, and `UnpromisedError`
    where the card's figures cannot promise so low an error rate.
    """

    def __init__(self, model: str | os.PathLike[str] = DEFAULT_MODEL, *, max_error: float | None = None) -> None:
        name = os.fspath(model)
        content = shipped_file(name).read_bytes() if is_name(model) else read_artifact(Path(model))
        self._load(content, name, max_error)

    def _load(self, content: bytes, name: str, max_error: float | None) -> None:
        self._content, self._name, self._max_error = content, name, max_error
        self._artifact: OnnxArtifact | None = OnnxArtifact(content, name)
        self._process = os.getpid()
        self._card = self._artifact.card
        self._threshold = self._card.threshold_for(max_error)
        # As numpy compares: a threshold is a float64 in the card, and probabilities are float32.
        self._accepted_from = float(np.float32(self._threshold))
        self._takes_lines = self._card.takes == "lines"

    def __getstate__(self) -> tuple[bytes, str, float | None]:
        self._open()
        return self._content, self._name, self._max_error

    def __setstate__(self, state: tuple[bytes, str, float | None]) -> None:
        self._load(*state)

    def __repr__(self) -> str:
        max_error = "" if self._max_error is None else f", max_error={self._max_error:g}"
        return f"Recognizer({self._name!r}{max_error})"

    def __enter__(self) -> Recognizer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the model's memory; what is asked after that raises `ClosedError`."""
        self._artifact, self._content = None, b""

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        return self._card

    @property
    def threshold(self) -> float:
        """The confidence from which a digit is accepted, or a line."""
        return self._threshold

    def warmup(self) -> None:
        """Read something now, so that the first reading takes no longer than others: modules and memory are there."""
        page = np.full((100, 100), 255, np.uint8)
        page[20:80, 48:52] = page[:5, :5] = 0
        self.read(page)
        if not self._takes_lines:
            self.read_strokes([[(0, 0), (0, 1)]])

    def classify(self, frames: NDArray[np.uint8]) -> Predictions:
        """Classify frames, `uint8 [n, 28, 28]`: 0 is paper, 255 ink, centred as MNIST centres.

        Raises `FramesError`, and `InputError` where the model takes lines.
        """
        self._require_digits("classify frames")
        if (
            not isinstance(frames, np.ndarray)
            or frames.dtype != np.uint8
            or frames.shape[1:] != (FRAME_SIZE, FRAME_SIZE)
        ):
            raise FramesError(f"frames must be a uint8 array [n, 28, 28], not {_describe(frames)}")
        probabilities = self._run(frames)
        confidence = probabilities.max(axis=1)
        # Above one half nothing else is likelier, no digit included.
        score = confidence if self._accepted_from > 0.5 else acceptance_score(probabilities)
        return Predictions(probabilities.argmax(axis=1), confidence, score >= self._accepted_from, probabilities)

    def read(self, picture: Picture, *, expected: Expected | None = None) -> Reading:
        """Read a picture, dark on light or light on dark: a photograph, a scan or a drawing.

        `picture` is a path, an encoded file's bytes, a PIL image, or a `uint8` array `[height, width]` (grey),
        `[height, width, 3]` or `[height, width, 4]`; or a page of `edgedigits.pages.pages_of`, for of a file of several
        pages, the first alone is read. What is `expected` of each line takes part in reading it, and where the ink says
        otherwise, the line is not accepted. Raises
        `PictureError`, and `InputError` where something is expected of one digit.
        """
        self._require_lines(expected)
        (reading,) = self._answers(expected)([self._framed(picture)])
        return reading

    def read_strokes(self, strokes: Strokes) -> Reading:
        """Read the digit that is written on a touch screen: points `(x, y)` in strokes, with time and pressure or not.

        It may be called at every point that comes. Raises `PictureError`, and `InputError` where the model takes lines.
        """
        self._require_digits("read strokes")
        return self._answer([frame_strokes(strokes)])[0]

    def read_many(
        self, pictures: Iterable[P], *, expected: Expected | None = None, threads: int | None = None
    ) -> Generator[tuple[P, Reading | PictureError], None, None]:
        """Read pictures in order, decoding ahead: each as it was given, with its reading or what is wrong with it.

        See `edgedigits.many.read_many`; `expected` is as for `read`. Raises `InputError`.
        """
        self._require_lines(expected)
        return read_many(pictures, self._framed, self._answers(expected), threads=threads)

    def _framed(self, picture: Picture) -> Framing | Layout:
        grey = open_picture(picture)
        if not self._takes_lines:
            return frame_picture(grey)
        # Who reads single digits has no use for it, nor for the time that its import takes.
        from edgedigits.lines import find_lines

        return find_lines(grey)

    def _answers(self, expected: Expected | None) -> Callable[[Sequence[Any]], Iterable[Reading]]:
        """What makes readings of what was framed."""
        if not self._takes_lines:
            return self._answer
        return lambda layouts: self._answer_lines(layouts, expected)

    def _require_digits(self, what: str) -> None:
        if self._takes_lines:
            raise InputError(f"{self._name} takes lines, and cannot {what}: use a model of one digit, such as small")

    def _require_lines(self, expected: Expected | None) -> None:
        if expected is None:
            return
        if not self._takes_lines:
            raise InputError(f"{self._name} reads one digit, of which nothing can be expected: use the model amount")
        from edgedigits.expectation import Expected

        if not isinstance(expected, Expected):
            raise InputError(f"what is expected is an edgedigits.expectation.Expected, not a {type(expected).__name__}")

    def _answer(self, framings: Sequence[Framing]) -> list[Reading]:
        """The readings of framings, whose frames go through the network together."""
        self._open()
        frames = [framing.frame for framing in framings if framing.frame is not None]
        batch = frames[0][np.newaxis] if len(frames) == 1 else np.stack(frames) if frames else None
        rows = iter(() if batch is None else self._run(batch).tolist())
        return [
            Reading("", 0.0, False, framing.reason, ())
            if framing.frame is None or framing.box is None
            else self._reading(next(rows), framing.box, framing.reason, framing.doubt)
            for framing in framings
        ]

    def _answer_lines(self, layouts: Sequence[Layout], expected: Expected | None) -> Iterator[Reading]:
        """The readings of layouts, whose lines go through the network one by one, for each has a width of its own.

        One after the other, so that what a check raises takes no reading away that came before.
        """
        from edgedigits.line_reading import Bar, read_layout

        self._open()
        promised = self._card.max_error if self._max_error is None else self._max_error
        bar = Bar(self._accepted_from, max(self._accepted_from, 1 - promised if promised else 1.0))
        for layout in layouts:
            yield read_layout(layout, self._run, bar, expected)

    def _reading(self, row: list[float], box: Box, refused: Reason | None, doubt: Reason | None) -> Reading:
        """What a frame's probabilities come to; refused, whatever they are, for a reason, or if for a doubt."""
        value, runner_up, *_ = sorted(range(10), key=row.__getitem__, reverse=True)
        confidence = row[value]
        is_digit = confidence >= 1 - sum(row)
        accepted = refused is None and is_digit and confidence >= self._accepted_from
        reason: Reason | None = None if accepted else refused or doubt or ("unsure" if is_digit else "no digit")
        digit = Digit(value, confidence, accepted, reason, box, runner_up)
        return Reading(str(value) if is_digit else "", confidence, accepted, reason, (digit,))

    def _run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._open().run(frames)

    def _open(self) -> OnnxArtifact:
        """The artifact, in the process that runs it. Raises `ClosedError`."""
        artifact = self._artifact
        if artifact is None:
            raise ClosedError(f"{self!r} was closed: make another")
        if self._process != os.getpid():
            # A thread of the parent may have held a lock of the session when it forked: it is not even freed here.
            self._inherited, artifact = artifact, OnnxArtifact(self._content, self._name)
            self._artifact, self._process = artifact, os.getpid()
        return artifact


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {list(value.shape)}"
    return type(value).__name__
