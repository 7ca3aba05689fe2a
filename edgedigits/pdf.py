"""The pages of a PDF, drawn by PDFium as finely as what was scanned into them."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from edgedigits.errors import MissingExtraError, PictureError
from edgedigits.extras import needs
from edgedigits.pictures import MAX_PIXELS, check_size

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Pdf"]

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


class Pdf:
    """A PDF that is open until it is let go of, and is then closed with its file; safe to be asked by several threads.

    Opening it raises `PictureError`, which names the extra `pdf` where that is what is missing.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        try:
            with needs("pdf", f"reading {name}"):
                import pypdfium2  # noqa: F401  missed here, and not in the midst of it
        except MissingExtraError as error:
            # Of one file among many: the others are read.
            raise PictureError(str(error)) from error

        self.process = os.getpid()
        self._opened = _PDFIUM.open(file, name)
        weakref.finalize(self, _PDFIUM.retire, self._opened).atexit = False
        with _PDFIUM.held():
            self.numbers: Sequence[int] = range(len(self._opened.pdf))

    def image(self, number: int, name: str) -> Image.Image:
        """A page, counted from 0, drawn; `name` is for messages. Raises `PictureError`, and whatever decoders raise."""
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
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=self.renew)
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
        check_size(columns, rows, f"a picture on {name}")
        left, bottom, right, top = thing.get_bounds()
        if right > left and top > bottom:
            # A picture that lies on its side has as many pixels, too.
            finest = max(finest, (columns * rows / ((right - left) * (top - bottom))) ** 0.5)
    wanted = min(max(finest, LEAST), USUAL) if finest else USUAL
    room = (MAX_PIXELS / max(width * height, 1.0)) ** 0.5
    if not room >= LEAST:
        raise PictureError(f"{name} is {width / POINTS:,.0f} by {height / POINTS:,.0f} inches large: crop it first")
    return float(min(wanted, room) * ALMOST)
