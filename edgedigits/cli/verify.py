"""`edgedigits verify`."""

from __future__ import annotations

from pathlib import Path

import click

from edgedigits.cli.options import as_json, data_dir, load_test_digits, print_exported
from edgedigits.export.formats import format_of
from edgedigits.extras import needs
from edgedigits.models import find_model


@click.command()
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--against", metavar="RUN_OR_MODEL", help="The checkpoint.  [default: the one it was made from]")
@data_dir
@as_json
def command(artifact: Path, against: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Prove a model file equal to its checkpoint; where it is not, the exit code is 1.

    Without --against, the checkpoint is found by the hash that the file's card names: beside the file, in runs/, or
    among the models that ship.

    \b
    Example:
      edgedigits verify digits.onnx --against runs/paper-1
    """  # noqa: D301
    with needs("export", "edgedigits verify"):
        from edgedigits.export.exporting import verify_artifact

    card = format_of(artifact).exporter().load(artifact).card
    checkpoint = find_model(against).load_checkpoint() if against else None
    digits = load_test_digits(card.provenance.get("recipe", {}).get("dataset", "mnist"), data_dir)
    verified = verify_artifact(artifact, checkpoint, digits)
    if as_json or verified.parity.passed:
        print_exported(verified, as_json=as_json)
    verified.parity.require(str(artifact))
