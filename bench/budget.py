"""What is asked of a candidate, as in `p99<200us`, and which to take."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from edgedigits.bench.front import Entry, front, more_accurate, told_apart
from edgedigits.errors import InputError, UnknownNameError

__all__ = ["Advice", "Budget", "advise"]

METRICS: Mapping[str, Callable[[Mapping[str, Any]], float]] = MappingProxyType(
    {
        "p50": lambda row: row["latency_us"]["p50"],
        "p90": lambda row: row["latency_us"]["p90"],
        "p99": lambda row: row["latency_us"]["p99"],
        "p999": lambda row: row["latency_us"]["p999"],
        "images": lambda row: row["offline"]["images_per_s"],
        "bytes": lambda row: row["bytes"],
        "accuracy": lambda row: row["accuracy"],
        "accepted": lambda row: row["coverage"],
        "wrong": lambda row: row["accepted_errors"] / max(1, row["coverage"] * row["n"]),
    }
)
"""Of a row at batch 1: latencies in microseconds, digits a second, the file's bytes, the share of digits read right,
that of digits accepted, and that of wrong ones among those."""
UNITS = MappingProxyType(
    {"": 1.0, "us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6, "k": 1e3, "kB": 1e3, "M": 1e6, "MB": 1e6, "%": 0.01}
)
SPELLED = re.compile(r"\s*([\w.]+)\s*([<>])\s*([0-9.]+)\s*([^\s\d]*)\s*")


@dataclass(frozen=True)
class Budget:
    """A limit of one metric: `text` as it was given, `most` whether it is the most that is allowed, or the least."""

    text: str
    metric: str
    most: bool
    limit: float

    @classmethod
    def parse(cls, text: str) -> Budget:
        """`p99<200us`, `bytes<50k`, `accuracy>99.3%`. Raises `InputError`, `UnknownNameError`."""
        match = SPELLED.fullmatch(text)
        if not match:
            raise InputError(f"a budget is written as p99<200us or accuracy>99%, not {text!r}")
        name, sign, number, unit = match.groups()
        metric = name.replace("p99.9", "p999")
        if metric not in METRICS:
            raise UnknownNameError("metric", name, METRICS)
        if unit not in UNITS:
            raise UnknownNameError("unit", unit, [known for known in UNITS if known])
        try:
            return cls(text.strip(), metric, sign == "<", float(number) * UNITS[unit])
        except ValueError as error:
            raise InputError(f"{number} in the budget {text!r} is no number") from error

    def is_met(self, row: Mapping[str, Any]) -> bool:
        """Whether the candidate of this row keeps to it."""
        value = METRICS[self.metric](row)
        return value < self.limit if self.most else value > self.limit


@dataclass(frozen=True)
class Advice:
    """One sentence, and the place of the candidate that it names; None where none keeps to the budgets."""

    sentence: str
    place: int | None


def advise(entries: Sequence[Entry], rows: Sequence[Mapping[str, Any]], budgets: Sequence[Budget]) -> Advice:
    """Of what keeps to all budgets and none other of that beats, the most accurate; among those as accurate, as far as
    can be told, the fastest.
    """
    limits = " and ".join(budget.text for budget in budgets)
    able = [i for i, row in enumerate(rows) if all(budget.is_met(row) for budget in budgets)]
    if not able:
        return Advice(f"Nothing here keeps to {limits}: {_hindrance(rows, budgets)}.", None)
    ahead = [i for i, is_ahead in zip(able, front([entries[i] for i in able]), strict=True) if is_ahead]
    best = max(ahead, key=lambda i: rows[i]["accuracy"])
    as_good = [i for i in ahead if more_accurate(entries[best], entries[i]) <= 0]
    place = min(as_good, key=lambda i: rows[i]["latency_us"]["p50"])
    row, candidate = rows[place], entries[place].candidate
    low, high = row["accuracy_ci95"]
    sentence = (
        f"{f'Within {limits}' if budgets else 'For accuracy first'}, take {candidate.name}: "
        f"{row['latency_us']['p50']:.1f} µs a digit (p99 {row['latency_us']['p99']:.1f}), {row['bytes']:,} bytes, "
        f"{100 * row['accuracy']:.2f}% right ({100 * low:.2f} to {100 * high:.2f}), "
        f"{100 * row['coverage']:.1f}% accepted, {row['accepted_errors']} of them wrong"
    )
    rivals = [
        entries[i].candidate.name
        for i in as_good
        if i != place and not told_apart(entries[i].timing, entries[place].timing)
    ]
    rivalry = f"; as fast, as far as can be told: {', '.join(rivals)}" if rivals else ""
    return Advice(f"{sentence}{rivalry}.", place)


def _hindrance(rows: Sequence[Mapping[str, Any]], budgets: Sequence[Budget]) -> str:
    """How many candidates keep to each."""
    counts = (sum(budget.is_met(row) for row in rows) for budget in budgets)
    return ", ".join(f"{count} of {len(rows)} to {budget.text}" for count, budget in zip(counts, budgets, strict=True))
