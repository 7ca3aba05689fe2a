"""TorchScript, which torch deprecates: for programs that already embed libtorch.

Such a file is a program, run by torch's interpreter: it reaches no Python, but open only what you would run.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgedigits.artifact import read_artifact
from edgedigits.card import CARD_KEY, Card
from edgedigits.errors import ArtifactError
from edgedigits.export.deployable import Folded

__all__ = ["TorchScriptArtifact", "load", "versions", "write"]


class TorchScriptArtifact:
    """A TorchScript artifact ready to run on the CPU, with its card. Raises `ArtifactError` for a file not ours."""

    def __init__(self, path: Path) -> None:
        content = read_artifact(path)
        extra = {CARD_KEY: b""}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                self._module = torch.jit.load(io.BytesIO(content), map_location="cpu", _extra_files=extra)
        except (RuntimeError, ValueError) as error:
            raise ArtifactError(f"{path} is not a TorchScript model, or is damaged: export it again") from error
        if not extra[CARD_KEY]:
            raise ArtifactError(
                f"{path} has no edgedigits card, so it is not one of ours: make one with `edgedigits export`"
            )
        self.card = Card.from_json(extra[CARD_KEY].decode(errors="replace"), str(path))
        forward = getattr(self._module, "forward", None)
        arguments = [argument.name for argument in forward.schema.arguments[1:]] if forward else []
        if arguments != ["frames"]:
            raise ArtifactError(f"{path} has the inputs {arguments}, not ['frames']: it is not a digit model")

    @torch.inference_mode()
    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities `float32 [n, 10]` of frames `uint8 [n, 28, 28]`."""
        probabilities: NDArray[np.float32] = self._module(torch.from_numpy(frames)).numpy()
        return probabilities


def write(network: Folded, card: Card, path: Path) -> None:
    """Write the model to `path`, the card as the extra file `edgedigits`."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.freeze(torch.jit.trace(network, (torch.zeros(2, 28, 28, dtype=torch.uint8),)))
        torch.jit.save(module, buffer, _extra_files={CARD_KEY: card.to_json()})
    path.write_bytes(buffer.getvalue())


def load(path: Path) -> TorchScriptArtifact:
    """Open a TorchScript artifact. Raises `ArtifactError`."""
    return TorchScriptArtifact(path)


def versions() -> dict[str, str]:
    """Versions of the libraries that make the file."""
    return {"torch": torch.__version__}
