"""The measuring loop: all candidates take turns, so that a noisy machine hits them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PERCENTILES", "Timing", "interleave", "ratio"]

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9}
WARM_UP_CALLS = 5
BOOTSTRAPS = 2000


@dataclass(frozen=True, eq=False)
class Timing:
    """Durations of single calls in nanoseconds, int64 `[rounds, calls]`, and how many frames a call was given."""

    nanoseconds: NDArray[np.int64]
    batch: int

    @property
    def latency_us(self) -> dict[str, float]:
        """Percentiles of one call, in microseconds."""
        values = np.percentile(self.nanoseconds, list(PERCENTILES.values())) / 1e3
        return dict(zip(PERCENTILES, values.tolist(), strict=True))

    @property
    def images_per_s(self) -> float:
        """Frames answered per second of calling."""
        return float(self.batch * self.nanoseconds.size / self.nanoseconds.sum() * 1e9)


def interleave(
    runs: Sequence[Callable[[NDArray[np.uint8]], Any]],
    frames: NDArray[np.uint8],
    batch: int,
    *,
    rounds: int,
    turn_s: float,
    on_round: Callable[[], None],
    least_calls: int = 3,
    warm_up: int = WARM_UP_CALLS,
) -> list[Timing]:
    """Time each of `runs` on batches of `frames`, `uint8 [n, 28, 28]`, one call at a time.

    In every round each candidate has one turn of about `turn_s` seconds, and of at least `least_calls`, in a random
    order; the first `warm_up` calls of a turn, which find the caches as another candidate left them, are not counted.
    The garbage collector waits.
    """
    starts = range(0, len(frames) - batch + 1, batch)
    batches = [np.ascontiguousarray(frames[start : start + batch]) for start in starts]
    calls = [max(least_calls, _calls_within(turn_s, run, batches[0], warm_up)) for run in runs]
    durations = [np.empty((rounds, count), np.int64) for count in calls]
    order = np.random.default_rng(0)
    collecting = gc.isenabled()
    gc.disable()
    try:
        for i in range(rounds):
            for j in order.permutation(len(runs)):
                _turn(runs[j], batches, durations[j][i], first=i * calls[j], warm_up=warm_up)
            on_round()
    finally:
        if collecting:
            gc.enable()
    return [Timing(duration, batch) for duration in durations]


def ratio(timing: Timing, baseline: Timing) -> tuple[float, tuple[float, float]]:
    """How many times the baseline's median latency, round by round: the median over the rounds and its 95% interval.

    The interval is the percentile bootstrap's (B. Efron, Ann. Stat. 7(1), 1979) over rounds. Above 1 is slower.
    """
    per_round = np.median(timing.nanoseconds, axis=1) / np.median(baseline.nanoseconds, axis=1)
    draws = np.random.default_rng(0).choice(per_round, (BOOTSTRAPS, len(per_round)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return float(np.median(per_round)), (float(low), float(high))


def _turn(
    run: Callable[[NDArray[np.uint8]], Any],
    batches: Sequence[NDArray[np.uint8]],
    durations: NDArray[np.int64],
    *,
    first: int,
    warm_up: int,
) -> None:
    clock = time.perf_counter_ns
    for i in range(warm_up):
        run(batches[i % len(batches)])
    for i in range(len(durations)):
        given = batches[(first + i) % len(batches)]
        started = clock()
        run(given)
        durations[i] = clock() - started


def _calls_within(
    seconds: float, run: Callable[[NDArray[np.uint8]], Any], frames: NDArray[np.uint8], warm_up: int
) -> int:
    for _ in range(warm_up):
        run(frames)
    started = time.perf_counter()
    for _ in range(warm_up):
        run(frames)
    return int(seconds * warm_up / (time.perf_counter() - started))
