"""Reading an ONNX artifact: one file, opened as a well-behaved guest of somebody else's process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgedigits.alphabet import ALPHABET, STRIDE
from edgedigits.card import CARD_KEY, INTERFACES, Card
from edgedigits.errors import ArtifactError
from edgedigits.onnxfile import MAX_BYTES, SIZING, Inspected, Value, inspect, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import onnxruntime

__all__ = ["OnnxArtifact", "import_onnxruntime", "open_session", "read_artifact"]

ONNX_TYPES = MappingProxyType({"uint8": "tensor(uint8)", "float32": "tensor(float)"})
CHUNK = 256
"""Frames that go through the network at a time: more take memory, which onnxruntime keeps, and are no faster."""
TELEMETRY_OFF = "ORT_DISABLE_TELEMETRY"
SEVERE = 4
"""onnxruntime's level for fatal messages: what goes wrong comes as an exception, not on the host's stderr."""


class OnnxArtifact:
    """An ONNX artifact ready to run, with its card.

    Raises `ArtifactError` where the file is not one of ours; onnxruntime is given none that could be known by its bytes
    to be another.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self._set(*open_session(content, name), name)

    def _set(self, card: Card, session: onnxruntime.InferenceSession, name: str) -> None:
        if card.takes == "image":
            raise ArtifactError(
                f"{name} takes an image and frames it itself, for other programs: export one for frames"
            )
        self.card, self._session, self._name = card, session, name
        self._input = INTERFACES[card.takes][0]["name"]

    @classmethod
    def opened(cls, card: Card, session: onnxruntime.InferenceSession, name: str) -> OnnxArtifact:
        """Of what `open_session` gave. Raises `ArtifactError` where that takes an image."""
        artifact = cls.__new__(cls)
        artifact._set(card, session, name)
        return artifact

    @classmethod
    def open(cls, path: Path) -> OnnxArtifact:
        """Read the artifact at `path`, once: a file swapped later changes nothing here."""
        return cls(read_artifact(path), str(path))

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities `float32 [n, 10]` of frames `uint8 [n, 28, 28]`; or `[n, steps, 17]` of lines `[n, 32, width]`,
        where it takes those.

        Raises `ArtifactError` where the model fails, which not every model shows before it runs.
        """
        if len(frames) > CHUNK:
            return np.concatenate([self.run(frames[start : start + CHUNK]) for start in range(0, len(frames), CHUNK)])
        try:
            probabilities: NDArray[np.float32] = self._session.run(None, {self._input: frames})[0]
        # As when the model is loaded.
        except Exception as error:
            raise ArtifactError(f"{self._name} fails when it is run, so it is not a digit model") from error
        expected: tuple[int, ...] = (len(frames), 10)
        if self._input == "lines":
            expected = (len(frames), frames.shape[2] // STRIDE, len(ALPHABET))
        if probabilities.shape != expected:
            raise ArtifactError(
                f"{self._name} answers {len(frames)} {self._input} by {list(probabilities.shape)}: "
                "it is not a digit model"
            )
        return probabilities


def open_session(content: bytes, name: str) -> tuple[Card, onnxruntime.InferenceSession]:
    """The card of an ONNX artifact `name`, and a session that runs it. Raises `ArtifactError`."""
    card = _check(inspect(content, name), name)
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = SEVERE
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # An arena would keep the memory that the longest line took; many frames at once are faster with it.
    options.enable_cpu_mem_arena = card.takes != "lines"
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    # onnxruntime's own exception classes have no common base but Exception.
    except Exception as error:
        raise ArtifactError(f"{name} is not an ONNX model that can be run, or is damaged: export it again") from error
    # A file may declare another output than its operators give: onnxruntime has worked out what they give.
    _check_interface(session.get_inputs(), session.get_outputs(), card, name)
    return card, session


def import_onnxruntime() -> Any:
    """The module, without its telemetry where nobody has imported it yet.

    From 1.29 on, it writes a device's id to the user's cache folder and sends what it does, unless this variable says
    otherwise while it is imported. The host's own choice is left as it is.
    """
    if "onnxruntime" in sys.modules or TELEMETRY_OFF in os.environ:
        import onnxruntime
    else:
        os.environ[TELEMETRY_OFF] = "1"
        try:
            import onnxruntime
        finally:
            os.environ.pop(TELEMETRY_OFF, None)
    return onnxruntime


def read_artifact(path: Path) -> bytes:
    """The bytes of a model file, of one too large as many as tell that. Raises `ArtifactError` where there are none."""
    if path.suffix == ".safetensors":
        raise ArtifactError(f"{path} is a checkpoint: give the file that `edgedigits export` makes of it")
    try:
        if path.is_dir():
            raise ArtifactError(f"{path} is a folder: give the file that `edgedigits export` wrote")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ArtifactError(f"cannot open {path}: {error.strerror or error}") from error
    if not content:
        raise ArtifactError(f"{path} is empty: export it again")
    return content


def _check(model: Inspected, name: str) -> Card:
    if CARD_KEY not in model.metadata:
        raise ArtifactError(
            f"{name} has no edgedigits card, so it is not one of ours: make one with `edgedigits export`"
        )
    card = Card.from_json(model.metadata[CARD_KEY], name)
    _check_interface(model.inputs, model.outputs, card, name)
    if card.takes != "image" and (sizing := sorted(model.operators & SIZING)):
        raise ArtifactError(
            f"{name} uses the operator {sizing[0]}, as no digit model that is given frames or lines does: "
            "export it again"
        )
    return card


def _check_interface(
    inputs: Iterable[Value | onnxruntime.NodeArg],
    outputs: Iterable[Value | onnxruntime.NodeArg],
    card: Card,
    name: str,
) -> None:
    """Hold what goes in and comes out against the card; a length left open is so whatever the exporter called it."""
    for what, said, nodes in zip(("input", "output"), INTERFACES[card.takes], (inputs, outputs), strict=True):
        expected = (said["name"], ONNX_TYPES[said["dtype"]], _shape(said["shape"]))
        found = [(node.name, node.type, _shape(node.shape)) for node in nodes]
        if found != [expected]:
            raise ArtifactError(f"{name} has the {what} {short(found)}, not {expected}: it is not a digit model")


def _shape(lengths: Sequence[int | str]) -> list[int | str]:
    return [length if isinstance(length, int) else "any" for length in lengths]
