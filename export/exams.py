"""What an artifact is asked to prove itself: the test digits, or lines of them, and what none of them looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import ALPHABET, BLANK, LINE_HEIGHT
from edgedigits.decoding import decode
from edgedigits.errors import ArtifactError
from edgedigits.framing import FRAME_SIZE
from edgedigits.training.digits import Digits
from edgedigits.training.strings import Strings

__all__ = ["Exam", "Items", "Question", "exam_on"]

Items: TypeAlias = Literal["frames", "lines"]
Question: TypeAlias = tuple[str, NDArray[np.uint8]]
"""What it is called, and pictures `uint8 [n, height, width]`, given as one batch."""

CHUNK = 1000
MANY = 2048
"""The largest batch of frames that is asked: more than any runtime answers in one piece."""
MANY_LINES = 300
"""As many lines, of which each is some frames."""
WIDTHS = (2, 3, 31, 64, 255, 1000, 4095, 4096)
"""Columns of the lines that are asked, from what gives one step to what the runner reads at most."""


@dataclass(frozen=True, eq=False)
class Exam:
    """Questions, and how answers to them are told.

    The `items` of a question are frames, and an answer is an array `float32 [n, 10]`; or lines, and `[n, steps, 17]`.
    `tests` ask about the `dataset`, `labels` say what is right, and `read` makes of an answer what is held against
    them. A class of an answer is called what it is by `symbol`, and the array of a test, for people, by `test_name`.
    """

    items: Items
    dataset: str
    tests: Iterable[Question]
    labels: Sequence[object]
    read: Callable[[NDArray[np.float32]], Sequence[object]]
    symbol: Callable[[int], str]
    probes: Iterable[Question]


def exam_on(material: Digits | Strings) -> Exam:
    """The exam of a model of digits, or of one of lines."""
    if isinstance(material, Strings):
        return Exam(
            items="lines",
            dataset=material.dataset,
            tests=_line_tests(material),
            labels=material.labels,
            read=_texts,
            symbol=lambda index: "nothing" if index == BLANK else f"'{ALPHABET[index]}'",
            probes=_line_probes(material),
        )
    return Exam(
        items="frames",
        dataset=material.dataset,
        tests=_digit_tests(material),
        labels=material.labels.tolist(),
        read=lambda answers: answers.argmax(axis=1).tolist(),
        symbol=str,
        probes=_digit_probes(material),
    )


def _texts(answers: NDArray[np.float32]) -> list[str | None]:
    """What lines say; of an answer that is no probabilities, nothing that could be right."""
    return [_text(answer) for answer in answers]


def _text(answer: NDArray[np.float32]) -> str | None:
    try:
        return decode(answer).text
    except ArtifactError:
        return None


def _digit_tests(digits: Digits) -> Iterator[Question]:
    for start in range(0, len(digits), CHUNK):
        part = digits.frames[start : start + CHUNK]
        yield f"{digits.dataset} test digits {start} to {start + len(part) - 1}", part


def _digit_probes(digits: Digits) -> Iterator[Question]:
    yield from _plain((FRAME_SIZE, FRAME_SIZE))
    yield "noise", np.random.default_rng(0).integers(0, 256, (64, FRAME_SIZE, FRAME_SIZE), np.uint8)
    single = np.zeros((FRAME_SIZE**2, FRAME_SIZE**2), np.uint8)
    np.fill_diagonal(single, 255)
    yield "single pixel", single.reshape(-1, FRAME_SIZE, FRAME_SIZE)
    for batch in (1, 2, 7, 64, MANY):
        yield f"batch of {batch}", np.resize(digits.frames, (batch, FRAME_SIZE, FRAME_SIZE))


def _line_tests(strings: Strings) -> Iterator[Question]:
    start = 0
    for part in strings.pictures:
        yield f"test {strings.dataset} {start} to {start + len(part) - 1}", part
        start += len(part)


def _line_probes(strings: Strings) -> Iterator[Question]:
    yield from _plain((LINE_HEIGHT, 144))
    yield "noise", np.random.default_rng(0).integers(0, 256, (8, LINE_HEIGHT, 144), np.uint8)
    columns = np.eye(64, dtype=np.uint8) * 255
    yield "single column", np.repeat(columns[:, np.newaxis], LINE_HEIGHT, axis=1)
    lines = strings.pictures[0]
    endless = np.concatenate(list(lines), axis=1)
    for width in WIDTHS:
        yield f"{width} columns", np.resize(endless.T, (width, LINE_HEIGHT)).T[np.newaxis]
    for batch in (1, 2, 7, 64, MANY_LINES):
        yield f"batch of {batch}", np.resize(lines, (batch, *lines.shape[1:]))


def _plain(shape: tuple[int, int]) -> Iterator[Question]:
    yield "blank", np.zeros((1, *shape), np.uint8)
    yield "full", np.full((1, *shape), 255, np.uint8)
