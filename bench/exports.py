"""Artifacts that a runtime needs and a model does not have yet."""

from __future__ import annotations

from pathlib import Path

from edgedigits.export.formats import find_format

from edgedigits.extras import needs
from edgedigits.models import Model
from edgedigits.training.data import load_digits

__all__ = ["exported"]


def exported(model: Model, format_name: str, workspace: Path) -> Path:
    """Export the checkpoint into `workspace`; parity is held on the synthetic digits, which are always there."""
    checkpoint = model.load_checkpoint()
    with needs("export", f"the format {format_name}"):
        from edgedigits.export.exporting import export_checkpoint
    row = find_format(format_name)
    path = workspace / f"{model.name}{row.suffix}"
    digits = load_digits("synthetic", "test")
    return export_checkpoint(checkpoint, model.name, path, row=row, precision="fp32", digits=digits).path
