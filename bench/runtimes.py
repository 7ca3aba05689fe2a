"""The table of runtimes under test: one for every format, and torch as it trains. A new format is here by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import MissingExtraError, NoCheckpointError, UnknownNameError
from edgedigits.export.formats import FORMATS, Format
from edgedigits.extras import needs
from edgedigits.models import Model
from edgedigits.training.data import load_digits

__all__ = ["RUNTIMES", "Candidate", "Runtime", "find_runtime", "one_thread_of_torch", "prepare_all"]


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
    """A runtime and the format that it runs; None is for the network in eager torch."""

    name: str
    row: Format | None

    def prepare(self, model: Model, workspace: Path) -> Candidate:
        """Load `model` on one thread, exporting it into `workspace` where it has no file for this runtime yet."""
        return self._in_torch(model) if self.row is None else self._from_file(model, self.row, workspace)

    def _from_file(self, model: Model, row: Format, workspace: Path) -> Candidate:
        exporter = row.exporter()
        path = model.artifact
        if not path or not path.name.endswith(row.suffix):
            path = _exported(model, row, workspace)
        one_thread_of_torch()
        artifact = exporter.load(path)
        card = artifact.card
        return Candidate(
            model.name, self.name, card.precision, path.stat().st_size, card.accept_threshold, artifact.run
        )

    def _in_torch(self, model: Model) -> Candidate:
        with needs("train", f"the runtime {self.name}"):
            from edgedigits.export.claims import acceptance
            from edgedigits.export.exporting import deployable
        checkpoint = model.load_checkpoint()
        threshold, _ = acceptance(checkpoint.risk)
        size = model.checkpoint.stat().st_size if model.checkpoint else 0
        one_thread_of_torch()
        return Candidate(model.name, self.name, "fp32", size, threshold, deployable(checkpoint).run)


RUNTIMES: Mapping[str, Runtime] = MappingProxyType(
    {
        runtime.name: runtime
        for runtime in (
            *(Runtime("onnxruntime" if row.name == "onnx" else row.name, row) for row in FORMATS.values()),
            Runtime("torch", None),
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


def _exported(model: Model, row: Format, workspace: Path) -> Path:
    """The model's checkpoint, exported. Parity is held on the synthetic digits, which are always there."""
    checkpoint = model.load_checkpoint()
    with needs("export", f"the format {row.name}"):
        from edgedigits.export.exporting import export_checkpoint
    path = workspace / row.file_name(model.name, "fp32")
    digits = load_digits("synthetic", "test")
    return export_checkpoint(checkpoint, model.name, path, row=row, precision="fp32", digits=digits).path


def one_thread_of_torch() -> None:
    """Hold torch to one thread, in this process, where it is installed."""
    try:
        import torch
    except ModuleNotFoundError:
        return
    torch.set_num_threads(1)
