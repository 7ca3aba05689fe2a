"""`edgedigits predict`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgedigits.cli.bulk import bar, files_in, is_terminal, no_pictures, picture_suffixes, without_files
from edgedigits.cli.options import as_json, echo_json, note, pictures
from edgedigits.cli.results import results
from edgedigits.errors import InputError, PictureError
from edgedigits.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from edgedigits.results import Reading


@click.command()
@pictures
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="A shipped model's name, or an ONNX file.")
@click.option("--max-error", type=float, help="Error rate allowed among accepted digits.  [default: the model's]")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Append to FILE what --json prints, and pass over what has its line there.",
)
@as_json
@click.pass_context
def command(
    ctx: click.Context,
    *,
    images: tuple[Path, ...],
    model: str,
    max_error: float | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Read the digit on each picture: dark on light or light on dark, any size.

    IMAGE may be a folder: its pictures are read, those in its subfolders too, hidden ones not. A picture that cannot be
    read is reported on its own line; the others are still answered, and the exit code is 2.

    With --output, a run that was stopped goes on where it was when it is called once more. Each FILE belongs to one
    model and one --max-error, which are not noted in it. What could not be read has its line, too, and is read again
    only when that line is deleted; as long as FILE has such a line, the exit code is 2.

    \b
    Example:
      edgedigits predict seven.png eight.jpg --max-error 0.001 --json
      edgedigits predict scans --output readings.jsonl
    """
    from edgedigits.recognizer import Recognizer

    # What Pillow warns of, our own line says of the file.
    warnings.filterwarnings("ignore", module="PIL")
    recognizer = Recognizer(model, max_error=max_error)
    if recognizer.card.takes == "lines":
        raise InputError(f"{model} reads whole lines: use `edgedigits read --model {model}`")
    suffixes = picture_suffixes()
    told = failed = 0
    with ExitStack() as stack:
        file = stack.enter_context(results(output, "predict")) if output else None
        earlier = {name for name, _ in file.earlier} if file else set()

        def todo() -> Iterator[Path]:
            return (image for image in files_in(images, suffixes) if str(image) not in earlier)

        empty = [folder for folder in without_files(images, suffixes) if str(folder) not in earlier]
        is_watched = is_terminal(sys.stderr) and (file is not None or not is_terminal(sys.stdout))
        advance = stack.enter_context(bar(len(empty) + sum(1 for _ in todo()) if is_watched else 0))
        readings = stack.enter_context(closing(recognizer.read_many(todo())))
        for image, result in chain(((folder, no_pictures(folder, suffixes)) for folder in empty), readings):
            if file:
                file.append(_record(image, result))
            elif as_json:
                echo_json(_record(image, result))
            elif not isinstance(result, PictureError):
                click.echo(f"{click.format_filename(image)}: {line(result)}")
            told += 1
            if isinstance(result, PictureError):
                failed += 1
                if not as_json:
                    note(f"edgedigits: {result}")
            advance(1)
    if file and not as_json:
        note(f"{output}: {told:,} files added to {len(earlier):,}; {failed:,} of them could not be read")
    if failed or (file and file.has_errors):
        ctx.exit(2)


def line(reading: Reading) -> str:
    """A reading for people, on one line."""
    if not reading.text:
        return f"- ({reading.reason})"
    sure = f"{100 * reading.confidence:.1f}%"
    if reading.accepted:
        return f"{reading.text} ({sure})"
    return f"{reading.text}? ({sure}, {reading.reason}: might be {reading.digits[0].runner_up})"


def _record(image: Path, result: Reading | PictureError) -> dict[str, Any]:
    return {"file": str(image), **({"error": str(result)} if isinstance(result, PictureError) else result.to_dict())}
