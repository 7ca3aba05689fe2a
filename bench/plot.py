"""The benchmark as a picture: of several models the front, of one the latency in each runtime."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from edgedigits.bench.report import Report

__all__ = ["draw"]

INK, ACCENT, FAINT = "#1f2937", "#2563eb", "#9ca3af"
MARKERS = "osD^vP*Xh<>"


def draw(report: Report, suffix: str) -> bytes:
    """A picture in the format that `suffix` names, `.png` or `.svg`."""
    rows = report.single
    several = len({row["model"] for row in rows}) > 1
    figure = Figure(figsize=(9, 5.5 if several else 1.2 + 0.6 * len(rows)), layout="constrained")
    axes = figure.subplots()
    (_front if several else _spans)(axes, rows)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3, axis="both" if several else "x")
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix.lstrip("."), dpi=130)
    return buffer.getvalue()


def _front(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Share of digits read wrong over the median latency; what is on the front is filled, joined and named."""
    runtimes = list(dict.fromkeys(row["runtime"] for row in rows))
    for i, runtime in enumerate(runtimes):
        of_it = [row for row in rows if row["runtime"] == runtime]
        axes.scatter(
            [row["latency_us"]["p50"] for row in of_it],
            [_wrong(row) for row in of_it],
            marker=MARKERS[i % len(MARKERS)],
            s=46,
            facecolors=[ACCENT if row["front"] else "none" for row in of_it],
            edgecolors=[ACCENT if row["front"] else FAINT for row in of_it],
            label=runtime,
            zorder=3,
        )
    ahead = sorted((row for row in rows if row["front"]), key=lambda row: row["latency_us"]["p50"])
    axes.errorbar(
        [row["latency_us"]["p50"] for row in ahead],
        [_wrong(row) for row in ahead],
        yerr=[
            [_wrong(row) - 100 * (1 - row["accuracy_ci95"][1]) for row in ahead],
            [100 * (1 - row["accuracy_ci95"][0]) - _wrong(row) for row in ahead],
        ],
        color=ACCENT,
        alpha=0.35,
        drawstyle="steps-post",
    )
    for model in dict.fromkeys(row["model"] for row in ahead):
        of_it = [row for row in ahead if row["model"] == model]
        fastest = of_it[0]
        # Below what is on the front there is nothing, and so there is room.
        axes.annotate(
            f"{model} {fastest['precision']}, {fastest['runtime']}\n"
            f"{fastest['latency_us']['p50']:.0f} µs, {100 * fastest['accuracy']:.2f}% right\n"
            f"{100 * fastest['coverage']:.1f}% accepted, {fastest['accepted_errors']} wrong",
            (fastest["latency_us"]["p50"], 100 * (1 - fastest["accuracy_ci95"][1])),
            textcoords="offset points",
            xytext=(0, -6),
            va="top",
            ha="center",
            fontsize=8,
            color=INK,
        )
    axes.set_xlim(left=0.55 * ahead[0]["latency_us"]["p50"])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("latency of one digit in microseconds, median, log scale")
    axes.set_ylabel(f"digits of {rows[0]['dataset']} read wrong, in percent, with 95% interval")
    axes.set_title("filled: the front, which nothing beats in one way without being worse in another", fontsize=10)
    axes.legend(loc="upper right", fontsize=8, frameon=False)


def _spans(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """For each candidate the span from its median to its 99th percentile."""
    upwards = rows[::-1]
    for y, row in enumerate(upwards):
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
    axes.set_yticks(range(len(rows)), [f"{row['model']} {row['precision']}\n{row['runtime']}" for row in upwards])
    axes.set_ylim(-0.5, len(rows) - 0.3)
    axes.set_xlabel("latency of one digit in microseconds, log scale: median (dot) to 99th percentile (bar)")
    accuracy = ", ".join(sorted({f"{row['model']} {100 * row['accuracy']:.2f}%" for row in rows}))
    axes.set_title(f"accuracy on {rows[0]['dataset']}: {accuracy}", fontsize=10, color=INK)


def _wrong(row: dict[str, Any]) -> float:
    """In percent."""
    return 100 * (1 - float(row["accuracy"]))
