"""`edgedigits predict`."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgedigits.cli.options import as_json, echo_json, note
from edgedigits.errors import InputError, OutputError, PictureError
from edgedigits.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from edgedigits.results import Reading

MANY = 20
"""Files from which a bar shows how far it is."""
LINE_START = b'{"file": "'
"""How each line of `--output` begins."""


@click.command()
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path))
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
    told = failed = 0
    with ExitStack() as stack:
        lines = stack.enter_context(_lines(output)) if output else None
        earlier = lines.earlier if lines else frozenset()

        def todo() -> Iterator[Path]:
            return (image for image in _pictures(images) if str(image) not in earlier)

        empty = [folder for folder in _without_pictures(images) if str(folder) not in earlier]
        is_watched = sys.stderr.isatty() and (lines is not None or not sys.stdout.isatty())
        advance = stack.enter_context(_bar(len(empty) + sum(1 for _ in todo()) if is_watched else 0))
        readings = stack.enter_context(closing(recognizer.read_many(todo())))
        for image, result in chain(((folder, _no_pictures(folder)) for folder in empty), readings):
            if lines:
                lines.append(_record(image, result))
            elif as_json:
                echo_json(_record(image, result))
            elif not isinstance(result, PictureError):
                click.echo(f"{click.format_filename(image)}: {line(result)}")
            told += 1
            if isinstance(result, PictureError):
                failed += 1
                if not as_json:
                    note(f"edgedigits: {result}")
            advance()
    if lines and not as_json:
        note(f"{output}: {told:,} files added to {len(earlier):,}; {failed:,} of them could not be read")
    if failed or (lines and lines.has_errors):
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


def _pictures(images: Iterable[Path]) -> Iterator[Path]:
    for image in images:
        if _is_folder(image):
            yield from _inside(image, _suffixes())
        else:
            yield image


def _without_pictures(images: Iterable[Path]) -> Iterator[Path]:
    return (image for image in images if _is_folder(image) and next(_inside(image, _suffixes()), None) is None)


def _is_folder(image: Path) -> bool:
    try:
        return image.is_dir()
    except OSError:
        return False


def _no_pictures(folder: Path) -> PictureError:
    return PictureError(f"{folder} holds no pictures: their names end in {', '.join(_suffixes())}")


def _suffixes() -> tuple[str, ...]:
    """How the names end of pictures that can be read."""
    from PIL import Image

    from edgedigits.pictures import FORMATS

    return tuple(sorted(suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS))


def _inside(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """The pictures in a folder and its subfolders, sorted by name; links to folders are not followed."""
    try:
        with os.scandir(folder) as entries:
            shown = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries if entry.name[0] != "."]
    except OSError:
        # As a picture it cannot be opened either, which is then reported with the reason.
        yield folder
        return
    for name, is_folder in sorted(shown):
        if is_folder:
            yield from _inside(folder / name, suffixes)
        elif name.lower().endswith(suffixes):
            yield folder / name


class _Lines:
    """What earlier runs left in a file of JSON Lines, and what this one appends."""

    def __init__(self, path: Path) -> None:
        self.earlier: set[str] = set()
        self.has_errors = False
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            self._read(path)
        self._file = path.open("ab")

    def _read(self, path: Path) -> None:
        whole = 0
        with path.open("rb+") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n") and line[: len(LINE_START)] == LINE_START[: len(line)]:
                    # The run before this was stopped while it wrote.
                    file.truncate(whole)
                    return
                try:
                    record = json.loads(line)
                    self.earlier.add(record["file"])
                    self.has_errors |= "error" in record
                except (ValueError, LookupError, TypeError, RecursionError) as error:
                    raise InputError(
                        f"line {number} of {path} is not from `edgedigits predict`: give another --output"
                    ) from error
                whole += len(line)

    def append(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


@contextmanager
def _lines(path: Path) -> Iterator[_Lines]:
    try:
        with closing(_Lines(path)) as lines:
            yield lines
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    """Show on a terminal how much is done, where there is much to do: what this gives is called after each file."""
    if total < MANY:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    # rich would send what is printed to its own stream: wrong where standard output goes to a file.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=total, rate="")

        def advance() -> None:
            speed = bar.tasks[task].speed
            bar.update(task, advance=1, rate=f"{speed:,.0f} a second" if speed else "")

        yield advance
