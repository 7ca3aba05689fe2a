"""Batches for the training loop: frames `uint8 [b, 28, 28]` and labels `int64 [b]`, on the device that trains."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from edgedigits.errors import DatasetError
from edgedigits.training.digits import Digits
from edgedigits.training.folder import PictureFolder

__all__ = ["Batches", "batches"]


MAX_WORKERS = 4


class Batches(Protocol):
    """One pass over all digits in a new random order each time it is iterated, drawn from torch's global state."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]: ...


def batches(digits: Digits | PictureFolder, batch_size: int, device: torch.device) -> Batches:
    """Digits in memory are kept on the device as uint8; a folder of pictures is streamed to it."""
    if isinstance(digits, Digits):
        return _InMemory(digits, batch_size, device)
    return _Streamed(digits, batch_size, device)


class _InMemory:
    def __init__(self, digits: Digits, batch_size: int, device: torch.device) -> None:
        self._frames = torch.from_numpy(digits.frames).to(device)
        self._labels = torch.from_numpy(digits.labels).to(device)
        self._batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self._labels) / self._batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # The order is drawn on the CPU, so that it is the same on every device.
        order = torch.randperm(len(self._labels)).to(self._labels.device)
        for chosen in order.split(self._batch_size):
            yield self._frames[chosen], self._labels[chosen]


class _Streamed:
    def __init__(self, folder: PictureFolder, batch_size: int, device: torch.device) -> None:
        self._device = device
        self._loader = DataLoader(
            _Items(folder),
            batch_size=batch_size,
            sampler=_Shuffle(len(folder)),
            collate_fn=_collate,
            # The loader draws a seed once in its life: from the global state, that would make a resumed run differ.
            generator=torch.Generator(),
            num_workers=min(MAX_WORKERS, _usable_cores()),
            pin_memory=device.type == "cuda",
            persistent_workers=True,
        )

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self._loader:
            if isinstance(batch, DatasetError):
                # A new error: one that holds its own traceback would keep the loader and its workers alive.
                raise DatasetError(str(batch))
            frames, labels = batch
            yield frames.to(self._device, non_blocking=True), labels.to(self._device, non_blocking=True)


def _usable_cores() -> int:
    """Those that this process may run on, where the system can say so: fewer than there are, in a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Shuffle(Sampler[int]):
    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return iter(torch.randperm(self._count).tolist())


class _Items(Dataset[tuple[NDArray[np.uint8], int] | DatasetError]):
    """Errors travel from the workers as items: raised there, they would arrive wrapped in a traceback."""

    def __init__(self, folder: PictureFolder) -> None:
        self._folder = folder

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int] | DatasetError:
        try:
            return self._folder[index]
        except DatasetError as error:
            return error


def _collate(items: list[Any]) -> Any:
    errors = (item for item in items if isinstance(item, DatasetError))
    return next(errors, None) or default_collate(items)
