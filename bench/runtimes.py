"""The table of runtimes under test. A new runtime is one module with a `prepare` and one row."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import cast

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import MissingExtraError, NoCheckpointError, UnknownNameError
from edgedigits.models import Model

__all__ = ["RUNTIMES", "Candidate", "Runtime", "find_runtime", "prepare_all"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model in a runtime, ready to be measured; `bytes` is the size of the file it was loaded from."""

    model: str
    runtime: str
    precision: str
    bytes: int
    accept_threshold: float
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class Runtime:
    """A runtime; its `module` provides `prepare(model, workspace) -> Candidate`."""

    name: str
    module: str

    def prepare(self, model: Model, workspace: Path) -> Candidate:
        """Load `model`, exporting it into `workspace` where it has no file for this runtime yet."""
        prepare = importlib.import_module(self.module).prepare
        return cast("Candidate", prepare(model, workspace))


RUNTIMES: Mapping[str, Runtime] = MappingProxyType(
    {
        row.name: row
        for row in (
            Runtime("onnxruntime", "edgedigits.bench.onnxruntime"),
            Runtime("torchscript", "edgedigits.bench.torchscript"),
            Runtime("torch", "edgedigits.bench.torch"),
        )
    }
)


def find_runtime(name: str) -> Runtime:
    """A runtime by name. Raises `UnknownNameError`."""
    if name not in RUNTIMES:
        raise UnknownNameError("runtime", name, RUNTIMES)
    return RUNTIMES[name]


def prepare_all(
    models: list[Model], runtimes: list[Runtime], workspace: Path
) -> tuple[list[Candidate], list[dict[str, str]]]:
    """Every model in every runtime; and for those that cannot be had, which and why."""
    candidates, unavailable = [], []
    for model in models:
        for runtime in runtimes:
            try:
                candidates.append(runtime.prepare(model, workspace))
            except (MissingExtraError, NoCheckpointError) as error:
                unavailable.append({"model": model.name, "runtime": runtime.name, "reason": str(error)})
    return candidates, unavailable
