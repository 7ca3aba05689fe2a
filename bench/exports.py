"""Artifacts that a runtime needs and a model does not have yet."""

from __future__ import annotations

from pathlib import Path

from edgedigits.export.formats import find_format
from edgedigits.extras import needs
from edgedigits.models import Model
from edgedigits.training.data import load_digits

__all__ = ["artifact_file"]


def artifact_file(model: Model, format_name: str, workspace: Path) -> Path:
    """The model's own file in a format, else its checkpoint exported into `workspace`.

    Parity is then held on the synthetic digits, which are always there.
    """
    row = find_format(format_name)
    if model.artifact and model.artifact.suffix == row.suffix:
        return model.artifact
    checkpoint = model.load_checkpoint()
    with needs("export", f"the format {format_name}"):
        from edgedigits.export.exporting import export_checkpoint
    path = workspace / f"{model.name}{row.suffix}"
    digits = load_digits("synthetic", "test")
    return export_checkpoint(checkpoint, model.name, path, row=row, precision="fp32", digits=digits).path
