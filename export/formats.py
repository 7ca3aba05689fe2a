"""The table of formats: it drives the command line, the parity gate and the benchmark. A new format is one row."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from edgedigits.card import Card
from edgedigits.errors import InputError, UnknownNameError
from edgedigits.extras import needs

if TYPE_CHECKING:
    from edgedigits.export.deployable import Deployable

__all__ = ["FORMATS", "Artifact", "Exporter", "Format", "find_format", "format_of"]


class Artifact(Protocol):
    """A model file that has been opened: its structure is checked, its card read."""

    @property
    def card(self) -> Card:
        """The card it carries."""
        ...

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities `float32 [n, 10]` of frames `uint8 [n, 28, 28]`."""
        ...


class Exporter(Protocol):
    """What the module of a format provides."""

    def write(self, deployable: Deployable, card: Card, path: Path) -> None:
        """Write the model with its card inside to `path`."""
        ...

    def load(self, path: Path) -> Artifact:
        """Open a model file. Raises `ArtifactError` where it is not one of ours."""
        ...

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that make the file."""
        ...


@dataclass(frozen=True)
class Format:
    """A deployment format.

    `precisions` are those it can honour, each with the largest difference in probability that parity allows; `module`
    provides an `Exporter`, which needs the packages of `extra`.
    """

    name: str
    suffix: str
    precisions: Mapping[str, float]
    module: str
    extra: str

    def exporter(self) -> Exporter:
        """The format's module. Raises `MissingExtraError`."""
        with needs(self.extra, f"the format {self.name}"):
            return cast("Exporter", importlib.import_module(self.module))

    def tolerance(self, precision: str) -> float:
        """Raise `UnknownNameError` for a precision that the format cannot honour."""
        if precision not in self.precisions:
            raise UnknownNameError(f"precision for {self.name}", precision, self.precisions)
        return self.precisions[precision]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        row.name: row
        for row in (
            Format("onnx", ".onnx", {"fp32": 1e-5}, "edgedigits.export.onnx", "export"),
            Format("torchscript", ".torchscript", {"fp32": 1e-5}, "edgedigits.export.torchscript", "export"),
        )
    }
)


def find_format(name: str) -> Format:
    """A format by name. Raises `UnknownNameError`."""
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS)
    return FORMATS[name]


def format_of(path: Path) -> Format:
    """The format of a model file, by its suffix. Raises `InputError`."""
    for row in FORMATS.values():
        if path.suffix == row.suffix:
            return row
    known = ", ".join(f"{row.suffix} ({row.name})" for row in FORMATS.values())
    raise InputError(f"{path} has no suffix of a model file: known are {known}")
