"""What a process of its own shows of a runtime, from its start: how soon it answers, what it takes when it is asked ten
times a second, as a kiosk asks, and the memory that it comes to hold.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from edgedigits.bench.processes import PER_SECOND
from edgedigits.bench.runtimes import RUNTIMES, Candidate
from edgedigits.errors import InputError

__all__ = ["READINGS", "cast_of", "live"]

READINGS = 5000
"""Over which memory is watched, after some two thousand to warm up."""
SECONDS = 1
LIFE = """
import sys, time
began = time.perf_counter_ns()
library, client, path, spawned, seconds, readings = sys.argv[1:]
__import__(library)
from pathlib import Path
import numpy as np
from edgedigits.bench import clients
imported = time.perf_counter_ns()
run = getattr(clients, client)(Path(path))
loaded = time.perf_counter_ns()
frame = np.tile(np.arange(28, dtype=np.uint8) * 9, (1, 28, 1))
run(frame)
answered = time.perf_counter_ns()

import json
from edgedigits.bench.processes import grown, paced, peak_bytes
took = []
def timed(_):
    started = time.perf_counter_ns()
    run(frame)
    took.append(time.perf_counter_ns() - started)
cpu = paced(timed, int(seconds), warm_up_s=0)
growth = grown(lambda _: run(frame), int(readings))
marks = [int(spawned), began, imported, loaded, answered]
print(json.dumps({
    "start_ms": {
        name: (after - before) / 1e6
        for name, before, after in zip(("python", "import", "load", "first"), marks, marks[1:])
    },
    "cpu_share": float(cpu.nanoseconds.sum()) / (int(seconds) * 1e9),
    "paced_us": [value / 1e3 for value in took],
    "peak_bytes": peak_bytes(),
    "grown_bytes": growth,
}))
"""
"""Python's own start is counted from the moment at which its parent starts it: their clocks are one."""


def cast_of(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Whose lives are measured: of the first model, the first candidate in each library, and each number of threads."""
    chosen: dict[tuple[str, int], Candidate] = {}
    for candidate in candidates:
        runtime = RUNTIMES[candidate.runtime]
        if candidate.model == candidates[0].model:
            chosen.setdefault((runtime.library, candidate.threads), candidate)
    return list(chosen.values())


def live(candidates: Sequence[Candidate], lives: int, on_life: Callable[[str], None]) -> list[dict[str, Any]]:
    """For each candidate, medians over so many processes, which take turns in random order.

    `start_ms` holds what Python takes to start, importing, loading and the first answer, `pace` the share of a core and
    the latencies in microseconds at ten readings a second, `memory` its peak and its growth over `readings`.
    """
    told: list[list[dict[str, Any]]] = [[] for _ in candidates]
    order = np.random.default_rng(0)
    for _ in range(lives):
        for i in order.permutation(len(candidates)):
            on_life(f"a process of {candidates[i].runtime}")
            told[i].append(_life(candidates[i]))
    return [_summary(candidate, of_it) for candidate, of_it in zip(candidates, told, strict=True) if of_it]


def _life(candidate: Candidate) -> dict[str, Any]:
    about = [RUNTIMES[candidate.runtime].library, candidate.client.__name__, os.fspath(candidate.path)]
    limits = [str(SECONDS), str(READINGS)]
    command = [sys.executable, "-c", LIFE, *about, str(time.perf_counter_ns()), *limits]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, check=False, encoding="utf-8")  # noqa: S603  this Python, a program of our own
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it does not say why"]
        raise InputError(f"a process that runs {candidate.name} failed: {said[-1]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _summary(candidate: Candidate, lives: list[dict[str, Any]]) -> dict[str, Any]:
    def median(values: Iterable[float]) -> float:
        return float(np.median(list(values)))

    latencies = np.concatenate([life["paced_us"] for life in lives])
    start = {part: median(life["start_ms"][part] for life in lives) for part in lives[0]["start_ms"]}
    return {
        "model": candidate.model,
        "runtime": candidate.runtime,
        "precision": candidate.precision,
        "threads": candidate.threads,
        "processes": len(lives),
        "start_ms": {**start, "total": median(sum(life["start_ms"].values()) for life in lives)},
        "pace": {
            "per_second": PER_SECOND,
            "calls": len(latencies),
            "cpu_share": median(life["cpu_share"] for life in lives),
            "latency_us": {"p50": float(np.median(latencies)), "max": float(latencies.max())},
        },
        "memory": {
            "peak_bytes": int(median(life["peak_bytes"] for life in lives)),
            "grown_bytes": int(median(life["grown_bytes"] for life in lives)),
            "readings": READINGS,
        },
    }
