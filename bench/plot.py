"""The benchmark as a picture: for each runtime the span of its latency, with what a person compares written beside."""

from __future__ import annotations

import io

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from edgedigits.bench.report import Report

__all__ = ["draw"]

INK, ACCENT = "#1f2937", "#2563eb"


def draw(report: Report, suffix: str) -> bytes:
    """A picture in the format that `suffix` names, `.png` or `.svg`: median to 99th percentile at batch 1."""
    rows = [row for row in report.rows if row["batch"] == 1][::-1]
    figure = Figure(figsize=(8, 1.2 + 0.6 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(rows):
        latency = row["latency_us"]
        axes.plot([latency["p50"], latency["p99"]], [y, y], color=ACCENT, linewidth=3, alpha=0.35)
        axes.plot(latency["p50"], y, "o", color=ACCENT, markersize=9)
        axes.annotate(
            f"{latency['p50']:.0f} µs · {row['ratio']:.2f}×",
            (latency["p50"], y),
            textcoords="offset points",
            xytext=(0, 9),
            fontsize=9,
            color=INK,
        )
    axes.set_yticks(range(len(rows)), [f"{row['model']}\n{row['runtime']}" for row in rows])
    axes.set_ylim(-0.5, len(rows) - 0.3)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.minorticks_off()
    axes.set_xlabel(
        "latency of one digit in microseconds on one thread, log scale: median (dot) to 99th percentile (bar)"
    )
    accuracy = ", ".join(sorted({f"{row['model']} {100 * row['accuracy']:.2f}%" for row in rows}))
    axes.set_title(f"accuracy on {rows[0]['dataset']}: {accuracy}", fontsize=10, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix.lstrip("."), dpi=130)
    return buffer.getvalue()
