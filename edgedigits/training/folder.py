"""A user's own pictures as a data set: `DIR/0/*.png` … `DIR/9/*.png`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import DatasetError, PictureError
from edgedigits.framing import frame_picture
from edgedigits.pictures import open_picture
from edgedigits.training.digits import Split

__all__ = ["PictureFolder"]

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
TEST_EVERY = 10
"""Of each class, in the order of the file names, every tenth picture is for testing."""


class PictureFolder:
    """One split of a folder of pictures, framed one by one as they are asked for. Raises `DatasetError`."""

    def __init__(self, root: Path, split: Split) -> None:
        self.files: list[Path] = []
        self.labels: list[int] = []
        for label in range(10):
            pictures = sorted(path for path in (root / str(label)).glob("*") if path.suffix.lower() in SUFFIXES)
            chosen = [
                path for i, path in enumerate(pictures) if (i % TEST_EVERY == TEST_EVERY - 1) == (split == "test")
            ]
            if not chosen and split == "train":
                raise DatasetError(f"{root} holds no pictures of a {label} to train on: put some into {root}/{label}")
            self.files += chosen
            self.labels += [label] * len(chosen)
        if not self.files:
            raise DatasetError(f"{root} holds too few pictures to test on: put in at least {TEST_EVERY} of a digit")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int]:
        """Frame `uint8 [28, 28]` and label of one picture."""
        path = self.files[index]
        try:
            framing = frame_picture(open_picture(path))
        except PictureError as error:
            raise DatasetError(f"{error}: mend or remove it") from error
        if framing.frame is None:
            raise DatasetError(f"{path} is {framing.reason}: mend or remove it")
        return framing.frame, self.labels[index]

    def load_all(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """All frames `uint8 [n, 28, 28]` and labels `int64 [n]`."""
        frames = np.stack([self[i][0] for i in range(len(self))])
        return frames, np.array(self.labels, np.int64)
