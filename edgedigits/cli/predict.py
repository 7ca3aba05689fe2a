"""`edgedigits predict`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgedigits.cli.options import as_json, echo_json, note
from edgedigits.errors import PictureError
from edgedigits.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from edgedigits.results import Reading


@click.command()
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="A shipped model's name, or an ONNX file.")
@click.option("--max-error", type=float, help="Error rate allowed among accepted digits.  [default: the model's]")
@as_json
@click.pass_context
def command(ctx: click.Context, images: tuple[Path, ...], model: str, max_error: float | None, as_json: bool) -> None:
    """Read the digit on each picture: dark on light or light on dark, any size.

    A picture that cannot be read is reported on its own line; the others are still answered, and the exit code is 2.

    \b
    Example:
      edgedigits predict seven.png eight.jpg --max-error 0.001 --json
    """
    from edgedigits.recognizer import Recognizer

    # What Pillow warns of, our own line says of the file.
    warnings.filterwarnings("ignore", module="PIL")
    recognizer = Recognizer(model, max_error=max_error)
    failed = False
    for image in images:
        try:
            reading = recognizer.read(image)
        except PictureError as error:
            failed = True
            if as_json:
                echo_json({"file": str(image), "error": str(error)})
            else:
                note(f"edgedigits: {error}")
            continue
        if as_json:
            echo_json({"file": str(image), **reading.to_dict()})
        else:
            click.echo(f"{click.format_filename(image)}: {line(reading)}")
    if failed:
        ctx.exit(2)


def line(reading: Reading) -> str:
    """A reading for people, on one line."""
    if reading.reason in {"blank", "no digit"}:
        return f"- ({reading.reason})"
    sure = f"{100 * reading.confidence:.1f}%"
    if reading.accepted:
        return f"{reading.text} ({sure})"
    return f"{reading.text}? ({sure}, {reading.reason}: might be {reading.digits[0].runner_up})"
