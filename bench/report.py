"""What was measured, for machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgedigits.bench import environment
from edgedigits.bench.accuracy import evaluate_all
from edgedigits.bench.budget import Advice, Budget, advise
from edgedigits.bench.end_to_end import ENCODINGS, end_to_end
from edgedigits.bench.front import Entry, front, told_apart
from edgedigits.bench.lives import cast_of, live
from edgedigits.bench.measure import Timing, ratio
from edgedigits.bench.runtimes import Candidate
from edgedigits.bench.scenarios import Effort, Measured, offline, settings, single_stream
from edgedigits.training.digits import Digits

__all__ = ["Report", "run_bench", "steps"]


@dataclass(frozen=True)
class Report:
    """`rows` has one row per candidate and setting, those of one digit at a time first; `unavailable` says what was not
    measured, and why. `processes` and `end_to_end` are those of `live` and `end_to_end`; `noise` says how far the
    machine could be trusted, and `advice` what to take.
    """

    environment: dict[str, Any]
    rows: list[dict[str, Any]]
    unavailable: list[dict[str, str]]
    processes: list[dict[str, Any]]
    end_to_end: list[dict[str, Any]]
    noise: dict[str, Any]
    advice: Advice

    @property
    def single(self) -> list[dict[str, Any]]:
        """The rows of one digit at a time, one for each candidate."""
        return [row for row in self.rows if row["batch"] == 1]

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {
            "environment": self.environment,
            "rows": self.rows,
            "unavailable": self.unavailable,
            "processes": self.processes,
            "end_to_end": self.end_to_end,
            "noise": self.noise,
            "recommendation": self.advice.sentence,
        }


def steps(candidates: Sequence[Candidate], effort: Effort) -> int:
    """How often `run_bench` says that it has come further."""
    rounds = effort.rounds + effort.batch_rounds * len(settings(effort)) + effort.batch_rounds * len(ENCODINGS)
    return len(candidates) + rounds + effort.lives * len(cast_of(candidates))


def run_bench(
    candidates: Sequence[Candidate],
    unavailable: list[dict[str, str]],
    digits: Digits,
    effort: Effort,
    *,
    budgets: Sequence[Budget] = (),
    on_step: Callable[[str], None] = lambda _: None,
) -> Report:
    """Measure candidates against the first of them, and their accuracy on `digits`."""
    here = environment.describe()
    evaluations = evaluate_all(candidates, digits, on_step)
    single = single_stream(candidates, digits.frames, effort, lambda: on_step("single-stream"))
    many = list(offline(candidates, digits.frames, effort, lambda: on_step("offline")))
    entries = [Entry(*of_one) for of_one in zip(candidates, single.timings, evaluations, strict=True)]
    rows = [row for measured in (single, *many) for row in _rows(entries, measured)]
    ahead = front(entries)
    for i, row in enumerate(rows[: len(entries)]):
        best = max(rows[i :: len(entries)], key=lambda row: row["images_per_s"])
        row["front"] = ahead[i]
        row["offline"] = {name: best[name] for name in ("batch", "callers", "images_per_s")}
    return Report(
        here,
        rows,
        unavailable,
        processes=live(cast_of(candidates), effort.lives, on_step),
        end_to_end=end_to_end(candidates, effort.batch_rounds, lambda: on_step("end to end")),
        noise=_noise(single, [entry for entry, is_ahead in zip(entries, ahead, strict=True) if is_ahead]),
        advice=advise(entries, rows[: len(entries)], budgets),
    )


def _rows(entries: Sequence[Entry], measured: Measured) -> list[dict[str, Any]]:
    rows = []
    for entry, timing in zip(entries, measured.timings, strict=True):
        candidate = entry.candidate
        times, interval = ratio(timing, measured.timings[0])
        yardsticks, their_interval = ratio(timing, measured.yardstick)
        rows.append(
            {
                "model": candidate.model,
                "runtime": candidate.runtime,
                "precision": candidate.precision,
                "threads": candidate.threads,
                "callers": measured.callers,
                "batch": measured.batch,
                "calls": timing.nanoseconds.size,
                "latency_us": timing.latency_us,
                "ratio": times,
                "ratio_ci95": list(interval),
                "yardsticks": yardsticks,
                "yardsticks_ci95": list(their_interval),
                "images_per_s": timing.images_per_s,
                "bytes": candidate.bytes,
                "accept_threshold": candidate.accept_threshold,
                **entry.evaluation.accuracy.to_dict(),
            }
        )
    return rows


def _noise(single: Measured, ahead: Sequence[Entry]) -> dict[str, Any]:
    """`loop_us` is what the measuring loop costs in each call; `rounds_spread` by how much the yardstick's median
    differs among rounds, from the 10th percentile to the 90th; `alike` are the pairs on the front whose speed could
    not be told apart.
    """
    medians = np.median(single.yardstick.nanoseconds, axis=1)
    low, high = np.percentile(medians, [10, 90])
    in_order = sorted(ahead, key=lambda entry: _median(entry.timing))
    return {
        "loop_us": _median(single.nothing),
        "yardstick_us": _median(single.yardstick),
        "rounds": len(medians),
        "rounds_spread": float(high / low - 1),
        "alike": [
            [one.candidate.name, other.candidate.name]
            for i, one in enumerate(in_order)
            for other in in_order[i + 1 :]
            if not told_apart(one.timing, other.timing)
        ],
    }


def _median(timing: Timing) -> float:
    return timing.latency_us["p50"]
