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
    """Labelled frames: `frames` uint8 [n, 28, 28], `labels` int64 [n], and the name of the data set they are from."""

    dataset: str
    frames: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def sha256(self) -> str:
        """Digest of all frames and labels, in hexadecimal."""
        return hashlib.sha256(self.frames.tobytes() + self.labels.tobytes()).hexdigest()
