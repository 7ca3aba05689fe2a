"""`torch.export`'s own file, which follows TorchScript: for programs that embed torch, AOTInductor among them.

`torch.export.load` unpickles and evaluates what some members of such a file say, so ours have none of those, and a file
that has is refused before torch sees it.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgedigits.artifact import read_artifact
from edgedigits.card import CARD_KEY, Card
from edgedigits.errors import ArtifactError
from edgedigits.export.archive import packed, read_members
from edgedigits.export.deployable import Folded

__all__ = ["Pt2Artifact", "load", "versions", "write"]

MEMBERS = re.compile(
    r"archive/(data/weights/(weight_\d+|model_weights_config\.json)|data/constants/model_constants_config\.json"
    r"|models/model\.json|data/sample_inputs/model\.pt|extra/edgedigits|archive_format|archive_version"
    r"|\.data/(version|serialization_id)|version|byteorder)"
)
SYMBOL = re.compile(r"Symbol\('s\d+'(, (positive|integer)=True)*\)|s?\d+")
OPERATORS = frozenset(
    f"torch.ops.aten.{name}"
    for name in (
        "_assert_tensor_metadata.default",
        "conv2d.default",
        "flatten.using_ints",
        "linear.default",
        "max_pool2d.default",
        "relu.default",
        "relu_.default",
        "slice.Tensor",
        "softmax.int",
        "to.dtype",
        "unsqueeze.default",
    )
)
"""What a digit model calls: others of torch's own read and write files."""
DAMAGED = "{name} is not a program of torch.export, or is damaged: export it again"
UNSAFE = "{name} holds what could run code when torch loads it: do not trust it"


class Pt2Artifact:
    """A `torch.export` artifact ready to run on the CPU, with its card. Raises `ArtifactError` for a file not ours."""

    def __init__(self, path: Path) -> None:
        members = read_members(read_artifact(path), str(path))
        if f"archive/extra/{CARD_KEY}" not in members:
            raise ArtifactError(
                f"{path} has no edgedigits card, so it is not one of ours: make one with `edgedigits export`"
            )
        self.card = Card.from_json(members[f"archive/extra/{CARD_KEY}"].decode(errors="replace"), str(path))
        _require_harmless(members, str(path))
        torch_log = logging.getLogger("torch.export")
        level = torch_log.level
        # It writes a traceback for what comes back as an error all the same.
        torch_log.setLevel(logging.CRITICAL)
        try:
            # Packed anew, for in a file made to deceive torch may find other members than were looked at.
            program = torch.export.load(io.BytesIO(packed(members)))
            self._module = program.module()
        # torch raises whatever it comes upon: its own errors, those of its parsers, assertions.
        except Exception as error:
            raise ArtifactError(DAMAGED.format(name=path)) from error
        finally:
            torch_log.setLevel(level)
        if list(program.graph_signature.user_inputs) != ["frames"]:
            raise ArtifactError(
                f"{path} has the inputs {list(program.graph_signature.user_inputs)}, not ['frames']: "
                "it is not a digit model"
            )

    @torch.inference_mode()
    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities `float32 [n, 10]` of frames `uint8 [n, 28, 28]`."""
        probabilities: NDArray[np.float32] = self._module(torch.from_numpy(frames)).numpy()
        return probabilities


def write(network: Folded, card: Card, path: Path) -> None:
    """Write the model to `path`, the card as the extra file `edgedigits`."""
    frames = torch.zeros(2, 28, 28, dtype=torch.uint8)
    program = torch.export.export(network, (frames,), dynamic_shapes={"frames": {0: torch.export.Dim("batch", min=1)}})
    # Pickled otherwise, and of no use to who runs it.
    program.example_inputs = None
    for node in program.graph.nodes:
        # Paths of the machine that exported.
        for key in ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node"):
            node.meta.pop(key, None)
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={CARD_KEY: card.to_json()})
    path.write_bytes(buffer.getvalue())


def load(path: Path) -> Pt2Artifact:
    """Open a `torch.export` artifact. Raises `ArtifactError`."""
    return Pt2Artifact(path)


def versions() -> dict[str, str]:
    """Versions of the libraries that make the file."""
    return {"torch": torch.__version__}


def _require_harmless(members: dict[str, bytes], name: str) -> None:
    """Raise `ArtifactError` where torch would unpickle something, or evaluate what is no plain symbol or number."""
    if members.get("archive/data/sample_inputs/model.pt"):
        raise ArtifactError(UNSAFE.format(name=name))
    for member, content in members.items():
        if not MEMBERS.fullmatch(member):
            raise ArtifactError(UNSAFE.format(name=name))
        # Torch makes zeros of one that is empty, as many as the file says there are.
        if not content and member.startswith("archive/data/weights/"):
            raise ArtifactError(DAMAGED.format(name=name))
        if member.endswith(".json"):
            try:
                fields = list(_fields(json.loads(content)))
            except (ValueError, RecursionError) as error:
                raise ArtifactError(DAMAGED.format(name=name)) from error
            if not all(map(_is_harmless, fields)):
                raise ArtifactError(UNSAFE.format(name=name))


def _is_harmless(field: tuple[str, Any]) -> bool:
    key, value = field
    if key == "use_pickle":
        return value is False
    if key == "expr_str":
        return isinstance(value, str) and SYMBOL.fullmatch(value) is not None
    if key == "target":
        return isinstance(value, str) and value in OPERATORS
    if key == "guards_code":
        return isinstance(value, list) and not value
    return True


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and what is under it, however deep."""
    if isinstance(value, dict):
        yield from value.items()
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _fields(item)
