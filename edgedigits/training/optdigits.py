"""Scanned digits by 13 people: UCI's Optical Recognition of Handwritten Digits (E. Alpaydin & C. Kaynak, 1998, CC BY
4.0), of its writers those that are not in its training part, from `optdigits_windep.npz` beside MNIST.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import DatasetError

__all__ = ["BY_ONE", "FILE", "load_scanned"]

FILE = "optdigits_windep.npz"
BY_ONE = 46
"""So many in a row are taken to be by one writer: a third of what each of them left."""


def load_scanned(root: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures `uint8 [1797, 32, 32]`, ink 255, and labels. Raises `DatasetError`."""
    path = root / FILE
    try:
        with path.open("rb") as file, np.load(file) as stored:
            return stored["images"].astype(np.uint8), stored["labels"].astype(np.int64)
    except FileNotFoundError as error:
        raise DatasetError(
            f"{path} is not there; it is made from UCI's Optical Recognition of Handwritten Digits (see the README); "
            "a recipe that ends in -mnist does without"
        ) from error
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path} is damaged: arrays `images` and `labels` are expected") from error
