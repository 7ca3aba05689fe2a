"""The table of runtimes under test: those of the export table, and what a user would pick instead."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from edgedigits.bench import clients
from edgedigits.bench.clients import Client, Run
from edgedigits.bench.files import NotAtHandError, Shelf, card_of
from edgedigits.errors import EdgeDigitsError, MissingExtraError, NoCheckpointError, UnknownNameError
from edgedigits.export.formats import FORMATS, Format
from edgedigits.extras import needs
from edgedigits.models import Model

__all__ = ["RUNTIMES", "Candidate", "Runtime", "find_runtime", "prepare_all"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model in a runtime, ready to be measured: what `client` made of the file at `path`, of `bytes`."""

    model: str
    runtime: str
    precision: str
    threads: int
    path: Path
    bytes: int
    accept_threshold: float
    client: Client
    run: Run

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.model} in {self.runtime}, {self.precision}"


@dataclass(frozen=True)
class Runtime:
    """A runtime and the format of the files that its client opens; None is for checkpoints, in torch.

    `library` is what its client imports, and `install` the command that brings it. `is_instead` is what a user would
    pick instead of what is exported; on `all_cores`, others on one thread. What takes long to prepare is measured
    `by_name_only`.
    """

    name: str
    row: Format | None
    client: Client
    library: str
    install: str
    is_instead: bool = False
    all_cores: bool = False
    by_name_only: bool = False

    def precisions(self, shelf: Shelf) -> tuple[str, ...]:
        """Those to measure: what a user would pick instead of what is exported, in the model's own alone."""
        if self.row is None:
            return ("fp32",)
        return shelf.precisions(self.row)[: 1 if self.is_instead else None]

    def file(self, shelf: Shelf, precision: str) -> Path:
        """What to open. Raises `NoCheckpointError`, `NotAtHandError`, `MissingExtraError`."""
        return shelf.file(self.row, precision) if self.row else shelf.checkpoint

    def prepare(self, model: str, precision: str, path: Path) -> Candidate:
        """Open a model. Raises `MissingExtraError` with what installs it."""
        threshold = card_of(path, self.row).accept_threshold if self.row else _threshold(path)
        try:
            run = self.client(path)
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"the runtime {self.name} needs {error.name}, which is not installed: {self.install}", name=error.name
            ) from error
        threads = (os.cpu_count() or 1) if self.all_cores else 1
        return Candidate(model, self.name, precision, threads, path, path.stat().st_size, threshold, self.client, run)


def _of_format(name: str, client: Client, library: str) -> Runtime:
    row = FORMATS[name]
    return Runtime(
        "onnxruntime" if name == "onnx" else name, row, client, library, f"pip install 'edgedigits[{row.extra}]'"
    )


ONNX = FORMATS["onnx"]
TRAIN = "pip install 'edgedigits[train]'"

RUNTIMES: Mapping[str, Runtime] = MappingProxyType(
    {
        runtime.name: runtime
        for runtime in (
            _of_format("onnx", clients.onnxruntime, "onnxruntime"),
            _of_format("torchscript", clients.torchscript, "torch"),
            _of_format("pt2", clients.pt2, "torch"),
            _of_format("openvino", clients.openvino, "openvino"),
            _of_format("ncnn", clients.ncnn, "ncnn"),
            Runtime("tract", ONNX, clients.tract, "tract", "pip install tract", is_instead=True),
            Runtime(
                "onnxruntime-default",
                ONNX,
                clients.by_default,
                "onnxruntime",
                "pip install onnxruntime",
                is_instead=True,
                all_cores=True,
            ),
            Runtime("torch", None, clients.eager, "torch", TRAIN, is_instead=True),
            Runtime("torch.compile", None, clients.compiled, "torch", TRAIN, is_instead=True, by_name_only=True),
        )
    }
)


def find_runtime(name: str) -> Runtime:
    """A runtime by name. Raises `UnknownNameError`."""
    if name not in RUNTIMES:
        raise UnknownNameError("runtime", name, RUNTIMES)
    return RUNTIMES[name]


def prepare_all(
    shelves: Sequence[Shelf], runtimes: Sequence[Runtime], on_step: Callable[[str], None] = lambda _: None
) -> tuple[list[Candidate], list[dict[str, str]]]:
    """Every model in every runtime and precision; and for those that cannot be had, which and why.

    `on_step` is told the name of each before it is prepared.
    """
    files: list[tuple[Runtime, Model, str, Path]] = []
    candidates: list[Candidate] = []
    unavailable: list[dict[str, str]] = []

    def refused(runtime: Runtime, model: Model, precision: str, error: EdgeDigitsError) -> None:
        about = {"model": model.name, "runtime": runtime.name, "reason": str(error)}
        if not any(about.items() <= told.items() for told in unavailable):
            unavailable.append({**about, "precision": precision})

    # All files are there before any is opened: torch writes them on all cores, and is then held to one thread.
    for shelf in shelves:
        for runtime in runtimes:
            for precision in runtime.precisions(shelf):
                on_step(f"writing {shelf.model.name} for {runtime.name}, {precision}")
                try:
                    files.append((runtime, shelf.model, precision, runtime.file(shelf, precision)))
                except (MissingExtraError, NoCheckpointError, NotAtHandError) as error:
                    refused(runtime, shelf.model, precision, error)
    for runtime, model, precision, path in files:
        on_step(f"opening {model.name} in {runtime.name}, {precision}")
        try:
            candidates.append(runtime.prepare(model.name, precision, path))
        except MissingExtraError as error:
            refused(runtime, model, precision, error)
    return candidates, unavailable


def _threshold(path: Path) -> float:
    with needs("train", "a checkpoint"):
        from edgedigits.export.measuring import acceptance, taken_by
        from edgedigits.training.checkpoint import Checkpoint
    checkpoint = Checkpoint.load(path)
    return acceptance(checkpoint.risk, taken_by(checkpoint.recipe))[0]
