"""Files of results that a stopped run goes on with: JSON Lines, and CSV with a row for each line of digits."""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

from edgedigits.errors import InputError, OutputError

__all__ = ["COLUMNS", "Results", "doubts", "results"]

Key: TypeAlias = tuple[str, "int | None"]
"""A file, and its page where it has several."""

LINE_START = b'{"file": "'
"""How each line of JSON begins."""
COLUMNS = (
    "file",
    "page",
    "line",
    "lines",
    "text",
    "written",
    "confidence",
    "accepted",
    "reason",
    "doubts",
    "error",
    "review",
)
HEADER = (",".join(COLUMNS) + "\r\n").encode()
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula."""
CSV_SUFFIX = ".csv"


class Results(Protocol):
    """What earlier runs left in a file, and what this one appends: records as `--json` prints them."""

    earlier: set[Key]
    has_errors: bool

    def append(self, record: Mapping[str, Any]) -> None:
        """Write what was read of a picture or a page."""


@contextmanager
def results(path: Path, command: str) -> Iterator[Results]:
    """The file at `path`, CSV where its name says so. Raises `InputError` for one that `command` has not written."""
    kind = _Rows if command == "read" and path.suffix.lower() == CSV_SUFFIX else _Lines
    try:
        with closing(kind(path, command)) as file:
            yield file
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def doubts(line: Mapping[str, Any]) -> str:
    """What a line, as JSON has it, might be instead: the digits in doubt, by their places from 1, or another line.

    It is another line where that has more digits, or fewer: one in doubt is then likelier none, or two, than another.
    Of a line that was expected to be something else than the ink says, it is what that says.
    """
    alternatives = line.get("alternatives", ())
    # Where nothing that was expected was found, the line itself is what the ink says, and no other has this confidence.
    if line["reason"] == "unexpected" and line["confidence"] > 0 and alternatives:
        return f"the ink says {alternatives[0]['text'] or 'nothing'}"
    places = [place for place, character in enumerate(line["text"], 1) if character.isdigit()]
    unsure = [
        f"digit {place} ({digit['digit']}) might be {digit['runner_up']}"
        for place, digit in zip(places, line["digits"], strict=False)
        if not digit["accepted"]
    ]
    others = [other["text"] for other in alternatives if "?" not in other["text"]]
    if others and (not unsure or len(others[0]) != len(line["text"])):
        return f"might be {others[0] or 'nothing'}"
    return ", ".join(unsure)


class _File(ABC):
    """What both kinds share: after what earlier runs left is read, and what was cut off of it, more is appended."""

    def __init__(self, path: Path, command: str) -> None:
        self.earlier: set[Key] = set()
        self.has_errors = False
        self._path, self._command = path, command
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            with path.open("rb+") as file:
                self._read(file)
        self._file = path.open("ab")

    @abstractmethod
    def _read(self, file: BinaryIO) -> None:
        """Note what is there, and cut off what was not finished."""

    def _foreign(self, number: int) -> InputError:
        return InputError(
            f"line {number} of {self._path} is not from `edgedigits {self._command}`: give another --output"
        )

    def _write(self, content: bytes) -> None:
        self._file.write(content)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class _Lines(_File):
    def _read(self, file: BinaryIO) -> None:
        whole = 0
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n") and line[: len(LINE_START)] == LINE_START[: len(line)]:
                # The run before this was stopped while it wrote.
                file.truncate(whole)
                return
            try:
                record = json.loads(line)
                self.earlier.add((record["file"], record.get("page")))
                self.has_errors |= "error" in record
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
                raise self._foreign(number) from error
            whole += len(line)

    def append(self, record: Mapping[str, Any]) -> None:
        self._write(json.dumps(record).encode() + b"\n")


class _Rows(_File):
    """Cells that spreadsheets would take for formulas are kept from it: by a `./` before a file's name, else by a `'`.

    Each row says how many lines its page has, for a page some of whose rows are missing is read again.
    """

    def __init__(self, path: Path, command: str) -> None:
        super().__init__(path, command)
        if not self._file.tell():
            self._write(HEADER)

    def _read(self, file: BinaryIO) -> None:
        start = file.readline()
        if start != HEADER:
            if start and not (HEADER.startswith(start) and not file.read(1)):
                raise self._foreign(1)
            file.truncate(0)
            return
        whole, number, key, seen = len(HEADER), 1, None, 0
        try:
            for row, ends_at, number in _rows(file, len(HEADER)):  # noqa: B007  says where it failed
                if row is None:
                    break
                cells = dict(zip(COLUMNS, row, strict=True))
                last, key = key, (str(Path(cells["file"])), int(cells["page"]) if cells["page"] else None)
                seen = seen + 1 if key == last else 1
                if seen >= int(cells["lines"]):
                    self.earlier.add(key)
                    whole = ends_at
                self.has_errors |= bool(cells["error"])
        except (ValueError, csv.Error) as error:
            raise self._foreign(number + 1) from error
        file.truncate(whole)

    def append(self, record: Mapping[str, Any]) -> None:
        rows = io.StringIO(newline="")
        writer = csv.DictWriter(rows, COLUMNS, restval="")
        writer.writerows({name: _cell(name, value) for name, value in row.items()} for row in _told(record))
        self._write(rows.getvalue().encode("utf-8", "surrogateescape"))


def _rows(file: BinaryIO, at: int) -> Iterator[tuple[list[str] | None, int, int]]:
    """Each row with where it ends and its line's number; None for the last where it was cut off."""
    ends_at, is_whole = at, True

    def lines() -> Iterator[str]:
        nonlocal ends_at, is_whole
        for line in file:
            ends_at += len(line)
            is_whole = line.endswith(b"\r\n")
            yield line.decode("utf-8", "surrogateescape")

    reader = csv.reader(lines(), strict=True)
    try:
        for row in reader:
            yield row if is_whole else None, ends_at, reader.line_num
    except csv.Error:
        if file.read(1):
            raise
        yield None, ends_at, reader.line_num


def _told(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A record's rows."""
    about = {name: record[name] for name in ("file", "page", "error") if name in record}
    lines = record.get("lines", ())
    for number, line in enumerate(lines, 1):
        yield {**about, "line": number, "lines": len(lines), **_reading(line)}
    if not lines:
        yield {**about, "lines": 0, **({} if "error" in record else _reading(record))}


def _reading(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "text": line["text"],
        "written": line.get("written", line["text"]),
        "confidence": line["confidence"],
        "accepted": "true" if line["accepted"] else "false",
        "reason": line["reason"] or "",
        "doubts": "" if line["accepted"] else doubts(line),
        "review": line.get("review", ""),
    }


def _cell(name: str, value: object) -> object:
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    return f"./{value}" if name == "file" else f"'{value}"
