"""Small valid files of every format that is read, in most of the ways that each has: what hostile ones start from."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

__all__ = ["MOST_BYTES", "seeds"]

MOST_BYTES = 4096
SIDES = (40, 28)
"""Sides, in pixels, of which the first that stays below `MOST_BYTES` is taken."""
ORIENTATION, TURNED = 0x0112, 6
MODES = {
    "PNG": ("L", "RGB", "P", "1", "I;16", "LA", "RGBA"),
    "JPEG": ("L", "RGB", "CMYK"),
    "BMP": ("L", "RGB", "P", "1", "RGBA"),
    "GIF": ("L", "P", "1", "RGBA"),
    "PPM": ("L", "RGB", "1", "I;16", "F"),
    "TIFF": ("L", "RGB", "P", "1", "I;16", "LA", "RGBA", "CMYK", "F"),
    "WEBP": ("L", "RGB", "RGBA"),
    "JPEG2000": ("L", "RGB", "I;16", "LA", "RGBA"),
}
"""Of what is opened, what Pillow writes of it."""


def seeds() -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the files; a name begins with the format's."""
    large, small = map(in_every_mode, SIDES)
    for file_format, modes in MODES.items():
        for mode in modes:
            content = encoded(large[mode], file_format)
            yield f"{file_format} {mode}", content if len(content) <= MOST_BYTES else encoded(small[mode], file_format)
    grey, colours, indexed, bilevel = (large[mode] for mode in ("L", "RGB", "P", "1"))
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    for file_format in ("PNG", "JPEG", "TIFF", "WEBP"):
        yield f"{file_format} turned", encoded(grey, file_format, exif=exif)
    for file_format in ("PNG", "GIF", "TIFF", "WEBP"):
        yield f"{file_format} of frames", encoded(grey, file_format, save_all=True, append_images=[grey.rotate(90)])
    yield "PNG with a transparent colour", encoded(indexed, "PNG", transparency=b"\xff\x00\x80")
    yield "GIF with a transparent colour", encoded(indexed, "GIF", transparency=0, comment=b"a comment")
    yield "JPEG in passes", encoded(colours, "JPEG", progressive=True, comment=b"a comment", dpi=(300, 300))
    yield "WEBP without loss", encoded(colours, "WEBP", lossless=True, xmp=b'<x tiff:Orientation="3"/>')
    yield "JPEG2000 without boxes", encoded(colours, "JPEG2000", no_jp2=True)
    for compression in ("packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "raw"):
        yield f"TIFF {compression}", encoded(grey, "TIFF", compression=compression)
    for compression in ("tiff_ccitt", "group3", "group4"):
        yield f"TIFF {compression}", encoded(bilevel, "TIFF", compression=compression)
    yield "TIFF of 64 bits", encoded(grey, "TIFF", big_tiff=True)
    yield "BMP of runs", run_lengths()
    yield from as_text()


def drawn(side: int) -> Image.Image:
    """Something like a 7 and something like a ruled line, dark on light."""
    levels, unit = np.full((side, side), 245, np.uint8), side // 10
    levels[2 * unit : 3 * unit, 3 * unit : 7 * unit] = levels[3 * unit : 8 * unit, 6 * unit : 7 * unit] = 20
    levels[9 * unit] = 120
    return Image.fromarray(levels)


def in_every_mode(side: int) -> dict[str, Image.Image]:
    grey = drawn(side)
    colours = Image.merge("RGB", (grey, grey, Image.new("L", grey.size, 255)))
    clear = Image.merge("LA", (Image.new("L", grey.size, 9), grey.point(lambda level: 255 - level)))
    return {
        "L": grey,
        "RGB": colours,
        "P": colours.quantize(8),
        "1": grey.convert("1"),
        "I;16": Image.fromarray(np.asarray(grey).astype(np.uint16) * 257),
        "LA": clear,
        "RGBA": clear.convert("RGBA"),
        "CMYK": colours.convert("CMYK"),
        "F": grey.convert("F"),
    }


def as_text() -> Iterator[tuple[str, bytes]]:
    """Netpbm's formats of text, and one whose highest level is another than 255: Pillow writes neither."""
    grey = drawn(20)
    levels = np.asarray(grey)
    for magic, samples in (("P1", levels < 128), ("P2\n# a comment", levels // 3), ("P3", levels.repeat(3) // 3)):
        text = " ".join(str(int(sample)) for sample in samples.ravel())
        highest = "" if magic == "P1" else "85\n"
        yield f"PPM {magic[:2]}", f"{magic}\n20 20\n{highest}{text}\n".encode()
    yield "PPM of 86 levels", b"P5 20 20 85\n" + (levels // 3).tobytes()


def run_lengths() -> bytes:
    """A bitmap of runs, with its escapes for a line's end, for pixels as they are, for a leap and for the end."""
    rows = [bytes([3, 0, 7, 255, 0, 4, 9, 9, 9, 9, 6, 200, 0, 0])] * 18
    pixels = b"".join(rows) + bytes([0, 2, 5, 1, 15, 9, 0, 1])
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    start = 14 + 40 + len(palette)
    head = struct.pack("<IiiHHIIiiII", 40, 20, 20, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + palette + pixels


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()
