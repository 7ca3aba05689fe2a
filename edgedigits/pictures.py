"""Opening a picture from wherever it comes, as grey levels."""

from __future__ import annotations

import io
import os
import stat
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import EdgeDigitsError, PictureError

if TYPE_CHECKING:
    from PIL import Image

    from edgedigits.pages import Page

__all__ = ["MAX_PIXELS", "Picture", "check_size", "one_line", "open_picture", "without_waiting"]

Picture: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8] | Page"
"""A path, an encoded file's bytes, a PIL image, an array: `uint8 [height, width]`, `[..., 3]`, `[..., 4]`; a page."""

MAX_PIXELS = 64_000_000
"""Larger pictures are refused before they are decoded: 64 megapixels pass every camera sold for documents."""

MAX_BYTES = 512 << 20
"""Larger files are refused before they are read: 64 megapixels of 16 bits in four channels, not compressed."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP", "JPEG2000")
"""What is opened. Pillow knows more, and starts another program for some: Ghostscript, say, for PostScript."""

LOOKED_AT = 256
"""Longer side, in pixels, of which colours are compared by."""
CLEARER = 2.0
"""How many times the variance between ink and paper one colour must have to be looked at instead of all."""

PLAIN = frozenset({None, "PNG", "BMP", "GIF", "PPM"})
"""Formats of pictures that have no orientation unless Pillow's `info` says something of them."""

ORIENTATION = 274
TURNS = MappingProxyType(
    {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_270",
        7: "TRANSVERSE",
        8: "ROTATE_90",
    }
)
"""EXIF's tag and, for its values, what brings a picture upright (Exif 2.32, 4.6.4)."""

OWN_CONTRAST = 64
"""Grey levels within what is opaque from which it is a card with writing on it, and not the writing alone."""


def open_picture(picture: Picture) -> NDArray[np.uint8]:
    """Grey levels `uint8 [height, width]` of a picture, upright as its EXIF data says, on opaque paper.

    Raises `PictureError`.
    """
    if isinstance(picture, np.ndarray):
        return _from_array(picture)

    from PIL import Image, UnidentifiedImageError

    from edgedigits.pages import Page

    if isinstance(picture, (Page, Image.Image)):
        name, content = str(picture) if isinstance(picture, Page) else "picture", b""
    else:
        name, content = _content(picture)
    try:
        if isinstance(picture, Page):
            image = picture.image()
            return open_picture(picture.file) if image is None else _grey(image, name)
        if isinstance(picture, Image.Image):
            return _grey(picture, name)
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            return _grey(opened, name)
    except EdgeDigitsError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(f"{name} has more than {MAX_PIXELS // 10**6} megapixels: shrink it first") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{name} is not a picture in a format that can be read: {', '.join(FORMATS)}") from error
    except MemoryError as error:
        raise PictureError(f"{name} needs more memory than is left: shrink it first") from error
    # Decoders report damage in whatever way they fail: each is a bad picture and none is a bug of the caller's.
    except Exception as error:
        raise PictureError(f"{name} is damaged: {one_line(error) or type(error).__name__}") from error


def check_size(width: int, height: int, name: str) -> None:
    """Refuse a picture that has no pixels, or more than `MAX_PIXELS`: `name` is for messages. Raises `PictureError`."""
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{name} has {width}x{height} pixels, more than {MAX_PIXELS // 10**6} megapixels: shrink it first"
        )
    if width == 0 or height == 0:
        raise PictureError(f"{name} has no pixels")


def one_line(words: object) -> str:
    """Words on one line, whatever ends of lines are in them."""
    return " ".join(str(words).splitlines()) or str(words).strip()


