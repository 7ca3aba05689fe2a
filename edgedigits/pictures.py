"""Opening a picture from wherever it comes, as grey levels."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.errors import PictureError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MAX_PIXELS", "Picture", "open_picture"]

Picture: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8]"
"""A path, an encoded file's bytes, a PIL image, or an array: `uint8 [height, width]`, `[..., 3]`, `[..., 4]`."""

MAX_PIXELS = 64_000_000
"""Larger pictures are refused before they are decoded: 64 megapixels pass every camera sold for documents."""

SIXTEEN_BIT = 65535.0


def open_picture(picture: Picture) -> NDArray[np.uint8]:
    """Grey levels `uint8 [height, width]` of a picture, upright as its EXIF data says, on opaque paper.

    Raises `PictureError`.
    """
    if isinstance(picture, np.ndarray):
        return _from_array(picture)

    from PIL import Image, UnidentifiedImageError

    if isinstance(picture, Image.Image):
        return _grey(picture, "picture")
    if not isinstance(picture, (str, bytes, os.PathLike)):
        raise PictureError(f"cannot read a {type(picture).__name__}: give a path, bytes, a PIL image or a uint8 array")
    name, content = _content(picture)
    try:
        with Image.open(io.BytesIO(content)) as image:
            return _grey(image, name)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(f"{name} has more than {MAX_PIXELS // 10**6} megapixels: shrink it first") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{name} is not a picture in a format that can be read") from error
    # Decoders report damage in whatever way they fail: each is a bad picture and none is a bug of the caller's.
    except Exception as error:
        raise PictureError(f"{name} is damaged: {' '.join(str(error).split()) or type(error).__name__}") from error


def _content(source: str | bytes | os.PathLike[str]) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        name, content = "picture", source
    else:
        name = os.fspath(source)
        try:
            content = Path(source).read_bytes()
        except (OSError, ValueError) as error:
            raise PictureError(f"cannot open {name}: {getattr(error, 'strerror', None) or error}") from error
    if not content:
        raise PictureError(f"{name} is empty")
    return name, content


def _from_array(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise PictureError(f"array of dtype {array.dtype}: give uint8 grey levels, 0 to 255")
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(f"array of shape {array.shape}: give [height, width], [height, width, 3] or [..., 4]")
    if array.ndim == 2:
        _check_size(array.shape[1], array.shape[0], "array")
        return array
    from PIL import Image

    return _grey(Image.fromarray(np.ascontiguousarray(array)), "array")


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{name} has {width}x{height} pixels, more than {MAX_PIXELS // 10**6} megapixels: shrink it first"
        )
    if width == 0 or height == 0:
        raise PictureError(f"{name} has no pixels")


def _grey(image: Image.Image, name: str) -> NDArray[np.uint8]:
    from PIL import ImageOps

    _check_size(*image.size, name)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep(np.asarray(image))
    if image.has_transparency_data:
        return _on_paper(np.asarray(image.convert("RGBA").convert("LA")))
    return np.asarray(image.convert("RGB").convert("L") if image.mode in ("LAB", "HSV") else image.convert("L"))


def _from_deep(levels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Bring 16-bit, 32-bit and float levels to 8 bits; Pillow itself would cut them off at 255."""
    values = np.nan_to_num(levels.astype(np.float64), posinf=SIXTEEN_BIT, neginf=0.0)
    highest = float(values.max())
    white = 1.0 if highest <= 1 else 255.0 if highest <= 255 else max(SIXTEEN_BIT, highest)
    return np.rint(np.clip(values / white, 0, 1) * 255).astype(np.uint8)


def _on_paper(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay `uint8 [height, width, 2]` (grey, alpha) on white paper, or on black where what is opaque is light."""
    grey, alpha = levels[..., 0].astype(np.float64), levels[..., 1] / 255.0
    opaque = float((grey * alpha).sum() / alpha.sum()) if alpha.any() else 0.0
    paper = 255.0 if opaque < 128 else 0.0
    return np.rint(grey * alpha + paper * (1 - alpha)).astype(np.uint8)
