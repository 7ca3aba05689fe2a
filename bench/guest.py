"""How good a guest the runner is in somebody's program: `python -m edgedigits.bench.guest [--only start]`.

The small model's runner beside what its host would have without it: onnxruntime's bare session, Pillow's bare decoding,
`import onnxruntime`, a session of default options, an install of onnxruntime. What is timed takes turns within one run;
`ratio` is to that neighbour, with its 95% interval, and `us` is a median in microseconds.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from edgedigits.artifact import open_session
from edgedigits.bench.install import build_wheel, install, installed_bytes
from edgedigits.bench.measure import Timing, interleave, ratio
from edgedigits.bench.processes import PER_SECOND, grown, in_fresh_process, paced, starts
from edgedigits.cli import run
from edgedigits.cli.options import echo_json, note
from edgedigits.errors import InputError
from edgedigits.framing import FRAME_SIZE
from edgedigits.models import shipped_file
from edgedigits.recognizer import Recognizer
from edgedigits.training.synthetic import draw_digit, synthetic_digits

__all__ = ["calls", "command", "cpu", "memory", "pictures", "size", "start"]

MODEL = "small"
DIGITS = 60
TURN_S = 0.05
FRAMES_PER_PICTURE = 20
"""Memory is watched over so many times more readings of frames than of pictures."""


@click.command()
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["calls", "start", "cpu", "memory", "size"]),
    help="Measure this; may be given several times.  [default: all]",
)
@click.option(
    "--readings",
    default=1_000_000,
    show_default=True,
    type=click.IntRange(min=FRAMES_PER_PICTURE),
    help="Of frames, over which memory is watched.",
)
def command(*, only: tuple[str, ...], readings: int) -> None:
    """Print one JSON object per figure. The size needs a package index: where pip reaches none, one line says so."""
    figures: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "calls": calls,
        "start": start,
        "cpu": cpu,
        "memory": lambda: memory(readings),
        "size": size,
    }
    for name in only or figures:
        try:
            for told in figures[name]():
                echo_json(told)
        except InputError as error:
            note(f"not measured: {name}: {error}")


def calls(rounds: int = 60) -> Iterator[dict[str, Any]]:
    """Classifying a frame, beside the bare session; reading a PNG's bytes, beside decoding them."""
    from PIL import Image

    recognizer, files = Recognizer(MODEL), pictures()
    _, session = open_session(shipped_file(MODEL).read_bytes(), MODEL)
    frames, _ = synthetic_digits(DIGITS, seed=0)
    # The loop hands over arrays: of the files, their numbers.
    numbers = np.arange(DIGITS, dtype=np.uint8)

    def in_turns(figure: str, ours: Any, theirs: Any, given: NDArray[np.uint8]) -> dict[str, Any]:
        timings = interleave([ours, theirs], given, 1, rounds=rounds, turn_s=TURN_S, on_round=lambda: None)
        return _beside(figure, *timings)

    yield in_turns("classify", recognizer.classify, lambda frame: session.run(None, {"frames": frame}), frames)
    yield in_turns(
        "read a PNG",
        lambda number: recognizer.read(files[number[0]]),
        lambda number: np.asarray(Image.open(io.BytesIO(files[number[0]]))),
        numbers,
    )


