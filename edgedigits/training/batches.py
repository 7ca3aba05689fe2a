"""Batches for the training loop, on the device that trains."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from edgedigits.errors import DatasetError
from edgedigits.training.augmentation import augment, draw_noise
from edgedigits.training.digits import Digits
from edgedigits.training.distillation import Teachers
from edgedigits.training.distributed import share
from edgedigits.training.folder import PictureFolder
from edgedigits.training.interrupts import leave_interrupts_to_the_parent, uninterrupted
from edgedigits.training.recipes import Recipe

__all__ = ["Batch", "Batches", "batches"]


MAX_WORKERS = 4
CHUNK = 512
"""Frames augmented at a time when a whole pass is: what fits a processor's cache is faster."""


class Batch(NamedTuple):
    """This process's rows of a batch of `whole` frames.

    `frames` is `uint8 [n, 28, 28]`, or `float32`, 0 to 255, where augmented; `labels` int64 [n]; `taught` what the
    teachers say, `float32 [n, classes]`. Of lines, `frames` is `uint8 [n, 32, width]`, and `labels` and `centres` are
    the symbols and their middles, as in `edgedigits.training.composition.Lines`.
    """

    frames: Tensor
    labels: Tensor
    taught: Tensor | None
    whole: int
    centres: Tensor | None = None


class Batches(Protocol):
    """The passes over all digits, each in a random order of its own, drawn from torch's global state."""

    def __len__(self) -> int:
        """Batches in a pass."""
        ...

    def of(self, epoch: int) -> Iterator[Batch]:
        """Pass number `epoch`, counted from 0."""
        ...


def batches(
    digits: Digits | PictureFolder, recipe: Recipe, device: torch.device, teachers: Teachers | None = None
) -> Batches:
    """Digits in memory are kept on the device as uint8; a folder of pictures is streamed to it."""
    if isinstance(digits, PictureFolder):
        return _Fresh(_Streamed(digits, recipe.batch_size, device), recipe.augmented, teachers)
    if recipe.views:
        return _Views(digits, recipe, device, teachers)
    return _Fresh(_InMemory(digits, recipe.batch_size, device), recipe.augmented, teachers)


class _Source(Protocol):
    """Whole batches of frames as they are."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]: ...


class _Fresh:
    """Frames are augmented anew in each pass."""

    def __init__(self, source: _Source, augmented: bool, teachers: Teachers | None) -> None:
        self._source, self._augmented, self._teachers = source, augmented, teachers

    def __len__(self) -> int:
        return len(self._source)

    def of(self, epoch: int) -> Iterator[Batch]:  # noqa: ARG002  every pass is drawn anew
        for frames, labels in self._source:
            mine = share(frames)
            if self._augmented:
                # Drawn on the CPU, so that it is the same on every device.
                noise = draw_noise(len(frames), torch.default_generator)
                mine = augment(mine, share(noise).to(mine.device))
            yield Batch(mine, share(labels), self._teachers(mine) if self._teachers else None, len(frames))


class _Views:
    """A number of augmented passes are made, and taken in turns: for networks too small to learn them by heart.

    A network that takes less time than its augmentation, or than its teachers, is trained several times faster so.
    """

    def __init__(self, digits: Digits, recipe: Recipe, device: torch.device, teachers: Teachers | None) -> None:
        self._frames = torch.from_numpy(digits.frames).to(device)
        self._labels = torch.from_numpy(digits.labels).to(device)
        self._recipe, self._teachers = recipe, teachers
        self._made: dict[int, tuple[Tensor, Tensor | None]] = {}

    def __len__(self) -> int:
        return math.ceil(len(self._labels) / self._recipe.batch_size)

    def of(self, epoch: int) -> Iterator[Batch]:
        view = epoch % self._recipe.views
        if view not in self._made:
            self._made[view] = self._make(view)
        frames, taught = self._made[view]
        for whole in torch.randperm(len(frames)).to(frames.device).split(self._recipe.batch_size):
            mine = share(whole)
            yield Batch(frames[mine], self._labels[mine], taught[mine] if taught is not None else None, len(whole))

    def _make(self, view: int) -> tuple[Tensor, Tensor | None]:
        # Of its own seed, for a run that was resumed makes it anew; runs of other seeds see the same.
        generator = torch.Generator().manual_seed(view)
        noise = draw_noise(len(self._frames), generator)
        frames, taught = [], []
        for part, its_noise in zip(self._frames.split(CHUNK), noise.to(self._frames.device).split(CHUNK), strict=True):
            augmented = augment(part, its_noise)
            frames.append(augmented.round().to(torch.uint8))
            if self._teachers:
                taught.append(self._teachers(augmented))
        return torch.cat(frames), torch.cat(taught) if taught else None


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
            worker_init_fn=leave_interrupts_to_the_parent,
            persistent_workers=True,
        )

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        with uninterrupted():
            loaded = iter(self._loader)
        while True:
            with uninterrupted():
                batch = next(loaded, None)
            if batch is None:
                return
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
