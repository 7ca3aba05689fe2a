"""`edgedigits export`."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgedigits.cli.options import as_json, data_dir, load_test_material, note, print_exported
from edgedigits.errors import InputError, MissingExtraError, ParityError
from edgedigits.export.formats import FORMATS, Format, find_format
from edgedigits.extras import needs
from edgedigits.models import find_model

if TYPE_CHECKING:
    from edgedigits.export.exporting import Exported
    from edgedigits.export.measuring import Material
    from edgedigits.training.checkpoint import Checkpoint

ALL = "all"
ROUNDS, TURN_S = 20, 0.005


@click.command()
@click.argument("model", metavar="[RUN_OR_MODEL]", required=False)
@click.option("--format", "format_name", default="onnx", show_default=True, help=f"{', '.join(FORMATS)}, or {ALL}.")
@click.option("--precision", default="fp32", show_default=True, help="Of the weights: fp32, fp16 or int8.")
@click.option(
    "--input",
    "takes",
    help="frames; image, a grey picture of any size, in onnx; or lines.  [default: as it was trained, frames or lines]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The file, or with --format all the folder.  [default: in the run's folder, else here]",
)
@data_dir
@as_json
def command(
    *,
    model: str | None,
    format_name: str,
    precision: str,
    takes: str | None,
    output: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Write a model as one file that carries its card, proven equal to its checkpoint.

    Without a name, the newest run in runs/ is exported, else the default model. A file that does not answer as the
    checkpoint does on every test digit, or line of them, is not written, and the exit code is 1. With int8, scales are
    fitted to training digits, at most 0.05 points of accuracy may be lost, and the latency is compared with fp32's.

    \b
    Example:
      edgedigits export runs/paper-1 --format onnx --output digits.onnx
    """
    if format_name != ALL:
        find_format(format_name).gate(precision)
    found = find_model(model)
    folder = found.folder or Path()
    stem = "model" if found.folder else found.name
    if output and format_name == ALL:
        folder, output = output, None
    elif output and not output.name.endswith(suffix := find_format(format_name).suffix):
        raise InputError(f"{output} does not end in {suffix}, by which {format_name} files are known")
    with needs("export", "edgedigits export"):
        from edgedigits.export.exporting import export_checkpoint, require_takes
        from edgedigits.export.measuring import taken_by

    checkpoint = found.load_checkpoint()
    if format_name == ALL:
        rows = _rows_for(precision, takes or taken_by(checkpoint.recipe))
    else:
        rows = [find_format(format_name)]
    given = require_takes(checkpoint, rows[0], takes)
    rows[0].gate(precision, given)
    digits = load_test_material(checkpoint.recipe, data_dir)
    failures = []
    for row in rows:
        path = output or folder / row.file_name(stem, precision, given)
        try:
            exported = export_checkpoint(
                checkpoint,
                found.name,
                path,
                row=row,
                precision=precision,
                digits=digits,
                takes=given,
                data_dir=data_dir,
            )
        except (MissingExtraError, ParityError) as error:
            if format_name != ALL:
                raise
            note(f"not exported: {row.name}, {error}")
            failures += [row.name] if isinstance(error, ParityError) else []
            continue
        ratio = None if precision == "fp32" else _latency_ratio(exported, checkpoint, row, digits)
        print_exported(exported, as_json=as_json, latency_ratio=ratio)
    if failures:
        raise ParityError(f"not proven equal, and not written: {', '.join(failures)}")


def _rows_for(precision: str, takes: str) -> list[Format]:
    """All formats that can be had, the others said aloud. Raises `InputError` where none can."""
    rows = [row for row in FORMATS.values() if precision in row.gates(takes)]
    if not rows:
        raise InputError(f"no format has the precision {precision} and takes {takes}")
    for row in FORMATS.values():
        if row not in rows:
            note(f"not exported: {row.name}, which has no {precision} or does not take {takes}")
    return rows


def _latency_ratio(
    exported: Exported, checkpoint: Checkpoint, row: Format, digits: Material
) -> tuple[float, tuple[float, float]]:
    """Latency of one digit, or line, as a multiple of the same format's in fp32, here and now, and its 95% interval."""
    from edgedigits.bench.measure import interleave, ratio
    from edgedigits.export.exporting import deployable
    from edgedigits.export.measuring import sample

    exporter, card = row.exporter(), replace(exported.card, precision="fp32")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, row.file_name("model", "fp32", card.takes))
        exporter.write(deployable(checkpoint).folded(), card, path)
        runs = [exporter.load(file).run for file in (exported.path, path)]
        asked, baseline = interleave(runs, sample(digits, 64), 1, rounds=ROUNDS, turn_s=TURN_S, on_round=lambda: None)
    return ratio(asked, baseline)
