"""Looks for bytes that the runner neither reads nor refuses, guided by the coverage of its Python code and Pillow's.

    pip install atheris
    python tests/fuzz/fuzz_pictures.py -runs=1000000

Bytes go through `open_picture` and `frame_picture`, of every sixteenth length through `Recognizer.read`. What may come
of them is a framing or a reading that is true to its description, or a `PictureError` of one line, within the seconds
and the memory of `LIMITS`; whatever else is reported by libFuzzer, which all arguments go to and which leaves the input
in the working folder. `Image.MAX_IMAGE_PIXELS`, a host's own setting, keeps pictures small, and so the rate high.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

import atheris

FRAMING = [f"edgedigits.{module}" for module in ("framing", "ink", "marks", "rules", "scene")]
"""Not followed: atheris 3.0 never lets go of what a comparison of arrays gives, kilobytes for each picture."""

with atheris.instrument_imports(include=["PIL", "edgedigits"], exclude=FRAMING):
    import numpy as np
    from PIL import Image
    from seeds import MOST_BYTES, seeds

    from edgedigits import Recognizer
    from edgedigits.errors import PictureError
    from edgedigits.framing import frame_picture
    from edgedigits.pictures import open_picture

    Image.init()
    RECOGNIZER = Recognizer("nano")
    RECOGNIZER.warmup()

LIMITS = (f"-max_len={MOST_BYTES}", "-timeout=60", "-rss_limit_mb=1024")
MOST_PIXELS = 1 << 15
"""Pillow warns of more, which is an error here, and refuses twice as many."""
READ_EVERY = 16
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def try_on(content: bytes) -> None:
    """Raises for what ought not to come of bytes."""
    try:
        grey = open_picture(content)
    except PictureError as error:
        lines = str(error).splitlines()
        if len(lines) != 1:
            raise AssertionError(f"not one line: {lines}") from error
        return
    assert (grey.ndim, grey.dtype) == (2, np.uint8)
    framing = frame_picture(grey)
    if framing.frame is None or framing.box is None:
        assert framing.frame is framing.box
        assert framing.reason in {"blank", "low contrast", "several digits"}
    else:
        x0, y0, x1, y1 = framing.box
        assert 0 <= x0 < x1 <= grey.shape[1]
        assert 0 <= y0 < y1 <= grey.shape[0]
        assert (framing.frame.shape, framing.frame.dtype) == ((28, 28), np.uint8)
    if len(content) % READ_EVERY == 0:
        reading = RECOGNIZER.read(content)
        assert 0 <= reading.confidence <= 1
        assert reading.accepted == (reading.reason is None)
        assert len(reading.text) <= len(reading.digits) <= 1


def mutate(content: bytes, most: int, _: int) -> bytes:
    """What libFuzzer makes of bytes; a PNG's checksums are set right, without which no change would get far."""
    changed = bytearray(atheris.Mutate(content, most))
    at = len(PNG_SIGNATURE)
    while changed.startswith(PNG_SIGNATURE) and at + 12 <= len(changed):
        end = at + 8 + int.from_bytes(changed[at : at + 4], "big")
        if end + 4 > len(changed):
            break
        changed[end : end + 4] = zlib.crc32(changed[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(changed)


def main() -> None:
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with tempfile.TemporaryDirectory() as corpus:
        for number, (_, content) in enumerate(seeds()):
            Path(corpus, str(number)).write_bytes(content)
        # In a process of its own, for libFuzzer ends the one it runs in, and the corpus would stay behind.
        child = os.fork()
        if child == 0:
            atheris.Setup([sys.argv[0], *LIMITS, *sys.argv[1:], corpus], try_on, custom_mutator=mutate)
            atheris.Fuzz()
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status) != 0)


if __name__ == "__main__":
    main()