def without_waiting(path: str, flags: int) -> int:
    """An opener for `open`, which waits for nobody to write where it is a pipe: that would take for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _content(source: object) -> tuple[str, bytes]:
    """Name, for messages, and bytes of an encoded picture."""
    if isinstance(source, bytes):
        name, content = "picture", source
    elif isinstance(source, (str, os.PathLike)):
        try:
            path = os.fsdecode(source)
        # Whatever a path of somebody's own class raises where it is asked for its name.
        except Exception as error:
            raise PictureError(f"cannot read a {type(source).__name__} that has no name: give a path") from error
        name = one_line(path)
        try:
            with open(path, "rb", opener=without_waiting) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise PictureError(f"{name} is no file, but a pipe or a device: save the picture first")
                # A file may grow while it is read, too.
                if status.st_size > MAX_BYTES or len(content := file.read(status.st_size + 1)) > MAX_BYTES:
                    raise PictureError(f"{name} is larger than {MAX_BYTES >> 20} MB: shrink it first")
        except MemoryError as error:
            raise PictureError(f"{name} is larger than the memory that is left: shrink it first") from error
        except (OSError, ValueError) as error:
            raise PictureError(f"cannot open {name}: {getattr(error, 'strerror', None) or one_line(error)}") from error
    else:
        raise PictureError(f"cannot read a {type(source).__name__}: give a path, bytes, a PIL image or a uint8 array")
    if not content:
        raise PictureError(f"{name} is empty")
    return name, content


def _from_array(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    array = np.asarray(array)
    if array.dtype != np.uint8:
        raise PictureError(f"array of dtype {array.dtype}: give uint8 grey levels, 0 to 255")
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(f"array of shape {array.shape}: give [height, width], [height, width, 3] or [..., 4]")
    check_size(array.shape[1], array.shape[0], "array")
    if array.ndim == 2:
        return array
    from PIL import Image

    return _grey(Image.fromarray(np.ascontiguousarray(array)), "array")


def _grey(image: Image.Image, name: str) -> NDArray[np.uint8]:
    check_size(*image.size, name)
    image.load()
    # What a plain picture has not is not looked for, which takes as long as the decoding of a small one.
    if image.info or image.format not in PLAIN:
        image = _upright(image)
    if image.mode == "L" and not image.info:
        return np.asarray(image)
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep(np.asarray(image))
    if image.mode == "La":  # premultiplied, and converted by Pillow to nothing else
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            return _on_paper(image.convert("LA"))
    if image.mode in {"1", "L"}:
        return np.asarray(image.convert("L"))
    return np.asarray(_clearest(image.convert("RGB")))


def _upright(image: Image.Image) -> Image.Image:
    """A picture as its EXIF data says that it was taken; with data that cannot be read, as it is."""
    from PIL import Image

    try:
        orientation = image.getexif().get(ORIENTATION, 1)
        turn = TURNS.get(int(orientation))
    # Metadata fails in as many ways as pictures do, and is not needed.
    except Exception:
        return image
    return image.transpose(Image.Transpose[turn]) if turn else image


def _clearest(image: Image.Image) -> Image.Image:
    """The grey levels of an RGB picture, or of one colour alone where that shows ink much better: a yellow pen, say."""
    from edgedigits.ink import separation

    small = image.reduce(max(1, max(image.size) // LOOKED_AT))
    grey, *colours = (
        separation(np.array(channel.histogram(), np.float64)) for channel in (small.convert("L"), *small.split())
    )
    best = int(np.argmax(colours))
    return image.getchannel(best) if colours[best] > CLEARER * grey else image.convert("L")


def _from_deep(levels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Bring 10 to 32 bits and floats to 8 bits; Pillow itself would cut them off at 255.

    White is the highest level of the fewest bits that hold the picture, and 1 for floats that stay below it.
    """
    # In place, for a picture may have 64 million pixels.
    values = levels.astype(np.float32)
    np.nan_to_num(values, copy=False, posinf=0.0, neginf=0.0)
    highest = float(levels.max() if np.issubdtype(levels.dtype, np.integer) else values.max())
    white = 1.0 if highest <= 1 else 2.0 ** max(8, int(highest).bit_length()) - 1
    values /= min(white, float(np.finfo(np.float32).max))
    np.clip(values, 0, 1, out=values)
    values *= 255
    return np.rint(values, out=values).astype(np.uint8)


def _on_paper(image: Image.Image) -> NDArray[np.uint8]:
    """Lay a picture of the mode `LA` on paper.

    Where what is opaque has paper and ink of its own, that paper goes on; where it is ink alone, paper is its opposite.
    """
    from PIL import Image

    grey, alpha = image.split()
    below = np.cumsum(grey.histogram(alpha.point([0] * 128 + [255] * 128)))
    dark, middle, light = np.searchsorted(below, np.array([0.05, 0.5, 0.95]) * (below[-1] - 1), side="right").tolist()
    paper = middle if light - dark >= OWN_CONTRAST else 255 if middle < 128 else 0
    return np.asarray(Image.composite(grey, Image.new("L", grey.size, paper), alpha))
