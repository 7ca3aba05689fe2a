"""The pages of a file: a picture has one, a TIFF or a PDF may have thousands, of which none is decoded ahead."""

from __future__ import annotations

import atexit
import os
import stat
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from edgedigits.errors import PictureError
from edgedigits.extras import needs
from edgedigits.pictures import MAX_PIXELS, _check_size, _line, _without_waiting

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

POINTS = 72.0
"""To an inch."""
USUAL, LEAST = 300 / POINTS, 1.0
"""Pixels to a point of a PDF's page where it has no pictures, which is the most; and the least, for a pixel may be
given as a point."""
LOOKED_AT = 1000
"""Most things on a page that are looked at to find pictures: scanners put there one, or some."""
ALMOST = 1 - 1e-6
"""Keeps what is rounded up from one pixel too many."""
FRESH_AFTER = 50
"""Pages after which a document is opened anew: PDFium keeps what it has read of it, which comes to all of the file."""
PASSWORD_ERROR = 4
"""`FPDF_ERR_PASSWORD` of PDFium's fpdfview.h."""


class _Document(Protocol):
    """A file that is open and has pages; safe to be asked by several threads."""

    process: int
    numbers: list[int]
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
        return f"{_line(self.file)} page {self.number}" if self.pages > 1 else _line(self.file)

    def __reduce__(self) -> tuple[type[Page], tuple[Path, int, int]]:
        return type(self), (self.file, self.number, self.pages)

    def image(self) -> Image.Image | None:
        """The page, decoded; None where its file is one picture and has no pages.

        Raises `PictureError`, `MissingExtraError`, and whatever decoders raise.
        """
        document = self._document
        if document is None or document.process != os.getpid():
            document = _open_document(self.file)
        if document is None:
            return None
        if not 1 <= self.number <= len(document.numbers):
            raise PictureError(f"{_line(self.file)} has {len(document.numbers)} pages, and no page {self.number}")
        return document.image(document.numbers[self.number - 1], str(self))


def pages_of(path: str | os.PathLike[str]) -> Iterator[Page]:
    """The pages of a picture, a TIFF or a PDF, in order, of which none is decoded before it is read.

    A file that cannot be opened has one page, which says why when it is read. Of GIF, WebP and PNG, where pictures that
    follow the first are those of a film, the first is read. Raises `MissingExtraError` for a PDF without the extra
    `pdf`.
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
    """None for what may be a picture, or is to be refused as one. Raises `PictureError` and `MissingExtraError`."""
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  open for as long as its pages are
    except (OSError, ValueError):
        return None
    document: _Document | None = None
    try:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or not 0 < status.st_size <= MAX_BYTES:
            return None
        start = file.read(len(PDF_START))
        file.seek(0)
        if start == PDF_START or path.suffix.lower() == PDF_SUFFIX:
            document = _Pdf(file, _line(path))
        elif start.startswith(TIFF_STARTS):
            document = _Tiff.of_pages(file, _line(path))
    finally:
        if document is None:
            file.close()
    return document


class _Tiff:
    """A TIFF of several pages."""

    def __init__(self, file: BinaryIO, image: Image.Image, numbers: list[int]) -> None:
        self.process, self.numbers = os.getpid(), numbers
        self._image, self._lock = image, threading.Lock()
        weakref.finalize(self, file.close)

    @classmethod
    def of_pages(cls, file: BinaryIO, name: str) -> _Tiff | None:
        """None where there is one page, or nothing that could be told from a picture that is damaged."""
        from PIL import Image

        try:
            image = Image.open(file, formats=("TIFF",))
        # As a picture it fails once more, and is then reported.
        except Exception:
            return None
        numbers = list(islice(_tiff_pages(image), MAX_PAGES + 1))
        _check_pages(len(numbers), name)
        return None if numbers in ([], [0]) else cls(file, image, numbers)

    def image(self, number: int, name: str) -> Image.Image:
        with self._lock:
            self._image.seek(number)
            _check_size(*self._image.size, name)
            self._image.load()
            return self._image.copy()


def _tiff_pages(image: Image.Image) -> Iterator[int]:
    """Those frames of a TIFF that are pages, those that are broken included: who opens them is told why."""
    for number in count():
        try:
            image.seek(number)
            if int(image.tag_v2.get(SUBFILE, 0)) & NO_PAGE:  # type: ignore[attr-defined]
                continue
        except EOFError:
            return
        except Exception:
            yield number
            # Where the next page is, a page says that could not be read.
            if image.tell() != number:
                return
        else:
            yield number


class _Pdf:
    """A PDF."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        with needs("pdf", f"reading {name}"):
            import pypdfium2  # noqa: F401  missed here, and not in the midst of it

        self.process = os.getpid()
        self._opened = _PDFIUM.open(file, name)
        weakref.finalize(self, _PDFIUM.retire, self._opened).atexit = False
        with _PDFIUM.held():
            pages = len(self._opened.pdf)
        _check_pages(pages, name)
        self.numbers = list(range(pages))

    def image(self, number: int, name: str) -> Image.Image:
        with _PDFIUM.held():
            page = self._opened.page(number)
            try:
                bitmap = page.render(scale=_scale(page, name), limit_image_cache=True)
                try:
                    image: Image.Image = bitmap.to_pil()
                finally:
                    bitmap.close()
            finally:
                page.close()
        return image


