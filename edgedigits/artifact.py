"""Reading an ONNX artifact: one file, opened as a well-behaved guest of somebody else's process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgedigits.card import CARD_KEY, Card
from edgedigits.errors import ArtifactError

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["OnnxArtifact", "read_artifact"]

INPUT = ("frames", "tensor(uint8)", ["batch", 28, 28])
OUTPUT = ("probabilities", "tensor(float)", ["batch", 10])
CHUNK = 256
"""Frames that go through the network at a time: more take memory, which onnxruntime keeps, and are no faster."""
SEVERE = 4
"""onnxruntime's level for fatal messages: what goes wrong comes as an exception, not on the host's stderr."""


class OnnxArtifact:
    """An ONNX artifact ready to run, with its card. Raises `ArtifactError` where the file is not one of ours."""

    def __init__(self, content: bytes, name: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = SEVERE
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        # onnxruntime's own exception classes have no common base but Exception.
        except Exception as error:
            raise ArtifactError(
                f"{name} is not an ONNX model that can be run, or is damaged: export it again"
            ) from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if CARD_KEY not in metadata:
            raise ArtifactError(
                f"{name} has no edgedigits card, so it is not one of ours: make one with `edgedigits export`"
            )
        self.card = Card.from_json(metadata[CARD_KEY], name)
        for what, expected, nodes in (
            ("input", INPUT, self._session.get_inputs()),
            ("output", OUTPUT, self._session.get_outputs()),
        ):
            found = [_describe(node) for node in nodes]
            if found != [expected]:
                raise ArtifactError(f"{name} has the {what} {found}, not {expected}: it is not a digit model")

    @classmethod
    def open(cls, path: Path) -> OnnxArtifact:
        """Read the artifact at `path`, once: a file swapped later changes nothing here."""
        return cls(read_artifact(path), str(path))

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities `float32 [n, 10]` of frames `uint8 [n, 28, 28]`."""
        if len(frames) > CHUNK:
            return np.concatenate([self.run(frames[start : start + CHUNK]) for start in range(0, len(frames), CHUNK)])
        probabilities: NDArray[np.float32] = self._session.run(None, {"frames": frames})[0]
        return probabilities


def read_artifact(path: Path) -> bytes:
    """The bytes of a model file. Raises `ArtifactError` where there are none."""
    if path.suffix == ".safetensors":
        raise ArtifactError(f"{path} is a checkpoint: give the file that `edgedigits export` makes of it")
    try:
        if path.is_dir():
            raise ArtifactError(f"{path} is a folder: give the file that `edgedigits export` wrote")
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"cannot open {path}: {error.strerror or error}") from error
    if not content:
        raise ArtifactError(f"{path} is empty: export it again")
    return content


def _describe(node: onnxruntime.NodeArg) -> tuple[str, str, list[int | str]]:
    """Name, type and shape; a length left open is a batch whatever the exporter called it."""
    return node.name, node.type, [length if isinstance(length, int) else "batch" for length in node.shape]
