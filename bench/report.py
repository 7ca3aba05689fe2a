"""What was measured: rows for machines, a table for people."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import edgedigits
from edgedigits.bench.measure import interleave, ratio
from edgedigits.bench.runtimes import Candidate
from edgedigits.training.digits import Digits
from edgedigits.training.evaluation import answer_all, evaluate

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["BATCHES", "ROUNDS", "Report", "run_bench"]

BATCHES = (1, 64)
ROUNDS = 40
TURN_S = 0.02
THREADS = 1
LIBRARIES = ("numpy", "onnxruntime", "torch")


@dataclass(frozen=True)
class Report:
    """`rows` has one row per candidate and batch size; `unavailable` says what was not measured, and why."""

    environment: dict[str, Any]
    rows: list[dict[str, Any]]
    unavailable: list[dict[str, str]]

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {"environment": self.environment, "rows": self.rows, "unavailable": self.unavailable}

    def table(self) -> Table:
        """One line per candidate."""
        from rich import box
        from rich.markup import escape
        from rich.table import Table

        first = self.rows[0]
        table = Table(
            "model",
            "runtime",
            "p50",
            "p90",
            "p99",
            "ratio, 95%",
            "images/s",
            "bytes",
            "accuracy",
            title=(
                f"{THREADS} thread: microseconds for one digit, their ratio to {first['runtime']},\n"
                f"throughput at batch {BATCHES[-1]}, accuracy on {first['dataset']}"
            ),
            box=box.SIMPLE_HEAD,
            collapse_padding=True,
            pad_edge=False,
        )
        for column in table.columns[2:]:
            column.justify = "right"
        for single, many in zip(self._at(BATCHES[0]), self._at(BATCHES[-1]), strict=True):
            latency = single["latency_us"]
            low, high = single["ratio_ci95"]
            table.add_row(
                escape(single["model"]),
                single["runtime"],
                *(f"{latency[name]:.1f}" for name in ("p50", "p90", "p99")),
                f"{single['ratio']:.2f} ±{max(high - single['ratio'], single['ratio'] - low):.2f}",
                f"{many['images_per_s']:,.0f}",
                f"{single['bytes']:,}",
                f"{100 * single['accuracy']:.2f}%",
            )
        for missing in self.unavailable:
            table.add_row(escape(missing["model"]), missing["runtime"], "–", "–", "–", "–", "–", "–", "not measured")
        return table

    def _at(self, batch: int) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["batch"] == batch]


def run_bench(
    candidates: list[Candidate],
    unavailable: list[dict[str, str]],
    digits: Digits,
    *,
    rounds: int = ROUNDS,
    on_round: Callable[[], None] = lambda: None,
) -> Report:
    """Measure candidates against the first of them, and their accuracy on `digits`."""
    answers = [
        evaluate(answer_all(candidate.run, digits.frames), digits, candidate.accept_threshold)
        for candidate in candidates
    ]
    rows = []
    for batch in BATCHES:
        timings = interleave(
            [candidate.run for candidate in candidates],
            digits.frames,
            batch,
            rounds=rounds,
            turn_s=TURN_S,
            on_round=on_round,
        )
        for candidate, timing, answer in zip(candidates, timings, answers, strict=True):
            times, interval = ratio(timing, timings[0])
            rows.append(
                {
                    "model": candidate.model,
                    "runtime": candidate.runtime,
                    "precision": candidate.precision,
                    "threads": THREADS,
                    "batch": batch,
                    "calls": timing.nanoseconds.size,
                    "latency_us": timing.latency_us,
                    "ratio": times,
                    "ratio_ci95": list(interval),
                    "images_per_s": timing.images_per_s,
                    "bytes": candidate.bytes,
                    **answer.accuracy.to_dict(),
                }
            )
    return Report(_environment(), rows, unavailable)


def _environment() -> dict[str, Any]:
    versions = {"edgedigits": edgedigits.__version__, "python": platform.python_version()}
    for library in LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = "not installed"
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "versions": versions,
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
