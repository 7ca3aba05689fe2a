"""Labelled digits in memory: what data sets give and everything else takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Digits", "Split"]

Split: TypeAlias = Literal["train", "test"]


@dataclass(frozen=True, eq=False)
class Digits:
    """Labelled frames: `frames` uint8 [n, 28, 28], `labels` int64 [n], and the name of the data set they are from.

    `writers` int64 [n] numbers those who wrote them, where some are known, and is -1 for the others.
    """

    dataset: str
    frames: NDArray[np.uint8]
    labels: NDArray[np.int64]
    writers: NDArray[np.int64] | None = None

    def only(self, which: NDArray[np.bool_] | slice) -> Digits:
        """Some of the digits."""
        writers = None if self.writers is None else self.writers[which]
        return Digits(self.dataset, self.frames[which], self.labels[which], writers)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def sha256(self) -> str:
        """Digest of all frames and labels, in hexadecimal."""
        return hashlib.sha256(self.frames.tobytes() + self.labels.tobytes()).hexdigest()
