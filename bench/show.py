"""What was measured, for people: tables, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgedigits.bench.compare import Change
from edgedigits.bench.report import Report

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["compared", "notes", "tables"]

AHEAD = "◆"
NOISY = 0.25
"""Spread of the yardstick among rounds from which a machine is called noisy."""


def tables(report: Report) -> Iterator[Table]:
    """All candidates, fastest first; the lives of processes; and the shares of an encoded picture."""
    yield _candidates(report)
    if report.processes:
        yield _processes(report.processes)
    if report.end_to_end:
        yield _end_to_end(report.end_to_end)


def notes(report: Report) -> Iterator[str]:
    """A line for each: what the loop costs, what could not be told, what to take."""
    noise = report.noise
    yield (
        f"{AHEAD} on the front: nothing else is better in speed, accuracy or acceptance, and worse in none of them. "
        f"The measuring loop itself takes {1000 * noise['loop_us']:.0f} ns of each call."
    )
    if noise["rounds_spread"] > NOISY:
        yield (
            f"The machine was noisy: the same work took up to {100 * noise['rounds_spread']:.0f}% longer from round to "
            "round. Ratios stand, for all took turns; absolute figures may not."
        )
    if noise["alike"]:
        pairs = "; ".join(" and ".join(pair) for pair in noise["alike"])
        yield f"Not told apart in speed: {pairs}."
    yield report.advice.sentence


def compared(found: list[Change]) -> Table:
    """Changes since another run, those beyond noise."""
    table = _table("what changed beyond noise, in units of the yardstick", "candidate", "times as long, 95%", "")
    for change in found:
        if change.verdict != "alike":
            low, high = change.interval
            table.add_row(change.what, f"{change.times:.2f} ({low:.2f} to {high:.2f})", change.verdict)
    return table


def _candidates(report: Report) -> Table:
    from rich.markup import escape

    first = report.single[0]
    table = _table(
        f"microseconds for one digit, their ratio to {first['model']} in {first['runtime']} {first['precision']}; best "
        f"throughput, and at which batch × callers; accuracy on {first['dataset']}, {first['n']:,} digits",
        *("", "model", "runtime", "bits", "p50", "p90", "p99", "p99.9", "ratio, 95%", "images/s", "at", "bytes"),
        *("accuracy, 95%", "accepted", "wrong"),
        right=range(4, 15),
    )
    for row in sorted(report.single, key=lambda row: row["latency_us"]["p50"]):
        latency, best = row["latency_us"], row["offline"]
        low, high = row["ratio_ci95"]
        least, most = row["accuracy_ci95"]
        table.add_row(
            AHEAD if row["front"] else "",
            escape(row["model"]),
            row["runtime"],
            row["precision"],
            *(f"{latency[name]:.1f}" for name in ("p50", "p90", "p99", "p999")),
            f"{row['ratio']:.2f} ±{max(high - row['ratio'], row['ratio'] - low):.2f}",
            f"{best['images_per_s']:,.0f}",
            f"{best['batch']}×{best['callers']}",
            f"{row['bytes']:,}",
            f"{100 * row['accuracy']:.2f} ({100 * least:.2f}–{100 * most:.2f})",
            f"{100 * row['coverage']:.1f}%",
            f"{row['accepted_errors']}",
            style="bold" if row["front"] else None,
        )
    for missing in report.unavailable:
        table.add_row(
            "", escape(missing["model"]), missing["runtime"], missing["precision"], "–", *["–"] * 9, "not measured"
        )
    return table


def _processes(rows: list[dict[str, Any]]) -> Table:
    table = _table(
        "a process of its own: milliseconds to its first answer, at ten readings a second, and memory",
        *("model", "runtime", "first answer", "python", "import", "load", "call", "CPU", "paced p50", "peak", "growth"),
        right=range(2, 11),
    )
    for row in sorted(rows, key=lambda row: row["start_ms"]["total"]):
        start, pace, memory = row["start_ms"], row["pace"], row["memory"]
        table.add_row(
            row["model"],
            row["runtime"],
            *(f"{start[part]:.0f}" for part in ("total", "python", "import", "load", "first")),
            f"{100 * pace['cpu_share']:.1f}%",
            f"{pace['latency_us']['p50']:.0f} µs",
            f"{memory['peak_bytes'] / 1e6:.0f} MB",
            f"{memory['grown_bytes'] / 1e6:.2f} MB",
        )
    return table


def _end_to_end(rows: list[dict[str, Any]]) -> Table:
    height, width = rows[0]["pixels"]
    table = _table(
        f"from an encoded picture of {width}×{height} pixels to its reading, and the shares of it",
        *("model", "picture", "p50", "p99", "decoding", "framing", "network", "other"),
        right=range(2, 8),
    )
    for row in rows:
        table.add_row(
            row["model"],
            row["encoding"],
            *(f"{row['latency_us'][name]:.0f} µs" for name in ("p50", "p99")),
            *(f"{100 * row['shares'][name]:.0f}%" for name in ("decoding", "framing", "network", "other")),
        )
    return table


def _table(title: str, *columns: str, right: range = range(1, 2)) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(*columns, title=title, box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for i in right:
        table.columns[i].justify = "right"
    return table
