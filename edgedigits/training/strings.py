"""Lines and what they say, in memory, and what a model's answers on them are worth. Needs numpy alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import ALPHABET, OTHER
from edgedigits.card import Accuracy
from edgedigits.looks import Run, looked_at
from edgedigits.risk import RiskCurve, risk_curve
from edgedigits.training.evaluation import accuracy_of

__all__ = ["Read", "Strings", "digits_of", "evaluate_strings", "read_strings", "string_risk"]


@dataclass(frozen=True, eq=False)
class Strings:
    """Lines in batches of one width each: `pictures`, `uint8 [n, 32, width]` each, and `texts` over the alphabet."""

    dataset: str
    pictures: tuple[NDArray[np.uint8], ...]
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def first(self, count: int) -> Strings:
        """The first batches, as many as have `count` lines, or all."""
        pictures, texts = [], 0
        for batch in self.pictures:
            if texts >= count:
                break
            pictures.append(batch)
            texts += len(batch)
        return Strings(self.dataset, tuple(pictures), self.texts[:texts])

    @property
    def labels(self) -> list[str]:
        """The digits of each line, with `?` for what is neither digit nor separator."""
        return [digits_of(text) for text in self.texts]

    @property
    def sha256(self) -> str:
        """Digest of all pictures and texts, in hexadecimal."""
        digest = hashlib.sha256("\n".join(self.texts).encode())
        for batch in self.pictures:
            digest.update(batch.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Read:
    """What a model read: texts, confidence `float32 [n]`, and whether each is right, `bool [n]`.

    Of a line that cannot be accepted, whatever its confidence, for it says nothing or has something foreign in it,
    `score` is -1; it is the confidence of others.
    """

    texts: list[str]
    confidence: NDArray[np.float32]
    score: NDArray[np.float32]
    right: NDArray[np.bool_]


def digits_of(text: str) -> str:
    """A text over the alphabet without its separators."""
    return "".join(symbol for symbol in text if symbol.isdigit() or symbol == ALPHABET[OTHER])


def read_strings(run: Run, strings: Strings) -> Read:
    """Let a model read lines, as the runner would."""
    decoded = [
        looked_at(picture, row, run)[1]
        for batch in strings.pictures
        for picture, row in zip(batch, run(batch), strict=True)
    ]
    texts = [line.text for line in decoded]
    confidence = np.array([line.confidence for line in decoded], np.float32)
    can_be = np.array([text.isdigit() for text in texts])
    right = np.array([text == label for text, label in zip(texts, strings.labels, strict=True)])
    return Read(texts, confidence, np.where(can_be, confidence, np.float32(-1)), right)


def evaluate_strings(read: Read, strings: Strings, accept_threshold: float) -> Accuracy:
    """How often whole strings are right, among lines of digits alone.

    `loss` is the mean negative logarithm of the confidence where it is right, and of what it lacks of 1 where not.
    """
    chosen = _of_digits(strings)
    right = read.right[chosen]
    confidence = read.confidence[chosen].astype(np.float64)
    likelihood = np.clip(np.where(right, confidence, 1 - confidence), np.finfo(np.float32).tiny, 1)
    return accuracy_of(strings.dataset, right, likelihood, read.score[chosen] >= accept_threshold)


def string_risk(read: Read, strings: Strings) -> RiskCurve:
    """The risk curve of lines of digits alone, read without an expectation.

    Lines share the digits that they are composed of, and are drawn independently given those: what the curve promises
    is for lines composed of these digits as they are, by the writers that there are among them.
    """
    chosen = _of_digits(strings)
    return risk_curve(f"{strings.dataset}, composed of digits held out", read.score[chosen], read.right[chosen])


def _of_digits(strings: Strings) -> NDArray[np.bool_]:
    return np.array([label.isdigit() for label in strings.labels])
