"""ONNX: the format of the runner. Loading needs the base install alone."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgedigits.artifact import OnnxArtifact
from edgedigits.card import CARD_KEY, Card
from edgedigits.extras import needs

if TYPE_CHECKING:
    import onnx

    from edgedigits.export.deployable import Deployable

__all__ = ["load", "versions", "write"]

OPSET = 18
"""The lowest that torch's exporter writes without converting."""


def write(deployable: Deployable, card: Card, path: Path) -> None:
    """Write the model to `path`, the card under the metadata key `edgedigits`."""
    with needs("export", "the format onnx"):
        import onnx
        import onnxscript  # noqa: F401  the exporter's, asked for here so that its absence is one line
        import torch

    frames = torch.zeros(2, 28, 28, dtype=torch.uint8)
    exporter_log = logging.getLogger("torch.onnx")
    level = exporter_log.level
    exporter_log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # torch's exporter warns about itself; whether the outcome is right is for the parity gate to say.
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                deployable.folded(),
                (frames,),
                dynamo=True,
                input_names=["frames"],
                output_names=["probabilities"],
                dynamic_shapes={"frames": {0: torch.export.Dim("batch")}},
                opset_version=OPSET,
                verbose=False,
            )
    finally:
        exporter_log.setLevel(level)
    model = cast("torch.onnx.ONNXProgram", program).model_proto
    _strip(model)
    onnx.helper.set_model_props(model, {CARD_KEY: card.to_json()})
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def load(path: Path) -> OnnxArtifact:
    """Open an ONNX artifact. Raises `ArtifactError`."""
    return OnnxArtifact.open(path)


def versions() -> dict[str, str]:
    """Versions of the libraries that make the file."""
    with needs("export", "the format onnx"):
        import onnx
        import onnxscript
        import torch

    return {"torch": torch.__version__, "onnx": onnx.__version__, "onnxscript": onnxscript.__version__}


def _strip(model: onnx.ModelProto) -> None:
    """Take out what the exporter notes down for debugging: source paths of the machine that exported among it."""
    graph = model.graph
    del model.metadata_props[:], graph.metadata_props[:], graph.value_info[:]
    for item in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        del item.metadata_props[:]
        item.doc_string = ""
    graph.doc_string = model.doc_string = ""
