"""How a model is asked, as MLPerf names it (Reddi et al., arXiv 1911.02549): single-stream and offline.

All candidates take turns, and with them two that answer nothing: a yardstick, the same work in every run of the
benchmark, by which two runs are compared; and nothing at all, which is what the measuring loop itself costs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedigits.bench.clients import Run
from edgedigits.bench.measure import Timing, interleave
from edgedigits.bench.runtimes import Candidate

__all__ = ["QUICK", "USUAL", "Effort", "Measured", "offline", "settings", "single_stream", "yardstick"]

Call = Callable[[NDArray[np.uint8]], Any]
FRAMES = 1024
"""Digits that the candidates are asked, over and over."""


@dataclass(frozen=True)
class Effort:
    """How much is measured: of each candidate, `rounds` turns of at least `turn_s` seconds and at least `least_calls`
    in all, one digit at a time; then fewer rounds for each of the `batches`; and `lives` of processes.
    """

    rounds: int
    turn_s: float
    least_calls: int
    batches: tuple[int, ...]
    batch_rounds: int
    lives: int


USUAL = Effort(rounds=20, turn_s=0.006, least_calls=500, batches=(16, 64), batch_rounds=3, lives=1)
QUICK = Effort(rounds=16, turn_s=0.003, least_calls=256, batches=(64,), batch_rounds=3, lives=1)


@dataclass(frozen=True, eq=False)
class Measured:
    """Timings of all candidates, in their order, with `batch` frames in each of so many calls at a time."""

    batch: int
    callers: int
    timings: list[Timing]
    yardstick: Timing
    nothing: Timing


def single_stream(
    candidates: Sequence[Candidate], frames: NDArray[np.uint8], effort: Effort, on_round: Callable[[], None]
) -> Measured:
    """One digit after the other, `frames` being `uint8 [n, 28, 28]`."""
    runs = [candidate.run for candidate in candidates]
    *timings, work, nothing = interleave(
        [*runs, yardstick(), _nothing],
        frames[:FRAMES],
        1,
        rounds=effort.rounds,
        turn_s=effort.turn_s,
        least_calls=-(-effort.least_calls // effort.rounds),
        on_round=on_round,
    )
    return Measured(1, 1, timings, work, nothing)


def settings(effort: Effort) -> list[tuple[int, int]]:
    """What is tried offline: digits in a batch, and how many such batches are answered at once, each on a core."""
    cores = os.cpu_count() or 1
    return [*((batch, 1) for batch in effort.batches), *([(64, cores)] if cores > 1 else [])]


def offline(
    candidates: Sequence[Candidate], frames: NDArray[np.uint8], effort: Effort, on_round: Callable[[], None]
) -> Iterator[Measured]:
    """As many digits as can be, in each of the settings."""
    for batch, callers in settings(effort):
        with ExitStack() as stack:
            runs = [stack.enter_context(_crew(candidate, callers)) for candidate in candidates]
            *timings, work, nothing = interleave(
                [*runs, yardstick(), _nothing],
                np.resize(frames, (max(FRAMES, batch * callers), *frames.shape[1:])),
                batch * callers,
                rounds=effort.batch_rounds,
                turn_s=effort.turn_s,
                least_calls=1,
                warm_up=1,
                on_round=on_round,
            )
            yield Measured(batch, callers, timings, work, nothing)


def yardstick() -> Call:
    """Work of some 15 microseconds that has to do with none of what is measured: small products of matrices."""
    left, right = np.random.default_rng(0).random((2, 48, 48), np.float32)

    def work(_frames: NDArray[np.uint8]) -> None:
        for _ in range(4):
            left @ right

    return work


def _nothing(_: NDArray[np.uint8]) -> None:
    pass


@contextmanager
def _crew(candidate: Candidate, callers: int) -> Iterator[Call]:
    """A thread for each of so many callers, each with a session of its own, which share the frames of a call."""
    if callers == 1:
        yield candidate.run
        return
    runs: list[Run] = [candidate.run, *(candidate.client(candidate.path) for _ in range(callers - 1))]
    with ThreadPoolExecutor(callers) as threads:

        def call(frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            return list(threads.map(lambda run, part: run(part), runs, np.split(frames, callers)))

        yield call
