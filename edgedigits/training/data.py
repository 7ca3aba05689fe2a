"""Data sets by name: `mnist`, `synthetic`, or a folder of pictures. Needs numpy alone, but for MNIST."""

from __future__ import annotations

import os
from pathlib import Path

from edgedigits.errors import UnknownNameError
from edgedigits.extras import needs
from edgedigits.training.digits import Digits, Split

__all__ = ["DATASETS", "dataset_label", "is_folder", "load_digits", "mnist_is_at_hand", "mnist_root"]

DATASETS = ("mnist", "synthetic")
SYNTHETIC_COUNT = {"train": 6000, "test": 1000}
SYNTHETIC_SEED = {"train": 1, "test": 2}


def load_digits(dataset: str, split: Split, data_dir: Path | None = None) -> Digits:
    """One split of a data set, in memory.

    `dataset` is `mnist` (looked for in `data_dir`, see `mnist_root`), `synthetic`, or the path of a folder with the
    subfolders `0` to `9`. Raises `DatasetError`, `UnknownNameError`, and `MissingExtraError` for MNIST without torch.
    """
    if dataset == "mnist":
        with needs("train", "the data set mnist"):
            from edgedigits.training import mnist

            return Digits(dataset, *mnist.load(mnist_root(data_dir), split), mnist.writers(split))
    if dataset == "synthetic":
        from edgedigits.training.synthetic import synthetic_digits

        return Digits(dataset, *synthetic_digits(SYNTHETIC_COUNT[split], SYNTHETIC_SEED[split]))
    if is_folder(dataset):
        from edgedigits.training.folder import PictureFolder

        return Digits(dataset_label(dataset), *PictureFolder(Path(dataset), split).load_all())
    raise UnknownNameError("data set", dataset, (*DATASETS, "a folder with the subfolders 0 to 9"))


def dataset_label(dataset: str) -> str:
    """What a data set is called where it is told of.

    Of a folder the name alone, for where it lay is nobody's business; and marked, so that none passes for MNIST.
    """
    return dataset if dataset in DATASETS else f"folder:{Path(dataset).resolve().name}"


def is_folder(dataset: str) -> bool:
    """Whether a data set's name is that of a folder of pictures."""
    return dataset not in DATASETS and Path(dataset).is_dir()


def mnist_root(data_dir: Path | None = None) -> Path:
    """Where MNIST is looked for: `data_dir`, else the environment's `EDGEDIGITS_DATA`, else the user's cache folder."""
    if data_dir is not None:
        return data_dir
    if from_environment := os.environ.get("EDGEDIGITS_DATA"):
        return Path(from_environment)
    with needs("train", "the data set mnist"):
        import platformdirs

    return platformdirs.user_cache_path("edgedigits")


def mnist_is_at_hand(data_dir: Path | None = None) -> bool:
    """Whether MNIST has been fetched. Raises `MissingExtraError` where nothing says where it would be."""
    return (mnist_root(data_dir) / "MNIST" / "raw").is_dir()
