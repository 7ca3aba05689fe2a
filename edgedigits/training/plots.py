"""The pictures of the paper (digits, sample predictions, mistakes, the test curve, the confusion matrix), and of risk.

Every function returns the bytes of a PNG file. Figures are made without pyplot, which keeps global state.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgedigits.risk import RiskCurve
from edgedigits.training.checkpoint import Epoch
from edgedigits.training.evaluation import Evaluation

__all__ = ["confusion_matrix", "digit_grid", "learning_curve", "mistakes", "risk_coverage", "sample_predictions"]

INK, ACCENT, WRONG = "#1f2937", "#2563eb", "#dc2626"


def digit_grid(
    frames: NDArray[np.uint8], titles: Sequence[str], columns: int = 8, colors: Sequence[str] | None = None
) -> bytes:
    """Frames `uint8 [n, 28, 28]` in a grid, each below its title."""
    rows = -(-len(frames) // columns)
    figure = Figure(figsize=(1.15 * columns, 1.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for i, (axes, frame, title) in enumerate(zip(grid, frames, titles, strict=False)):
        axes.imshow(frame, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(title, fontsize=9, color=colors[i] if colors else INK)
    return _png(figure)


def sample_predictions(evaluation: Evaluation, count: int = 32) -> bytes:
    """The first digits of the data set with what the model says of them, in red where it is wrong."""
    return _answers(evaluation, np.arange(min(count, len(evaluation.digits))))


def mistakes(evaluation: Evaluation, count: int = 32, accepted_from: float = -1) -> bytes | None:
    """The wrong answers the model was surest of, or of those accepted from a threshold; None where there are none."""
    worst = evaluation.worst_mistakes(count, accepted_from)
    return _answers(evaluation, worst) if len(worst) else None


def learning_curve(history: Sequence[Epoch], split: str) -> bytes:
    """Loss and accuracy on `split`, `test` or `validation`, over the epochs, as the paper's Figure 6."""
    epochs = [epoch.epoch for epoch in history]
    marker = "o-" if len(epochs) <= 20 else "-"
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [epoch.train_loss for epoch in history], color=INK, label="training objective")
    left.plot(epochs, [epoch.loss for epoch in history], marker, color=ACCENT, label=split)
    left.set_ylabel("loss")
    left.set_ylim(bottom=0)
    left.legend(frameon=False)
    right.plot(epochs, [100 * epoch.accuracy for epoch in history], marker, color=ACCENT)
    right.set_ylabel(f"{split} accuracy (%)")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    return _png(figure)


def confusion_matrix(evaluation: Evaluation) -> bytes:
    """Counts of each digit read as each other; the right answers are left uncoloured, so that mistakes stand out."""
    confusion = evaluation.confusion
    wrong = confusion * (1 - np.eye(10, dtype=np.int64))
    figure = Figure(figsize=(6, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(wrong, cmap="Reds", vmin=0, vmax=max(1, wrong.max()))
    for i, j in np.ndindex(10, 10):
        if confusion[i, j]:
            light = wrong[i, j] > 0.6 * wrong.max()
            axes.text(j, i, str(confusion[i, j]), ha="center", va="center", fontsize=8, color="white" if light else INK)
    axes.set(xticks=range(10), yticks=range(10), xlabel="read as", ylabel="digit")
    axes.set_title(f"{evaluation.accuracy.dataset}: {evaluation.accuracy.correct}/{evaluation.accuracy.n} right")
    return _png(figure)


def risk_coverage(curve: RiskCurve, threshold: float) -> bytes:
    """The error rate of accepted digits over the share that is accepted, with a dot at the threshold in use.

    That is the threshold of the curve nearest to `threshold`. The upper bound is one-sided, and of each point alone.
    """
    coverage, risk, bound = 100 * curve.coverage, 100 * curve.risk, 100 * curve.risk_bound(0.95)
    used = int(np.abs(np.array(curve.thresholds) - threshold).argmin())
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(coverage, risk, bound, color=ACCENT, alpha=0.18, linewidth=0, label="95% upper bound")
    axes.plot(coverage, risk, color=ACCENT, clip_on=False, zorder=3, label="measured")
    axes.plot(
        coverage[used],
        risk[used],
        "o",
        color=INK,
        clip_on=False,
        zorder=4,
        label=f"threshold {curve.thresholds[used]:.7g}: {coverage[used]:.4g}% accepted, {curve.errors[used]:,} wrong",
    )
    # One error in the whole split is the least rate above 0 there is: all others are on the logarithmic part.
    axes.set_yscale("symlog", linthresh=100 / curve.n, linscale=0.5)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter("{x:g}%")
    axes.yaxis.set_major_formatter("{x:g}%")
    axes.set_xlabel("digits accepted")
    axes.set_ylabel("accepted digits that are wrong")
    axes.set_title(f"{curve.dataset}: {curve.n:,} digits")
    figure.legend(frameon=False, loc="outside lower center", ncols=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    return _png(figure)


def _answers(evaluation: Evaluation, chosen: NDArray[np.intp]) -> bytes:
    probabilities, labels = evaluation.probabilities[chosen], evaluation.digits.labels[chosen]
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    titles = [
        f"{answer} ({100 * sure:.0f}%)" if answer == label else f"{answer} ({100 * sure:.0f}%), is {label}"
        for answer, sure, label in zip(answers, confidence, labels, strict=True)
    ]
    colors = [INK if answer == label else WRONG for answer, label in zip(answers, labels, strict=True)]
    return digit_grid(evaluation.digits.frames[chosen], titles, colors=colors)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
