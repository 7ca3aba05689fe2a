"""What a process of its own shows: its start, the CPU it takes at leisure, the memory it comes to hold."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np

from edgedigits.bench.measure import Timing

__all__ = ["PER_SECOND", "grown", "in_fresh_process", "paced", "peak_bytes", "starts"]

PER_SECOND = 10
WARM_UP_CALLS = 2000

Result = TypeVar("Result")


def in_fresh_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """What a function of a module's answers in a Python that has done nothing before."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def starts(programs: Sequence[str], processes: int) -> list[Timing]:
    """Time whole processes that run `programs`, `processes` of each, in turns; one more of each, first, to warm up.

    Python's bytecode is at hand, as it is after an install.
    """
    nanoseconds = np.empty((len(programs), processes), np.int64)
    order = np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        for program in programs:
            _run(program, folder)
        for i in range(processes):
            for j in order.permutation(len(programs)):
                started = time.perf_counter_ns()
                _run(programs[j], folder)
                nanoseconds[j, i] = time.perf_counter_ns() - started
    return [Timing(durations[:, np.newaxis], 1) for durations in nanoseconds]


def paced(act: Callable[[int], object], seconds: int, *, warm_up_s: int = 1) -> Timing:
    """CPU time, the user's and the system's of all threads, in each of `seconds` with ten calls, after some more.

    `act` is given the number of the call.
    """
    nanoseconds = np.empty((warm_up_s + seconds, 1), np.int64)
    due = time.perf_counter()
    for second in range(warm_up_s + seconds):
        before = time.process_time_ns()
        for i in range(PER_SECOND):
            act(PER_SECOND * second + i)
            due += 1 / PER_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
        nanoseconds[second] = time.process_time_ns() - before
    return Timing(nanoseconds[warm_up_s:], PER_SECOND)


def grown(act: Callable[[int], object], n: int) -> int:
    """Bytes by which this process's memory in RAM grows over `n` calls of `act`, after some to warm up.

    `act` is given the number of the call.
    """
    for i in range(WARM_UP_CALLS):
        act(i)
    before = _resident_bytes()
    for i in range(n):
        act(i)
    return _resident_bytes() - before


def peak_bytes() -> int:
    """The most memory in RAM that this process ever had."""
    # What the system's call says of a process begins with what its parent had.
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _resident_bytes() -> int:
    """Memory of this process in RAM; where there is no `/proc`, the most that it ever was."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return peak_bytes()
    return pages * os.sysconf("SC_PAGE_SIZE")


def _run(program: str, folder: str) -> None:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", program]
    subprocess.run(command, cwd=folder, env=environment, check=True)  # noqa: S603  this Python, programs of our own