def start(processes: int = 20) -> Iterator[dict[str, Any]]:
    """From a process's start to its end, its first answer given, beside one that imports onnxruntime."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "digit.png"
        path.write_bytes(pictures()[0])
        recognizer = f"from edgedigits import Recognizer; recognizer = Recognizer({MODEL!r}); recognizer"
        shape = (1, FRAME_SIZE, FRAME_SIZE)
        baseline, *others = starts(
            [
                "import onnxruntime",
                f"import numpy as np; {recognizer}.classify(np.zeros({shape}, np.uint8))",
                f"{recognizer}.read({str(path)!r})",
            ],
            processes,
        )
    for figure, timing in zip(("start and classify", "start and read a PNG"), others, strict=True):
        yield _beside(figure, timing, baseline)


def cpu(seconds: int = 10) -> Iterator[dict[str, Any]]:
    """Share of a core that ten readings of PNGs a second take, beside ten runs of a session of default options."""
    ours, theirs = (in_fresh_process(program, seconds) for program in (_paced_reader, _paced_default_session))
    core = Timing(np.full((seconds, 1), 10**9), PER_SECOND)
    (share, share_ci95), (times, ci95) = ratio(ours, core), ratio(ours, theirs)
    yield {
        "figure": "CPU at ten readings a second",
        "n": PER_SECOND * seconds,
        "share_of_a_core": share,
        "share_ci95": share_ci95,
        "baseline_share": ratio(theirs, core)[0],
        "ratio": times,
        "ratio_ci95": ci95,
    }


def memory(readings: int) -> Iterator[dict[str, Any]]:
    """Growth of a fresh process's memory in RAM over readings of frames, and of another's over fewer of PNGs."""
    yield {"figure": "memory, frames", "n": readings, "grown_bytes": in_fresh_process(_grown_over_frames, readings)}
    fewer = readings // FRAMES_PER_PICTURE
    yield {"figure": "memory, PNGs", "n": fewer, "grown_bytes": in_fresh_process(_grown_over_pictures, fewer)}


def size() -> Iterator[dict[str, Any]]:
    """Bytes on disk of what pip installs for edgedigits, beside what it installs for onnxruntime.

    Raises `InputError` where pip cannot, or where this is no source tree.
    """
    with TemporaryDirectory() as folder:
        bare, whole = Path(folder) / "bare", Path(folder) / "whole"
        install("onnxruntime", bare)
        install(build_wheel(Path(folder)), whole)
        theirs, ours = installed_bytes(bare), installed_bytes(whole)
    beyond = {name: count for name, count in ours.items() if name not in theirs}
    yield {
        "figure": "installed bytes",
        "n": len(ours),
        "beyond_bytes": sum(beyond.values()),
        "beyond": beyond,
        "baseline_bytes": sum(theirs.values()),
        "ratio": sum(ours.values()) / sum(theirs.values()),
    }


def pictures() -> list[bytes]:
    """Drawn digits, encoded as PNGs of 28×28 pixels, dark on light."""
    from PIL import Image

    files = [io.BytesIO() for _ in range(DIGITS)]
    for i, file in enumerate(files):
        Image.fromarray(255 - draw_digit(i % 10, np.random.default_rng(i), FRAME_SIZE)).save(file, "PNG")
    return [file.getvalue() for file in files]


def _beside(figure: str, timing: Timing, baseline: Timing) -> dict[str, Any]:
    times, ci95 = ratio(timing, baseline)
    return {
        "figure": figure,
        "n": timing.nanoseconds.size,
        "us": timing.latency_us["p50"],
        "baseline_us": baseline.latency_us["p50"],
        "ratio": times,
        "ratio_ci95": ci95,
    }


def _paced_reader(seconds: int) -> Timing:
    recognizer, files = Recognizer(MODEL), pictures()
    return paced(lambda i: recognizer.read(files[i % DIGITS]), seconds)


def _paced_default_session(seconds: int) -> Timing:
    import onnxruntime

    session = onnxruntime.InferenceSession(shipped_file(MODEL).read_bytes())
    frames = _single_frames()
    return paced(lambda i: session.run(None, {"frames": frames[i % DIGITS]}), seconds)


def _grown_over_frames(n: int) -> int:
    recognizer, frames = Recognizer(MODEL), _single_frames()
    return grown(lambda i: recognizer.classify(frames[i % DIGITS]), n)


def _grown_over_pictures(n: int) -> int:
    recognizer, files = Recognizer(MODEL), pictures()
    return grown(lambda i: recognizer.read(files[i % DIGITS]), n)


def _single_frames() -> NDArray[np.uint8]:
    """Batches of one frame each, `uint8 [n, 1, 28, 28]`."""
    return synthetic_digits(DIGITS, seed=0)[0][:, np.newaxis]


if __name__ == "__main__":
    run(command)
