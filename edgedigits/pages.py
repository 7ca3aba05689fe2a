"""The pages of a file: a picture has one, a TIFF or a PDF may have thousands, of which none is decoded ahead."""

from __future__ import annotations

import os
import stat
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from edgedigits.errors import PictureError
from edgedigits.pdf import Pdf
from edgedigits.pictures import check_size, one_line, without_waiting

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MAX_PAGES", "PDF_SUFFIX", "Page", "pages_of"]

MAX_PAGES = 10_000
"""Files of more pages are refused: a day's work of a fast scanner."""
MAX_BYTES = 4 << 30
"""Larger files are taken for no documents. What a classic TIFF can hold; it is never read whole."""
PDF_SUFFIX = ".pdf"
PDF_START = b"%PDF-"
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

SUBFILE, NO_PAGE = 254, 0b101
"""TIFF's tag of what a picture is for, and its bits for a smaller copy of another or its mask (TIFF 6.0, section 8)."""


class _Document(Protocol):
    """A file that is open and has pages; safe to be asked by several threads."""

    process: int
    numbers: Sequence[int]
    """Of each page, where it is to be found."""

    def image(self, number: int, name: str) -> Image.Image:
        """What is on a page. Raises `PictureError`, and whatever decoders raise."""


@dataclass(frozen=True)
class Page:
    """One page of a file, `number` of `pages`, counted from 1; read as any other picture, and decoded only then.

    The file stays open for as long as any of its pages that `pages_of` gave is kept.
    """

    file: Path
    number: int = 1
    pages: int = 1
    _document: _Document | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{one_line(self.file)} page {self.number}" if self.pages > 1 else one_line(self.file)

    def __reduce__(self) -> tuple[type[Page], tuple[Path, int, int]]:
        return type(self), (self.file, self.number, self.pages)

    def image(self) -> Image.Image | None:
        """The page, decoded; None where its file is one picture and has no pages.

        Raises `PictureError`, and whatever decoders raise.
        """
        document = self._document
        if document is None or document.process != os.getpid():
            document = _open_document(self.file)
        if document is None:
            return None
        if not 1 <= self.number <= len(document.numbers):
            raise PictureError(f"{one_line(self.file)} has {len(document.numbers)} pages, and no page {self.number}")
        return document.image(document.numbers[self.number - 1], str(self))


def pages_of(path: str | os.PathLike[str]) -> Iterator[Page]:
    """The pages of a picture, a TIFF or a PDF, in order, of which none is decoded before it is read.

    A file that cannot be opened has one page, which says why when it is read. Of GIF, WebP and PNG, where pictures that
    follow the first are those of a film, the first is read. PDFs need the extra `pdf`.
    """
    file = Path(path)
    try:
        document = _open_document(file)
    except PictureError:
        document = None
    if document is None:
        yield Page(file)
        return
    pages = len(document.numbers)
    for number in range(1, pages + 1):
        yield Page(file, number, pages, document)


def _open_document(path: Path) -> _Document | None:
    """None for what may be a picture, or is to be refused as one. Raises `PictureError`."""
    try:
        file = open(path, "rb", opener=without_waiting)  # noqa: SIM115  open for as long as its pages are
    except (OSError, ValueError):
        return None
    document: _Document | None = None
    try:
        document = _document_in(file, path)
    finally:
        if document is None:
            file.close()
    return document


def _document_in(file: BinaryIO, path: Path) -> _Document | None:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or not 0 < status.st_size <= MAX_BYTES:
        return None
    start, name = file.read(len(PDF_START)), one_line(path)
    file.seek(0)
    document: _Document | None = None
    if start == PDF_START or path.suffix.lower() == PDF_SUFFIX:
        document = Pdf(file, name)
    elif start.startswith(TIFF_STARTS):
        document = _Tiff.of_pages(file)
    if document is not None and len(document.numbers) > MAX_PAGES:
        raise PictureError(f"{name} has more than {MAX_PAGES:,} pages: split it first")
    return document


class _Tiff:
    """A TIFF of several pages."""

    def __init__(self, file: BinaryIO, image: Image.Image, numbers: Sequence[int]) -> None:
        self.process, self.numbers = os.getpid(), numbers
        self._image, self._lock = image, threading.Lock()
        weakref.finalize(self, file.close)

    @classmethod
    def of_pages(cls, file: BinaryIO) -> _Tiff | None:
        """None where there is one page, or nothing that could be told from a picture that is damaged."""
        from PIL import Image

        try:
            image = Image.open(file, formats=("TIFF",))
        # Decoders fail in whatever way they do. As a picture it fails once more, and is then reported.
        except Exception:
            return None
        frames = list(islice(_tiff_frames(image), MAX_PAGES + 1))
        # To find each takes longer the more there are: those that are no pages count for the limit, too.
        numbers = [number for number, is_page in frames if is_page or len(frames) > MAX_PAGES]
        return None if numbers in ([], [0]) else cls(file, image, numbers)

    def image(self, number: int, name: str) -> Image.Image:
        with self._lock:
            self._image.seek(number)
            check_size(*self._image.size, name)
            self._image.load()
            return self._image.copy()


def _tiff_frames(image: Image.Image) -> Iterator[tuple[int, bool]]:
    """The frames of a TIFF, and whether each is a page; those that are broken are: who opens them is told why."""
    for number in count():
        try:
            image.seek(number)
            is_page = not int(image.tag_v2.get(SUBFILE, 0)) & NO_PAGE  # type: ignore[attr-defined]  # of TIFFs alone
        except EOFError:
            return
        # Decoders fail in whatever way they do, and who opens this page is told.
        except Exception:
            yield number, True
            # Where the next page is, a page says that could not be read.
            if image.tell() != number:
                return
        else:
            yield number, is_page
