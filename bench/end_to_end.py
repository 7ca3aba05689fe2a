"""From an encoded picture to its reading, and which share of the time decoding, framing and the network have."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgedigits.bench.measure import Timing, interleave
from edgedigits.bench.runtimes import Candidate
from edgedigits.framing import frame_picture
from edgedigits.pictures import open_picture
from edgedigits.recognizer import Recognizer
from edgedigits.training.synthetic import draw_digit

__all__ = ["ENCODINGS", "end_to_end", "pictures"]

ENCODINGS = ("PNG", "JPEG")
SIZE = 128
"""Height and width of the pictures, in pixels: a digit as it is cut out of a page or of a camera's picture."""
DIGITS = 10
T = TypeVar("T")
TURN_S = 0.01


def pictures(encoding: str) -> list[bytes]:
    """Drawn digits, dark on light, encoded as Pillow does it if not told otherwise."""
    from PIL import Image

    files = [io.BytesIO() for _ in range(DIGITS)]
    for i, file in enumerate(files):
        Image.fromarray(255 - draw_digit(i % 10, np.random.default_rng(i), SIZE)).save(file, encoding)
    return [file.getvalue() for file in files]


def end_to_end(candidates: Sequence[Candidate], rounds: int, on_round: Callable[[], None]) -> list[dict[str, Any]]:
    """Of each model in the runner of edgedigits, in fp32, and each encoding: latency in microseconds, and shares."""
    readers = [c for c in candidates if c.runtime == "onnxruntime" and c.precision == "fp32"]
    recognizers = [Recognizer(candidate.path) for candidate in readers]
    rows = []
    for encoding in ENCODINGS:
        files = pictures(encoding)
        frames = [frame_picture(open_picture(file)).frame for file in files]
        given = np.stack([frame for frame in frames if frame is not None])[:, np.newaxis]
        numbers = np.arange(len(given), dtype=np.uint8)
        decoded, framed, *rest = interleave(
            [
                _given(files, open_picture),
                _given(files, lambda file: frame_picture(open_picture(file))),
                *(_given(files, recognizer.read) for recognizer in recognizers),
                *(_given(list(given), candidate.run) for candidate in readers),
            ],
            numbers,
            1,
            rounds=rounds,
            turn_s=TURN_S,
            on_round=on_round,
        )
        whole, network = rest[: len(readers)], rest[len(readers) :]
        for candidate, read, ran in zip(readers, whole, network, strict=True):
            about = {"model": candidate.model, "encoding": encoding, "pixels": [SIZE, SIZE]}
            rows.append({**about, "latency_us": read.latency_us, "shares": _shares(read, decoded, framed, ran)})
    return rows


def _shares(read: Timing, decoded: Timing, framed: Timing, ran: Timing) -> dict[str, float]:
    """Of medians; `other` is what is left: the answer made of the probabilities, caches gone cold, and noise."""
    whole, decoding, both, network = (timing.latency_us["p50"] for timing in (read, decoded, framed, ran))
    parts = {"decoding": decoding, "framing": both - decoding, "network": network, "other": whole - both - network}
    return {name: part / whole for name, part in parts.items()}


def _given(things: Sequence[T], act: Callable[[T], object]) -> Callable[[NDArray[np.uint8]], object]:
    """The loop hands over arrays: here, of the number of what is to be acted on."""
    return lambda number: act(things[number[0]])
