"""The table of formats: it drives the command line, the documentation, the parity gate and the benchmark."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from edgedigits.card import Card, Takes
from edgedigits.errors import InputError, UnknownNameError
from edgedigits.extras import needs

if TYPE_CHECKING:
    from edgedigits.export.deployable import Folded
    from edgedigits.export.quantisation import Quantised

__all__ = ["FORMATS", "Artifact", "Exporter", "Format", "Gate", "find_format", "format_of"]


class Artifact(Protocol):
    """A model file that has been opened: its structure is checked, its card read."""

    @property
    def card(self) -> Card:
        """The card it carries."""
        ...

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities `float32 [n, 10]` of frames `uint8 [n, 28, 28]`; or `[n, steps, 17]` of lines `[n, 32, width]`,
        where it takes those.
        """
        ...


class Exporter(Protocol):
    """What the module of a format provides."""

    def write(self, network: Folded | Quantised, card: Card, path: Path) -> None:
        """Write the model with its card inside to `path`; quantised where the card's precision is int8."""
        ...

    def load(self, path: Path) -> Artifact:
        """Open a model file. Raises `ArtifactError` where it is not one of ours."""
        ...

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that make the file."""
        ...


@dataclass(frozen=True)
class Gate:
    """What parity allows: how far a probability may be off, which share of digits has to be read the same, and how much
    accuracy may be lost, both as shares of the test digits; of what reads lines, of the test strings.
    """

    max_abs_diff: float
    agreement: float = 1.0
    accuracy_lost: float = 0.0


HALVED = Gate(1e-2, agreement=0.999, accuracy_lost=0.0005)
QUANTISED = Gate(1.0, agreement=0.999, accuracy_lost=0.0005)
"""How sure it is of a digit may change: what is accepted is measured anew, and promised, of what was quantised."""


@dataclass(frozen=True)
class Format:
    """A deployment format.

    `precisions` are those it can honour, each with its gate; `module` provides an `Exporter`, which needs the packages
    of `extra`. `loads_with` says how a program without edgedigits opens it, `takes` what the model may be given.
    """

    name: str
    suffix: str
    precisions: Mapping[str, Gate]
    module: str
    extra: str
    loads_with: str
    takes: tuple[Takes, ...] = ("frames",)

    def exporter(self) -> Exporter:
        """The format's module. Raises `MissingExtraError`."""
        with needs(self.extra, f"the format {self.name}"):
            return cast("Exporter", importlib.import_module(self.module))

    def gates(self, takes: str) -> Mapping[str, Gate]:
        """By precision, those of a model that takes this."""
        if takes not in self.takes:
            return {}
        # `quantise` makes whole numbers of networks for digits alone.
        return {name: gate for name, gate in self.precisions.items() if takes != "lines" or name != "int8"}

    def gate(self, precision: str, takes: Takes = "frames") -> Gate:
        """Raise `UnknownNameError` for a precision that the format cannot honour, for a model that takes this."""
        gates = self.gates(takes)
        if precision not in gates:
            what = f"lines in {self.name}" if takes == "lines" else self.name
            raise UnknownNameError(f"precision for {what}", precision, gates)
        return gates[precision]

    def require_takes(self, takes: str) -> Takes:
        """`takes`, where the format has it. Raises `UnknownNameError`."""
        for kind in self.takes:
            if kind == takes:
                return kind
        raise UnknownNameError(f"input for {self.name}", takes, self.takes)

    def file_name(self, stem: str, precision: str, takes: Takes = "frames") -> str:
        """What a file is called where nobody says otherwise: `model.onnx`, `model.int8.image.onnx`."""
        parts = [stem, *([precision] if precision != "fp32" else []), *([takes] if takes == "image" else [])]
        return ".".join(parts) + self.suffix


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        row.name: row
        for row in (
            Format(
                name="onnx",
                suffix=".onnx",
                precisions={"fp32": Gate(1e-5), "fp16": HALVED, "int8": QUANTISED},
                module="edgedigits.export.onnx",
                extra="export",
                takes=("frames", "image", "lines"),
                loads_with="onnxruntime, in C, C++, C#, Java, JavaScript, Swift; tract, in Rust; OpenCV; and others",
            ),
            Format(
                name="torchscript",
                suffix=".torchscript",
                precisions={"fp32": Gate(1e-5)},
                module="edgedigits.export.torchscript",
                extra="export",
                loads_with="libtorch's `torch::jit::load`",
            ),
            Format(
                name="pt2",
                suffix=".pt2",
                precisions={"fp32": Gate(1e-5)},
                module="edgedigits.export.pt2",
                extra="export",
                loads_with="`torch.export.load`",
            ),
            Format(
                name="openvino",
                suffix=".openvino.zip",
                precisions={"fp32": Gate(1e-5), "int8": QUANTISED},
                module="edgedigits.export.openvino",
                extra="openvino",
                loads_with="OpenVINO's `read_model`, unzipped",
            ),
            Format(
                name="ncnn",
                suffix=".ncnn.zip",
                precisions={"fp32": Gate(1e-4), "fp16": HALVED},
                module="edgedigits.export.ncnn",
                extra="ncnn",
                loads_with="`ncnn::Net`, unzipped: a digit's pixels (0 to 255) in `in0`, probabilities out of `out0`",
            ),
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
        if path.name.endswith(row.suffix):
            return row
    known = ", ".join(f"{row.suffix} ({row.name})" for row in FORMATS.values())
    raise InputError(f"{path} has no suffix of a model file: known are {known}")
