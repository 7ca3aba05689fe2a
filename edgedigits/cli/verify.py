"""`edgedigits verify`."""

from __future__ import annotations

from pathlib import Path

import click

from edgedigits.cli.options import as_json, data_dir, load_test_material, print_exported
from edgedigits.extras import needs
from edgedigits.models import find_model


@click.command()
@click.argument("path", metavar="ARTIFACT", type=click.Path(path_type=Path))
@click.option("--against", metavar="RUN_OR_MODEL", help="The checkpoint.  [default: the one it was made from]")
@data_dir
@as_json
def command(path: Path, against: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Prove a model file equal to its checkpoint; where it is not, the exit code is 1.

    Without --against, the checkpoint is found by the hash that the file's card names: beside the file, in runs/, or
    among the models that ship.

    \b
    Example:
      edgedigits verify digits.onnx --against runs/paper-1
    """
    with needs("export", "edgedigits verify"):
        from edgedigits.export.exporting import find_origin, verify_artifact

    checkpoint = find_model(against).load_checkpoint() if against else find_origin(path)
    digits = load_test_material(checkpoint.recipe, data_dir)
    verified = verify_artifact(path, checkpoint, digits, data_dir)
    if as_json or verified.passed:
        print_exported(verified, as_json=as_json)
    verified.require()
