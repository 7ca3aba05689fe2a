"""ncnn, for phones and ARM boards: `model.param` and `model.bin` in an archive, to be unzipped by who embeds it.

A client gives one digit at a time: `ncnn::Mat::from_pixels(bytes, ncnn::Mat::PIXEL_GRAY, 28, 28)` as blob `in0`, and
takes ten probabilities from blob `out0`.
"""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
import warnings
from importlib import metadata
from pathlib import Path

import ncnn
import numpy as np
import pnnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgedigits.card import Card
from edgedigits.errors import ArtifactError, ParityError
from edgedigits.export.archive import read_archive, write_archive
from edgedigits.export.deployable import Folded

__all__ = ["NcnnArtifact", "load", "versions", "write"]

PARAM, BIN = "model.param", "model.bin"
PARAMETERS = {
    "Convolution": r"0=\d{1,3}|1?[1-3]=[1-9]|1?4=\d|5=1|6=\d{1,7}|9=1",
    "Pooling": r"0=0|1?[12]=[1-9]|1?3=0|5=1",
    "ReLU": r"0=0",
    "Flatten": r"0=0",
    "InnerProduct": r"0=\d{1,3}|1=1|2=\d{1,7}|9=1",
    "Softmax": r"0=0|1=1",
    "Crop": r"-23309=1,0|-23310=1,10|-23311=1,0",
}
"""What a digit model's layers may say of themselves: ncnn takes more on trust, and some of that crashes it."""
LAYER = re.compile(
    r"Input +in0 +0 1 in0|"
    + "|".join(rf"{kind} +\w{{1,99}} +1 1 \w{{1,99}} \w{{1,99}}( ({known}))*" for kind, known in PARAMETERS.items()),
    re.ASCII,
)
HEAD = re.compile(r"7767517\n[0-9]{1,3} [0-9]{1,3}")
MOST_LAYERS = 50


class NcnnArtifact:
    """An ncnn artifact ready to run on one thread, with its card. Raises `ArtifactError` for a file not ours."""

    def __init__(self, path: Path) -> None:
        self.card, members = read_archive(path, {PARAM, BIN})
        self._name = str(path)
        _require_layers(members[PARAM], str(path))
        self._net = ncnn.Net()
        self._net.opt.num_threads = 1
        # ncnn's own choice is half precision wherever a processor has it, whatever the weights are.
        self._net.opt.use_fp16_packed = self._net.opt.use_fp16_storage = self._net.opt.use_fp16_arithmetic = False
        self._net.opt.use_bf16_storage = False
        # From files: of weights in memory the bindings keep a pointer, but not the memory.
        try:
            with tempfile.TemporaryDirectory() as folder:
                for member, content in members.items():
                    Path(folder, member).write_bytes(content)
                loaded = [self._net.load_param(str(Path(folder, PARAM))), self._net.load_model(str(Path(folder, BIN)))]
        except OSError as error:
            raise ArtifactError(f"{path} cannot be unpacked: {error.strerror or error}") from error
        if any(loaded):
            raise ArtifactError(f"{path} is no model of ncnn, or is damaged: export it again")

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities `float32 [n, 10]` of frames `uint8 [n, 28, 28]`, one after the other.

        Raises `ArtifactError` where the model fails, which ncnn shows no earlier.
        """
        probabilities = np.empty((len(frames), 10), np.float32)
        for row, frame in zip(probabilities, frames, strict=True):
            extractor = self._net.create_extractor()
            # Named, for a matrix made of an array keeps a pointer to it, but not the array.
            pixels = frame[np.newaxis].astype(np.float32)
            extractor.input("in0", ncnn.Mat(pixels))
            status, answer = extractor.extract("out0")
            probabilities_of_one = None if status else np.array(answer)
            if probabilities_of_one is None or probabilities_of_one.shape != row.shape:
                raise ArtifactError(f"{self._name} fails when it is run, so it is not a digit model: export it again")
            row[:] = probabilities_of_one
        return probabilities


class _Pixels(nn.Module):
    """What ncnn can take: pixels `float32 [1, 1, 28, 28]`, 0 to 255."""

    def __init__(self, folded: Folded) -> None:
        super().__init__()
        self.layers = folded.layers
        self.classes = folded.classes

    def forward(self, pixels: Tensor) -> Tensor:
        probabilities = torch.softmax(self.layers(pixels), dim=1)
        return probabilities if self.classes == 10 else probabilities[:, :10]


def write(network: Folded, card: Card, path: Path) -> None:
    """Write the model and the card to `path`. Raises `ParityError` where pnnx, the converter, fails."""
    with tempfile.TemporaryDirectory() as folder:
        source, traced = Path(folder, "model.pt"), io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.jit.save(torch.jit.trace(_Pixels(network).eval(), torch.zeros(1, 1, 28, 28)), traced)
        # Not by torch, which ends the process where the disk is full.
        source.write_bytes(traced.getvalue())
        halves = f"fp16={int(card.precision == 'fp16')}"
        command = [pnnx.EXEC_PATH, source.name, "inputshape=[1,1,28,28]", halves]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603  the converter's own program
        written = [Path(folder, f"model.ncnn.{suffix}") for suffix in ("param", "bin")]
        if done.returncode or not all(file.is_file() for file in written):
            raise ParityError(f"pnnx did not convert the model: {done.stderr.strip().splitlines()[-1:]}")
        param, weights = (file.read_bytes() for file in written)
    write_archive(path, card, {PARAM: param, BIN: weights})


def load(path: Path) -> NcnnArtifact:
    """Open an ncnn artifact. Raises `ArtifactError`."""
    return NcnnArtifact(path)


def versions() -> dict[str, str]:
    """Versions of the libraries that make the file."""
    return {"pnnx": metadata.version("pnnx"), "torch": torch.__version__}


def _require_layers(param: bytes, name: str) -> None:
    """Raise `ArtifactError` for layers that no digit model has, before ncnn makes room for them."""
    # By lines, of which ncnn knows nothing: what one holds besides a layer would be read as the next.
    lines = param.decode(errors="replace").rstrip("\n").split("\n")
    layers = lines[2:]
    is_known = HEAD.fullmatch("\n".join(lines[:2])) and all(map(LAYER.fullmatch, layers))
    if not is_known or len(layers) > MOST_LAYERS:
        raise ArtifactError(f"{name} is not a digit model of ncnn: export it again")
