"""MNIST through torchvision: read where it lies, fetched when asked for."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sys
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import DatasetError, OutputError

if TYPE_CHECKING:
    from edgedigits.training.digits import Split

__all__ = ["COUNTS", "SHA256", "fetch", "load", "writers"]

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""Of the files as torchvision unpacks them: a number said to be MNIST's is measured on MNIST."""

COUNTS: dict[Split, int] = {"train": 60_000, "test": 10_000}
BY_ONE = 50
"""So many digits in a row are taken to be by one writer, each of whom left about twice as many."""

_declared: list[Any] = []
"""torch forgets a library's operators when the object that declared them is gone, so it is kept here."""

RAW = Path("MNIST", "raw")
NETWORK_ERRORS = (URLError, HTTPException, ConnectionError, TimeoutError)


def load(root: Path, split: Split) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Frames `uint8 [n, 28, 28]` and labels `int64 [n]` of a split below `root`. Raises `DatasetError`."""
    for name in SHA256:
        _verify(root / RAW / name)
    mnist = torchvision_mnist()(root, train=split == "train")
    return mnist.data.numpy(), mnist.targets.numpy()


def fetch(root: Path) -> list[Path]:
    """Download what is missing or damaged below `root`, and return the files that were fetched.

    Each file is verified before it is moved into place, so it can be interrupted and repeated: finished downloads are
    kept. Raises `DatasetError`, `OutputError`.
    """
    staging = root / "MNIST.partial"
    mnist = torchvision_mnist()
    try:
        missing = [name for name in SHA256 if not _is_whole(root / RAW / name)]
        if not missing:
            return []
        # A file half unpacked would pass for a whole one in torchvision; the archives it keeps are verified anew.
        for name in SHA256:
            (staging / RAW / name).unlink(missing_ok=True)
        mnist(staging, download=True)
        (root / RAW).mkdir(parents=True, exist_ok=True)
        for name in missing:
            _verify(staging / RAW / name)
            (staging / RAW / name).replace(root / RAW / name)
        shutil.rmtree(staging)
    except (RuntimeError, EOFError, *NETWORK_ERRORS) as error:
        reason = " ".join(str(error).split())
        raise DatasetError(f"MNIST could not be fetched, try again: {reason}") from error
    except OSError as error:
        raise OutputError(f"cannot write to {root}: {error.strerror or error}") from error
    return [root / RAW / name for name in missing]


def writers(split: Split) -> NDArray[np.int64]:
    """Who wrote each digit of a split, `int64 [n]`, or -1: a number for each `BY_ONE` of those that one writer after
    the other left.

    MNIST was mixed of two collections of NIST's. One kept the order of its writers: every second digit to train on, and
    the later half of those to test by, are of it. No documentation says so; their strokes' widths and slants do.
    """
    places = np.arange(COUNTS[split])
    is_known, row = (places % 2 == 1, places // 2) if split == "train" else (places >= COUNTS[split] // 2, places)
    return np.where(is_known, row // BY_ONE, -1)


def torchvision_mnist() -> Any:
    """The class `torchvision.datasets.MNIST`, beside any torch build.

    torchvision's wheel from PyPI cannot load its compiled operators beside a torch of another build (a CPU-only one,
    say), and then fails at import because `torchvision::nms` does not exist. Reading a data set needs no operator, so
    their schemas are declared in that case.
    """
    try:
        from torchvision.datasets import MNIST
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        _declare_torchvision_operators()
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        from torchvision.datasets import MNIST
    return MNIST


def _declare_torchvision_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)


def _verify(path: Path) -> None:
    if not path.is_file():
        raise DatasetError(f"MNIST is not at hand, {path} is missing: {_mend(path)}")
    if not _is_whole(path):
        raise DatasetError(f"{path} is damaged: {_mend(path)}")


def _mend(path: Path) -> str:
    return f"run `edgedigits data fetch --data-dir {path.parents[2]}`"


def _is_whole(path: Path) -> bool:
    digest = hashlib.sha256()
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == SHA256[path.name]
