"""`edgedigits export`."""

from __future__ import annotations

from pathlib import Path

import click

from edgedigits.cli.options import as_json, data_dir, load_test_digits, print_exported
from edgedigits.errors import InputError
from edgedigits.export.formats import find_format
from edgedigits.extras import needs
from edgedigits.models import find_model


@click.command()
@click.argument("model", metavar="[RUN_OR_MODEL]", required=False)
@click.option("--format", "format_name", default="onnx", show_default=True, help="onnx or torchscript.")
@click.option("--precision", default="fp32", show_default=True, help="Of weights and arithmetic.")
@click.option("--output", type=click.Path(path_type=Path), help="The file.  [default: in the run's folder, else here]")
@data_dir
@as_json
def command(
    *,
    model: str | None,
    format_name: str,
    precision: str,
    output: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Write a model as one file that carries its card, proven equal to its checkpoint.

    Without a name, the newest run in runs/ is exported, else the default model. A file that does not answer as the
    checkpoint does on every test digit is not written, and the exit code is 1.

    \b
    Example:
      edgedigits export runs/paper-1 --format onnx --output digits.onnx
    """
    row = find_format(format_name)
    row.tolerance(precision)
    found = find_model(model)
    path = output or (found.folder / f"model{row.suffix}" if found.folder else Path(f"{found.name}{row.suffix}"))
    if path.suffix != row.suffix:
        raise InputError(f"{path} does not end in {row.suffix}, by which {row.name} files are known")
    with needs("export", "edgedigits export"):
        from edgedigits.export.exporting import export_checkpoint

    checkpoint = found.load_checkpoint()
    digits = load_test_digits(checkpoint.recipe.dataset, data_dir)
    exported = export_checkpoint(checkpoint, found.name, path, row=row, precision=precision, digits=digits)
    print_exported(exported, as_json=as_json)
