"""`edgedigits read`."""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import click

from edgedigits.cli.bulk import MANY, bar, files_in, is_terminal, no_pictures, picture_suffixes, without_files
from edgedigits.cli.options import as_json, echo_json, note, pictures
from edgedigits.cli.predict import line as line_of_one
from edgedigits.cli.results import doubts, results
from edgedigits.cli.review import write_review
from edgedigits.errors import PictureError
from edgedigits.expectation import CHECKS, Expected
from edgedigits.pages import PDF_SUFFIX, Page, pages_of
from edgedigits.results import Line, Reading

MODEL = "amount"


def _lengths(_: click.Context, __: click.Parameter, value: str | None) -> int | tuple[int, int] | None:
    """A number, or the least and the most."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", value)
    if not found:
        raise click.BadParameter(f"{value!r} is no length: give one such as 6, or the least and the most such as 4-7")
    least, most = found.groups()
    return (int(least), int(most)) if most else int(least)


@click.command()
@pictures
@click.option("--model", default=MODEL, show_default=True, help="A shipped model's name, or an ONNX file.")
@click.option("--max-error", type=float, help="Error rate allowed among accepted lines.  [default: the model's]")
@click.option(
    "--length", metavar="N[-M]", callback=_lengths, help="How many digits each line has, or the least and most."
)
@click.option("--minimum", type=int, help="The least number that a line may be.")
@click.option("--maximum", type=int, help="The greatest number that a line may be.")
@click.option("--check", type=click.Choice(list(CHECKS)), help="How the check digit, in each line, is worked out.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Append to FILE what --json prints, or rows if it ends in .csv, and pass over what is there.",
)
@click.option(
    "--review",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder for pictures of what is not accepted.",
)
@as_json
@click.pass_context
def command(
    ctx: click.Context,
    *,
    images: tuple[Path, ...],
    model: str,
    max_error: float | None,
    length: int | tuple[int, int] | None,
    minimum: int | None,
    maximum: int | None,
    check: str | None,
    output: Path | None,
    review: Path | None,
    as_json: bool,
) -> None:
    """Read the numbers on each picture, or on each page of a TIFF or a PDF: in one or more lines, with separators.

    IMAGE may be a folder: its pictures and PDFs are read, those in its subfolders too, hidden ones not. What cannot be
    read is reported on its own line; the others are still answered, and the exit code is 2. PDFs need the extra `pdf`.

    With --length, --minimum, --maximum or --check, what every line is expected to be decides between readings that the
    ink leaves open; a line whose ink says otherwise is not accepted.

    JSON has one object for each picture or page, with its number as "page" where its file has several. CSV has one row
    for each line of digits. With --output, a run that was stopped goes on where it was when it is called once more.
    Each FILE belongs to one model and one set of options, which are not noted in it. What could not be read has its
    line, too, and is read again only when that line is deleted; as long as FILE has such a line, the exit code is 2.

    With --review, each line that is not accepted is drawn to a PNG in FOLDER with boxes around the digits in doubt, and
    a page on which no line was found as it is; results name it as "review".

    \b
    Example:
      edgedigits read cheque.png scan.pdf --length 6 --check luhn
      edgedigits read scans --output amounts.csv --review doubtful
    """
    from edgedigits.recognizer import Recognizer

    # What Pillow warns of, our own line says of the file.
    warnings.filterwarnings("ignore", module="PIL")
    expected = _expected(length, minimum, maximum, check)
    recognizer = Recognizer(model, max_error=max_error)
    suffixes = (*picture_suffixes(), PDF_SUFFIX)
    tally = _Tally()
    with ExitStack() as stack:
        file = stack.enter_context(results(output, "read")) if output else None
        earlier = file.earlier if file else set()
        before = len(earlier)
        is_watched = is_terminal(sys.stderr) and (file is not None or not is_terminal(sys.stdout))
        advance = stack.enter_context(bar(sum(1 for _ in files_in(images, suffixes, review)) if is_watched else 0))

        def todo() -> Iterator[Page]:
            for image in files_in(images, suffixes, review):
                if (str(image), None) in earlier:
                    advance(1)
                    continue
                for page in pages_of(image):
                    if _key(page) in earlier:
                        advance(1 / page.pages)
                        continue
                    if file:
                        # Named twice, it is written once.
                        earlier.add(_key(page))
                    yield page

        empty = [
            Page(folder) for folder in without_files(images, suffixes, review) if (str(folder), None) not in earlier
        ]
        readings = stack.enter_context(closing(recognizer.read_many(todo(), expected=expected)))
        for page, result in chain(((page, no_pictures(page.file, suffixes)) for page in empty), readings):
            record = _record(page, result)
            if review and isinstance(result, Reading):
                # What was read stands, even if the file has gone since.
                with suppress(PictureError):
                    write_review(review, page, result, record)
            if file:
                file.append(record)
            elif as_json:
                echo_json(record)
            elif isinstance(result, Reading):
                for told in lines_of(page, result):
                    click.echo(told)
            if isinstance(result, PictureError) and not as_json:
                note(f"edgedigits: {result}")
            tally.add(page, result)
            advance(1 / page.pages)
    if not as_json and (output or tally.pages >= MANY):
        note((f"{output}: {tally.pages:,} added to {before:,}; " if output else "") + tally.told())
    if tally.failed or (file and file.has_errors):
        ctx.exit(2)


def _expected(
    length: int | tuple[int, int] | None, minimum: int | None, maximum: int | None, check: str | None
) -> Expected | None:
    """None where nothing is. Raises `InputError`."""
    expected = Expected(length=length, minimum=minimum, maximum=maximum, check=CHECKS[check] if check else None)
    return None if expected == Expected() else expected


def _key(page: Page) -> tuple[str, int | None]:
    return str(page.file), page.number if page.pages > 1 else None


def _record(page: Page, result: Reading | PictureError) -> dict[str, Any]:
    file, number = _key(page)
    about: dict[str, Any] = {"file": file, **({} if number is None else {"page": number})}
    return {**about, **({"error": str(result)} if isinstance(result, PictureError) else result.to_dict())}


def lines_of(page: Page, reading: Reading) -> Iterator[str]:
    """A reading for people: each line of digits on a line of its own."""
    name = click.format_filename(str(page))
    if not reading.lines:
        yield f"{name}: {line_of_one(reading)}"
    for number, line in enumerate(reading.lines, 1):
        yield f"{name}{f' line {number}' if len(reading.lines) > 1 else ''}: {_line(line)}"


def _line(line: Line) -> str:
    sure = f"{100 * line.confidence:.1f}%"
    if line.accepted:
        return f"{line.text} ({sure})"
    if not line.text:
        return f"- ({line.reason})"
    might_be = doubts(line.to_dict())
    return f"{line.text}? ({sure}, {line.reason}{': ' if might_be else ''}{might_be})"


@dataclass
class _Tally:
    """What was read, and how fast: of the seconds that passed, and of those that processor cores were busy for us."""

    files: int = 0
    pages: int = 0
    lines: int = 0
    accepted: int = 0
    failed: int = 0
    _last: Path | None = None
    _since: float = field(default_factory=time.monotonic)
    _busy_since: float = field(default_factory=time.process_time)

    def add(self, page: Page, result: Reading | PictureError) -> None:
        self.files += page.file != self._last
        self.pages += 1
        self._last = page.file
        if isinstance(result, PictureError):
            self.failed += 1
        else:
            lines = result.lines or ((result,) if result.text else ())
            self.lines += len(lines)
            self.accepted += sum(line.accepted for line in lines)

    def told(self) -> str:
        passed, busy = time.monotonic() - self._since, time.process_time() - self._busy_since
        return (
            f"{self.files:,} files, {self.pages:,} pages, {self.failed:,} of them could not be read, "
            f"{self.lines:,} lines, {self.accepted:,} accepted; "
            f"{self.pages / max(passed, 1e-9):,.1f} pages a second, {self.pages / max(busy, 1e-9):,.1f} for each core"
        )
