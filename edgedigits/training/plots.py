"""The pictures of the paper: digits, sample predictions, mistakes, the test curve, and the confusion matrix.

Every function returns the bytes of a PNG file. Figures are made without pyplot, which keeps global state.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgedigits.training.checkpoint import Epoch
from edgedigits.training.evaluation import Evaluation

__all__ = ["confusion_matrix", "digit_grid", "mistakes", "sample_predictions", "test_curve"]

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


def mistakes(evaluation: Evaluation, count: int = 32) -> bytes | None:
    """The wrong answers the model was surest of; None where it made no mistake."""
    worst = evaluation.worst_mistakes(count)
    return _answers(evaluation, worst) if len(worst) else None


def test_curve(history: Sequence[Epoch]) -> bytes:
    """Loss and test accuracy over the epochs, as the paper's Figure 6."""
    epochs = [epoch.epoch for epoch in history]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [epoch.train_loss for epoch in history], color=INK, label="training, with dropout")
    left.plot(epochs, [epoch.test_loss for epoch in history], "o-", color=ACCENT, label="test")
    left.set_ylabel("negative log-likelihood")
    left.set_ylim(bottom=0)
    left.legend(frameon=False)
    right.plot(epochs, [100 * epoch.test_accuracy for epoch in history], "o-", color=ACCENT)
    right.set_ylabel("test accuracy (%)")
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