class _OpenPdf:
    """A document that PDFium has open, and its file: not safe to be asked by several threads."""

    def __init__(self, file: BinaryIO) -> None:
        from pypdfium2 import PdfDocument

        self.pdf, self._file, self._asked = PdfDocument(file), file, 0

    def page(self, number: int) -> Any:
        self._asked += 1
        if self._asked % FRESH_AFTER == 0:
            old, self.pdf = self.pdf, type(self.pdf)(self._file)
            old.close()
        return self.pdf[number]

    def close(self) -> None:
        self.pdf.close()
        self._file.close()


class _Pdfium:
    """PDFium, which can be asked by one thread at a time, in all the process; it closes what it opened, too."""

    def __init__(self) -> None:
        self._open: set[_OpenPdf] = set()
        self._retired: deque[_OpenPdf] = deque()
        self._is_used = False
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        """For a child: a thread of its parent may have been in there when it forked, and never comes out here."""
        self._lock = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            self._close_retired()
            yield

    def open(self, file: BinaryIO, name: str) -> _OpenPdf:
        """Open a document, to be retired. Raises `PictureError`."""
        from pypdfium2 import PdfiumError

        if not self._is_used:
            self._is_used = True
            # Before pypdfium2 does, which was imported before this and complains of what it finds open.
            atexit.register(self._retire_all)
        with self.held():
            try:
                opened = _OpenPdf(file)
            except PdfiumError as error:
                raise PictureError(_refusal(error.err_code, name)) from None
        self._open.add(opened)
        return opened

    def retire(self, *documents: _OpenPdf) -> None:
        """Close documents, now or when PDFium is asked next: called wherever the last of their pages is let go of."""
        self._retired.extend(documents)
        if self._lock.acquire(blocking=False):
            try:
                self._close_retired()
            finally:
                self._lock.release()

    def _retire_all(self) -> None:
        self.retire(*self._open)

    def _close_retired(self) -> None:
        while self._retired:
            opened = self._retired.popleft()
            opened.close()
            self._open.discard(opened)


_PDFIUM = _Pdfium()


def _refusal(code: int | None, name: str) -> str:
    if code == PASSWORD_ERROR:
        return f"{name} is encrypted: save it without a password first"
    return f"{name} is damaged, or no PDF"


def _check_pages(pages: int, name: str) -> None:
    if pages > MAX_PAGES:
        raise PictureError(f"{name} has more than {MAX_PAGES:,} pages: split it first")


def _scale(page: Any, name: str) -> float:
    """Pixels to a point: as many as the finest picture on a page has, for a scan is one, or as is usual; within bounds.

    Raises `PictureError`.
    """
    from pypdfium2 import raw

    width, height = page.get_size()
    finest = 0.0
    for thing in islice(page.get_objects(max_depth=1), LOOKED_AT):
        if thing.type != raw.FPDF_PAGEOBJ_IMAGE:
            continue
        columns, rows = thing.get_px_size()
        _check_size(columns, rows, f"a picture on {name}")
        left, bottom, right, top = thing.get_bounds()
        if right > left and top > bottom:
            # A picture that lies on its side has as many pixels, too.
            finest = max(finest, (columns * rows / ((right - left) * (top - bottom))) ** 0.5)
    wanted = min(max(finest, LEAST), USUAL) if finest else USUAL
    room = (MAX_PIXELS / max(width * height, 1.0)) ** 0.5
    if not room >= LEAST:
        raise PictureError(f"{name} is {width / POINTS:,.0f} by {height / POINTS:,.0f} inches large: crop it first")
    return float(min(wanted, room) * ALMOST)
